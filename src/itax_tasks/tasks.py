"""The table of tasks, put together from the benchmarks' own lists.

The YAML files of `task_yamls/` are labels for the host, written from this table by `make labels`; a test holds
them equal.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from itax_metrics.errors import ConfigError
from itax_tasks.benchmarks import bigcodebench, classeval, ds1000, evalplus, hand, hefim, mini, safim
from itax_tasks.spec import TaskSpec

BENCHMARKS = (hefim, safim, classeval, bigcodebench, ds1000, evalplus, mini, hand)
"""Every benchmark lists its tasks as `TASKS`."""

TASKS: Mapping[str, TaskSpec] = {spec.name: spec for benchmark in BENCHMARKS for spec in benchmark.TASKS}


def task(name: str) -> TaskSpec:
    """The task of that name.

    Raises:
        ConfigError: no such task, with the nearest names.
    """
    try:
        return TASKS[name]
    except KeyError:
        near = difflib.get_close_matches(name, TASKS, n=3)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise ConfigError(f"There is no task {name!r}.{hint} Tasks: {', '.join(TASKS)}.") from None
