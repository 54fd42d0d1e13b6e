"""Rules that take code out of a Markdown answer."""

from __future__ import annotations

import re

_END = re.compile(r"^[ \t]{0,3}`{3}", re.MULTILINE)
_FENCE = re.compile(
    r"^(?P<indent>[ \t]{0,3})(?P<ticks>`{3,}(?=[^`\n]*\n)|~{3,})[^\n]*\n"
    r"(?P<code>.*?)(?:^[ \t]{0,3}(?P=ticks)[`~]*[ \t\r]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)


def fenced_code(completion: str) -> str:
    """The first fenced block, or the whole completion when nothing is fenced.

    A fence that is never closed runs to the end of the text, as Markdown has it (CommonMark 0.31,
    section 4.5): a model that hits its token limit inside a block has still answered.
    """
    found = _FENCE.search(completion)
    if found is None:
        return completion
    # A fence in a list item is indented with its code; code at the left margin keeps its own indentation.
    code, indent = found.group("code"), found.group("indent")
    lines = code.split("\n")
    if indent and all(line.startswith(indent) or not line.strip() for line in lines):
        return "\n".join(line.removeprefix(indent) for line in lines)
    return code


def begun_block(completion: str) -> str:
    """What stands above the first fence, of an answer whose block the prompt has opened."""
    found = _END.search(completion)
    return completion if found is None else completion[: found.start()]
