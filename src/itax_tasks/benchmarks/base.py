"""What every benchmark hands over: its items, where they came from, and the program of an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from itax_metrics.errors import DataError
from itax_metrics.records import Item
from itax_tasks.settings import Settings


@dataclass(frozen=True, slots=True)
class Loaded:
    """The items of one task, in the official order, with the record of the files behind them."""

    items: tuple[Item, ...]
    data: Mapping[str, Any]
    """{"source", "sha256", "rows", "files": [...]}: what results keep and what two runs must agree on."""

    def by_id(self) -> dict[str, Item]:
        """The items by task_id."""
        return {item.task_id: item for item in self.items}


@dataclass(frozen=True, slots=True)
class HubComparison:
    """How a hub set that others derived from the benchmark meets our derivation."""

    rows: int
    ours: int
    equal: int
    """Rows that say the same as one of our items."""
    ids: Mapping[str, str]
    """Their id of every row that is one of our items -> ours."""
    differing: tuple[str, ...]
    """Their ids of the rows that are no item of ours, or say something else."""


@dataclass(frozen=True, slots=True)
class HubSet:
    """A hub set to compare with, where it can be reached; a benchmark lists its own as `HUB_SETS`."""

    name: str
    split: str
    compare: Callable[[Sequence[Mapping[str, Any]], Settings], HubComparison]
    keep: Callable[[HubComparison, Settings], None]
    """Remember what was learnt, such as their ids."""


def item_from_row(row: Mapping[str, str], where: str, cluster_of: Callable[[str], str] = str) -> Item:
    """An item from the fields HumanEval and its kin use: prompt, suffix, canonical_solution, test, entry_point.

    Args:
        row: one row of the file.
        where: the file, for the message.
        cluster_of: task_id to cluster; by default every item is its own.

    Raises:
        DataError: a field is missing.
    """
    try:
        return Item(
            task_id=row["task_id"],
            prefix=row["prompt"],
            suffix=row["suffix"],
            truth=row["canonical_solution"],
            cluster=cluster_of(row["task_id"]),
            payload={"test": row["test"], "entry_point": row["entry_point"]},
        )
    except KeyError as missing:
        raise DataError(f"A row of {where} has no field {missing}.") from missing


def checked_program(body: str, test: str, entry_point: str) -> str:
    """Code under test, then the tests, then the call that runs them: the layout of HumanEval and its kin.

    Source: `human_eval_infilling/execution.py` of openai/human-eval-infilling, restated.
    """
    return f"{body}\n{test}\ncheck({entry_point})"
