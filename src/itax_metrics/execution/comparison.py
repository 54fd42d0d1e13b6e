"""Whether a program printed one of the accepted outputs, by ExecEval's rules.

Line by line after stripping; else token by token: two numbers may differ by 1e-12, `yes`, `no`, `true` and `false` are
read in any case, anything else must be equal.
Not covered: ExecEval rounds numbers to 129 bits, this to 39 decimal digits, which differ in the 39th digit; tokens like
`0x1f` are numbers for both, other prefixes and `1@5` only for ExecEval.
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Iterable

TOLERANCE = decimal.Decimal("1e-12")
_DIGITS = 39
_LONGEST_SHOWN = 40
_ANY_CASE = frozenset({"yes", "no", "true", "false"})
_CONTEXT = decimal.Context(
    prec=_DIGITS, rounding=decimal.ROUND_HALF_EVEN, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, traps=[]
)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:inf|infinity|nan)", re.ASCII | re.IGNORECASE)
_HEXADECIMAL = re.compile(r"[+-]?0[xX][0-9a-fA-F]+", re.ASCII)


def unix_lines(text: str) -> str:
    """The same text with CRLF line ends as LF."""
    return text.replace("\r\n", "\n")


def accepted(printed: str, outputs: Iterable[str]) -> bool:
    """True when `printed` equals one of the accepted outputs.

    >>> accepted("Yes\\n0.5000000000001  \\n", ["YES 0.5"])
    True
    >>> accepted("1 2", ["12", "2 1"])
    False
    """
    return any(equal(output, printed) for output in outputs)


def equal(wanted: str, printed: str) -> bool:
    """ExecEval's comparison of two outputs."""
    wanted, printed = unix_lines(wanted).strip(), unix_lines(printed).strip()
    if wanted == printed:
        return True
    first, second = wanted.split("\n"), printed.split("\n")
    if len(first) == len(second) and all(a.strip() == b.strip() for a, b in zip(first, second, strict=True)):
        return True
    tokens, others = wanted.split(), printed.split()
    return len(tokens) == len(others) and all(map(_same_token, tokens, others))


def _same_token(wanted: str, printed: str) -> bool:
    if wanted == printed:
        return True
    first, second = _number(wanted), _number(printed)
    if first is None or second is None:
        lower = wanted.lower()
        return lower in _ANY_CASE and lower == printed.lower()
    # Nothing is farther than the tolerance from a NaN: a comparison with one is false.
    if first.is_nan() or second.is_nan():
        return True
    if first.is_infinite() or second.is_infinite():
        # The difference of two equal infinities is a NaN again.
        return first == second
    return not _CONTEXT.abs(_CONTEXT.subtract(_CONTEXT.plus(first), _CONTEXT.plus(second))) > TOLERANCE


def _number(token: str) -> decimal.Decimal | None:
    if _NUMBER.fullmatch(token) is not None:
        number = _CONTEXT.create_decimal(token)
        return number if "nan" in token.lower() or not number.is_nan() else None
    if _HEXADECIMAL.fullmatch(token) is not None and len(token) < 1000:
        return _CONTEXT.create_decimal(int(token, 16))
    return None


def difference(wanted: str, printed: str) -> str:
    """Where two outputs part, in one line for people."""
    tokens, others = unix_lines(wanted).split(), unix_lines(printed).split()
    for place, (token, other) in enumerate(zip(tokens, others, strict=False), start=1):
        if not _same_token(token, other):
            return f"token {place} is {_short(other)} instead of {_short(token)}"
    if len(tokens) == len(others):
        return "the same tokens on other lines"
    return f"{len(others)} tokens instead of {len(tokens)}"


def _short(token: str) -> str:
    shown = ascii(token[:_LONGEST_SHOWN])
    return shown if len(token) <= _LONGEST_SHOWN else f"{shown}..."
