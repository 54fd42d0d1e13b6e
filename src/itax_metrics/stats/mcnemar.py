"""McNemar's test: do two models disagree in one direction more than chance would?

Assumes one verdict per item and independent items. Items that share a problem are not independent: that is what
the sign-flip test over clusters (`permutation.py`) is for. These three are printed because papers print them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class McNemar:
    """The three usual readings of one pair of discordant counts."""

    chi2_cc: float
    """Chi-square with continuity correction, one degree of freedom."""
    p_cc: float
    """Its upper tail."""
    p_exact: float
    """Two-sided binomial test of `gained` among the discordant items, p = 1/2."""
    p_mid: float
    """The same, counting the observed outcome half."""


def mcnemar(gained: int, lost: int) -> McNemar:
    """Test whether `gained` and `lost` are two halves of a fair coin.

    With n = gained + lost and k = min(gained, lost):

        chi2_cc = max(|gained - lost| - 1, 0)^2 / n      p_cc = P(chi-square(1) >= chi2_cc)
        p_exact = min(1, 2 P(X <= k))                    X ~ Binomial(n, 1/2)
        p_mid   = 2 P(X <= k) - P(X = k)

    The correction never carries the difference past zero, so equal counts give chi2_cc = 0 and p = 1 (without the
    `max` they would give 1/n). No discordant item at all: chi2_cc = 0, all three p are 1.

    Args:
        gained: Items that only the instruct model solves.
        lost: Items that only the base model solves.

    Raises:
        ValueError: A count is negative.

    References:
        McNemar (1947), Psychometrika 12; Edwards (1948), Psychometrika 13 (correction);
        Fagerland, Lydersen and Laake (2013), BMC Med Res Methodol 13:91 (mid-p).

    >>> result = mcnemar(gained=231, lost=39)
    >>> round(result.chi2_cc, 4)
    135.1148
    >>> mcnemar(gained=2, lost=8).p_exact
    0.109375
    >>> mcnemar(gained=2, lost=8).p_mid
    0.0654296875
    """
    if gained < 0 or lost < 0:
        raise ValueError(f"discordant counts cannot be negative: gained={gained}, lost={lost}")
    n = gained + lost
    if n == 0:
        return McNemar(chi2_cc=0.0, p_cc=1.0, p_exact=1.0, p_mid=1.0)
    chi2 = max(abs(gained - lost) - 1, 0) ** 2 / n
    ways_below, ways_at = _binomial_ways(n, min(gained, lost))
    # Whole numbers until the last division: exact for any n, and correctly rounded.
    all_ways = 1 << n
    return McNemar(
        chi2_cc=chi2,
        p_cc=math.erfc(math.sqrt(chi2 / 2)),
        p_exact=min(1.0, 2 * (ways_below + ways_at) / all_ways),
        p_mid=(2 * ways_below + ways_at) / all_ways,
    )


def _binomial_ways(n: int, k: int) -> tuple[int, int]:
    """Return (sum of C(n, j) for j < k, C(n, k))."""
    below, ways = 0, 1
    for j in range(k):
        below += ways
        ways = ways * (n - j) // (j + 1)
    return below, ways
