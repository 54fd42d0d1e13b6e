"""How a model answers, apart from whether it is right: one measure a file, and a registry that others extend.

Pure: an answer in, a number out; nothing here starts a process, reads a file or needs more than the standard library.
"""

from itax_metrics.behavior.lexer import lex
from itax_metrics.behavior.registry import (
    BUILTIN,
    Behavior,
    behaviors,
    given_failed,
    given_flagged,
    measure,
    on_processed,
    select,
)
from itax_metrics.behavior.reply import Reply

__all__ = [
    "BUILTIN",
    "Behavior",
    "Reply",
    "behaviors",
    "given_failed",
    "given_flagged",
    "lex",
    "measure",
    "on_processed",
    "select",
]
