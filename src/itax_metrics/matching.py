"""Which task of one run meets which task of the other: its namesake, or a relative along the axis asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from itax_metrics.errors import PairingError
from itax_metrics.records import Run, TaskRun

Across = Literal["condition", "extraction", "cue"]
"""The one axis on which two runs may differ on purpose, besides the model."""

CUES = ("no_cue", "plain", "cue")
"""How much natural language a task shows, least first: a suffix of its name, or none."""

_PLAIN = ("raw", "direct")


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


def matching_tasks(base: Run, instruct: Run, across: Across | None) -> list[tuple[str, str]]:
    """The names of the tasks that meet, base first, sorted.

    Raises:
        PairingError: none do.
    """
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
