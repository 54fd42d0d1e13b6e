"""Whole classes: the skeleton in a chat, the class as the answer, every test class judged by itself.

Source: Du et al. 2023, the holistic strategy; prompt of `generation/inference_pipeline.py` (FudanSELab/ClassEval), in
the tokenizer's own chat template, as the official pipeline does for the instruct models it gives one.
"""

from __future__ import annotations

from itax_metrics.records import Item
from itax_tasks.benchmarks.base import Loaded
from itax_tasks.benchmarks.classeval import environment
from itax_tasks.benchmarks.classeval.source import load_problems
from itax_tasks.settings import Settings


def load(settings: Settings) -> Loaded:
    """The 100 classes."""
    problems, record = load_problems(settings)
    lacking = environment.lacking(settings)
    items = tuple(
        Item(
            task_id=problem.task_id,
            prefix=f"Please complete the class {problem.name} in the following code.\n{problem.skeleton}",
            truth=problem.solution,
            cluster=problem.task_id,
            payload={"problem": problem, "lacking": lacking},
        )
        for problem in problems
    )
    return Loaded(items, {**record, "rows": len(items)})


def complete(item: Item, answer: str) -> str:
    """The class's own import statements above whatever the rule took from the answer."""
    return f"{item.payload['problem'].imports}\n{answer}"
