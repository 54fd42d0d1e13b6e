"""itax_metrics: completions, programs, verdicts, counts. Knows no host and no model.

The public door. Importing it does no work; every name loads on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from itax_metrics.compare import compare as compare_runs
    from itax_metrics.errors import ConfigError, DataError, ExecutionError, ItaxError, MissingExtraError, PairingError
    from itax_metrics.execution import Judge, Limits, LocalExecutor, Program, VerdictCache, probe
    from itax_metrics.records import Flag, Item, Outcome, Run, Status, TaskRun, Verdict
    from itax_metrics.store import read_score_dir, write_score_dir

_HOMES = {
    "errors": ("ConfigError", "DataError", "ExecutionError", "ItaxError", "MissingExtraError", "PairingError"),
    "execution": ("Judge", "Limits", "LocalExecutor", "Program", "VerdictCache", "probe"),
    "records": ("Flag", "Item", "Outcome", "Run", "Status", "TaskRun", "Verdict"),
    "store": ("read_score_dir", "write_score_dir"),
}

__all__ = [
    "ConfigError",
    "DataError",
    "ExecutionError",
    "Flag",
    "ItaxError",
    "Item",
    "Judge",
    "Limits",
    "LocalExecutor",
    "MissingExtraError",
    "Outcome",
    "PairingError",
    "Program",
    "Run",
    "Status",
    "TaskRun",
    "Verdict",
    "VerdictCache",
    "compare_runs",
    "probe",
    "read_score_dir",
    "write_score_dir",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "compare_runs":  # not `compare`: the submodule of that name would take its place once imported
        return import_module("itax_metrics.compare").compare
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"itax_metrics.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
