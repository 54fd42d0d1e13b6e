"""The natural language in a Python file, taken out."""

from __future__ import annotations

import io
import tokenize
from functools import lru_cache


def without_comments(source: str, hole: int | None = None) -> tuple[str, str]:
    """The text before and after line `hole` (from 0), without comments; lines that held nothing else go with them.

    ClassEval's solutions have comments and no docstrings. Without a hole the first text is the whole source. A line
    keeps its newline; what follows the hole begins with the hole's own.
    """
    lines: list[str | None] = list(source.splitlines(keepends=True))
    for row, column in _comments(source):
        line = lines[row] or ""
        if row != hole:
            code = line[:column].rstrip()
            lines[row] = code + ("\n" if line.endswith("\n") else "") if code else None
    if hole is None:
        return "".join(line for line in lines if line is not None), ""
    own = lines[hole] or ""
    before = "".join(line for line in lines[:hole] if line is not None)
    after = "".join(line for line in lines[hole + 1 :] if line is not None)
    return before, ("\n" if own.endswith("\n") else "") + after


@lru_cache(maxsize=256)
def _comments(source: str) -> tuple[tuple[int, int], ...]:
    """Line, from 0, and column of every comment."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return tuple((token.start[0] - 1, token.start[1]) for token in tokens if token.type == tokenize.COMMENT)
