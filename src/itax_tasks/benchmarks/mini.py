"""itax_mini: problems written for this project, embedded so that everything runs with no network.

Three tasks: infilling (a line or a block), completion (a body under signature and docstring) and
instruction (a request in prose). They show that an installation works; they are too few and too easy
to rank models.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from importlib import resources
from typing import Literal

from itax_metrics.execution.programs import Limits
from itax_metrics.records import Item
from itax_tasks.benchmarks.base import Loaded, checked_program, item_from_row
from itax_tasks.settings import Settings

Subset = Literal["infilling", "completion", "instruct"]

KINDS: dict[Subset, tuple[str, ...]] = {
    "infilling": ("line", "block"),
    "completion": ("completion",),
    "instruct": ("instruct",),
}

LIMITS = Limits(wall_seconds=5.0)

STOPS = ("\ndef ", "\nclass ", "\n@", "\nif __name__", "\nprint(", "\n#")
"""Where a completion of one function body ends: the next statement at the left margin."""


def load(subset: Subset, settings: Settings) -> Loaded:
    """The items of one task; `settings` is unused, the items travel with the package."""
    del settings
    rows, digest = _rows()
    items = tuple(item_from_row(row, "mini_items.jsonl") for row in rows if row["kind"] in KINDS[subset])
    record = {"source": "package", "sha256": digest, "rows": len(items), "files": []}
    return Loaded(items, record)


def complete(item: Item, middle: str) -> str:
    """Prefix, answer and suffix joined with nothing between them."""
    return item.prefix + middle + item.suffix


def program(item: Item, body: str) -> str:
    """The tests after the code under test."""
    return checked_program(body, item.payload["test"], item.payload["entry_point"])


@lru_cache(maxsize=1)
def _rows() -> tuple[tuple[dict[str, str], ...], str]:
    content = (resources.files("itax_tasks.benchmarks") / "mini_items.jsonl").read_bytes()
    rows = tuple(json.loads(line) for line in content.decode("utf-8").split("\n") if line.strip())
    return rows, hashlib.sha256(content).hexdigest()
