"""The items that stored answers belong to: read as their run read them, and seen to be the same.

A score directory keeps verdicts and no items. Whoever needs the items afterwards must not read those of another data
version, or those shown under other choices: the ids are the same, and nothing else would tell.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from itax_metrics.errors import DataError, ItaxError
from itax_metrics.records import Item, Run
from itax_metrics.store import jsonable
from itax_tasks.benchmarks.base import Loaded
from itax_tasks.settings import OPTIONS, Settings, read_settings
from itax_tasks.spec import TaskSpec
from itax_tasks.tasks import TASKS


def load_recorded(spec: TaskSpec, data: Mapping[str, Any], settings: Settings) -> Loaded:
    """The items of a task as the run of a score directory had them.

    The run's version of the data and its choices count, whatever is set now.

    Args:
        spec: the task.
        data: `data` of its record in `run.json`.
        settings: where the data are; the data version where the record names none.

    Raises:
        DataError: the data cannot be had, or are not those of the run.
    """
    judging = {f"{spec.family}_{name}": value for name, value in (data.get("judging") or {}).items()}
    chosen = {**judging, **(data.get("options") or {})}
    options = tuple(sorted((name, str(value)) for name, value in chosen.items() if name in OPTIONS))
    version = str(data["version"]) if data.get("version") else settings.data_version
    loaded = spec.load(replace(settings, options=options, data_version=version))
    same_data(spec.name, data.get("sha256"), loaded.data)
    return loaded


def same_data(task: str, recorded: str | None, data: Mapping[str, Any]) -> None:
    """Compare data with those that a run recorded.

    Args:
        task: for the message.
        recorded: the sha256 that the run recorded; None where it recorded none, which cannot be compared.
        data: the record of the data that are here.

    Raises:
        DataError: they differ.
    """
    if recorded and recorded != data["sha256"]:
        raise DataError(
            f"{task}: the answers were generated from data with sha256 {recorded[:12]}..., here is "
            f"{str(data['sha256'])[:12]}.... Name their data version (ITAX_DATA_VERSION), use the itax version that "
            "generated them, or generate again."
        )


def item_finder(notes: list[str], lost: str) -> Callable[[Run], Callable[[str, str], Item | None]]:
    """For each run a function (task, task_id) -> item; None where the item cannot be read.

    Args:
        notes: what cannot be read is added here, each task and data once.
        lost: the note, with `{task}` and `{why}`.
    """

    @cache
    def items(task: str, data: str) -> Mapping[str, Item]:
        try:
            return load_recorded(TASKS[task], json.loads(data), read_settings()).by_id()
        except (ItaxError, OSError) as error:
            notes.append(lost.format(task=task, why=str(error).splitlines()[0]))
            return {}

    def of(run: Run) -> Callable[[str, str], Item | None]:
        def find(task: str, task_id: str) -> Item | None:
            if task not in TASKS:
                return None
            # As text, which can be a key: several runs on the same data load them once.
            return items(task, json.dumps(jsonable(run.tasks[task].data), sort_keys=True)).get(task_id)

        return find

    return of
