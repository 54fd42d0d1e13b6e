"""How a p-value is written, wherever itax writes one for people."""

from __future__ import annotations


def p_value(value: float | None, missing: str = "–") -> str:
    """A p-value as text: four decimals below 0.1, two from there on; `missing` where there is none.

    >>> p_value(0.00003), p_value(0.0421), p_value(0.694), p_value(None)
    ('<0.0001', '0.0421', '0.69', '–')
    """
    if value is None:
        return missing
    return "<0.0001" if value < 1e-4 else f"{value:.4f}" if value < 0.1 else f"{value:.2f}"
