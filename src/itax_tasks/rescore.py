"""Stored answers to a score directory: everything after generation, from files, as often as wanted."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import itax_tasks
from itax_metrics.behavior import select
from itax_metrics.errors import ConfigError, DataError
from itax_metrics.execution import languages
from itax_metrics.records import Outcome, Run, TaskRun
from itax_metrics.store import write_score_dir
from itax_tasks import lm_eval_files
from itax_tasks.answer import Answer, Stage
from itax_tasks.answers import Format, coverage, read_answers
from itax_tasks.executors import make_executor
from itax_tasks.recorded import same_data
from itax_tasks.scoring import score, task_run
from itax_tasks.settings import Settings
from itax_tasks.spec import TaskSpec
from itax_tasks.tasks import TASKS, task
from itax_tasks.toolchains import require_toolchains, used_languages
from itax_tasks.tune import tiny

_NAMED = 20
"""So many disagreements with stored verdicts are named, the rest is counted."""
_WHO = ("model", "revision")


@dataclass(frozen=True, slots=True)
class Submission:
    """The answers of one model to one task, with what is known of how they were made."""

    task: str
    answers: tuple[Answer, ...]
    source: Path
    record: Mapping[str, Any] = field(default_factory=dict)
    recorded: Mapping[tuple[str, int], bool] = field(default_factory=dict)
    recorded_metrics: Mapping[str, Mapping[tuple[str, int], bool]] = field(default_factory=dict)
    partial: bool = False
    """True where items may be missing: a run under --limit, or the user said so."""


def from_lm_eval(
    source: Path, tasks: Collection[str] | None = None
) -> tuple[list[Submission], dict[str, Any], list[str]]:
    """The itax tasks of an lm-eval output folder or samples file.

    Args:
        source: the folder, or the file.
        tasks: only these are read, and need to be of one model; None: all.

    Returns:
        The submissions, the model record, and notes about what was passed over.

    Raises:
        DataError: no samples, none of an itax task, unreadable ones, or those of several models: the name differs, or
            what else `lm_eval_files.identity` says of them.
        ConfigError: no samples of the tasks asked for.
    """
    files = lm_eval_files.find_samples(source)
    specs = {file.path: lm_eval_files.spec_name(file.results, file.task) for file in files}
    ours = [file for file in files if specs[file.path] in TASKS]
    notes = [f"{file.path.name} is not of an itax task and was left out." for file in files if file not in ours]
    if not ours:
        names = ", ".join(file.task for file in files[:5])
        raise DataError(f"{source} holds samples of {names}, none of them an itax task.")
    if tasks is not None:
        ours = [file for file in ours if specs[file.path] in tasks]
        if not ours:
            raise ConfigError(
                f"{source} holds no samples of {', '.join(tasks)}; it holds {', '.join(sorted(set(specs.values())))}."
            )
    twice = [name for name, times in Counter(specs[file.path] for file in ours).items() if times > 1]
    if twice:
        raise DataError(f"{source} holds {twice[0]} under several task names. Name one of the samples files.")
    known = [lm_eval_files.model_record(file.results) for file in ours if file.results]
    models = sorted({str(record["model"]) for record in known})
    if len(models) > 1:
        raise DataError(
            f"{source} holds the newest samples of several models ({', '.join(models)}). Score them apart: --task NAME."
        )
    _refuse_several({specs[file.path]: lm_eval_files.identity(file.results) for file in ours if file.results}, source)
    model = known[-1] if known else lm_eval_files.model_record({})
    model["model"] = tiny.name_of(model["model"])
    submissions = []
    for file in ours:
        record = lm_eval_files.task_record(file.results, file.task)
        if not file.results:
            notes.append(f"No results_*.json beside {file.path.name}: model and settings are unknown.")
        if file.older:
            notes.append(f"{file.older} older samples files of {file.task} in the same folder were left out.")
        for note in lm_eval_files.backend_notes(model, record.get("fim")):
            if note not in notes:
                notes.append(note)
        stored = read_answers(file.path, format="lm-eval")
        asked = lm_eval_files.answered_items(file.results, file.task)
        here = len({answer.task_id for answer in stored.answers})
        if asked is not None and here < asked:
            raise DataError(
                f"{file.path} holds {here} of the {asked} items lm_eval asked: the file is cut off. Copy it again."
            )
        submissions.append(Submission(specs[file.path], stored.answers, file.path, record, partial=True))
    return submissions, model, notes


def _refuse_several(made: Mapping[str, Mapping[str, str | None]], source: Path) -> None:
    """Refuse tasks that were answered under one name by what are several models.

    Args:
        made: task to `lm_eval_files.identity` of the run that answered it.
        source: for the message.
    """
    for name in dict.fromkeys(name for found in made.values() for name in found):
        values: dict[str, str] = {}
        for task_name, found in made.items():
            value = found[name]
            if value is not None:
                values.setdefault(value, task_name)
        if len(values) > 1:
            shown = ", ".join(f"{value or 'none'} for {task_name}" for value, task_name in values.items())
            raise DataError(
                f"{source} holds the newest samples of one model under several settings ({name}: {shown}). Score them "
                "apart: --task NAME."
            )


def from_completions(
    *paths: Path, name: str | None, format: Format | None, stage: Stage | None, partial: bool
) -> Submission:
    """Answers to one task, in one of the formats of `answers`; several files, such as one a rank, are joined.

    Raises:
        ConfigError: no task named, and the rows do not name one either.
        DataError: unreadable, or the rows name another task, or their runs another model or revision.
    """
    found = [read_answers(path, format=format, stage=stage) for path in paths]
    for path, stored in zip(paths, found, strict=True):
        if name is not None and stored.task is not None and name != stored.task:
            raise DataError(f"{path} holds answers of {stored.task}, not of {name}.")
    named = {task for task in (name, *(stored.task for stored in found)) if task is not None}
    if not named:
        tasks = ", ".join(TASKS)
        raise ConfigError(f"{paths[0]} does not say which task it answers; name it with --task. Tasks: {tasks}.")
    if len(named) > 1:
        raise DataError(f"The files answer {' and '.join(sorted(named))}; give the files of one task.")
    answers = tuple(answer for stored in found for answer in stored.answers)
    twice = [key for key, times in Counter((answer.task_id, answer.sample) for answer in answers).items() if times > 1]
    if twice:
        raise DataError(
            f"{len(twice)} samples stand in more than one file, first {twice[0][0]!r} sample {twice[0][1]}."
        )
    abouts = [about for path in paths if (about := _about(path))]
    models = sorted({" at ".join(str(about[key]) for key in _WHO if about.get(key)) for about in abouts})
    if len(models) > 1:
        raise DataError(f"The files hold answers of several models ({', '.join(models)}). Score them apart.")
    recorded = {key: passed for stored in found for key, passed in stored.recorded.items()}
    further: dict[str, dict[tuple[str, int], bool]] = {}
    for stored in found:
        for metric, verdicts in stored.recorded_metrics.items():
            further.setdefault(metric, {}).update(verdicts)
    return Submission(named.pop(), answers, paths[0], _about(paths[0]), recorded, further, partial)


def score_to_directory(
    submissions: Sequence[Submission],
    out: Path,
    settings: Settings,
    *,
    model: Mapping[str, Any],
    notes: Sequence[str] = (),
    on_unknown: Literal["error", "drop"] = "error",
    progress: bool = True,
    use_cache: bool = True,
) -> tuple[Run, list[Outcome]]:
    """Judge every submission and write `run.json` and `outcomes.jsonl` into `out`.

    Raises:
        DataError: answers to unknown items, missing answers where they are not expected, or rows that were
            generated from other data than what is here.
    """
    behaviors = select(settings.behaviors)
    tasks: dict[str, TaskRun] = {}
    outcomes: list[Outcome] = []
    all_notes = list(notes)
    environment: dict[str, Any] = {}
    compilers: dict[str, str] = {}
    pinned: dict[str, dict[str, str]] = {}
    ready = []
    for submission in submissions:
        spec = task(submission.task)
        loaded = spec.load(_as_generated(submission, settings))
        same_data(submission.task, (submission.record.get("data") or {}).get("sha256"), loaded.data)
        submission = _in_own_spelling(submission, spec, {item.task_id for item in loaded.items})
        answers = _matched(submission, [item.task_id for item in loaded.items], on_unknown, all_notes)
        items = loaded.by_id()
        met = [items[name] for name in {answer.task_id for answer in answers}]
        require_toolchains(spec, met)
        compilers.update({name: languages.version(name) or "" for name in used_languages(spec, met)})
        all_notes += _setting_notes(submission, spec, settings)
        ready.append((submission, spec, loaded, answers))
    for submission, spec, loaded, answers in ready:
        with make_executor(settings, progress=spec.name if progress else False, use_cache=use_cache) as executor:
            found = score(spec, loaded.by_id(), answers, executor, time_scale=settings.time_scale, behaviors=behaviors)
            environment = executor.describe()
            pinned.update(environment.get("environments") or {})
        answered = {answer.task_id for answer in answers}
        samples = Counter(answer.task_id for answer in answers)
        per_item = max(samples.values())
        if min(samples.values()) < per_item:
            all_notes.append(f"{spec.name}: items have {min(samples.values())} to {per_item} samples each.")
        tasks[spec.name] = task_run(
            spec,
            loaded.data,
            n_items=len(answered),
            samples_per_item=per_item,
            time_scale=settings.time_scale,
            fim=submission.record.get("fim"),
            generation={**_generation(submission.record), **_stage(answers)},
        )
        outcomes += found
        all_notes += _disagreements(submission, found)
    run = Run(
        model=str(model.get("model") or "unknown"),
        tasks=tasks,
        revision=model.get("revision"),
        backend=model.get("backend"),
        time_scale=settings.time_scale,
        sandbox={key: environment.get(key) for key in ("policy", "layers", "missing")},
        interpreter=str(environment.get("interpreter", "")),
        compilers={name: version for name, version in sorted(compilers.items()) if version},
        environments=dict(sorted(pinned.items())),
        versions={"itax": itax_tasks.__version__, **_installed("lm_eval"), **dict(model.get("versions") or {})},
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        notes=tuple(all_notes),
    )
    write_score_dir(out, run, outcomes)
    return run, outcomes


def _as_generated(submission: Submission, settings: Settings) -> Settings:
    """The settings with the data version and the choices the answers were generated from, where the user names none."""
    chosen = submission.record.get("settings") or {}
    settings, version = settings.with_options(chosen.get("options") or {}), chosen.get("data_version")
    return settings if settings.data_version or not version else replace(settings, data_version=str(version))


def _generation(record: Mapping[str, Any]) -> dict[str, Any]:
    """The generation settings with the stop strings each request really had: the YAML's own and the family's."""
    settings = dict(record.get("generation") or {})
    if record.get("stops"):
        until = settings.get("until") or []
        until = [until] if isinstance(until, str) else until
        settings["until"] = list(dict.fromkeys((*until, *record["stops"])))
    for name in ("chat", "task_version"):
        if record.get(name) is not None:
            settings[name] = record[name]
    return settings


def _stage(answers: Sequence[Answer]) -> dict[str, str]:
    """What the stored texts are, where they are no completions; measures of behaviour need to know."""
    stages = {answer.stage for answer in answers} - {"completion"}
    return {"stage": stages.pop()} if len(stages) == 1 else {}


def _about(journal: Path) -> dict[str, Any]:
    """What the run that journaled these answers wrote beside them; empty for a file from elsewhere."""
    beside = journal.with_suffix(".about.json")
    try:
        about = json.loads(beside.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    record = {**(about.get("itax") or {}), "generation": about.get("generation") or {}}
    return {**record, "model": about.get("model"), "revision": about.get("revision")}


def _setting_notes(submission: Submission, spec: TaskSpec, settings: Settings) -> list[str]:
    """Where this scoring differs from the one lm_eval printed, or the task from the one that was asked."""
    notes = []
    then = submission.record.get("settings") or {}
    now = settings.record()
    for name in ("time_scale", "sandbox"):
        if name in then and then[name] != now[name]:
            notes.append(f"{spec.name}: scored with {name} {now[name]}; lm_eval's own table used {then[name]}.")
    version = submission.record.get("task_version")
    if version is not None and float(version) != spec.version:
        notes.append(
            f"{spec.name}: the answers were generated for version {version} of the task, this is {spec.version}."
        )
    return notes


def _matched(
    submission: Submission, task_ids: list[str], on_unknown: Literal["error", "drop"], notes: list[str]
) -> list[Answer]:
    met = coverage(submission.answers, task_ids)
    known = set(task_ids)
    stray = len([answer for answer in submission.answers if answer.task_id not in known])
    if met.unknown and on_unknown == "error":
        raise DataError(
            f"{submission.source}: {stray} answers are to items {submission.task} does not have "
            f"(first: {', '.join(met.unknown[:3])}). Name the right --task, or pass --on-unknown drop."
        )
    if met.unknown:
        notes.append(f"{submission.task}: {stray} answers to unknown items were dropped.")
    if len(met.missing) == len(task_ids):
        raise DataError(f"{submission.source} answers no item of {submission.task}.")
    if met.missing and not submission.partial:
        raise DataError(
            f"{submission.source} has no answer for {len(met.missing)} of {len(task_ids)} items of {submission.task} "
            f"(first: {', '.join(met.missing[:3])}). Complete it, or pass --partial to score the rest as a part."
        )
    if met.missing:
        answered = len(task_ids) - len(met.missing)
        notes.append(f"{submission.task}: {answered} of {len(task_ids)} items were answered; the rate is over these.")
    unknown = set(met.unknown)
    return [answer for answer in submission.answers if answer.task_id not in unknown]


def _in_own_spelling(submission: Submission, spec: TaskSpec, known: set[str]) -> Submission:
    """The answers under our ids, where they were published under others."""
    names = {answer.task_id for answer in submission.answers} - known
    ours = {name: spec.own_id(name) for name in names}
    if all(ours[name] == name for name in names):
        return submission
    answers = tuple(replace(answer, task_id=ours.get(answer.task_id, answer.task_id)) for answer in submission.answers)
    recorded = {(ours.get(name, name), sample): passed for (name, sample), passed in submission.recorded.items()}
    return replace(submission, answers=answers, recorded=recorded)


def _disagreements(submission: Submission, outcomes: Sequence[Outcome]) -> list[str]:
    notes = []
    for metric, recorded in (("", submission.recorded), *submission.recorded_metrics.items()):
        pairs = [
            (outcome, recorded[(outcome.task_id, outcome.sample)])
            for outcome in outcomes
            if outcome.decided and (outcome.task_id, outcome.sample) in recorded
        ]
        if not pairs:
            continue
        differing = [
            outcome.task_id
            for outcome, passed in pairs
            if (outcome.metrics.get(metric) == 1.0 if metric else outcome.passed) != passed
        ]
        what = f"stored verdicts of {metric}" if metric else "stored verdicts"
        note = f"{submission.task}: {len(pairs) - len(differing)} of {len(pairs)} {what} agree with ours"
        more = f" and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
        notes.append(note + (f"; not {', '.join(differing[:_NAMED])}{more}." if differing else "."))
    return notes


def _installed(package: str) -> dict[str, str]:
    try:
        return {package: metadata.version(package)}
    except metadata.PackageNotFoundError:
        return {}
