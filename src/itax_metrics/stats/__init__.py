"""Statistics of paired runs: numbers in, numbers out.

Nothing here knows a benchmark, a model or a file. Every function answers degenerate input (nothing observed, one
cluster, no disagreement) with a value stated in its docstring, never with NaN.
"""

from __future__ import annotations

from itax_metrics.stats.bootstrap import ClusterTotals, bootstrap_interval, by_cluster
from itax_metrics.stats.intervals import Interval, wilson
from itax_metrics.stats.mcnemar import McNemar, mcnemar
from itax_metrics.stats.multiple import holm
from itax_metrics.stats.permutation import SignFlip, sign_flip_test
from itax_metrics.stats.power import cluster_standard_error, minimum_detectable_effect

__all__ = [
    "ClusterTotals",
    "Interval",
    "McNemar",
    "SignFlip",
    "bootstrap_interval",
    "by_cluster",
    "cluster_standard_error",
    "holm",
    "mcnemar",
    "minimum_detectable_effect",
    "sign_flip_test",
    "wilson",
]
