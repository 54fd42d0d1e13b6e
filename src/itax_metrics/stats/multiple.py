"""Several tests at once."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values so that the chance of any false claim among them stays below the level one tests at.

    Sorted ascending, the i-th smallest of m (i from 0) becomes max over j <= i of min(1, (m - j) p_j); the order of
    the input is kept. Valid under any dependence between the tests. No p-value: an empty list.

    Raises:
        ValueError: A p-value lies outside [0, 1] or is NaN.

    References:
        Holm (1979), Scandinavian Journal of Statistics 6.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    for p in p_values:
        if not 0 <= p <= 1:
            raise ValueError(f"{p} is not a p-value")
    adjusted = [0.0] * len(p_values)
    floor = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        floor = max(floor, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = floor
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values so that the expected share of false claims among those made stays below the level.

    Sorted ascending, the i-th smallest of m (i from 1) becomes min over j >= i of min(1, p_j m / j); the order of the
    input is kept. Valid for independent tests and for the usual kinds of positive dependence. It promises less than
    Holm, so it serves to survey many comparisons, not to claim one. No p-value: an empty list.

    Raises:
        ValueError: A p-value lies outside [0, 1] or is NaN.

    References:
        Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57.

    >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.5])
    [0.04, 0.05333333333333334, 0.05333333333333334, 0.5]
    """
    for p in p_values:
        if not 0 <= p <= 1:
            raise ValueError(f"{p} is not a p-value")
    adjusted = [0.0] * len(p_values)
    ceiling = 1.0
    ranked = sorted(range(len(p_values)), key=p_values.__getitem__)
    for rank in range(len(ranked), 0, -1):
        index = ranked[rank - 1]
        ceiling = min(ceiling, p_values[index] * len(p_values) / rank)
        adjusted[index] = ceiling
    return adjusted
