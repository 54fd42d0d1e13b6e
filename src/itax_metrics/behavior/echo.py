"""Answers that say again what stands around the hole."""

from __future__ import annotations

import re

from itax_metrics.behavior.reply import Reply

ENOUGH = 8
"""Characters besides white space that must agree before lines count as an echo: braces and `else:` repeat anyway."""
_DEPTH = 8
_WINDOW = 4096
_PYTHON_HEADER = re.compile(r"(?:(?:async\s+)?def|class)\s+\w")
_CONTROL = re.compile(r"(?:if|else|for|foreach|while|do|switch|try|catch|finally|using|lock|synchronized|return|new)\b")


def echo_prefix(reply: Reply) -> float | None:
    """1 where the answer begins with the last lines of the text before it; None without an item.

    Lines are compared stripped. A line of the prefix that is not finished counts when the answer begins it anew.
    """
    if reply.item is None:
        return None
    first = reply.lines[:_DEPTH]
    if not first:
        return 0.0
    near = reply.item.prefix[-_WINDOW:]
    begun = near[near.rfind("\n") + 1 :].strip()
    unfinished = bool(begun)
    if first[0] not in near and not (unfinished and first[0].startswith(begun)):
        return 0.0  # most answers; the rest of the work is for those that repeat something
    before = _stripped(near)[-_DEPTH:]
    if not before:
        return 0.0
    for count in range(1, min(len(before), len(first)) + 1):
        tail, head = before[-count:], first[:count]
        last = head[-1].startswith(tail[-1]) if unfinished else head[-1] == tail[-1]
        if last and tail[:-1] == list(head[:-1]) and sum(map(len, tail)) >= ENOUGH:
            return 1.0
    return 0.0


def echo_suffix(reply: Reply) -> float | None:
    """1 where the answer runs on into the text behind the hole; None without an item or without such text.

    Two lines of the suffix in sequence, or its first line at the end of the answer.
    """
    if reply.item is None or not reply.item.suffix.strip():
        return None
    after = _stripped(reply.item.suffix[:_WINDOW])
    lines = reply.lines
    if not lines:
        return 0.0
    if lines[-1] == after[0] and len(after[0]) >= ENOUGH:
        return 1.0
    for begin in (0, 1):  # the first line may be the rest of the hole's own line
        pair = after[begin : begin + 2]
        if len(pair) == 2 and sum(map(len, pair)) >= ENOUGH:
            for number in range(len(lines) - 1):
                if lines[number] == pair[0] and lines[number + 1] == pair[1]:
                    return 1.0
    return 0.0


def whole_rewrite(reply: Reply) -> float | None:
    """1 where the answer writes the enclosing function or class again: a header of the prefix stands in it.

    None without an item. A header is a `def` or `class` line, or one that opens a brace after a parenthesis.
    """
    if reply.item is None:
        return None
    headers = [line for line in reply.lines if _is_header(line)]
    if not headers:
        return 0.0
    known = {line.strip() for line in reply.item.prefix.split("\n")}
    return float(any(line in known for line in headers))


def _is_header(line: str) -> bool:
    if line.endswith("{"):
        return line[0].isalpha() and "(" in line and ";" not in line and _CONTROL.match(line) is None
    return _PYTHON_HEADER.match(line) is not None


def _stripped(text: str) -> list[str]:
    return [line for line in map(str.strip, text.split("\n")) if line]
