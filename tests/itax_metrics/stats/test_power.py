"""Standard error and minimum detectable effect."""

from __future__ import annotations

import math

import numpy as np
import pytest

from itax_metrics.stats import by_cluster, cluster_standard_error, minimum_detectable_effect, sign_flip_test


def _alone(differences):
    return by_cluster(differences, [str(i) for i in range(len(differences))])


def test_items_alone_give_the_usual_standard_error():
    """Clusters of one: s / sqrt(n)."""
    differences = [1.0, 0.0, 0.0, -1.0, 1.0, 1.0]
    expected = np.std(differences, ddof=1) / math.sqrt(6)
    assert expected == pytest.approx(cluster_standard_error(_alone(differences)))


def test_agrees_with_statsmodels():
    """The standard error is that of an intercept-only regression with clustered covariance."""
    api = pytest.importorskip("statsmodels.api", reason="statsmodels is the reference")
    rng = np.random.default_rng(5)
    differences = rng.choice([-1.0, 0.0, 1.0], size=200)
    groups = rng.integers(0, 40, size=200)
    fit = api.OLS(differences, np.ones(200)).fit(cov_type="cluster", cov_kwds={"groups": groups})
    ours = cluster_standard_error(by_cluster(differences, [str(group) for group in groups]))
    assert fit.bse[0] == pytest.approx(ours, rel=1e-10)


def test_effect_is_the_sum_of_two_quantiles_times_the_error():
    """At .05 and .8 the factor is 1.95996 + 0.84162."""
    totals = _alone([1.0] * 20 + [-1.0] * 10 + [0.0] * 134)
    expected = (1.959964 + 0.841621) * cluster_standard_error(totals)
    assert expected == pytest.approx(minimum_detectable_effect(totals), rel=1e-6)


def test_a_tax_of_that_size_is_found_four_times_in_five():
    """Simulated runs with a true tax equal to the MDE give p < .05 in 74 to 86 % of cases."""
    rng = np.random.default_rng(8)
    effect = minimum_detectable_effect(_alone([1.0] * 60 + [-1.0] * 60 + [0.0] * 480))
    found = 0
    for _ in range(300):
        drawn = rng.choice([1.0, -1.0, 0.0], size=600, p=[0.1 + effect / 2, 0.1 - effect / 2, 0.8])
        found += sign_flip_test(_alone(drawn)).p_value < 0.05
    assert 0.74 <= found / 300 <= 0.86


def test_agreement_everywhere_does_not_promise_to_see_nothing():
    """Without any difference the effect is the least the sign-flip test could call significant, not 0."""
    assert pytest.approx(minimum_detectable_effect(_alone([0.0] * 50)), rel=1e-6) == 6 / 50


def test_too_few_clusters_for_any_significance_promise_nothing():
    """With five clusters p cannot reach .05 whatever happens, so no effect is claimed to be detectable."""
    assert minimum_detectable_effect(_alone([1.0] * 5)) is None
    assert minimum_detectable_effect(_alone([1.0] * 6)) is not None


@pytest.mark.parametrize("differences", [[], [1.0, 0.0]])
def test_one_cluster_says_nothing(differences: list[float]):
    """Fewer than two clusters give None for both."""
    totals = by_cluster(differences, ["same"] * len(differences))
    assert cluster_standard_error(totals) is None
    assert minimum_detectable_effect(totals) is None


def test_levels_outside_the_unit_interval_are_refused():
    """alpha = 0 and power = 1 have no finite answer."""
    with pytest.raises(ValueError, match="alpha and power"):
        minimum_detectable_effect(_alone([1.0, 0.0]), alpha=0)
