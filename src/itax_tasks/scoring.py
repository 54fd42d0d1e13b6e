"""Answers to outcomes: extract by every rule of the task, execute each distinct program once, read the verdicts.

The one scorer behind all doors: lm-eval's filter, `itax score` and `itax demo` call it with the same
arguments and so cannot disagree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from itax_metrics.behavior import Behavior, select
from itax_metrics.errors import ConfigError, DataError
from itax_metrics.execution import Executor, LocalExecutor, VerdictCache, languages
from itax_metrics.execution.programs import Program
from itax_metrics.execution.ray import RayExecutor
from itax_metrics.records import Flag, Item, Outcome, Status, TaskRun, Verdict
from itax_tasks.behaving import behaved
from itax_tasks.extraction import rule
from itax_tasks.settings import Settings
from itax_tasks.spec import TaskSpec

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
    generation: Mapping[str, Any] | None = None
    """How it was made, where the backend says: tokens, finish, ended_by, seconds, leaks."""
    tokens: int | None = None
    """Length by the model's own tokenizer, counted afterwards where the backend does not say."""

    @property
    def spent(self) -> int | None:
        """Tokens the answer took: what the backend said, else what was counted."""
        said = (self.generation or {}).get("tokens")
        return said if isinstance(said, int) else self.tokens


