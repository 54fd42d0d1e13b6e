"""Behaviours of many answers as one figure: by task, pooled, macro, and with the paper's fixed weights.

An item is the mean of its samples that have a value; a task is the mean of its items that have one. Over tasks:
`pooled` takes every item alike, `macro` every task alike. `paper` takes the mean of each data file first and weights
files by the item counts that the artifact of the instruction-tuning-tax paper has fixed, for the conditional figures
(`*_given_flagged`) too; the task `itax_safim`, which pools three data files, is taken apart into them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
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
"""Kind of task to data file to weight; a data file goes by the name of the task that holds it alone."""

PAPER_BEHAVIORS = ("ctr", "nl", "def_cls")
PAPER_CONDITIONS = ("", "_given_flagged", "_given_failed")
"""Endings of their names: over all answers, over flagged ones, over failed ones."""

_POOLED = "itax_safim"
_SUBSETS = frozenset(file.removeprefix(f"{_POOLED}_") for file in PAPER_INFILLING if file.startswith(f"{_POOLED}_"))


@dataclass(frozen=True, slots=True)
class Mean:
    """One behaviour of one task."""

    value: float
    n_items: int
    """Items that have a value; far fewer than all of them for a conditional measure."""


def by_task(outcomes: Iterable[Outcome]) -> dict[str, dict[str, Mean]]:
    """Task to behaviour to mean; a behaviour without any value is left out."""
    return _means(outcomes, lambda outcome: outcome.task)


def by_file(outcomes: Iterable[Outcome], names: Collection[str] | None = None) -> dict[str, dict[str, Mean]]:
    """Data file to behaviour to mean: as `by_task`, with `itax_safim` taken apart.

    Where a run holds `itax_safim` and one of its subsets, an item's answers to both are its samples.

    Args:
        outcomes: of any tasks.
        names: the behaviours that are wanted; None for all.
    """
    return _means(outcomes, data_file, names)


def data_file(outcome: Outcome) -> str:
    """The data file an answer belongs to, by the name of the task that holds it alone: mostly its own task.

    An answer to `itax_safim` names its subset among its groups; one that does not stays with `itax_safim`.
    """
    if outcome.task == _POOLED:
        return next((f"{_POOLED}_{group}" for group in outcome.groups if group in _SUBSETS), _POOLED)
    return outcome.task


def _means(
    outcomes: Iterable[Outcome], key: Callable[[Outcome], str], names: Collection[str] | None = None
) -> dict[str, dict[str, Mean]]:
    samples: dict[str, dict[str, dict[str, list[float]]]] = {}
    for outcome in outcomes:
        part = samples.setdefault(key(outcome), {})
        for name, value in outcome.behaviors.items():
            if value is not None and (names is None or name in names):
                part.setdefault(name, {}).setdefault(outcome.task_id, []).append(value)
    return {
        part: {
            name: Mean(sum(sum(item) / len(item) for item in items.values()) / len(items), len(items))
            for name, items in found.items()
        }
        for part, found in samples.items()
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

    None unless every data file of the weights is among the means, which are those of `by_file`. A file whose answers
    have no value, which only a conditional measure can have, is left out with its weight.
    """
    if not set(weights) <= set(means):
        return None
    found = [(means[file][name].value, weight) for file, weight in weights.items() if name in means[file]]
    total = sum(weight for _, weight in found)
    return sum(value * weight for value, weight in found) / total if total else None
