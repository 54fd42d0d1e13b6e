"""Which answers the paper's artifact sets apart, by their looks alone: seven cases.

The figures in parentheses of the paper's table 7 are means over these answers. The paper calls them failed outputs;
execution plays no part in them (`*_given_failed` is what the prose says).
Source: the public artifact of the instruction-tuning-tax paper, its rules restated.
"""

from __future__ import annotations

import re

from itax_metrics.behavior.code_to_token import ctr
from itax_metrics.behavior.declarations import def_cls
from itax_metrics.behavior.natural_language import nl
from itax_metrics.behavior.reply import Reply, once

LOW_CTR = 0.40
_MARKDOWN = re.compile(r"^(?: {0,3}#{1,6} |[^\S\n]*(?:[-*+]|1\.) )", re.MULTILINE)


@once
def flagged(reply: Reply) -> float:
    """1 where one of seven cases holds.

    Empty; else nothing but lines that begin with `#`; else `ctr` below 0.40. Beside these: Markdown (a triple
    backtick, a heading, a bullet), `nl`, `def_cls`, and `<|...|>`. A Python comment is a heading here.
    """
    text, lines = reply.text, reply.lines
    looks_empty = not lines or all(line.startswith("#") for line in lines)
    return float(
        looks_empty
        or ctr(reply) < LOW_CTR
        or "```" in text
        or _MARKDOWN.search(text) is not None
        or bool(nl(reply))
        or bool(def_cls(reply))
        or has_bars(text)
    )


def has_bars(text: str) -> bool:
    """True where `<|` is followed by `|>` on the same line."""
    start, end = text.find("<|"), -1
    while start >= 0:
        if end < start + 2:
            end = text.find("|>", start + 2)
            if end < 0:
                return False
        newline = text.find("\n", start, end)
        if newline < 0:
            return True
        start = text.find("<|", newline)
    return False
