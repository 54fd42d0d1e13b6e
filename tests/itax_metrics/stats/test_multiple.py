"""Holm's correction against statsmodels and by hand."""

from __future__ import annotations

import pytest

from itax_metrics.stats import holm


def test_worked_by_hand():
    """.01 of three becomes .03; .03 and .04 both become .06."""
    assert pytest.approx(holm([0.01, 0.04, 0.03])) == [0.03, 0.06, 0.06]


@pytest.mark.parametrize("p_values", [[0.5], [0.01, 0.02, 0.03, 0.8], [0.04] * 5, [0.9, 0.0, 1.0, 0.001, 0.049]])
def test_agrees_with_statsmodels(p_values: list[float]):
    """Adjusted values equal statsmodels' in the order given."""
    module = pytest.importorskip("statsmodels.stats.multitest", reason="statsmodels is the reference")
    assert list(module.multipletests(p_values, method="holm")[1]) == pytest.approx(holm(p_values))


def test_no_tests_no_values():
    """An empty family stays empty."""
    assert holm([]) == []


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_numbers_that_are_no_p_values_are_refused(bad: float):
    """Outside [0, 1], NaN included, is refused."""
    with pytest.raises(ValueError, match="p-value"):
        holm([0.5, bad])


def test_adjusting_never_helps_and_keeps_the_order():
    """Adjusted p are at least the raw ones, at most 1, and sorted alike."""
    hypothesis = pytest.importorskip("hypothesis", reason="property test")

    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(hypothesis.strategies.lists(hypothesis.strategies.floats(0, 1)))
    def holds(raw: list[float]) -> None:
        adjusted = holm(raw)
        assert all(p <= q <= 1 for p, q in zip(raw, adjusted, strict=True))
        by_raw = [q for _, q in sorted(zip(raw, adjusted, strict=True))]
        assert sorted(by_raw) == by_raw

    holds()
