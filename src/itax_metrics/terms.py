"""The terms under which two runs were made: what must be equal on both sides, and what may differ with a warning."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from itax_metrics.matching import Across, same_model
from itax_metrics.records import Run, TaskRun

_TUNED = re.compile(r"(.*)[-_.](?:instruct|chat|it)((?:[-_.].*)?)", re.IGNORECASE | re.DOTALL)
_PLAIN = re.compile(r"[-_.](?:base|pt)(?=[-_.]|$)", re.IGNORECASE)

_SHOWN = 3
"""Entries of a list named in a message; the rest is counted. `run.json` has all."""


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
    more = "Generate as many for both; where as many were, the answers hold duplicates: remove them and score again."
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
        ("samples per item", base.samples_per_item, instruct.samples_per_item, more),
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
    head = re.split(" of | per ", what)[0]
    verb = "differ" if head.endswith("s") else "differs"
    if isinstance(base, Mapping) and isinstance(instruct, Mapping):
        keys = sorted(key for key in {*base, *instruct} if base.get(key) != instruct.get(key))
        return f"{what} {verb}: {', '.join(f'{key} ({_values(base.get(key), instruct.get(key))})' for key in keys)}"
    return f"{what} {verb}: {_values(base, instruct)}"


def _values(base: Any, instruct: Any) -> str:
    """Both values; of two lists with other entries, what only one has."""
    if isinstance(base, (list, tuple)) and isinstance(instruct, (list, tuple)):
        alone = {
            "base": [entry for entry in base if entry not in instruct],
            "instruct": [entry for entry in instruct if entry not in base],
        }
        if any(alone.values()):
            return "; ".join(f"only {side} {_listed(entries)}" for side, entries in alone.items() if entries)
    return f"base {base!r}, instruct {instruct!r}"


def _listed(entries: Sequence[Any]) -> str:
    more = f" and {len(entries) - _SHOWN} more" if len(entries) > _SHOWN else ""
    return ", ".join(repr(entry) for entry in entries[:_SHOWN]) + more


def soft_differences(base: TaskRun, instruct: TaskRun, across: Across | None = None) -> tuple[str, ...]:
    """What differs between two records of a task and may: one warning each.

    What `across` asks for is none: of two conditions neither their names and extraction rules, nor that one has FIM
    tokens or a chat template and the other has not.
    """
    asked = across == "condition" and base.condition != instruct.condition
    fims = [dict(run.fim or {}) for run in (base, instruct)]
    settings = [dict(run.generation) for run in (base, instruct)]
    if asked and None in (found.get("chat") for found in settings):
        settings = [{key: value for key, value in found.items() if key != "chat"} for found in settings]
    compared: tuple[tuple[str, Any, Any, bool], ...] = (
        ("condition", base.condition, instruct.condition, asked),
        ("extraction rule", base.extraction, instruct.extraction, asked or across == "extraction"),
        ("headline metric", base.headline, instruct.headline, False),
        ("FIM format", fims[0], fims[1], asked and not all(fims)),
        ("generation settings", settings[0], settings[1], False),
    )
    return tuple(_difference(*row) for *row, wanted in compared if row[1] != row[2] and not wanted)


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
    if _look_swapped(base.model, instruct.model):
        warnings.append(
            f"{base.model} stands as base and {instruct.model} as instruct: if they were swapped, every tax has the "
            "wrong sign"
        )
    return tuple(warnings)


def _look_swapped(base: str, instruct: str) -> bool:
    """Whether the first name is that of the second with the word for a tuned model in it."""
    tuned = _TUNED.fullmatch(base)
    return tuned is not None and tuned[1] + tuned[2] == _PLAIN.sub("", instruct)
