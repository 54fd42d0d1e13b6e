"""What a paired run could have seen: "no evidence" means little without it."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from itax_metrics.stats.bootstrap import ClusterTotals


def cluster_standard_error(totals: ClusterTotals) -> float | None:
    """Cluster-robust standard error of the mean difference over items.

        SE = sqrt( C / (C - 1) * sum (D_c - d n_c)^2 ) / N,    d = sum D_c / N,  N = sum n_c

    With every cluster of size one this is the usual s / sqrt(n). Fewer than two clusters: None. All clusters at
    the same difference: 0.

    References:
        Liang and Zeger (1986), Biometrika 73; Miller (2024), Adding Error Bars to Evals, arXiv 2411.00640.

    >>> from itax_metrics.stats.bootstrap import by_cluster
    >>> round(cluster_standard_error(by_cluster([1, 0, 0, -1], list("abcd"))), 6)
    0.408248
    """
    clusters = totals.n_clusters
    if clusters < 2:
        return None
    residuals = totals.sums - totals.mean * totals.sizes
    return math.sqrt(clusters / (clusters - 1) * float(np.square(residuals).sum())) / totals.n_items


def minimum_detectable_effect(totals: ClusterTotals, *, alpha: float = 0.05, power: float = 0.8) -> float | None:
    """The smallest true difference that a run like this one finds with probability `power` at level `alpha`.

        MDE = max((z(1 - alpha/2) + z(power)) * max(SE, 1/N), k/N)        (about 2.8 SE at .05 and .8)

    The normal approximation, from the cluster-robust SE of the differences seen; two-sided, before any correction
    for several tests. SE is not let below 1/N, which is what a single disagreeing item would give: two models that
    agreed everywhere have not shown that nothing could be seen. The sign-flip test itself needs k clusters that all
    differ one way before its p can fall to alpha (2 * 2**-k <= alpha; k = 6 at .05), so nothing below k/N is claimed.
    Fewer than k clusters, where no result could be significant: None.

    References:
        Bloom (1995), Evaluation Review 19.

    >>> from itax_metrics.stats.bootstrap import by_cluster
    >>> totals = by_cluster([1] * 20 + [-1] * 10 + [0] * 134, [str(i) for i in range(164)])
    >>> round(minimum_detectable_effect(totals), 4)
    0.0929
    """
    if not 0 < alpha < 1 or not 0 < power < 1:
        raise ValueError(f"alpha and power must lie between 0 and 1, not {alpha} and {power}")
    error = cluster_standard_error(totals)
    if error is None:
        return None
    fewest = math.ceil(1 + math.log2(1 / alpha))
    if totals.n_clusters < fewest:
        return None
    normal = NormalDist()
    seen = (normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)) * max(error, 1 / totals.n_items)
    return max(seen, fewest / totals.n_items)
