"""McNemar's test against hand-computed values, SciPy and statsmodels."""

from __future__ import annotations

import math

import pytest

from itax_metrics.stats import mcnemar

COUNTS = [(231, 39), (39, 231), (1, 0), (2, 8), (7, 7), (0, 25), (12, 13), (600, 480)]


def test_published_pair_is_reproduced():
    """(231, 39) gives (|231 - 39| - 1)^2 / 270."""
    assert (abs(231 - 39) - 1) ** 2 / 270 == mcnemar(gained=231, lost=39).chi2_cc


def test_small_counts_match_a_count_by_hand():
    """2 against 8 is 2 (1 + 10 + 45) / 1024 exactly, and mid-p counts the 45 half."""
    result = mcnemar(gained=2, lost=8)
    assert result.p_exact == 112 / 1024
    assert result.p_mid == (2 * (1 + 10) + 45) / 1024


@pytest.mark.parametrize(("gained", "lost"), COUNTS)
def test_agrees_with_statsmodels(gained: int, lost: int):
    """Exact p and corrected chi-square equal statsmodels' wherever the correction does not overshoot."""
    module = pytest.importorskip("statsmodels.stats.contingency_tables", reason="statsmodels is the reference")
    table = [[5, lost], [gained, 5]]
    ours = mcnemar(gained, lost)
    assert module.mcnemar(table, exact=True).pvalue == pytest.approx(ours.p_exact, rel=1e-12)
    if gained != lost:
        theirs = module.mcnemar(table, exact=False, correction=True)
        assert theirs.statistic == pytest.approx(ours.chi2_cc, rel=1e-12)
        assert theirs.pvalue == pytest.approx(ours.p_cc, rel=1e-9)


@pytest.mark.parametrize(("gained", "lost"), COUNTS)
def test_mid_p_is_exact_p_less_one_outcome(gained: int, lost: int):
    """Off the centre, mid-p is the exact p minus the probability of the observed split, by SciPy's binomial."""
    scipy = pytest.importorskip("scipy.stats", reason="SciPy is the reference")
    n, k = gained + lost, min(gained, lost)
    expected = 2 * scipy.binom.cdf(k, n, 0.5) - scipy.binom.pmf(k, n, 0.5)
    assert expected == pytest.approx(mcnemar(gained, lost).p_mid, rel=1e-10)


def test_symmetric_disagreement_is_no_evidence():
    """Equal gains and losses give p = 1 in all three readings."""
    result = mcnemar(gained=7, lost=7)
    assert (result.chi2_cc, result.p_cc, result.p_exact, result.p_mid) == (0.0, 1.0, 1.0, 1.0)


def test_no_disagreement_is_no_evidence():
    """No discordant item gives chi2 = 0 and p = 1, not NaN."""
    result = mcnemar(gained=0, lost=0)
    assert (result.chi2_cc, result.p_cc, result.p_exact, result.p_mid) == (0.0, 1.0, 1.0, 1.0)


def test_large_counts_stay_finite():
    """Ten thousand discordant items neither overflow nor give NaN."""
    result = mcnemar(gained=5200, lost=4800)
    assert all(math.isfinite(value) for value in (result.chi2_cc, result.p_cc, result.p_exact, result.p_mid))
    assert result.p_cc == pytest.approx(result.p_exact, rel=0.01)


def test_negative_counts_are_refused():
    """A negative count is a caller's mistake, not a p-value."""
    with pytest.raises(ValueError, match="negative"):
        mcnemar(gained=-1, lost=3)


def test_swapping_models_changes_nothing():
    """The test is two-sided: (gained, lost) and (lost, gained) give the same numbers."""
    hypothesis = pytest.importorskip("hypothesis", reason="property test")
    counts = hypothesis.strategies.integers(0, 300)

    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(counts, counts)
    def holds(gained: int, lost: int) -> None:
        result = mcnemar(gained, lost)
        assert mcnemar(lost, gained) == result
        assert 0 < result.p_mid <= result.p_exact <= 1

    holds()
