"""What every benchmark hands over: its items, where they came from, and the program of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from itax_metrics.records import Item


@dataclass(frozen=True, slots=True)
class Loaded:
    """The items of one task, in the official order, with the record of the files behind them."""

    items: tuple[Item, ...]
    data: Mapping[str, Any]
    """{"source", "sha256", "rows", "files": [...]}: what results keep and what two runs must agree on."""

    def by_id(self) -> dict[str, Item]:
        """The items by task_id."""
        return {item.task_id: item for item in self.items}


def checked_program(body: str, test: str, entry_point: str) -> str:
    """Code under test, then the tests, then the call that runs them: the layout of HumanEval and its kin.

    Source: `human_eval_infilling/execution.py` of openai/human-eval-infilling, restated.
    """
    return f"{body}\n{test}\ncheck({entry_point})"
