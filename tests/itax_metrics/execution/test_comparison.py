"""Two outputs are compared as ExecEval compares them."""

from __future__ import annotations

import time

import pytest

from itax_metrics.execution.comparison import accepted, difference, equal


@pytest.mark.parametrize(
    ("wanted", "printed"),
    [
        ("42", "42\n"),
        ("a\nb", "a  \n  b\n\n"),
        ("a\r\nb\r\n", "a\nb"),
        ("a b\nc", "a\nb c"),
        ("YES\nNo", "yes\nNO"),
        ("true", "True"),
        ("0.5", "0.50"),
        ("1e3", "1000"),
        ("0.1", "0.1000000000009"),
        ("100000000000000000000", "100000000000000000000.0"),
        ("nan", "17"),
        ("inf", "infinity"),
        ("31 7", "0x1f 7"),
        ("-0", "0"),
        ("", "\n \n"),
    ],
)
def test_these_are_equal(wanted: str, printed: str) -> None:
    """White space at the ends of lines, number format, and the case of four words do not matter."""
    assert equal(wanted, printed)


@pytest.mark.parametrize(
    ("wanted", "printed"),
    [
        ("42", "43"),
        ("42", ""),
        ("42", "42 42"),
        ("ab", "a b"),
        ("Maybe", "maybe"),
        ("YES", "1"),
        ("0.1", "0.10000000001"),
        ("12345678901234567890", "12345678901234567891"),
        ("inf", "-inf"),
        ("inf", "1e999"),
        ("1", "1x"),
        ("1_000", "1000"),
        ("x" * 10, "y" * 10),
    ],
)
def test_these_are_not(wanted: str, printed: str) -> None:
    """Twenty digits are not rounded away, and other words keep their case."""
    assert not equal(wanted, printed)


def test_any_accepted_output_will_do() -> None:
    """A case may list several outputs; none means that nothing passes."""
    assert accepted("b\n", ("a", "b"))
    assert not accepted("b\n", ())


def test_absurd_numbers_are_quick() -> None:
    """Exponents and digits without end neither raise nor take long."""
    start = time.monotonic()
    for number in ("1e999999999", "-1e-999999999", "9" * 100_000, "1e" + "9" * 50):
        assert not equal("1", number) or number.startswith("-1e-")
    assert time.monotonic() - start < 2.0


def test_the_difference_is_named() -> None:
    """The first token that differs, or the numbers of tokens."""
    assert "token 2 is '3' instead of '2'" == difference("1 2", "1 3")
    assert "1 tokens instead of 2" == difference("1 2", "1")
