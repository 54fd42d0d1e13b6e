"""HumanEval-Infilling: the hole is a line, some lines or a random span of a HumanEval solution.

Source: Bavarian et al. 2022, https://github.com/openai/human-eval-infilling. Nothing is inserted between
prefix, completion and suffix, nothing is stripped, and 3.0 s of wall time cover the whole program.
"""

from __future__ import annotations

from typing import Literal

from itax_metrics.execution.programs import Limits
from itax_metrics.records import Item
from itax_tasks import data
from itax_tasks.benchmarks.base import Loaded, checked_program, item_from_row
from itax_tasks.settings import Settings

Subset = Literal["single_line", "multi_line", "random_span", "random_span_light"]

FILES: dict[Subset, str] = {
    "single_line": "HumanEval-SingleLineInfilling.jsonl.gz",
    "multi_line": "HumanEval-MultiLineInfilling.jsonl.gz",
    "random_span": "HumanEval-RandomSpanInfilling.jsonl.gz",
    "random_span_light": "HumanEval-RandomSpanInfillingLight.jsonl.gz",
}

LIMITS = Limits(wall_seconds=3.0)
"""The official scorer's 3.0 s; it sets no memory limit, ours (4 GiB) only protects the machine."""


def load(subset: Subset, settings: Settings) -> Loaded:
    """The items of one subset, clustered by HumanEval problem.

    Up to 29 holes of single-line and 435 of multi-line share one problem.
    """
    found = data.load("hefim", FILES[subset], settings)
    items = tuple(item_from_row(row, FILES[subset], _problem) for row in found.rows)
    record = {
        "source": found.record["source"],
        "sha256": found.record["sha256"],
        "rows": len(items),
        "files": [dict(found.record)],
    }
    return Loaded(items, record)


def complete(item: Item, middle: str) -> str:
    """Prefix, middle and suffix joined with nothing between them."""
    return item.prefix + middle + item.suffix


def program(item: Item, body: str) -> str:
    """The official program around a completed function."""
    return checked_program(body, item.payload["test"], item.payload["entry_point"])


def _problem(task_id: str) -> str:
    """`SingleLineInfilling/HumanEval/12/L3` belongs to the problem `HumanEval/12`."""
    return "/".join(task_id.split("/")[1:3])
