"""Intervals of a paired difference of two proportions, from the four counts alone.

Assume one verdict per item and independent items. Items that share a problem are not independent: the interval that
carries the claim is the bootstrap over clusters (`bootstrap.py`). These two are printed because papers print them,
and because they hold their level with few items, where the bootstrap does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

from itax_metrics.stats.intervals import Interval, wilson

_STEPS = 80
"""Halvings of an interval of length two: far below the last bit."""


def tango(gained: int, lost: int, n: int, confidence: float = 0.95) -> Interval:
    """Score interval of the tax (lost - gained) / n: all differences that the score test does not reject.

    With b = lost, c = gained and a difference d put to the test,

        z(d) = (b - c - n d) / sqrt(n (2 q + d (1 - d)))
        q    = (sqrt(B^2 - 4 A C) - B) / 2A,   A = 2n,  B = -b - c + (2n - b + c) d,  C = -c d (1 - d)

    where q is the likeliest share of items that only instruct solves, given d. The interval is where |z| stays below
    its normal quantile; it lies in [-1, 1] and is symmetric in the two models. n = 0 gives (-1, 1): nothing is known.

    Raises:
        ValueError: a count is negative, gained + lost exceeds n, or `confidence` is outside (0, 1).

    References:
        Tango (1998), Statistics in Medicine 17, 891-908.

    >>> low, high = tango(gained=7, lost=1, n=21)
    >>> round(low, 3), round(high, 3)
    (-0.517, -0.026)
    """
    _check(gained, lost, n, confidence)
    if n == 0:
        return Interval(-1.0, 1.0)
    quantile = NormalDist().inv_cdf((1 + confidence) / 2)
    estimate = (lost - gained) / n

    def too_low(d: float) -> bool:
        return _score(lost, gained, n, d) > quantile

    def too_high(d: float) -> bool:
        return _score(lost, gained, n, d) < -quantile

    low = -1.0 if gained == n else _boundary(too_low, -1.0, estimate)
    high = 1.0 if lost == n else _boundary(too_high, 1.0, estimate)
    return Interval(low, high)


def _score(b: int, c: int, n: int, d: float) -> float:
    """Tango's z for a true difference d; infinite where the data are impossible under d."""
    distance = b - c - n * d
    linear = -b - c + (2 * n - b + c) * d
    root = math.sqrt(max(0.0, linear * linear + 8 * n * c * d * (1 - d)))
    q = (root - linear) / (4 * n)
    variance = n * (2 * q + d * (1 - d))
    if variance <= 1e-12:
        return 0.0 if abs(distance) < 1e-12 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


def _boundary(rejected: Callable[[float], bool], outside: float, inside: float) -> float:
    """Where rejection begins between a point outside the interval and one inside."""
    if not rejected(outside):
        return outside
    for _ in range(_STEPS):
        middle = (outside + inside) / 2
        if rejected(middle):
            outside = middle
        else:
            inside = middle
    return inside


def newcombe(both: int, gained: int, lost: int, neither: int, confidence: float = 0.95) -> Interval:
    """Hybrid score interval of the tax (lost - gained) / n: two Wilson intervals squared and added (method 10).

    With p1 = (both + lost) / n in its Wilson interval (l1, u1), p2 = (both + gained) / n in (l2, u2), d = p1 - p2,

        low  = d - sqrt((p1 - l1)^2 - 2 f (p1 - l1)(u2 - p2) + (u2 - p2)^2)
        high = d + sqrt((u1 - p1)^2 - 2 f (u1 - p1)(p2 - l2) + (p2 - l2)^2)

    f is the phi coefficient with a continuity correction: B = both * neither - lost * gained is lowered by n / 2, not
    past 0, where it is positive; a margin of 0 gives f = 0. No item at all: (-1, 1).

    Raises:
        ValueError: a count is negative, or `confidence` is outside (0, 1).

    References:
        Newcombe (1998), Statistics in Medicine 17, 2635-2650, method 10.

    >>> low, high = newcombe(both=1, gained=7, lost=1, neither=12)
    >>> round(low, 3), round(high, 3)
    (-0.507, -0.026)
    """
    n = both + gained + lost + neither
    _check(gained, lost, n, confidence)
    if min(both, neither) < 0:
        raise ValueError(f"counts cannot be negative: both={both}, neither={neither}")
    if n == 0:
        return Interval(-1.0, 1.0)
    solved = both + lost, both + gained
    (l1, u1), (l2, u2) = (wilson(count, n, confidence) for count in solved)
    p1, p2 = solved[0] / n, solved[1] / n
    margins = math.prod((solved[0], n - solved[0], solved[1], n - solved[1]))
    product = both * neither - lost * gained
    corrected = max(product - n / 2, 0.0) if product > 0 else float(product)
    phi = corrected / math.sqrt(margins) if margins else 0.0

    def reach(left: float, right: float) -> float:
        return math.sqrt(max(0.0, left * left - 2 * phi * left * right + right * right))

    d = (lost - gained) / n
    return Interval(max(-1.0, d - reach(p1 - l1, u2 - p2)), min(1.0, d + reach(u1 - p1, p2 - l2)))


def _check(gained: int, lost: int, n: int, confidence: float) -> None:
    if min(gained, lost) < 0 or gained + lost > n:
        raise ValueError(f"gained={gained} and lost={lost} are impossible among {n} items")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
