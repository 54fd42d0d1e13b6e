"""Putting two runs side by side: which may be compared, and item by item.

A difference between two models means something only where nothing else differs. What must be equal is refused with
both values and the remedy; what may matter but need not is a warning that stays with the numbers. Which task meets
which is said in `matching`, what must be equal in `terms`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from itax_metrics.errors import ConfigError, PairingError
from itax_metrics.matching import Across, matching_tasks, same_model
from itax_metrics.records import Outcome, Run, TaskRun
from itax_metrics.terms import run_warnings, soft_differences, unequal_machines, unequal_settings, violation

OnMissing = Literal["error", "drop"]

_SHOWN = 3
"""Item names listed in a message; the rest is counted."""


@dataclass(frozen=True, slots=True)
class PairedItem:
    """One benchmark item with the answers of both models, samples in order."""

    task_id: str
    cluster: str
    base: tuple[Outcome, ...]
    instruct: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Dropped:
    """Items left out by `on_missing="drop"`: an item is missing where any of its samples is."""

    base: tuple[str, ...] = ()
    """Missing in the base run."""
    instruct: tuple[str, ...] = ()
    """Missing in the instruct run."""
    neither: int = 0
    """Items that the runs announce but that no row names."""

    def __bool__(self) -> bool:
        return bool(self.base or self.instruct or self.neither)


@dataclass(frozen=True, slots=True)
class PairedTask:
    """One benchmark, answered by both models under equal terms."""

    base: TaskRun
    instruct: TaskRun
    base_task: str
    instruct_task: str
    items: tuple[PairedItem, ...]
    """Sorted by task_id."""
    dropped: Dropped
    warnings: tuple[str, ...]

    @property
    def name(self) -> str:
        """The task's name, or both names where `across` joined two."""
        return self.base_task if self.base_task == self.instruct_task else f"{self.base_task} / {self.instruct_task}"

    @property
    def headline(self) -> str:
        """The headline metric, or both where `across` lets them differ."""
        left, right = self.base.headline, self.instruct.headline
        return left if left == right else f"{left} / {right}"


@dataclass(frozen=True, slots=True)
class Pairing:
    """Everything two runs share, and what only one of them has."""

    tasks: tuple[PairedTask, ...]
    only_base: tuple[str, ...]
    only_instruct: tuple[str, ...]
    warnings: tuple[str, ...]


def pair(
    base: tuple[Run, Iterable[Outcome]],
    instruct: tuple[Run, Iterable[Outcome]],
    *,
    on_missing: OnMissing = "error",
    across: Across | None = None,
) -> Pairing:
    """Match two runs task by task and item by item, or say why they cannot be matched.

    Equal on both sides: task version, data hash, execution limits, time scale, interpreter, compilers, pinned
    environments, protocol, samples per item, headline metric, condition and extraction rule. `across="extraction"` lets
    extraction rule and headline metric differ; `across="condition"` lets condition, extraction rule (it belongs to the
    condition) and headline differ, and pairs a task that has no namesake with its relatives under another condition
    suffix (`itax_safim` with `itax_safim_chat`). `across="cue"` pairs the tasks of one model with their siblings that
    show less natural language (`itax_safim` with `itax_safim_no_cue`), whose protocol may differ; two models it pairs
    task by task, and demands that both have a task and such a sibling of it. Sandbox layers, FIM format, generation
    settings and tool versions may differ, with a warning.

    Args:
        base: Run and outcomes of the base model.
        instruct: Run and outcomes of the instruct model.
        on_missing: What to do where an item lacks samples on a side: refuse, or leave it out and record it.
        across: The one axis on which the runs are meant to differ besides the model.

    Raises:
        PairingError: No shared task, or something that must be equal is not; one line per violation, each with
            task, both values and remedy.
        ConfigError: `on_missing` or `across` is none of the choices.
    """
    if on_missing not in ("error", "drop"):
        raise ConfigError(f"on_missing is {on_missing!r}; choose 'error' or 'drop'.")
    if across not in (None, "condition", "extraction", "cue"):
        raise ConfigError(f"across is {across!r}; choose 'condition', 'extraction', 'cue' or nothing.")
    (base_run, instruct_run), names = (base[0], instruct[0]), matching_tasks(base[0], instruct[0], across)
    base_rows, instruct_rows = _by_task(base[1]), _by_task(instruct[1])
    problems = unequal_machines(base_run, instruct_run)
    tasks = []
    for left, right in names:
        label = left if left == right else f"{left} / {right}"
        problems += unequal_settings(label, base_run.tasks[left], instruct_run.tasks[right], across)
        paired, found = _pair_items(
            label,
            (base_run.tasks[left], base_rows.get(left, {})),
            (instruct_run.tasks[right], instruct_rows.get(right, {})),
            on_missing,
        )
        problems += found
        items, dropped = paired
        warnings = soft_differences(base_run.tasks[left], instruct_run.tasks[right], across)
        tasks.append(PairedTask(base_run.tasks[left], instruct_run.tasks[right], left, right, items, dropped, warnings))
    if problems:
        raise PairingError("\n".join(problems))
    used = {left for left, _ in names}, {right for _, right in names}
    if across == "cue" and same_model(base_run, instruct_run):
        # One model in two places: a task that takes part in either takes part.
        used = (used[0] | used[1],) * 2
    return Pairing(
        tasks=tuple(tasks),
        only_base=tuple(sorted(set(base_run.tasks) - used[0])),
        only_instruct=tuple(sorted(set(instruct_run.tasks) - used[1])),
        warnings=run_warnings(base_run, instruct_run, across),
    )


