"""Putting two runs side by side: which may be compared, and item by item.

A difference between two models means something only where nothing else differs. What must be equal is refused with
both values and the remedy; what may matter but need not is a warning that stays with the numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from itax_metrics.errors import ConfigError, PairingError
from itax_metrics.records import Outcome, Run, TaskRun

OnMissing = Literal["error", "drop"]
Across = Literal["condition", "extraction", "cue"]

CUES = ("no_cue", "plain", "cue")
"""How much natural language a task shows, least first: a suffix of its name, or none."""

_PLAIN = ("raw", "direct")
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
    (base_run, instruct_run), names = (base[0], instruct[0]), _matching_tasks(base[0], instruct[0], across)
    base_rows, instruct_rows = _by_task(base[1]), _by_task(instruct[1])
    problems = _unequal_machines(base_run, instruct_run)
    tasks = []
    for left, right in names:
        label = left if left == right else f"{left} / {right}"
        problems += _unequal_settings(label, base_run.tasks[left], instruct_run.tasks[right], across)
        paired, found = _pair_items(
            label,
            (base_run.tasks[left], base_rows.get(left, {})),
            (instruct_run.tasks[right], instruct_rows.get(right, {})),
            on_missing,
        )
        problems += found
        items, dropped = paired
        warnings = _soft_differences(base_run.tasks[left], instruct_run.tasks[right])
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
        warnings=_run_warnings(base_run, instruct_run, across),
    )


def same_model(base: Run, instruct: Run) -> bool:
    """True where both runs are of one model at one revision."""
    return (base.model, base.revision) == (instruct.model, instruct.revision)


def cue_of(name: str, task: TaskRun) -> tuple[str, str]:
    """A task's name without the suffix of its cues, and that suffix, one of `CUES`."""
    stem = _stem(name, task)
    tail = name.removeprefix(stem)
    for cue in ("no_cue", "cue"):
        if stem.endswith(f"_{cue}"):
            return stem.removesuffix(f"_{cue}") + tail, cue
    return name, "plain"


def _matching_tasks(base: Run, instruct: Run, across: Across | None) -> list[tuple[str, str]]:
    if across == "cue":
        return _matching_cues(base, instruct)
    pairs = {(name, name) for name in base.tasks if name in instruct.tasks}
    if across == "condition":
        # A task keeps to its namesake; one without pairs with every relative on the other side.
        pairs |= {
            (left, right)
            for left, of_base in base.tasks.items()
            for right, of_instruct in instruct.tasks.items()
            if _stem(left, of_base) == _stem(right, of_instruct)
            and not (left in instruct.tasks and right in base.tasks)
            and not _has_plainer(base, left)
        }
    if not pairs:
        hint = "" if across else " Tasks of different conditions are paired with --across condition."
        raise PairingError(
            f"base and instruct share no task. Base has {_listed(base.tasks)}; instruct has {_listed(instruct.tasks)}. "
            f"Run the same --tasks with both models.{hint}"
        )
    return sorted(pairs)


def _matching_cues(base: Run, instruct: Run) -> list[tuple[str, str]]:
    """Of one model each task with its neighbour in cues, the one with more first; of two models, namesakes."""
    found = {
        (left, right)
        for left, of_base in base.tasks.items()
        for right, of_instruct in instruct.tasks.items()
        if _neighbours(cue_of(left, of_base), cue_of(right, of_instruct))
    }
    if not found or not (same_model(base, instruct) or any((right, left) in found for left, right in found)):
        raise PairingError(
            "--across cue needs a task and its sibling with more or less natural language, such as itax_safim and "
            "itax_safim_no_cue: of one model in either directory, or both of them of both models. Base has "
            f"{_listed(base.tasks)}; instruct has {_listed(instruct.tasks)}."
        )
    if same_model(base, instruct):
        return sorted(pair for pair in found if pair[::-1] not in found or _less(base, *pair))
    return sorted((name, name) for name in base.tasks if name in instruct.tasks)


def _neighbours(left: tuple[str, str], right: tuple[str, str]) -> bool:
    return left[0] == right[0] and abs(CUES.index(left[1]) - CUES.index(right[1])) == 1


def _less(run: Run, name: str, other: str) -> bool:
    """True where the second task shows less than the first."""
    first, second = (CUES.index(cue_of(task, run.tasks[task])[1]) for task in (name, other))
    return second < first


def _has_plainer(run: Run, name: str) -> bool:
    """True for a task whose run has the same benchmark with the raw or direct prompt, which is what others face."""
    task = run.tasks[name]
    return task.condition not in _PLAIN and any(
        other.condition in _PLAIN and _stem(of, other) == _stem(name, task) for of, other in run.tasks.items()
    )


