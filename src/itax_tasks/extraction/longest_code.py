"""The longest run of lines that is Python, found without trying every pair of lines.

The official tools (EvalPlus, BigCodeBench: `sanitize.py`) parse every contiguous run of at least two lines and keep the
one with most non-blank lines, the earliest among equals: a number of parses quadratic in the lines. A parser reads from
left to right, so what it has refused on a line it refuses in every longer run from the same start; that leaves two or
three parses a start, and starts that cannot win any more are not looked at.

Covered: the position of an error is trusted only where the run that ends there fails in the same way; otherwise the
end moves by one line.
Not covered: text on which the official tools crash (null characters, deep nesting): here such a run does not parse.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence

_DETECTED = re.compile(r" \(detected at line \d+\)")


def longest_code(text: str) -> str:
    """The winning run of lines, or the first line where no run of two parses."""
    lines = text.split("\n")
    filled = [0]
    for line in lines:
        filled.append(filled[-1] + bool(line.strip()))
    best, found = 0, (0, 0)
    with warnings.catch_warnings():
        # An answer with "\d" in it is none of the user's concern.
        warnings.simplefilter("ignore")
        for start in range(len(lines) - 1):
            if filled[-1] - filled[start] <= best:
                break
            end = _longest_end(lines, filled, start, best)
            if end is not None:
                best, found = filled[end + 1] - filled[start], (start, end)
    return "\n".join(lines[found[0] : found[1] + 1])


def _longest_end(lines: Sequence[str], filled: Sequence[int], start: int, best: int) -> int | None:
    """The last line of the longest run from `start` with more than `best` filled lines; the shortest of equals."""
    end = len(lines) - 1
    while end > start and filled[end + 1] - filled[start] > best:
        failure = _failure(lines, start, end)
        if failure is None:
            break
        at = failure[0]
        # The run up to the error fails in the same way: so does every run between the two.
        known = at is not None and start <= at <= end and (at == end or _failure(lines, start, at) == failure)
        end = at - 1 if known and at is not None else end - 1
    else:
        return None
    count = filled[end + 1]
    for shorter in range(start + 1, end):
        # Blank lines at the end do not count, but a backslash before them may need one.
        if filled[shorter + 1] == count and _failure(lines, start, shorter) is None:
            return shorter
    return end


def _failure(lines: Sequence[str], start: int, end: int) -> tuple[int | None, int | None, str] | None:
    """None where the run parses; else (line of the error or None, column, what is wrong)."""
    try:
        ast.parse("\n".join(lines[start : end + 1]))
    except SyntaxError as error:
        line = None if error.lineno is None else start + error.lineno - 1
        return line, error.offset, _DETECTED.sub("", str(error.msg))
    except (ValueError, MemoryError, RecursionError) as error:
        return None, None, type(error).__name__
    return None
