"""Indentation that breaks where the answer meets the text around it."""

from __future__ import annotations

import ast
import warnings

from itax_metrics.behavior.reply import Reply
from itax_metrics.records import Status


def indent_broken(reply: Reply) -> float | None:
    """1 where Python refuses the code under test for its indentation, as the first thing it refuses.

    None without an item, in other languages, and where the code under test is not known. Code that was compiled has
    no broken indentation, so only what was not is parsed, by the interpreter that runs this.
    """
    if reply.item is None or reply.item.language != "python" or reply.splice is None:
        return None
    if reply.passed or reply.status not in (None, Status.COMPILE_ERROR, Status.FAILED, Status.EMPTY):
        return 0.0
    return float(isinstance(syntax_error(reply.code or ""), IndentationError))


def syntax_error(code: str) -> Exception | None:
    """What Python's parser says against a text; None where it accepts it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return error
    return None
