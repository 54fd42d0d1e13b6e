"""Behaviours of many answers as one figure: by task, pooled, macro, and with the paper's fixed weights.

An item is the mean of its samples that have a value; a task is the mean of its items that have one. Over tasks:
`pooled` takes every item alike, `macro` every task alike, `paper` weights tasks by the item counts that the artifact of
the instruction-tuning-tax paper has fixed, the conditional figures (`*_given_flagged`) included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from itax_metrics.records import Outcome

PAPER_INFILLING: Mapping[str, int] = {
    "itax_hefim": 1033,
    "itax_safim_block": 8780,
    "itax_safim_control": 8630,
    "itax_safim_api": 310,
    "itax_classeval_infilling": 2557,
}
"""Items by the artifact's count; its two larger SAFIM files are off by one against the data (8781 and 8629)."""

PAPER_COMPLETION: Mapping[str, int] = {"itax_classeval_completion": 396, "itax_bigcodebench_complete": 1140}

PAPER_WEIGHTS: Mapping[str, Mapping[str, int]] = {"infilling": PAPER_INFILLING, "completion": PAPER_COMPLETION}


@dataclass(frozen=True, slots=True)
class Mean:
    """One behaviour of one task."""

    value: float
    n_items: int
    """Items that have a value; far fewer than all of them for a conditional measure."""


def by_task(outcomes: Iterable[Outcome]) -> dict[str, dict[str, Mean]]:
    """Task to behaviour to mean; a behaviour without any value is left out."""
    samples: dict[str, dict[str, dict[str, list[float]]]] = {}
    for outcome in outcomes:
        task = samples.setdefault(outcome.task, {})
        for name, value in outcome.behaviors.items():
            if value is not None:
                task.setdefault(name, {}).setdefault(outcome.task_id, []).append(value)
    return {
        task: {
            name: Mean(sum(sum(item) / len(item) for item in items.values()) / len(items), len(items))
            for name, items in names.items()
        }
        for task, names in samples.items()
    }


def pooled(means: Mapping[str, Mapping[str, Mean]], name: str) -> float | None:
    """Every item alike, over the tasks that have the behaviour; None where none has."""
    found = [task[name] for task in means.values() if name in task]
    items = sum(mean.n_items for mean in found)
    return sum(mean.value * mean.n_items for mean in found) / items if items else None


def macro(means: Mapping[str, Mapping[str, Mean]], name: str) -> float | None:
    """Every task alike, over the tasks that have the behaviour; None where none has."""
    found = [task[name].value for task in means.values() if name in task]
    return sum(found) / len(found) if found else None


def paper(means: Mapping[str, Mapping[str, Mean]], name: str, weights: Mapping[str, int]) -> float | None:
    """The paper's weighted mean, such as over `PAPER_INFILLING`.

    None unless every task of the weights is among the means. A task whose answers have no value, which only a
    conditional measure can have, is left out with its weight.
    """
    if not set(weights) <= set(means):
        return None
    found = [(means[task][name].value, weight) for task, weight in weights.items() if name in means[task]]
    total = sum(weight for _, weight in found)
    return sum(value * weight for value, weight in found) / total if total else None
