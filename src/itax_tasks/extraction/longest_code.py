"""The longest run of lines that is Python, found without trying every pair of lines.

The official tools (EvalPlus, BigCodeBench: `sanitize.py`) parse every contiguous run of at least two lines and keep the
one with most non-blank lines, the earliest among equals: a number of parses quadratic in the lines. A parser reads from
left to right, so an error on a line fails every longer run from the same start; that leaves a few parses a start, and
starts that cannot win any more are not looked at.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence


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
        failed = _error_line("\n".join(lines[start : end + 1]))
        if failed is None:
            break
        # Trailing blank lines change nothing, so go below them at once.
        end = min(end - 1, start + failed - 1) if failed else end - 1
    else:
        return None
    count = filled[end + 1]
    for shorter in range(start + 1, end):
        if filled[shorter + 1] == count and _error_line("\n".join(lines[start : shorter + 1])) is None:
            return shorter
    return end


def _error_line(code: str) -> int | None:
    """None where the code parses; else the 0-based line from which on every longer run fails, or 0 if none is known."""
    try:
        ast.parse(code)
    except SyntaxError as error:
        # Errors inside f-strings and at the end of input may carry another position.
        if error.lineno is None or "f-string" in str(error.msg):
            return 0
        return max(0, error.lineno - 1)
    except (ValueError, MemoryError, RecursionError):
        return 0
    return None
