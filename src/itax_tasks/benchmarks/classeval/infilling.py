"""Line infilling: every line of every method's body is a hole once; the file around it is the context.

Source: section 3.2 of "Lost in the Flow with Code Talkers" (ClassEval-LineInfilling). The rule that gives its 2,557
rows: in every method of a class at the top of the solution but `__init__`, the lines below the `def` line that are not
blank; comment lines count. The hole is the line with its indentation and without its newline.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from itax_metrics.records import Item
from itax_tasks.benchmarks.base import Loaded
from itax_tasks.benchmarks.classeval import cues, environment
from itax_tasks.benchmarks.classeval.source import Method, Problem, load_problems
from itax_tasks.settings import Settings

Context = Literal["file", "no_cue", "cue"]
"""The file as it is; without its comments; with the method's docstring, which the solutions lack."""


def load(context: Context, settings: Settings) -> Loaded:
    """The 2,557 items; those of one class share a cluster."""
    problems, record = load_problems(settings)
    lacking = environment.lacking(settings)
    items = tuple(item for problem in problems for item in _items(problem, context, lacking))
    return Loaded(items, {**record, "rows": len(items)})


def complete(item: Item, line: str) -> str:
    """The whole published file with the answer in the hole, whatever context was shown.

    The hole ends before its newline; one newline at the answer's end is the file's own.
    """
    before, after = item.payload["around"]
    return f"{before}{line.removesuffix(chr(10))}{after}"


def _items(problem: Problem, context: Context, lacking: str | None) -> Iterator[Item]:
    lines = problem.lines
    for method in problem.methods:
        for number in range(method.definition + 1, method.end):
            if not lines[number].strip():
                continue
            truth = lines[number].rstrip("\n")
            around = ("".join(lines[:number]), lines[number][len(truth) :] + "".join(lines[number + 1 :]))
            prefix, suffix = around
            if context == "no_cue":
                prefix, suffix = cues.without_comments(problem.solution, number)
            elif context == "cue":
                below = method.definition + 1
                prefix = "".join((*lines[:below], method.docstring, *lines[below:number]))
            yield Item(
                task_id=f"{problem.task_id}/{method.name}/L{number + 1}",
                prefix=prefix,
                suffix=suffix,
                truth=truth,
                cluster=problem.task_id,
                payload={
                    "problem": problem,
                    "method": method.name,
                    "around": around,
                    "test_classes": _tests(problem, method),
                    "lacking": lacking,
                },
            )


def _tests(problem: Problem, method: Method) -> tuple[str, ...]:
    """The method's own test class; all of the class's for the two methods that have none."""
    return (method.test_class,) if method.test_class else tuple(name.strip() for name in problem.test_classes)
