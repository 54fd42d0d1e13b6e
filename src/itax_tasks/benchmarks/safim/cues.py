"""The code around a hole without its comments and docstrings: what a model makes of code alone.

Ours, no part of SAFIM. The syntax tree of the published program says what a comment is, in the code around the hole and
nowhere else; what is scored stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from itax_metrics.records import Item
from itax_tasks.extraction import grammars
from itax_tasks.settings import Settings

if TYPE_CHECKING:
    from tree_sitter import Node

_COMMENTS = frozenset({"comment", "line_comment", "block_comment"})
_BODIES = frozenset({"module", "block"})
_OWNERS = frozenset({"function_definition", "class_definition"})


def without_cues(row: Mapping[str, Any], item: Item, settings: Settings) -> Item:
    """The item with the comments and docstrings before and after the hole taken out."""
    del row, settings
    before, after = item.payload["before"], item.payload["after"]
    prefix, suffix = strip_cues(item.language, before, item.truth, after)
    return replace(item, prefix=prefix, suffix=suffix)


def strip_cues(language: str, before: str, hole: str, after: str) -> tuple[str, str]:
    """`before` and `after` without comments and docstrings; `hole` only helps to parse.

    A line that held nothing else goes with its comment. Where a comment stood between two tokens a blank is left. A
    docstring that is the whole body of its function becomes `pass`.
    """
    front, middle, back = (text.encode("utf-8", "replace") for text in (before, hole, after))
    source = front + middle + back
    cuts = sorted(_cuts(language, grammars.parse(language, source).root_node))
    end = len(front) + len(middle)
    first = [cut for cut in cuts if cut[1] <= len(front)]
    last = [(start - end, stop - end, left) for start, stop, left in cuts if start >= end]
    return _cut(front, first, True).decode("utf-8"), _cut(back, last, False).decode("utf-8")


def _cuts(language: str, root: Node) -> list[tuple[int, int, bytes]]:
    """(start, end, what is left there) of every comment and docstring."""
    found = []
    open_nodes = [root]
    while open_nodes:
        node = open_nodes.pop()
        if node.type in _COMMENTS:
            found.append((node.start_byte, node.end_byte, b""))
            continue
        if language == "python" and node.type in _BODIES:
            docstring = _docstring(node)
            if docstring is not None:
                alone = node.type == "block" and node.named_child_count == 1
                found.append((docstring.start_byte, docstring.end_byte, b"pass" if alone else b""))
        open_nodes.extend(node.children)
    return found


def _docstring(body: Node) -> Node | None:
    """The string that opens a module, a class or a function."""
    if body.type == "block" and (body.parent is None or body.parent.type not in _OWNERS):
        return None
    first = next((child for child in body.named_children if child.type != "comment"), None)
    if first is None or first.type != "expression_statement" or first.named_child_count != 1:
        return None
    return first if first.named_children[0].type in ("string", "concatenated_string") else None


def _cut(code: bytes, cuts: list[tuple[int, int, bytes]], whole_lines: bool) -> bytes:
    """`code` without the pieces; `whole_lines`: its first line begins here, and not in the hole."""
    parts = []
    place = 0
    for start, stop, left in cuts:
        if start < place:
            continue
        line_start = code.rfind(b"\n", 0, start) + 1
        line_end = code.find(b"\n", stop)
        line_end = len(code) if line_end < 0 else line_end
        blank_before = not code[line_start:start].strip() and (whole_lines or line_start > 0)
        blank_after = not code[stop:line_end].strip()
        if not left and blank_before and blank_after and line_end < len(code) and line_start >= place:
            start, stop = line_start, line_end + 1
        elif not left and blank_after and line_end < len(code):
            start = len(code[:start].rstrip(b" \t"))
        elif not left and not blank_before and not code[start - 1 : start].isspace():
            left = b" "
        parts += [code[place:start], left]
        place = stop
    return b"".join((*parts, code[place:]))
