"""Odds ratios: how many times likelier one outcome is than the other, with an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from scipy.special import betaincinv

from itax_metrics.stats.intervals import Interval


@dataclass(frozen=True, slots=True)
class OddsRatio:
    """An odds ratio; None where it is not defined (nothing seen), infinity written as None in files."""

    ratio: float | None
    ci95: Interval
    """From 0 to infinity where nothing is known."""


def paired_odds_ratio(gained: int, lost: int, confidence: float = 0.95) -> OddsRatio:
    """The conditional odds ratio of a paired comparison: lost / gained, above 1 where instruct lost.

    Given that the two models disagree on an item, lost ~ Binomial(gained + lost, p) and the ratio is p / (1 - p); its
    interval is the exact one of Clopper and Pearson for p, transformed. It belongs to McNemar's exact test: where
    that has p < .05, the interval leaves 1 out. gained = 0 gives infinity, both 0 gives None and (0, infinity).

    Assumes one verdict per item and independent items.

    Raises:
        ValueError: a count is negative, or `confidence` is outside (0, 1).

    References:
        Clopper and Pearson (1934), Biometrika 26; Fagerland, Lydersen and Laake (2014), Statistics in Medicine 33.

    >>> found = paired_odds_ratio(gained=7, lost=1)
    >>> round(found.ratio, 3), round(found.ci95.low, 5), round(found.ci95.high, 2)
    (0.143, 0.00317, 1.11)
    """
    if min(gained, lost) < 0:
        raise ValueError(f"discordant counts cannot be negative: gained={gained}, lost={lost}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    if gained + lost == 0:
        return OddsRatio(None, Interval(0.0, math.inf))
    tail = (1 - confidence) / 2
    low = 0.0 if lost == 0 else float(betaincinv(lost, gained + 1, tail))
    high = 1.0 if gained == 0 else float(betaincinv(lost + 1, gained, 1 - tail))
    return OddsRatio(_odds(lost / (gained + lost)), Interval(_odds(low), _odds(high)))


def _odds(p: float) -> float:
    return math.inf if p >= 1 else p / (1 - p)


def odds_ratio(a: int, b: int, c: int, d: int, confidence: float = 0.95) -> OddsRatio:
    """The odds ratio (a / b) / (c / d) of two independent groups, with Woolf's interval on the logarithm.

        log ratio -/+ z sqrt(1/a + 1/b + 1/c + 1/d)

    If any count is 0, one half is added to all four (Haldane and Anscombe), for ratio and interval alike. A group
    with no observation at all: None and (0, infinity).

    Raises:
        ValueError: a count is negative, or `confidence` is outside (0, 1).

    References:
        Woolf (1955), Annals of Human Genetics 19; Haldane (1956), ibid. 20; Anscombe (1956), Biometrika 43.

    >>> found = odds_ratio(30, 10, 20, 20)
    >>> round(found.ratio, 3), round(found.ci95.low, 3), round(found.ci95.high, 3)
    (3.0, 1.164, 7.732)
    """
    if min(a, b, c, d) < 0:
        raise ValueError(f"counts cannot be negative: {a}, {b}, {c}, {d}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    if a + b == 0 or c + d == 0:
        return OddsRatio(None, Interval(0.0, math.inf))
    half = 0.5 if 0 in (a, b, c, d) else 0.0
    cells = [count + half for count in (a, b, c, d)]
    middle = math.log(cells[0] * cells[3] / (cells[1] * cells[2]))
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * math.sqrt(sum(1 / cell for cell in cells))
    return OddsRatio(math.exp(middle), Interval(math.exp(middle - reach), math.exp(middle + reach)))
