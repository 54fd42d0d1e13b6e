"""How an answer ends, and whether there is one."""

from __future__ import annotations

from itax_metrics.behavior.reply import Reply
from itax_metrics.records import Flag


def empty(reply: Reply) -> float:
    """1 where the answer is blank."""
    return float(not reply.text or reply.text.isspace())


def hit_limit(reply: Reply) -> float | None:
    """1 where the answer used all its tokens; None where they were not counted.

    Inferred from the length of the answer: lm-eval's samples carry no reason for the end.
    """
    if Flag.HIT_LIMIT.value in reply.flags:
        return 1.0
    return None if reply.tokens is None else 0.0


def repetition(reply: Reply) -> float:
    """Lines that stand in the answer before, over its lines, in [0, 1]; lines below 10 characters do not count."""
    lines = [line for line in reply.lines if len(line) >= 10]
    return 1 - len(set(lines)) / len(lines) if lines else 0.0
