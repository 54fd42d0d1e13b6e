"""The table of tasks, put together from the benchmarks' own lists.

The YAML files of `task_yamls/` are labels for the host, written from this table by `make labels`; a test holds
them equal.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

import yaml

from itax_metrics.errors import ConfigError
from itax_tasks.benchmarks import bigcodebench, classeval, ds1000, evalplus, hand, hefim, mini, safim
from itax_tasks.paths import task_path
from itax_tasks.spec import TaskSpec

BENCHMARKS = (hefim, safim, classeval, bigcodebench, ds1000, evalplus, mini, hand)
"""Every benchmark lists its tasks as `TASKS`."""

TASKS: Mapping[str, TaskSpec] = {spec.name: spec for benchmark in BENCHMARKS for spec in benchmark.TASKS}


def task(name: str) -> TaskSpec:
    """The task of that name.

    Raises:
        ConfigError: no such task, with the nearest names; a group, with its tasks.
    """
    try:
        return TASKS[name]
    except KeyError:
        if name in groups():
            members = ", ".join(groups()[name])
            raise ConfigError(f"{name} is a group of {members}; name one of them.") from None
        raise ConfigError(f"There is no task {name!r}.{did_you_mean(name, TASKS)}") from None


@lru_cache(maxsize=1)
def groups() -> Mapping[str, tuple[str, ...]]:
    """The members of each group, tasks and further groups, as its YAML file lists them."""
    files = sorted((Path(task_path()) / "groups").glob("*.yaml"))
    read = (yaml.safe_load(file.read_text("utf-8")) for file in files)
    return {about["group"]: tuple(about["task"]) for about in read}


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence with the names next to a mistyped one, a space before it; how to list all where none is near."""
    near = difflib.get_close_matches(name, list(known), n=3)
    return f" Did you mean {', '.join(near)}?" if near else " `lm_eval ls tasks` lists all."
