"""HumanEval-Infilling: the hole is a line, some lines or a random span of a HumanEval solution.

Source: Bavarian et al. 2022, https://github.com/openai/human-eval-infilling. Nothing is inserted between
prefix, completion and suffix, nothing is stripped, and 3.0 s of wall time cover the whole program.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

from itax_metrics.execution.programs import Limits, Program
from itax_metrics.records import Item
from itax_tasks import data
from itax_tasks.benchmarks.base import Loaded, checked_program, item_from_row
from itax_tasks.conditions import conditions
from itax_tasks.settings import Settings
from itax_tasks.spec import TaskSpec, measured

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


def decide(item: Item, body: str, limits: Limits) -> Program:
    """The official program around a completed function."""
    return Program(checked_program(body, item.payload["test"], item.payload["entry_point"]), limits=limits)


def _problem(task_id: str) -> str:
    """`SingleLineInfilling/HumanEval/12/L3` belongs to the problem `HumanEval/12`."""
    return "/".join(task_id.split("/")[1:3])


def _spec(name: str, subset: Subset) -> TaskSpec:
    rules = {"pass@1": "raw", "pass@1_paper_strip": "paper_strip"}
    if subset == "single_line":
        rules["pass@1_first_line"] = "first_line"
    return TaskSpec(
        name=name,
        version=1.0,
        benchmark=f"hefim/{subset}",
        condition="raw",
        protocol="official",
        load=partial(load, subset),
        measures=measured(rules, complete, decide),
        limits=LIMITS,
        max_gen_toks=512,
        paper_max_gen_toks={"qwen": 512, "deepseek": 128},
    )


NAMES: dict[Subset, str] = {
    "single_line": "itax_hefim",
    "multi_line": "itax_hefim_multi_line",
    "random_span": "itax_hefim_random_span",
    "random_span_light": "itax_hefim_random_span_light",
}

TASKS = tuple(spec for subset, name in NAMES.items() for spec in conditions(_spec(name, subset)))