def _stem(name: str, task: TaskRun) -> str:
    return name.removesuffix(f"_{task.condition}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _by_task(outcomes: Iterable[Outcome]) -> dict[str, dict[str, list[Outcome]]]:
    """Group rows by task and item, samples in order."""
    ordered = sorted(outcomes, key=lambda outcome: outcome.key)
    return {
        task: {task_id: list(group) for task_id, group in groupby(rows, key=lambda outcome: outcome.task_id)}
        for task, rows in groupby(ordered, key=lambda outcome: outcome.task)
    }


def _unequal_machines(base: Run, instruct: Run) -> list[str]:
    again = "Score both runs on one machine: `itax score` reads the stored answers, no model is needed."
    compared: tuple[tuple[str, Any, Any, str], ...] = (
        ("time scale", base.time_scale, instruct.time_scale, "Run `itax score` again with one ITAX_TIME_SCALE."),
        ("interpreter", base.interpreter, instruct.interpreter, again),
        ("compilers", dict(base.compilers), dict(instruct.compilers), again),
        ("pinned environments", dict(base.environments), dict(instruct.environments), again),
    )
    return [_violation("every task", *row) for row in compared if row[1] != row[2]]


def _unequal_settings(name: str, base: TaskRun, instruct: TaskRun, across: Across | None) -> list[str]:
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
    return [_violation(name, *row) for row in compared if row[1] != row[2]]


def _data_hash(task: TaskRun) -> Any:
    """The data's hash, or all that is known of data without one."""
    return task.data.get("sha256") or dict(task.data)


def _violation(name: str, what: str, base: Any, instruct: Any, remedy: str) -> str:
    return f"{name}: {_difference(what, base, instruct)}. {remedy}"


def _difference(what: str, base: Any, instruct: Any) -> str:
    """Name both values; of two mappings only the entries that differ."""
    if isinstance(base, Mapping) and isinstance(instruct, Mapping):
        differing = sorted(key for key in {*base, *instruct} if base.get(key) != instruct.get(key))
        base = {key: base.get(key) for key in differing}
        instruct = {key: instruct.get(key) for key in differing}
    return f"{what} differs: base {base!r}, instruct {instruct!r}"


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
            problems.append(_violation(name, f"sample numbers of {item}", *_samples(left, right), "Run both again."))
        elif left[0].cluster != right[0].cluster:
            clusters = left[0].cluster, right[0].cluster
            problems.append(_violation(name, f"cluster of {item}", *clusters, "Score both with one itax version."))
        items.append(PairedItem(item, left[0].cluster or item, tuple(left), tuple(right)))
    # One wrong item usually means all are wrong: the first tells enough.
    problems = problems[:1]
    if dropped and on_missing == "error":
        problems.append(_missing_message(name, len(items), len(every) + dropped.neither, dropped))
    elif not items:
        problems.append(f"{name}: no item has all its answers on both sides. Run the task again with both models.")
    return (tuple(items), dropped), problems


def _samples(left: Sequence[Outcome], right: Sequence[Outcome]) -> tuple[list[int], list[int]]:
    return [row.sample for row in left], [row.sample for row in right]


def _missing_message(name: str, shared: int, total: int, dropped: Dropped) -> str:
    parts = []
    for side, items in (("base", dropped.base), ("instruct", dropped.instruct)):
        if items:
            more = ", ..." if len(items) > _SHOWN else ""
            parts.append(f"{len(items)} missing in {side}: {', '.join(items[:_SHOWN])}{more}")
    if dropped.neither:
        parts.append(f"{dropped.neither} missing in both")
    return (
        f"{name}: base and instruct share {shared} of {total} items ({'; '.join(parts)}). "
        "Run the missing items, or pass --on-missing drop to compare the rest and record what was left out."
    )


def _soft_differences(base: TaskRun, instruct: TaskRun) -> tuple[str, ...]:
    compared = (
        ("condition", base.condition, instruct.condition),
        ("extraction rule", base.extraction, instruct.extraction),
        ("headline metric", base.headline, instruct.headline),
        ("FIM format", dict(base.fim or {}), dict(instruct.fim or {})),
        ("generation settings", dict(base.generation), dict(instruct.generation)),
    )
    return tuple(_difference(*row) for row in compared if row[1] != row[2])


def _run_warnings(base: Run, instruct: Run, across: Across | None) -> tuple[str, ...]:
    compared = (
        ("sandbox", dict(base.sandbox), dict(instruct.sandbox)),
        ("backend", base.backend, instruct.backend),
        ("versions", dict(base.versions), dict(instruct.versions)),
    )
    warnings = [_difference(*row) for row in compared if row[1] != row[2]]
    if across is None and same_model(base, instruct):
        warnings.append(f"both runs are of the same model ({base.model})")
    return tuple(warnings)
