"""The tiny items: held-out synthetic problems that the tiny pair of `itax_tasks.tune.tiny` can solve or fail.

Three tasks: infilling (one missing line; two holes a program, clustered by program), completion (a body below
signature and docstring) and instruct (a request in prose; every second asks for code only). They show a tax with no
download and measure the pair they were made with; they are too uniform to rank other models.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache, partial
from importlib import resources
from typing import Literal

from itax_metrics.execution.programs import Limits, Program
from itax_metrics.records import Item
from itax_tasks.benchmarks.base import Loaded, checked_program, item_from_row
from itax_tasks.conditions import conditions
from itax_tasks.settings import Settings
from itax_tasks.spec import Condition, Measure, TaskSpec, answer_alone, measured

Subset = Literal["infilling", "completion", "instruct"]

LIMITS = Limits(wall_seconds=5.0)

STOPS = ("\ndef ", "\nclass ", "\n@", "\nif __name__", "\nprint(", "\n#")
"""Where a completion of one function body ends: the next statement at the left margin."""

MAX_GEN_TOKS: Mapping[Subset, int] = {"infilling": 96, "completion": 192, "instruct": 320}
"""Room for an answer in tokens of the tiny pair, about three times what the longest truth takes."""


def load(subset: Subset, settings: Settings) -> Loaded:
    """The items of one task; `settings` is unused, the items travel with the package."""
    del settings
    rows, digest = _rows()
    items = tuple(item_from_row(row, "mini_items.jsonl.gz", _program) for row in rows if row["kind"] == subset)
    record = {"source": "package", "sha256": digest, "rows": len(items), "files": []}
    return Loaded(items, record)


def complete(item: Item, middle: str) -> str:
    """Prefix, answer and suffix joined with nothing between them."""
    return item.prefix + middle + item.suffix


def with_signature(item: Item, answer: str) -> str:
    """The answer to a request, below the `def` line of the request where it has none.

    A base model likes to go on from the name it was given with the body.
    """
    signature = item.truth.split("\n", 1)[0] + "\n"
    return answer if "def " in answer else signature + answer


def decide(item: Item, body: str, limits: Limits) -> Program:
    """The tests after the code under test."""
    return Program(checked_program(body, item.payload["test"], item.payload["entry_point"]), limits=limits)


def _program(task_id: str) -> str:
    """`mini/infilling/017/L2` belongs to the program `mini/infilling/017`; other items are their own program."""
    return "/".join(task_id.split("/")[:3])


@lru_cache(maxsize=1)
def _rows() -> tuple[tuple[dict[str, str], ...], str]:
    """All rows and the sha256 of their text, which does not depend on how it was compressed."""
    packed = (resources.files("itax_tasks.benchmarks") / "mini_items.jsonl.gz").read_bytes()
    content = gzip.decompress(packed)
    rows = tuple(json.loads(line) for line in content.decode("ascii").split("\n") if line)
    return rows, hashlib.sha256(content).hexdigest()


MEASURES: Mapping[Subset, Mapping[str, Measure]] = {
    "infilling": measured({"pass@1": "raw", "pass@1_first_line": "first_line"}, complete, decide),
    "completion": measured({"pass@1": "raw"}, complete, decide),
    "instruct": {
        **measured({"pass@1": "fenced_code", "pass@1_strict": "raw"}, answer_alone, decide),
        "pass@1_lenient": Measure("fenced_code", decide, with_signature),
    },
}
"""An instruction: the first fenced block, or the whole answer where nothing is fenced; strict takes the whole answer,
which only a bare function passes, as every second item asks for; lenient forgives a missing signature."""


def _spec(subset: Subset, condition: Condition) -> TaskSpec:
    return TaskSpec(
        name=f"itax_mini_{subset}",
        version=1.0,
        benchmark=f"mini/{subset}",
        condition=condition,
        protocol="itax",
        load=partial(load, subset),
        measures=MEASURES[subset],
        limits=LIMITS,
        max_gen_toks=MAX_GEN_TOKS[subset],
        stops=STOPS if subset == "completion" else (),
    )


TASKS = (
    *conditions(_spec("infilling", "raw")),
    *conditions(_spec("completion", "direct")),
    _spec("instruct", "chat"),
)
