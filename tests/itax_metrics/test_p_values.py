"""P-values as people read them."""

from __future__ import annotations

import pytest

from itax_metrics.p_values import p_value


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "<0.0001"), (0.0001, "0.0001"), (0.0499, "0.0499"), (0.1, "0.10"), (1.0, "1.00"), (None, "–")],
)
def test_a_p_value_is_written_one_way(value: float | None, shown: str) -> None:
    """Four decimals where a level may be near, two elsewhere."""
    assert shown == p_value(value)


def test_what_is_missing_may_have_a_word() -> None:
    """In a sentence a dash says too little."""
    assert p_value(None, "unknown") == "unknown"
