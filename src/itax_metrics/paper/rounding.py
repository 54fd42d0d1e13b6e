"""Which true values a printed figure may stand for, and which counts of items fit it.

Tools print by rounding (half up or half to even) and by cutting digits off; a figure is blamed only where neither
explains it.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction


def half_up(value: float | Fraction, decimals: int) -> str:
    """Print a number rounded half up, from its exact value.

    >>> half_up(Fraction(188497, 10000), 1), half_up(2.25, 1)
    ('18.8', '2.3')
    """
    exact = Fraction(value)
    scaled = math.floor(abs(exact) * 10**decimals + Fraction(1, 2))
    sign = -1 if exact < 0 and scaled else 1
    return str((Decimal(sign * scaled) / 10**decimals).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


def decimals(printed: str) -> int:
    """Digits after the point."""
    return len(printed.partition(".")[2])


def could_be_printed(value: Fraction, printed: str) -> bool:
    """True where the value, rounded either way or cut off, gives the printed figure.

    >>> could_be_printed(Fraction(100 * 639, 1033), "61.86"), could_be_printed(Fraction(100 * 640, 1033), "61.94")
    (True, False)
    """
    places = decimals(printed)
    figure, scaled = Fraction(printed) * 10**places, value * 10**places
    return figure in (math.floor(scaled + Fraction(1, 2)), round(scaled), math.trunc(scaled))


def counts_behind(printed: str, n: int) -> tuple[int, ...]:
    """The numbers of solved items among n whose percentage could have been printed so; may be empty.

    >>> counts_behind("74.93", 2557), counts_behind("61.94", 1033)
    ((1916,), ())
    """
    near = int(Fraction(printed) * n / 100)
    reach = 2 + n // (100 * 10 ** decimals(printed)) * 2
    tried = range(max(0, near - reach), min(n, near + reach) + 1)
    return tuple(count for count in tried if could_be_printed(Fraction(100 * count, n), printed))
