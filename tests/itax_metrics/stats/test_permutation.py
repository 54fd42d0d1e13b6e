"""The sign-flip test: exact where it says so, honest about its resolution where not."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from itax_metrics.stats import by_cluster, mcnemar, sign_flip_test


def _alone(differences):
    return by_cluster(differences, [str(i) for i in range(len(differences))])


def _by_hand(sums) -> float:
    patterns = itertools.product((-1, 1), repeat=len(sums))
    return float(np.mean([abs(np.dot(signs, sums)) >= abs(sum(sums)) - 1e-9 for signs in patterns]))


@pytest.mark.parametrize("sums", [[1, 1, 1, -1], [3, -2, 1, 1, 5], [0.3, -0.25, 0.4, 0.111], [2, 2], [1, -1]])
def test_small_cases_match_every_pattern_by_hand(sums: list[float]):
    """Listing all sign patterns gives the same p."""
    assert _by_hand(sums) == pytest.approx(sign_flip_test(_alone(sums)).p_value, abs=1e-12)


def test_items_alone_give_the_exact_mcnemar():
    """One item a cluster: the test is the exact binomial one."""
    expected = mcnemar(gained=31, lost=52).p_exact
    assert expected == pytest.approx(sign_flip_test(_alone([1] * 52 + [-1] * 31 + [0] * 400)).p_value, rel=1e-10)


def test_agrees_with_scipy():
    """SciPy's exact paired permutation test on cluster sums gives the same p."""
    scipy = pytest.importorskip("scipy.stats", reason="SciPy is the reference")
    sums = np.array([4.0, -1.0, 2.5, 3.0, -2.0, 1.0, 0.5, 2.0, -1.5, 2.0])
    theirs = scipy.permutation_test(
        (sums, np.zeros_like(sums)), lambda x, y: np.sum(x - y), permutation_type="samples", n_resamples=np.inf
    )
    assert theirs.pvalue == pytest.approx(sign_flip_test(_alone(sums)).p_value)


def test_monte_carlo_approaches_the_exact_p():
    """Without a common unit, 40,000 draws come within three standard errors of the exact answer."""
    rng = np.random.default_rng(2)
    sums = rng.integers(-3, 5, size=60).astype(float)
    exact = sign_flip_test(_alone(sums))
    drawn = sign_flip_test(_alone(sums), unit=np.pi, resamples=40_000)
    assert (exact.method, drawn.method) == ("exact", "monte_carlo")
    assert exact.p_value == pytest.approx(drawn.p_value, abs=3 * (0.25 / 40_000) ** 0.5)


def test_monte_carlo_never_reaches_zero():
    """p = (b + 1) / (m + 1): the resolution is stated and is the least that can come out."""
    result = sign_flip_test(_alone([1.0 + i / 97 for i in range(60)]), unit=np.pi, resamples=999)
    assert (result.p_value, result.resolution) == (0.001, 0.001)


def test_exact_p_is_never_zero():
    """Two thousand losses and no gain: p is tiny and positive, and equals its resolution."""
    result = sign_flip_test(_alone([1.0] * 2000))
    assert 0 < result.p_value == result.resolution


def test_several_samples_stay_exact():
    """Item means of four samples are multiples of a quarter, so their distribution is built exactly."""
    sums = [0.25, -0.5, 0.75] * 10
    assert sign_flip_test(_alone(sums), unit=0.25).method == "exact"


def test_shared_problems_weaken_the_evidence():
    """Ten losses that are all of one problem are one piece of evidence: p = 1."""
    assert sign_flip_test(by_cluster([1.0] * 10, ["same"] * 10)).p_value == 1.0


@pytest.mark.parametrize("differences", [[], [0.0, 0.0], [1.0]])
def test_no_evidence_gives_one(differences: list[float]):
    """Nothing observed, nothing different, or one cluster: p = 1."""
    assert sign_flip_test(_alone(differences)).p_value == 1.0


def test_equal_seeds_give_equal_p():
    """A Monte Carlo p is a function of input and seed."""
    totals = _alone([((i * 37) % 101 - 45) / 61 for i in range(80)])
    assert sign_flip_test(totals, unit=np.pi, seed=4) == sign_flip_test(totals, unit=np.pi, seed=4)


def test_chance_alone_is_rarely_called_evidence():
    """Over 400 simulated pairs without a tax, p < .05 occurs in at most 8 % (clusters of five, fully dependent)."""
    rng = np.random.default_rng(11)
    clusters = [str(i // 5) for i in range(150)]
    hits = 0
    for _ in range(400):
        differences = np.repeat(rng.choice([-1.0, 0.0, 1.0], size=30, p=[0.2, 0.6, 0.2]), 5)
        hits += sign_flip_test(by_cluster(differences, clusters)).p_value < 0.05
    assert hits / 400 <= 0.08


def test_swapping_models_leaves_p_untouched():
    """Negating every difference gives the same p, bit for bit."""
    hypothesis = pytest.importorskip("hypothesis", reason="property test")
    strategies = hypothesis.strategies
    numbers = strategies.lists(strategies.floats(-1, 1, allow_nan=False), max_size=40)

    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(numbers)
    def holds(found: list[float]) -> None:
        there = sign_flip_test(_alone(found), resamples=200)
        assert there == sign_flip_test(_alone([-value for value in found]), resamples=200)
        assert 0 < there.p_value <= 1

    holds()