def _by_task(outcomes: Iterable[Outcome]) -> dict[str, dict[str, list[Outcome]]]:
    """Group rows by task and item, samples in order."""
    ordered = sorted(outcomes, key=lambda outcome: outcome.key)
    return {
        task: {task_id: list(group) for task_id, group in groupby(rows, key=lambda outcome: outcome.task_id)}
        for task, rows in groupby(ordered, key=lambda outcome: outcome.task)
    }


def _pair_items(
    name: str,
    base: tuple[TaskRun, Mapping[str, Sequence[Outcome]]],
    instruct: tuple[TaskRun, Mapping[str, Sequence[Outcome]]],
    on_missing: OnMissing,
) -> tuple[tuple[tuple[PairedItem, ...], Dropped], list[str]]:
    (base_task, base_rows), (instruct_task, instruct_rows) = base, instruct
    every = sorted({*base_rows, *instruct_rows})
    announced = max(base_task.n_items, instruct_task.n_items)
    dropped = Dropped(
        base=tuple(item for item in every if len(base_rows.get(item, ())) < base_task.samples_per_item),
        instruct=tuple(item for item in every if len(instruct_rows.get(item, ())) < instruct_task.samples_per_item),
        neither=max(0, announced - len(every)),
    )
    missing = {*dropped.base, *dropped.instruct}
    items, problems = [], []
    for item in every:
        if item in missing:
            continue
        left, right = base_rows[item], instruct_rows[item]
        if [row.sample for row in left] != [row.sample for row in right]:
            problems.append(violation(name, f"sample numbers of {item}", *_samples(left, right), "Run both again."))
        elif left[0].cluster != right[0].cluster:
            clusters = left[0].cluster, right[0].cluster
            problems.append(violation(name, f"cluster of {item}", *clusters, "Score both with one itax version."))
        items.append(PairedItem(item, left[0].cluster or item, tuple(left), tuple(right)))
    # One wrong item usually means all are wrong: the first tells enough.
    problems = problems[:1]
    if dropped and on_missing == "error":
        incomplete = [
            _Incomplete(side, task.samples_per_item, items_of, rows)
            for side, task, items_of, rows in (
                ("base", base_task, dropped.base, base_rows),
                ("instruct", instruct_task, dropped.instruct, instruct_rows),
            )
        ]
        problems.append(_missing_message(name, len(items), len(every) + dropped.neither, dropped.neither, incomplete))
    elif not items:
        problems.append(f"{name}: no item has all its answers on both sides. Run the task again with both models.")
    return (tuple(items), dropped), problems


def _samples(left: Sequence[Outcome], right: Sequence[Outcome]) -> tuple[list[int], list[int]]:
    return [row.sample for row in left], [row.sample for row in right]


@dataclass(frozen=True, slots=True)
class _Incomplete:
    """The items of one side that lack samples."""

    side: str
    samples: int
    """Samples an item of this run has."""
    items: tuple[str, ...]
    rows: Mapping[str, Sequence[Outcome]]

    def parts(self) -> list[str]:
        """What is missing: whole items, and samples of items."""
        absent = [item for item in self.items if item not in self.rows]
        short = [item for item in self.items if item in self.rows]
        found = [f"{len(absent)} missing in {self.side}: {_listed(absent)}"] if absent else []
        few = f"fewer than {self.samples} samples"
        return found + ([f"{len(short)} with {few} in {self.side}: {_listed(short)}"] if short else [])

    def surplus(self) -> str:
        """What to do where the odd items out are those that have all samples; empty where they are not."""
        full = sorted({*self.rows} - {*self.items})
        if not full or len(self.rows) <= 2 * len(full):
            return ""
        return (
            f"In {self.side} no more than {len(full)} of {len(self.rows)} items have {self.samples} samples "
            f"({_listed(full)}): if these are duplicates, as after a resumed generation, remove them from the answers "
            "and run `itax score` again. "
        )


def _missing_message(name: str, shared: int, total: int, neither: int, sides: Sequence[_Incomplete]) -> str:
    parts = [part for side in sides for part in side.parts()]
    if neither:
        parts.append(f"{neither} missing in both")
    surplus = "".join(side.surplus() for side in sides)
    remedy = (
        surplus or "Run what is missing, or pass --on-missing drop to compare the rest and record what was left out."
    )
    if surplus:
        remedy += f"--on-missing drop would leave out the other {total - shared} items."
    return f"{name}: base and instruct share {shared} of {total} items ({'; '.join(parts)}). {remedy}"


def _listed(items: Sequence[str]) -> str:
    return f"{', '.join(items[:_SHOWN])}{', ...' if len(items) > _SHOWN else ''}"
