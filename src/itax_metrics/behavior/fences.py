"""Markdown fences in an answer."""

from __future__ import annotations

import re

from itax_metrics.behavior.reply import Reply

_TILDES = re.compile(r"^[ \t]{0,3}~~~", re.MULTILINE)


def fence(reply: Reply) -> float:
    """1 where the text holds a triple backtick, or a line begins with three tildes."""
    return float("```" in reply.text or ("~~~" in reply.text and _TILDES.search(reply.text) is not None))
