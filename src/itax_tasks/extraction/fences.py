"""Rules that take code out of a Markdown answer."""

from __future__ import annotations

import re

_FENCE = re.compile(
    r"^[ \t]{0,3}(?P<ticks>`{3,}|~{3,})[^\n]*\n(?P<code>.*?)(?:^[ \t]{0,3}(?P=ticks)[`~]*[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)


def fenced_code(completion: str) -> str:
    """The first fenced block, or the whole completion when nothing is fenced.

    A fence that is never closed runs to the end of the text, as Markdown has it (CommonMark 0.31,
    section 4.5): a model that hits its token limit inside a block has still answered.
    """
    found = _FENCE.search(completion)
    return found.group("code") if found else completion
