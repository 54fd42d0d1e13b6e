"""Several estimates with their standard errors as one: means, differences between groups, a slope.

Inputs are taxes of different runs, in points, each with its cluster-robust standard error. Intervals are normal and
treat the runs as independent; taxes of one model on several benchmarks are not quite that, which the pages say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from scipy.special import gammaincc

from itax_metrics.stats import Interval

Estimate = tuple[float, float]
"""(value, standard error)."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """One number for several, and its interval."""

    value: float
    ci95: Interval
    n: int


def mean(estimates: Sequence[Estimate]) -> Pooled | None:
    """The plain mean of the estimates, every one counting the same; None without any.

    Standard error: sqrt(sum of squares) / n.

    >>> found = mean([(10.0, 3.0), (20.0, 4.0)])
    >>> found.value, round(found.ci95.low, 2), round(found.ci95.high, 2)
    (15.0, 10.1, 19.9)
    """
    if not estimates:
        return None
    n = len(estimates)
    return _pooled(sum(v for v, _ in estimates) / n, math.hypot(*(se for _, se in estimates)) / n, n)


def difference(left: Sequence[Estimate], right: Sequence[Estimate]) -> Pooled | None:
    """Mean of the left group minus mean of the right; None where a group is empty.

    >>> difference([(10.0, 3.0)], [(4.0, 4.0)]).value
    6.0
    """
    if not left or not right:
        return None
    value = sum(v for v, _ in left) / len(left) - sum(v for v, _ in right) / len(right)
    error = math.hypot(
        math.hypot(*(se for _, se in left)) / len(left), math.hypot(*(se for _, se in right)) / len(right)
    )
    return _pooled(value, error, len(left) + len(right))


def heterogeneity(estimates: Sequence[Estimate]) -> float | None:
    """p of Cochran's Q: could the estimates be one number, given their standard errors?

    Q = sum w (x - weighted mean)^2 with w = 1 / se^2, chi-square with k - 1 degrees of freedom. Fewer than two
    estimates with a positive standard error: None.

    References:
        Cochran (1954), Biometrics 10.

    >>> round(heterogeneity([(0.0, 1.0), (2.0, 1.0)]), 4)
    0.1573
    """
    usable = [(value, 1 / se**2) for value, se in estimates if se > 0]
    if len(usable) < 2:
        return None
    total = sum(weight for _, weight in usable)
    centre = sum(value * weight for value, weight in usable) / total
    q = sum(weight * (value - centre) ** 2 for value, weight in usable)
    return float(gammaincc((len(usable) - 1) / 2, q / 2))


def slope_per_doubling(points: Sequence[tuple[float, float, float]]) -> Pooled | None:
    """How the tax moves each time the model's size doubles: weighted least squares on log2(size).

    Args:
        points: (size, tax, standard error), sizes positive.

    Returns:
        Points per doubling; None with fewer than two different sizes or a standard error of 0.

    >>> round(slope_per_doubling([(1, 0.0, 1.0), (2, 3.0, 1.0), (4, 6.0, 1.0)]).value, 6)
    3.0
    """
    if len({size for size, _, _ in points}) < 2 or any(se <= 0 for _, _, se in points):
        return None
    rows = [(math.log2(size), tax, 1 / se**2) for size, tax, se in points]
    total = sum(w for _, _, w in rows)
    centre = sum(x * w for x, _, w in rows) / total
    spread = sum(w * (x - centre) ** 2 for x, _, w in rows)
    return _pooled(sum(w * (x - centre) * tax for x, tax, w in rows) / spread, 1 / math.sqrt(spread), len(rows))


def _pooled(value: float, error: float, n: int) -> Pooled:
    reach = NormalDist().inv_cdf(0.975) * error
    return Pooled(value, Interval(value - reach, value + reach), n)
