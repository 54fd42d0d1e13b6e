"""Statistics of paired runs: numbers in, numbers out.

Nothing here knows a benchmark, a model or a file. Every function answers degenerate input (nothing observed, one
cluster, no disagreement) with a value stated in its docstring, never with NaN.
"""

from __future__ import annotations

from itax_metrics.stats.bootstrap import ClusterTotals, bootstrap_interval, by_cluster
from itax_metrics.stats.intervals import Interval, wilson
from itax_metrics.stats.mcnemar import McNemar, mcnemar
from itax_metrics.stats.multiple import benjamini_hochberg, holm
from itax_metrics.stats.odds import OddsRatio, odds_ratio, paired_odds_ratio
from itax_metrics.stats.paired import newcombe, tango
from itax_metrics.stats.pass_at_k import mean_pass_at_k, pass_at_k
from itax_metrics.stats.permutation import SignFlip, sign_flip_test
from itax_metrics.stats.power import cluster_standard_error, minimum_detectable_effect

__all__ = [
    "ClusterTotals",
    "Interval",
    "McNemar",
    "OddsRatio",
    "SignFlip",
    "benjamini_hochberg",
    "bootstrap_interval",
    "by_cluster",
    "cluster_standard_error",
    "holm",
    "mcnemar",
    "mean_pass_at_k",
    "minimum_detectable_effect",
    "newcombe",
    "odds_ratio",
    "paired_odds_ratio",
    "pass_at_k",
    "sign_flip_test",
    "tango",
    "wilson",
]
