"""The interval of one pass rate."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple


class Interval(NamedTuple):
    """A closed interval, low end first."""

    low: float
    high: float


def wilson(successes: float, n: int, confidence: float = 0.95) -> Interval:
    """Interval of a proportion by Wilson's score method; it stays inside [0, 1] and never collapses to a point.

        centre = (p + z^2 / 2n) / (1 + z^2 / n)
        half   = z / (1 + z^2 / n) * sqrt(p (1 - p) / n + z^2 / 4n^2),    p = successes / n

    Assumes independent items: where items share a problem it is too narrow, so read it as a description of one
    rate, not as a test of two. With several samples per item `successes` is the sum of item means, and the interval
    is too wide rather than too narrow. n = 0 gives (0, 1): nothing is known.

    Args:
        successes: Solved items (or the sum of item means), from 0 to n.
        n: Number of items.
        confidence: Between 0 and 1, exclusive.

    Raises:
        ValueError: `successes` outside [0, n], n negative, or `confidence` outside (0, 1).

    References:
        Wilson (1927), JASA 22; Brown, Cai and DasGupta (2001), Statistical Science 16.

    >>> low, high = wilson(83, 164)
    >>> round(low, 4), round(high, 4)
    (0.4303, 0.5816)
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    if n < 0 or not 0 <= successes <= max(n, 0):
        raise ValueError(f"{successes} successes among {n} items is impossible")
    if n == 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p = successes / n
    shrink = 1 + z * z / n
    centre = (p + z * z / (2 * n)) / shrink
    half = z / shrink * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # At p = 0 and p = 1 the ends are exactly 0 and 1; rounding would leave them a hair away.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Interval(low, high)
