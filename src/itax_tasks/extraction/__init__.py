"""Completion to program text, one named rule a function: the name stands in every outcome.

Nothing is repaired silently: the headline uses the benchmark's official rule, every other rule is a
further metric `pass@1_<rule>` beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from itax_metrics.records import Item
from itax_tasks.extraction.bigcodebench import (
    bigcodebench_calibrate,
    bigcodebench_chat,
    bigcodebench_direct,
    bigcodebench_lenient,
    bigcodebench_program,
)
from itax_tasks.extraction.classeval import classeval_class, classeval_paper
from itax_tasks.extraction.ds1000 import ds1000_official
from itax_tasks.extraction.evalplus import (
    evalplus_answer,
    evalplus_continuation,
    evalplus_program,
    magicoder_fence,
)
from itax_tasks.extraction.fences import begun_block, fenced_code
from itax_tasks.extraction.lenient import lenient
from itax_tasks.extraction.lines import first_line, first_text_line
from itax_tasks.extraction.methods import method_body
from itax_tasks.extraction.safim import (
    safim,
    safim_code,
    safim_fixed,
    safim_instructed,
    safim_instructed_fixed,
    safim_parsable,
)
from itax_tasks.extraction.whitespace import paper_strip

Rule = Callable[[Item, str], str]
"""(item, completion) -> the code it holds. Most rules look at the completion alone."""


def raw(completion: str) -> str:
    """The completion as the model wrote it."""
    return completion


def _of_text(rule: Callable[[str], str]) -> Rule:
    def apply(item: Item, completion: str) -> str:
        del item
        return rule(completion)

    return apply


RULES: Mapping[str, Rule] = {
    "raw": _of_text(raw),
    "first_line": _of_text(first_line),
    "paper_strip": _of_text(paper_strip),
    "fenced_code": _of_text(fenced_code),
    "begun_block": _of_text(begun_block),
    "lenient": lenient,
    "evalplus_answer": evalplus_answer,
    "evalplus_continuation": evalplus_continuation,
    "evalplus_program": evalplus_program,
    "magicoder_fence": magicoder_fence,
    "first_text_line": _of_text(first_text_line),
    "method_body": method_body,
    "classeval_class": _of_text(classeval_class),
    "classeval_paper": _of_text(classeval_paper),
    "safim": safim,
    "safim_fixed": safim_fixed,
    "safim_parsable": safim_parsable,
    "safim_code": safim_code,
    "safim_instructed": safim_instructed,
    "safim_instructed_fixed": safim_instructed_fixed,
    "bigcodebench_chat": bigcodebench_chat,
    "bigcodebench_direct": bigcodebench_direct,
    "bigcodebench_program": bigcodebench_program,
    "bigcodebench_lenient": bigcodebench_lenient,
    "bigcodebench_calibrate": bigcodebench_calibrate,
    "ds1000_official": _of_text(ds1000_official),
}


def rule(name: str) -> Rule:
    """The rule of that name; `a+b` is rule b on what rule a leaves.

    Raises:
        KeyError: a name that is not in `RULES`.
    """
    steps = [RULES[step] for step in name.split("+")]

    def apply(item: Item, completion: str) -> str:
        for step in steps:
            completion = step(item, completion)
        return completion

    return apply


__all__ = ["RULES", "Rule", "begun_block", "fenced_code", "first_line", "lenient", "paper_strip", "raw", "rule"]