def make_executor(
    settings: Settings, *, share: int = 1, progress: str | bool = False, use_cache: bool = True
) -> LocalExecutor | RayExecutor:
    """The executor the settings ask for.

    Args:
        settings: executor, sandbox policy, workers, and where caches and environments live.
        share: processes on this machine that execute at the same time; each takes its part of workers and free memory.
        progress: label of the progress bar on standard error, or False.
        use_cache: read and keep verdicts, so that an interrupted run goes on where it stopped.

    Raises:
        MissingExtraError: Ray is asked for and not installed.
    """
    cache = settings.state_dir / "verdicts.sqlite3"
    artifacts, environments_folder = settings.state_dir / "compiled", settings.state_dir.absolute() / "envs"
    if settings.executor == "ray":
        return RayExecutor(
            workers=settings.workers,
            policy=settings.sandbox,
            cache=cache if use_cache else None,
            artifacts=artifacts,
            environments_folder=environments_folder,
            progress=progress,
            share=share,
        )
    return LocalExecutor(
        workers=None if settings.workers is None else max(1, settings.workers // max(1, share)),
        policy=settings.sandbox,
        cache=VerdictCache(cache) if use_cache else None,
        artifacts=artifacts,
        environments_folder=environments_folder,
        progress=progress,
        share=share,
    )


def score(
    spec: TaskSpec,
    items: Mapping[str, Item],
    answers: Sequence[Answer],
    executor: Executor,
    *,
    time_scale: float = 1.0,
    on_outcome: Callable[[int, Verdict], None] | None = None,
    behaviors: Sequence[Behavior] | None = None,
) -> list[Outcome]:
    """Judge stored answers.

    Args:
        spec: the task; its first metric is the headline.
        items: the task's items by task_id.
        answers: any number per item, in the order the outcomes shall have.
        executor: runs the programs; equal programs are executed once.
        time_scale: multiplies the task's wall limit.
        on_outcome: called with (index of the answer, verdict) as headline verdicts arrive.
        behaviors: measures of each answer; the core ones when None.

    Returns:
        One outcome per answer, in order.

    Raises:
        DataError: an answer to an item the task does not have.
    """
    if spec.prepare is not None:
        answered = dict.fromkeys(answer.task_id for answer in answers)
        spec.prepare([items[task_id] for task_id in answered if task_id in items])
    programs: list[Program] = []
    plans: list[dict[str, Verdict | dict[str, int]]] = []
    owner: dict[int, int] = {}
    for number, answer in enumerate(answers):
        item = items.get(answer.task_id)
        if item is None:
            raise DataError(f"{spec.name} has no item {answer.task_id!r}; the answers belong to another task.")
        plan: dict[str, Verdict | dict[str, int]] = {}
        for metric, parts in decisions(spec, item, answer, time_scale).items():
            if isinstance(parts, Verdict):
                plan[metric] = parts
                continue
            plan[metric] = {part: len(programs) + at for at, part in enumerate(parts)}
            programs.extend(parts.values())
        headline = plan[spec.headline]
        if not isinstance(headline, Verdict):
            owner.update(dict.fromkeys(headline.values(), number))
        plans.append(plan)
    watch = _Watch(plans, owner, spec.headline, on_outcome)
    verdicts = executor.run(programs, on_verdict=watch)
    outcomes = []
    chosen = select() if behaviors is None else behaviors
    for answer, plan in zip(answers, plans, strict=True):
        decided: dict[str, Verdict | Mapping[str, Verdict]] = {
            metric: entry if isinstance(entry, Verdict) else {part: verdicts[at] for part, at in entry.items()}
            for metric, entry in plan.items()
        }
        item = items[answer.task_id]
        outcomes.append(behaved(spec, item, _outcome(spec, item, answer, decided), chosen, answer.stage))
    return outcomes


def require_toolchains(spec: TaskSpec, items: Iterable[Item]) -> None:
    """See to it that every language of these items can be compiled and run here.

    Raises:
        ConfigError: naming, once for all languages, the Debian packages that bring what is missing.
    """
    used = used_languages(spec, items)
    lacking = {name: why for name in used if (why := languages.missing(name)) is not None}
    if lacking:
        rows = ", ".join(f"{used[name]} in {name}" for name in lacking)
        raise ConfigError(
            f"{spec.name} cannot execute the answers to all these items here ({rows}). {' '.join(lacking.values())} "
            "Or generate here with --predict_only and `itax score` on a machine that has them."
        )


def used_languages(spec: TaskSpec, items: Iterable[Item]) -> Counter[str]:
    """Items by the engine's language their programs run in."""
    return Counter(name for name in map(spec.runs_in, items) if name is not None)


def decisions(
    spec: TaskSpec, item: Item, answer: Answer, time_scale: float = 1.0
) -> dict[str, Verdict | dict[str, Program]]:
    """What decides about one answer, metric by metric: a verdict at once, or the programs of its named parts.

    A rule or judge that fails on an answer leaves that metric undecided and says why: one odd answer must not cost
    the others theirs.

    Raises:
        ConfigError: whole programs before post-processing, for a task that has no rule for them.
    """
    made: dict[str, Verdict | dict[str, Program]] = {}
    for metric in _metrics(spec, answer):
        try:
            decision = spec.decision(item, metric, _body(spec, item, metric, answer), time_scale)
        except Exception as error:
            detail = f"{metric} could not be prepared for {item.task_id}: {type(error).__name__}: {error}"
            made[metric] = Verdict(Status.HARNESS_ERROR, detail=detail)
            continue
        if isinstance(decision, Verdict):
            made[metric] = decision
        elif isinstance(decision, Program):
            made[metric] = {"": decision}
        else:
            made[metric] = dict(decision)
    return made


def rates(spec: TaskSpec, outcomes: Iterable[Outcome]) -> dict[str, float | None]:
    """Mean of every metric over items, an item being the mean of its samples; None (withheld) if any is undecided.

    Where the task knows groups, the headline of each follows as `<headline>_<group>`.
    """
    columns: dict[str, dict[str, list[float | None]]] = {metric: {} for metric in spec.measures}
    for outcome in outcomes:
        for metric, value in outcome.metrics.items():
            columns.setdefault(metric, {}).setdefault(outcome.task_id, []).append(value)
        for group in outcome.groups:
            column = columns.setdefault(f"{spec.headline}_{group}", {})
            column.setdefault(outcome.task_id, []).append(outcome.metrics.get(spec.headline))
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
        metrics=tuple(spec.measures),
        generation=dict(generation or {}),
    )


def _metrics(spec: TaskSpec, answer: Answer) -> list[str]:
    """The metrics an answer of that stage can be judged by."""
    if answer.stage == "completion":
        return list(spec.measures)
    if answer.stage == "program-raw":
        found = [metric for metric, measure in spec.measures.items() if measure.whole is not None]
        if spec.headline not in found:
            raise ConfigError(
                f"{spec.name} takes completions or finished programs; whole programs before post-processing "
                "(--stage program-raw) belong to tasks that post-process programs."
            )
        return found
    # Finished by somebody else's extraction, which stands for the headline's rule and no other.
    rule = spec.measures[spec.headline].rule
    return [metric for metric, measure in spec.measures.items() if measure.rule == rule]


