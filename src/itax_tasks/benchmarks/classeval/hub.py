"""The hub sets of the paper's authors beside our derivations: row by row, and their ids to ours.

Source: `evaluate_classeval_lineinfilling.py`, `evaluate_classeval_completion.py` and `generate.py` of
arkosioscambions/CodeTalkers, which name the columns. The sets themselves carry no licence that lets them travel with
this package, so their ids are known here once `itax data verify classeval` has seen them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from itax_metrics.records import Item
from itax_tasks.benchmarks.base import HubComparison, HubSet
from itax_tasks.benchmarks.classeval import completion, infilling
from itax_tasks.settings import Settings, read_settings

LINES = "annachaaang/ClassEval-LineInfilling"
METHODS = "annachaaang/ClassEval-Completion"


def compare_lines(rows: Sequence[Mapping[str, Any]], settings: Settings) -> HubComparison:
    """Their prefix, solution and suffix beside ours; matched by text without white space, equal character by character.

    Raises:
        KeyError: a column is missing.
    """
    ours = {_squeezed(item.prefix, item.truth, item.suffix): item for item in infilling.load("file", settings).items}
    pairs = [
        (str(row["new_task_id"]), ours.get(_squeezed(row["prefix"], row["solution"], row["suffix"])), row)
        for row in rows
    ]
    return _compared(
        pairs,
        len(ours),
        lambda item, row: (item.prefix, item.truth, item.suffix) == (row["prefix"], row["solution"], row["suffix"]),
    )


def compare_methods(rows: Sequence[Mapping[str, Any]], settings: Settings) -> HubComparison:
    """Their prompt beside ours, white space at its end apart, and their tests beside the whole test module.

    Raises:
        KeyError: a column is missing.
    """
    items = completion.load("paper", settings).items
    ours = {(item.cluster, item.payload["method"]): item for item in items}
    pairs = [(str(row["new_task_id"]), ours.get((row["task_id"], row["method_name"])), row) for row in rows]
    return _compared(
        pairs,
        len(ours),
        lambda item, row: (
            row["completion_code"].rstrip() == item.prefix.rstrip()
            and row["test"].strip() == item.payload["problem"].tests.strip()
        ),
    )


def own_id(set_name: str, task_id: str) -> str:
    """Our id of a row of theirs, if a comparison has left it in the cache; else the id as it is."""
    path = _ids_file(set_name, read_settings())
    return _ids(path, path.stat().st_mtime_ns).get(task_id, task_id) if path.is_file() else task_id


def keep_ids(set_name: str, found: HubComparison, settings: Settings) -> None:
    """Leave their ids in the cache, for `itax score`."""
    path = _ids_file(set_name, settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(found.ids), indent=0), "utf-8")


def _ids_file(set_name: str, settings: Settings) -> Path:
    return settings.cache_dir / "classeval" / f"{set_name.split('/')[-1]}-ids.json"


@lru_cache(maxsize=4)
def _ids(path: Path, mtime: int) -> dict[str, str]:
    del mtime
    found: dict[str, str] = json.loads(path.read_text("utf-8"))
    return found


def _compared(pairs: Sequence[tuple[str, Item | None, Mapping[str, Any]]], ours: int, equal: Any) -> HubComparison:
    matched = [(theirs, item, row) for theirs, item, row in pairs if item is not None]
    return HubComparison(
        rows=len(pairs),
        ours=ours,
        equal=sum(equal(item, row) for _, item, row in matched),
        ids={theirs: item.task_id for theirs, item, _ in matched},
        differing=tuple(theirs for theirs, item, row in pairs if item is None or not equal(item, row)),
    )


def _squeezed(*texts: str) -> tuple[str, ...]:
    return tuple("".join(text.split()) for text in texts)


HUB_SETS = (
    HubSet(LINES, "test", compare_lines, partial(keep_ids, LINES)),
    HubSet(METHODS, "test", compare_methods, partial(keep_ids, METHODS)),
)
