"""The terms under which two runs were made: what must be equal on both sides, and what may differ with a warning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from itax_metrics.matching import Across, same_model
from itax_metrics.records import Run, TaskRun


def unequal_machines(base: Run, instruct: Run) -> list[str]:
    """Where and how fast the runs were executed, as far as it differs: one violation a line."""
    again = "Score both runs on one machine: `itax score` reads the stored answers, no model is needed."
    compared: tuple[tuple[str, Any, Any, str], ...] = (
        ("time scale", base.time_scale, instruct.time_scale, "Run `itax score` again with one ITAX_TIME_SCALE."),
        ("interpreter", base.interpreter, instruct.interpreter, again),
        ("compilers", dict(base.compilers), dict(instruct.compilers), again),
        ("pinned environments", dict(base.environments), dict(instruct.environments), again),
    )
    return [violation("every task", *row) for row in compared if row[1] != row[2]]


def unequal_settings(name: str, base: TaskRun, instruct: TaskRun, across: Across | None) -> list[str]:
    """How a task was put and judged, as far as it differs and `across` does not allow it: one violation a line."""
    rescore = "Run `itax score` again with one itax for both."
    compared: list[tuple[str, Any, Any, str]] = [
        ("task version", base.version, instruct.version, "Run both models with one itax version."),
        (
            "options",
            base.data.get("options"),
            instruct.data.get("options"),
            "Run both models with the same --metadata.",
        ),
        ("data", _data_hash(base), _data_hash(instruct), "Point ITAX_DATA_DIR at one copy for both and run again."),
        ("judging", base.data.get("judging"), instruct.data.get("judging"), rescore),
        ("limits", dict(base.limits), dict(instruct.limits), "Run `itax score` again with the same limits."),
        ("samples per item", base.samples_per_item, instruct.samples_per_item, "Generate as many for both."),
    ]
    if across != "cue" or base.task == instruct.task:
        compared.append(("protocol", base.protocol, instruct.protocol, rescore))
    if across != "condition":
        how = "Run both under one condition, or pass --across condition if that difference is the question."
        compared.append(("condition", base.condition, instruct.condition, how))
    if across not in ("condition", "extraction"):
        how = "Run `itax score` again with one rule, or pass --across extraction if that difference is the question."
        compared.append(("extraction rule", base.extraction, instruct.extraction, how))
        compared.append(("headline metric", base.headline, instruct.headline, rescore))
    return [violation(name, *row) for row in compared if row[1] != row[2]]


def _data_hash(task: TaskRun) -> Any:
    """The data's hash, or all that is known of data without one."""
    return task.data.get("sha256") or dict(task.data)


def violation(name: str, what: str, base: Any, instruct: Any, remedy: str) -> str:
    """One line for what must be equal and is not: the task, both values and the remedy."""
    return f"{name}: {_difference(what, base, instruct)}. {remedy}"


def _difference(what: str, base: Any, instruct: Any) -> str:
    """Name both values; of two mappings only the entries that differ."""
    if isinstance(base, Mapping) and isinstance(instruct, Mapping):
        differing = sorted(key for key in {*base, *instruct} if base.get(key) != instruct.get(key))
        base = {key: base.get(key) for key in differing}
        instruct = {key: instruct.get(key) for key in differing}
    return f"{what} differs: base {base!r}, instruct {instruct!r}"


def soft_differences(base: TaskRun, instruct: TaskRun) -> tuple[str, ...]:
    """What differs between two records of a task and may: one warning each."""
    compared = (
        ("condition", base.condition, instruct.condition),
        ("extraction rule", base.extraction, instruct.extraction),
        ("headline metric", base.headline, instruct.headline),
        ("FIM format", dict(base.fim or {}), dict(instruct.fim or {})),
        ("generation settings", dict(base.generation), dict(instruct.generation)),
    )
    return tuple(_difference(*row) for row in compared if row[1] != row[2])


def run_warnings(base: Run, instruct: Run, across: Across | None) -> tuple[str, ...]:
    """What differs between two runs and may, and a model that is beside itself: one warning each."""
    compared = (
        ("sandbox", dict(base.sandbox), dict(instruct.sandbox)),
        ("backend", base.backend, instruct.backend),
        ("versions", dict(base.versions), dict(instruct.versions)),
    )
    warnings = [_difference(*row) for row in compared if row[1] != row[2]]
    if across is None and same_model(base, instruct):
        warnings.append(f"both runs are of the same model ({base.model})")
    return tuple(warnings)