def _body(spec: TaskSpec, item: Item, metric: str, answer: Answer) -> str:
    if answer.stage == "completion":
        return spec.body(item, metric, answer.text)
    whole = spec.measures[metric].whole
    if answer.stage == "program" or whole is None:
        return answer.text
    return rule(whole)(item, answer.text)


class _Watch:
    """Tells of a headline once all its parts have arrived."""

    def __init__(
        self,
        plans: Sequence[Mapping[str, Verdict | Mapping[str, int]]],
        owner: Mapping[int, int],
        headline: str,
        tell: Callable[[int, Verdict], None] | None,
    ) -> None:
        self._owner = owner
        self._tell = tell
        self._waiting: dict[int, dict[int, Verdict | None]] = {}
        if tell is None:
            return
        for number, plan in enumerate(plans):
            entry = plan[headline]
            if isinstance(entry, Verdict):
                tell(number, entry)
            else:
                self._waiting[number] = dict.fromkeys(entry.values())

    def __call__(self, position: int, verdict: Verdict) -> None:
        number = self._owner.get(position)
        if self._tell is None or number is None:
            return
        parts = self._waiting[number]
        parts[position] = verdict
        arrived = [part for part in parts.values() if part is not None]
        if len(arrived) == len(parts):
            self._tell(number, _joined({str(at): part for at, part in enumerate(arrived)}))


def _joined(parts: Mapping[str, Verdict]) -> Verdict:
    """One verdict of several parts: undecided where one is, else the first that is not passed."""
    if len(parts) == 1:
        return next(iter(parts.values()))
    worst = sorted(parts.items(), key=lambda part: (part[1].decided, part[1].passed))
    name, first = worst[0] if worst else ("", Verdict(Status.HARNESS_ERROR, detail="there is nothing to run"))
    flags = tuple(dict.fromkeys(flag for part in parts.values() for flag in part.flags))
    detail = first.detail if first.passed or not first.detail else f"{name}: {first.detail}"
    return Verdict(first.status, sum(part.seconds for part in parts.values()), flags, detail)


def _outcome(
    spec: TaskSpec, item: Item, answer: Answer, decided: Mapping[str, Verdict | Mapping[str, Verdict]]
) -> Outcome:
    verdicts = {metric: parts if isinstance(parts, Verdict) else _joined(parts) for metric, parts in decided.items()}
    headline = verdicts[spec.headline]
    metrics = {metric: _value(spec, metric, decided, verdicts) for metric in decided}
    status = headline.status
    if not answer.text.strip() and headline.decided and not headline.passed:
        # Executed all the same: an empty answer can be right where the hole was dead code.
        status = Status.EMPTY
    made = answer.generation or {}
    limit = (Flag.HIT_LIMIT.value,) if made.get("finish") == "length" else ()
    parts = decided[spec.headline]
    plus = metrics.get("plus_pass@1")
    known = spec.flags(item) if spec.flags is not None else ()
    return Outcome(
        task=spec.name,
        task_id=item.task_id,
        sample=answer.sample,
        cluster=item.cluster,
        verdict=status,
        passed=headline.passed,
        completion=answer.text,
        metrics=metrics,
        behaviors={} if made.get("leaks") is None else {"leaked_tokens": float(made["leaks"])},
        flags=tuple(dict.fromkeys((*answer.flags, *known, *limit, *headline.flags))),
        tokens=answer.spent,
        generation=answer.generation,
        seconds=round(headline.seconds, 4),
        detail=headline.detail,
        plus_passed=None if plus is None else plus > 0,
        test_classes=(
            None
            if isinstance(parts, Verdict) or "" in parts or not headline.decided
            else {name: part.passed for name, part in parts.items()}
        ),
        groups=tuple(spec.groups(item)) if spec.groups is not None else (),
    )


def _value(
    spec: TaskSpec,
    metric: str,
    decided: Mapping[str, Verdict | Mapping[str, Verdict]],
    verdicts: Mapping[str, Verdict],
) -> float | None:
    measure, parts = spec.measures[metric], decided[metric]
    needed = [verdicts[name] for name in (metric, *measure.requires) if name in verdicts]
    if not all(verdict.decided for verdict in needed):
        return None
    if measure.share and not isinstance(parts, Verdict):
        return sum(part.passed for part in parts.values()) / len(parts)
    return float(all(verdict.passed for verdict in needed))
