"""What a task reports to lm-eval: the metrics of one document, and how they are joined over documents."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from itax_metrics.behavior import Behavior
from itax_metrics.records import Item
from itax_tasks.spec import TaskSpec


class Metrics:
    """The metrics of one task: its measures, the headline of each group of items, behaviours, undecided answers.

    Args:
        spec: the task.
        items: its items by task_id.
        behaviors: measures of how the model answers.
    """

    def __init__(self, spec: TaskSpec, items: Mapping[str, Item], behaviors: Sequence[Behavior]) -> None:
        self.spec = spec
        self.items = items
        self.behaviors = behaviors

    def of(
        self, task_id: str, samples: Sequence[Mapping[str, Any]], behaviors: Iterable[str], *, incomplete: bool
    ) -> dict[str, float | None]:
        """The metrics of one document: means over its samples; NaN where a measure is undecided for one of them.

        None for a group that the document is no member of.

        Args:
            task_id: its item.
            samples: the rows of the executing filter, one a sample.
            behaviors: names of the measures to report.
            incomplete: report how many samples are undecided.
        """
        metrics: dict[str, float | None] = {
            metric: _mean([sample["metrics"].get(metric) for sample in samples]) for metric in self.spec.measures
        }
        own = self._groups_of(task_id)
        for group in self._groups:
            # Every document reports every group, because ranks must agree on the keys. A member's NaN is undecided and
            # has to withhold the group's rate, so others need a value of their own.
            metrics[f"{self.spec.headline}_{group}"] = metrics[self.spec.headline] if group in own else None
        for name in behaviors:
            metrics[name] = _mean_of_known([_number(sample["behaviors"].get(name)) for sample in samples])
        if incomplete:
            metrics[f"{self.spec.headline}_incomplete"] = float(
                sum(sample["verdict"] == "harness_error" for sample in samples)
            )
        return metrics

    def aggregation(self) -> dict[str, Callable[[Sequence[Any]], float]]:
        """The rate of each group, behaviours, a plain sum for the count of undecided answers.

        The rate of a group is withheld (NaN) where a member is undecided, as the headline is. A behaviour is the mean
        over the documents that have a value.
        """
        groups = dict.fromkeys((f"{self.spec.headline}_{group}" for group in self._groups), _mean_of_members)
        behaviors = {behavior.name: _mean_of_known for behavior in self.behaviors}
        return {**groups, **behaviors, f"{self.spec.headline}_incomplete": sum}

    def higher_is_better(self) -> dict[str, bool | None]:
        """More undecided answers are worse; of some behaviours nobody can say."""
        groups = dict.fromkeys((f"{self.spec.headline}_{group}" for group in self._groups), True)
        behaviors = {behavior.name: behavior.higher_is_better for behavior in self.behaviors}
        return {**groups, **behaviors, f"{self.spec.headline}_incomplete": False}

    @cached_property
    def _groups(self) -> tuple[str, ...]:
        """All groups of the task's items, in the order they appear."""
        return tuple(dict.fromkeys(group for name in self.items for group in self._groups_of(name)))

    def _groups_of(self, task_id: str) -> Sequence[str]:
        return self.spec.groups(self.items[task_id]) if self.spec.groups is not None else ()


def _mean(values: Sequence[float | None]) -> float:
    decided = [value for value in values if value is not None]
    return sum(decided) / len(decided) if values and len(decided) == len(values) else math.nan


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _mean_of_members(values: Sequence[float | None]) -> float:
    """Mean over the documents that belong to a group; None marks the others, and one member's NaN makes it NaN."""
    members = [value for value in values if value is not None]
    return sum(members) / len(members) if members else math.nan


def _mean_of_known(values: Sequence[float]) -> float:
    """Mean over the documents that have a value; NaN marks the others."""
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan
