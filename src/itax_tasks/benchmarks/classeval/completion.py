"""Method completion: the class up to a method's signature and docstring; the model goes on with its body.

Source: section 3.2 of "Lost in the Flow with Code Talkers" (ClassEval-Completion). The rule that gives its 396 rows:
the methods of every skeleton that Python can read, the constructor left out, if the solution has them. The fourteen
others come from the methods' descriptions, as the opt-in set `full` of 410.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from itax_metrics.records import Item
from itax_tasks.benchmarks.base import Loaded
from itax_tasks.benchmarks.classeval import cues, environment
from itax_tasks.benchmarks.classeval.source import Method, Problem, load_problems
from itax_tasks.settings import Settings

Subset = Literal["paper", "full", "no_cue"]
"""The 396; all 410; the 396 with no docstring and no comment in the prompt."""

HOLE = "        # to be written\n"
SHOWN = "# One method of this class is still to be written:\n"
AGAIN = "\n\n# The same class with that method written:\n"


def load(subset: Subset, settings: Settings) -> Loaded:
    """The items of one set; those of one class share a cluster."""
    problems, record = load_problems(settings)
    lacking = environment.lacking(settings)
    items = tuple(
        _item(problem, method, subset, lacking) for problem, method in _methods(problems) if _belongs(problem, subset)
    )
    return Loaded(items, {**record, "rows": len(items)})


def complete(item: Item, body: str) -> str:
    """The whole solution with the method's skeleton and the answer in the method's place, whatever prompt was shown."""
    before, after = item.payload["around"]
    return f"{before}{body}{after}" if body.endswith("\n") else f"{before}{body}\n{after}"


def text_around(item: Item) -> str:
    """The class with the hole, everything behind it included; then the class again, up to the hole."""
    before, after = item.payload["around"]
    return f"{SHOWN}{before}{HOLE}{after}{AGAIN}{before}"


def _methods(problems: tuple[Problem, ...]) -> Iterator[tuple[Problem, Method]]:
    return ((problem, method) for problem in problems for method in problem.methods if method.signature)


def _belongs(problem: Problem, subset: Subset) -> bool:
    return subset == "full" or problem.parses


def _item(problem: Problem, method: Method, subset: Subset, lacking: str | None) -> Item:
    lines = problem.lines
    above = "".join(lines[: method.first])
    before = above + method.signature + method.docstring
    prefix = cues.without_comments(above)[0] + method.signature if subset == "no_cue" else before
    return Item(
        task_id=f"{problem.task_id}/{method.name}",
        prefix=prefix,
        truth="".join(lines[method.definition + 1 : method.end]),
        cluster=problem.task_id,
        payload={
            "problem": problem,
            "method": method.name,
            "around": (before, "".join(lines[method.end :])),
            "test_classes": (method.test_class,),
            "lacking": lacking,
        },
    )
