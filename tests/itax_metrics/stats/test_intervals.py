"""Wilson's interval against statsmodels and at its edges."""

from __future__ import annotations

import pytest

from itax_metrics.stats import wilson


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (10, 10), (1, 3), (83, 164), (17_000, 22_846)])
def test_agrees_with_statsmodels(successes: int, n: int):
    """Both ends equal statsmodels' Wilson interval."""
    module = pytest.importorskip("statsmodels.stats.proportion", reason="statsmodels is the reference")
    low, high = module.proportion_confint(successes, n, method="wilson")
    assert (low, high) == pytest.approx(tuple(wilson(successes, n)), abs=1e-12)


def test_nothing_observed_is_nothing_known():
    """n = 0 gives the whole range."""
    assert wilson(0, 0) == (0.0, 1.0)


def test_no_success_still_leaves_room():
    """0 of n starts at exactly 0 and ends at z^2 / (n + z^2)."""
    low, high = wilson(0, 10)
    assert low == 0.0
    assert pytest.approx(high) == 1.9599639845**2 / (10 + 1.9599639845**2)


def test_sums_of_item_means_are_accepted():
    """A fractional number of successes lies between its neighbours."""
    assert wilson(3, 10).low < wilson(3.4, 10).low < wilson(4, 10).low


@pytest.mark.parametrize(("successes", "n", "confidence"), [(-1, 5, 0.95), (6, 5, 0.95), (1, -1, 0.95), (1, 5, 1.0)])
def test_impossible_input_is_refused(successes: int, n: int, confidence: float):
    """Counts outside [0, n] and levels outside (0, 1) are refused."""
    with pytest.raises(ValueError, match=r"impossible|confidence"):
        wilson(successes, n, confidence)
