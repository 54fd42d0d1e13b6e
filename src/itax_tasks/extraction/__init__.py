"""Completion to program text, one named rule a function: the name stands in every outcome.

Nothing is repaired silently: the headline uses the benchmark's official rule, every other rule is a
further metric `pass@1_<rule>` beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from itax_tasks.extraction.fences import fenced_code
from itax_tasks.extraction.lines import first_line
from itax_tasks.extraction.whitespace import paper_strip

Rule = Callable[[str], str]


def raw(completion: str) -> str:
    """The completion as the model wrote it."""
    return completion


RULES: Mapping[str, Rule] = {
    "raw": raw,
    "first_line": first_line,
    "paper_strip": paper_strip,
    "fenced_code": fenced_code,
}

__all__ = ["RULES", "Rule", "fenced_code", "first_line", "paper_strip", "raw"]
