"""The lenient rule of infilling and completion: what an answer holds once packaging and echoes are taken off.

It looks at the item's prefix and suffix, never at its truth. Beside the strict rule it says how much of a loss is only
the form of the answer; it carries no claim of its own.
"""

from __future__ import annotations

import re

from itax_metrics.records import Item
from itax_tasks.extraction.fences import fenced_code

_WORD = re.compile(r"\w")
_LEAST = 4
"""Characters that an echo of part of a line must have: shorter ones are chance."""


def lenient(item: Item, completion: str) -> str:
    """The answer without fence, without an echo of the code around the hole, and with the line break it needs.

    In order: the first fenced block, if there is one; an echo of the end of the prefix at its start (whole lines, or
    the begun line), in a fenced answer also a rewrite of the code that holds the last line of the prefix; an echo of
    the beginning of the suffix at its end; a final line break is taken off or added where the suffix asks for it.
    """
    code = fenced_code(completion)
    fenced = code != completion
    text = _without_prefix(item.prefix, code, fenced)
    if item.suffix:
        text = _without_suffix(item, text)
        text = _line_break(item, text, fenced)
    return text


def _without_prefix(prefix: str, text: str, fenced: bool) -> str:
    starts = [0, *(match.end() for match in re.finditer(r"\n(?=.)", prefix, re.DOTALL))]
    for start in starts:
        echo = prefix[start:]
        whole = start == 0 or echo.endswith("\n") or "\n" in echo
        if not _WORD.search(echo) or not (whole or len(echo.strip()) >= _LEAST):
            continue
        for shown in (echo, echo.lstrip(" \t")):
            if text.startswith(shown):
                return text[len(shown) :]
    last = next((line for line in reversed(prefix.split("\n")) if _WORD.search(line)), "")
    if fenced and len(last.strip()) >= 2 * _LEAST and prefix.rstrip().endswith(last.strip()):
        before, found, after = text.partition(last)
        if found and before.strip():
            # A rewrite of the whole: go on after the line that the prefix ends with.
            return after.removeprefix("\n") if prefix.endswith("\n") else after
    return text


def _without_suffix(item: Item, text: str) -> str:
    suffix = item.suffix
    # Where the suffix starts a line, so does its echo; the same words in the middle of a line are the answer's own.
    whole_lines = _starts_line(suffix) or (item.prefix.endswith("\n") and not suffix.startswith("\n"))
    kept = text.rstrip()
    for end in reversed([match.end() for match in re.finditer(r"\n|\Z", suffix)]):
        echo = suffix[:end].rstrip()
        at = len(kept) - len(echo)
        if len(echo.strip()) < _LEAST or not _WORD.search(echo) or not kept.endswith(echo):
            continue
        if not whole_lines or at == 0 or kept[at - 1] == "\n":
            return kept[:at]
    whole = suffix.rstrip()
    if len(whole.strip()) >= 2 * _LEAST and _WORD.search(whole) and (whole_lines or "\n" in whole.strip()):
        at = text.find(("\n" if whole_lines else "") + whole)
        if at >= 0:
            return text[: at + whole_lines]
    return text


def _line_break(item: Item, text: str, fenced: bool) -> str:
    if fenced and text.endswith("\n") and not _starts_line(item.suffix) and not item.prefix.endswith("\n"):
        return text[:-1]
    last = text[text.rfind("\n") + 1 :]
    if last.strip() and _starts_line(item.suffix) and item.prefix.endswith("\n"):
        return text + "\n"
    return text


def _starts_line(suffix: str) -> bool:
    """True where the suffix is indented like the start of a line."""
    return suffix.startswith(("  ", "\t"))
