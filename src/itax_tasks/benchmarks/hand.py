"""itax_hand: problems written for this project, embedded so that everything runs with no network.

Three tasks: infilling (a line or a block), completion (a body under signature and docstring) and
instruction (a request in prose). They show that an installation works; they are too few and too easy
to rank models.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache, partial
from importlib import resources
from typing import Literal

from itax_metrics.execution.programs import Limits, Program
from itax_metrics.records import Item
from itax_tasks.benchmarks.base import Loaded, checked_program, item_from_row
from itax_tasks.settings import Settings
from itax_tasks.spec import Condition, TaskSpec, answer_alone, measured

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
    items = tuple(item_from_row(row, "hand_items.jsonl") for row in rows if row["kind"] in KINDS[subset])
    record = {"source": "package", "sha256": digest, "rows": len(items), "files": []}
    return Loaded(items, record)


def complete(item: Item, middle: str) -> str:
    """Prefix, answer and suffix joined with nothing between them."""
    return item.prefix + middle + item.suffix


def decide(item: Item, body: str, limits: Limits) -> Program:
    """The tests after the code under test."""
    return Program(checked_program(body, item.payload["test"], item.payload["entry_point"]), limits=limits)


@lru_cache(maxsize=1)
def _rows() -> tuple[tuple[dict[str, str], ...], str]:
    content = (resources.files("itax_tasks.benchmarks") / "hand_items.jsonl").read_bytes()
    rows = tuple(json.loads(line) for line in content.decode("utf-8").split("\n") if line.strip())
    return rows, hashlib.sha256(content).hexdigest()


def _spec(subset: Subset, condition: Condition) -> TaskSpec:
    rules = {"pass@1": "fenced_code", "pass@1_strict": "raw"} if subset == "instruct" else {"pass@1": "raw"}
    return TaskSpec(
        name=f"itax_hand_{subset}",
        version=1.0,
        benchmark=f"hand/{subset}",
        condition=condition,
        protocol="itax",
        load=partial(load, subset),
        measures=measured(rules, answer_alone if subset == "instruct" else complete, decide),
        limits=LIMITS,
        max_gen_toks=256 if subset == "infilling" else 512,
        stops=STOPS if subset == "completion" else (),
    )


TASKS = (_spec("infilling", "raw"), _spec("completion", "direct"), _spec("instruct", "chat"))
