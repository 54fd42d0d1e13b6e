"""DS-1000's official clean-up, step by step."""

from __future__ import annotations

import pytest

from itax_tasks.extraction.ds1000 import ds1000_official


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("    return df\n</code>\nbye", "    return df\n"),
        ("```python\nx = 1\n```\nbye", "\nx = 1\n"),
        ("Here:\n```python\nx = 1\n```", "Here:\n\nx = 1\n"),
        ("Here:\n```\nx = 1\n```", "Here:\n"),
        ("x = 1\nEND SOLUTION\ny", "x = 1"),
        ("<code>\nx = 1\n</code>", "\nx = 1\n"),
        ("", ""),
    ],
)
def test_the_official_order(completion: str, expected: str) -> None:
    """Closing tag, Python fences, other fences, end line, opening tag; nothing is stripped."""
    assert expected == ds1000_official(completion)
