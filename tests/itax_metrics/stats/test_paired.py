"""Tango, Newcombe, odds ratios and pass@k at their edges."""

from __future__ import annotations

import math
from itertools import combinations

import pytest

from itax_metrics.stats import (
    Interval,
    benjamini_hochberg,
    holm,
    mcnemar,
    mean_pass_at_k,
    newcombe,
    odds_ratio,
    paired_odds_ratio,
    pass_at_k,
    tango,
)


def test_nothing_observed_leaves_everything_open():
    """No item: the whole range, and no ratio."""
    assert Interval(-1.0, 1.0) == tango(0, 0, 0) == newcombe(0, 0, 0, 0)
    assert (None, Interval(0.0, math.inf)) == (paired_odds_ratio(0, 0).ratio, paired_odds_ratio(0, 0).ci95)
    assert odds_ratio(0, 0, 3, 4).ratio is None


def test_no_disagreement_still_has_a_width():
    """Twenty equal verdicts do not show a difference of exactly zero."""
    for interval in (tango(0, 0, 20), newcombe(20, 0, 0, 0), newcombe(10, 0, 0, 10)):
        assert interval.low < 0 < interval.high
        assert interval.high == pytest.approx(-interval.low)


def test_one_class_only_ends_at_one():
    """Base solves all and instruct none: the interval ends at a tax of one."""
    assert 1.0 == tango(gained=0, lost=20, n=20).high == newcombe(0, 0, 20, 0).high
    assert -1.0 == tango(gained=20, lost=0, n=20).low
    assert 0.6 < tango(gained=0, lost=20, n=20).low < 1.0
    assert math.inf == paired_odds_ratio(0, 20).ratio == paired_odds_ratio(0, 20).ci95.high
    assert 0.0 == paired_odds_ratio(20, 0).ratio == paired_odds_ratio(20, 0).ci95.low


def test_impossible_counts_are_refused():
    """Negative counts, more disagreements than items, and a confidence of one."""
    for call in (
        lambda: tango(-1, 0, 5),
        lambda: tango(3, 3, 5),
        lambda: tango(1, 1, 5, confidence=1.0),
        lambda: newcombe(-1, 1, 1, 1),
        lambda: paired_odds_ratio(1, -1),
        lambda: odds_ratio(1, -1, 1, 1),
        lambda: pass_at_k(3, 4, 1),
        lambda: pass_at_k(3, 1, 4),
        lambda: benjamini_hochberg([float("nan")]),
        lambda: holm([float("nan")]),
    ):
        with pytest.raises(ValueError, match=r"\d|nan"):
            call()


def test_properties_of_the_paired_intervals():
    """Inside [-1, 1], around the estimate, mirrored when the models are swapped; the odds ratio agrees with p_exact."""
    hypothesis = pytest.importorskip("hypothesis", reason="property test")
    counts = hypothesis.strategies.integers(0, 400)

    @hypothesis.settings(max_examples=80, deadline=None)
    @hypothesis.given(counts, counts, counts, counts)
    def holds(both: int, gained: int, lost: int, neither: int) -> None:
        n = both + gained + lost + neither
        for interval, mirrored in (
            (tango(gained, lost, n), tango(lost, gained, n)),
            (newcombe(both, gained, lost, neither), newcombe(both, lost, gained, neither)),
        ):
            assert -1 <= interval.low <= interval.high <= 1
            assert n == 0 or interval.low - 1e-9 <= (lost - gained) / n <= interval.high + 1e-9
            assert (-interval.high, -interval.low) == pytest.approx(mirrored, abs=1e-9)
        low, high = paired_odds_ratio(gained, lost).ci95
        p = mcnemar(gained, lost).p_exact
        assert abs(p - 0.05) < 1e-6 or (low > 1 or high < 1) == (p < 0.05)

    holds()


@pytest.mark.parametrize(("n", "correct", "k"), [(5, 2, 1), (6, 3, 4), (7, 0, 3), (7, 7, 1), (8, 1, 8)])
def test_pass_at_k_is_the_share_of_draws_with_a_pass(n: int, correct: int, k: int):
    """Counted over all draws of k."""
    draws = list(combinations([True] * correct + [False] * (n - correct), k))
    assert sum(map(any, draws)) / len(draws) == pytest.approx(pass_at_k(n, correct, k))


def test_pass_at_k_keeps_its_digits_where_factorials_overflow():
    """Two thousand samples, and no item at all."""
    assert pass_at_k(2000, 1, 1) == pytest.approx(1 / 2000)
    assert mean_pass_at_k([], 1) is None


def test_benjamini_hochberg_lies_between_nothing_and_holm():
    """It never lowers a p-value and never exceeds Holm's."""
    hypothesis = pytest.importorskip("hypothesis", reason="property test")
    values = hypothesis.strategies.lists(hypothesis.strategies.floats(0, 1), max_size=12)

    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(values)
    def holds(p_values: list[float]) -> None:
        for raw, ours, strict in zip(p_values, benjamini_hochberg(p_values), holm(p_values), strict=True):
            assert raw <= ours * (1 + 1e-12)
            assert ours <= strict * (1 + 1e-12)

    holds()
