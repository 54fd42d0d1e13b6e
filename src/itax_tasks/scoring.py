"""Answers to outcomes: extract by every rule of the task, execute each distinct program once, read the verdicts.

The one scorer behind all doors: lm-eval's filter, `itax score` and `itax demo` call it with the same
arguments and so cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from itax_metrics.errors import ConfigError, DataError
from itax_metrics.execution import Executor, LocalExecutor, VerdictCache
from itax_metrics.execution.executor import usable_cores
from itax_metrics.execution.programs import Program
from itax_metrics.execution.ray import RayExecutor
from itax_metrics.records import Item, Outcome, Status, TaskRun, Verdict
from itax_tasks.settings import Settings
from itax_tasks.tasks import TaskSpec

Stage = Literal["completion", "program-raw", "program"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One stored answer to one item."""

    task_id: str
    sample: int
    text: str
    stage: Stage = "completion"
    """completion: extraction applies; program: a finished program, extraction is skipped."""
    flags: tuple[str, ...] = ()
    """Flags known before execution, such as `truncated_prompt`."""


def make_executor(
    settings: Settings, *, share: int = 1, progress: str | bool = False, use_cache: bool = True
) -> LocalExecutor | RayExecutor:
    """The executor the settings ask for.

    Args:
        settings: executor, sandbox policy, workers, and where caches and environments live.
        share: processes on this machine that execute at the same time; each takes its part of the workers.
        progress: label of the progress bar on standard error, or False.
        use_cache: read and keep verdicts, so that an interrupted run goes on where it stopped.

    Raises:
        MissingExtraError: Ray is asked for and not installed.
    """
    cache = settings.state_dir / "verdicts.sqlite3"
    if settings.executor == "ray":
        return RayExecutor(
            workers=settings.workers, policy=settings.sandbox, cache=cache if use_cache else None, progress=progress
        )
    return LocalExecutor(
        workers=max(1, (settings.workers or usable_cores()) // max(1, share)),
        policy=settings.sandbox,
        cache=VerdictCache(cache) if use_cache else None,
        artifacts=settings.state_dir / "compiled",
        environments_folder=settings.state_dir.absolute() / "envs",
        progress=progress,
    )


def score(
    spec: TaskSpec,
    items: Mapping[str, Item],
    answers: Sequence[Answer],
    executor: Executor,
    *,
    time_scale: float = 1.0,
    on_outcome: Callable[[int, Verdict], None] | None = None,
) -> list[Outcome]:
    """Judge stored answers.

    Args:
        spec: the task; its first rule is the headline.
        items: the task's items by task_id.
        answers: any number per item, in the order the outcomes shall have.
        executor: runs the programs; equal programs are executed once.
        time_scale: multiplies the task's wall limit.
        on_outcome: called with (index of the answer, verdict) as headline verdicts arrive.

    Returns:
        One outcome per answer, in order.

    Raises:
        DataError: an answer to an item the task does not have.
    """
    programs: list[Program] = []
    index: list[dict[str, int]] = []
    owner: dict[int, int] = {}
    for number, answer in enumerate(answers):
        item = items.get(answer.task_id)
        if item is None:
            raise DataError(f"{spec.name} has no item {answer.task_id!r}; the answers belong to another task.")
        slots: dict[str, int] = {}
        for metric, body in _bodies(spec, item, answer).items():
            slots[metric] = len(programs)
            programs.append(spec.runnable(item, body, time_scale))
        owner[slots[spec.headline]] = number
        index.append(slots)

    def passed_on(position: int, verdict: Verdict) -> None:
        if on_outcome is not None and position in owner:
            on_outcome(owner[position], verdict)

    verdicts = executor.run(programs, on_verdict=passed_on)
    return [
        _outcome(spec, items[answer.task_id], answer, {metric: verdicts[at] for metric, at in slots.items()})
        for answer, slots in zip(answers, index, strict=True)
    ]


def rates(spec: TaskSpec, outcomes: Iterable[Outcome]) -> dict[str, float | None]:
    """Mean of every metric over items, an item being the mean of its samples; None (withheld) if any is undecided."""
    columns: dict[str, dict[str, list[float | None]]] = {metric: {} for metric in spec.rules}
    for outcome in outcomes:
        for metric, value in outcome.metrics.items():
            columns.setdefault(metric, {}).setdefault(outcome.task_id, []).append(value)
    means: dict[str, float | None] = {}
    for metric, items in columns.items():
        values = [_mean(samples) for samples in items.values()]
        means[metric] = _mean(values)
    return means


def _mean(values: Sequence[float | None]) -> float | None:
    decided = [value for value in values if value is not None]
    return sum(decided) / len(decided) if decided and len(decided) == len(values) else None


def task_run(
    spec: TaskSpec,
    data: Mapping[str, object],
    *,
    n_items: int,
    samples_per_item: int,
    time_scale: float,
    fim: Mapping[str, object] | None = None,
    generation: Mapping[str, object] | None = None,
) -> TaskRun:
    """The record of how a task was run, as `run.json` keeps it."""
    limits = spec.limits.scaled(time_scale)
    return TaskRun(
        task=spec.name,
        version=spec.version,
        condition=spec.condition,
        protocol=spec.protocol,
        headline=spec.headline,
        extraction=spec.rules[spec.headline],
        data=dict(data),
        limits={name: getattr(limits, name) for name in limits.__slots__},
        samples_per_item=samples_per_item,
        n_items=n_items,
        fim=dict(fim) if fim else None,
        metrics=tuple(spec.rules),
        generation=dict(generation or {}),
    )


def _bodies(spec: TaskSpec, item: Item, answer: Answer) -> dict[str, str]:
    if answer.stage == "program":
        # Finished by somebody else's extraction: only the headline can be judged.
        return {spec.headline: answer.text}
    if answer.stage == "program-raw":
        raise ConfigError(
            f"{spec.name} takes completions or finished programs; whole programs before post-processing "
            "(--stage program-raw) belong to tasks that post-process programs."
        )
    return {metric: spec.body(item, rule, answer.text) for metric, rule in spec.rules.items()}


def _outcome(spec: TaskSpec, item: Item, answer: Answer, verdicts: Mapping[str, Verdict]) -> Outcome:
    headline = verdicts[spec.headline]
    status = headline.status
    if not answer.text.strip() and headline.decided and not headline.passed:
        # Executed all the same: an empty answer can be right where the hole was dead code.
        status = Status.EMPTY
    return Outcome(
        task=spec.name,
        task_id=item.task_id,
        sample=answer.sample,
        cluster=item.cluster,
        verdict=status,
        passed=headline.passed,
        completion=answer.text,
        metrics={metric: (float(verdict.passed) if verdict.decided else None) for metric, verdict in verdicts.items()},
        flags=tuple(dict.fromkeys((*answer.flags, *headline.flags))),
        seconds=round(headline.seconds, 4),
        detail=headline.detail,
    )
