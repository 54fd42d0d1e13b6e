"""`itax score`: judge stored answers, write a score directory."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import click

from itax_metrics.behavior.summary import PAPER_BEHAVIORS, by_task
from itax_metrics.errors import ConfigError, DataError, ExecutionError
from itax_metrics.records import Outcome, Run
from itax_metrics.unavailable import unavailable, unavailable_note
from itax_tasks.answer import Stage
from itax_tasks.answers import FORMATS, Format, uneven
from itax_tasks.cli.folders import Key, claim_scores
from itax_tasks.cli.settings import HELP
from itax_tasks.rescore import Submission, from_completions, from_lm_eval, score_to_directory
from itax_tasks.scoring import rates
from itax_tasks.settings import read_settings
from itax_tasks.tasks import task


@click.command(context_settings=HELP)
@click.argument("source", required=False, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Score directory to write. [SOURCE/itax-score]"
)
@click.option("--task", "name", help="Task the answers belong to, with --completions.")
@click.option(
    "--completions",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="File of answers, or EvalPlus's folder of programs; several times for the journals of several ranks.",
)
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Format of the answers. [guessed]")
@click.option(
    "--stage",
    type=click.Choice(["completion", "program-raw", "program"]),
    help="What the text is. [program for a `solution` field, else completion]",
)
@click.option(
    "--data-version", help="Official version of the data the answers belong to, where a task has several. [its own]"
)
@click.option("--model", "model_name", help="Model name for run.json. [as recorded]")
@click.option(
    "--partial", is_flag=True, help="Accept a file that does not answer every item, or not all equally often."
)
@click.option(
    "--on-unknown",
    type=click.Choice(["error", "drop"]),
    default="error",
    show_default=True,
    help="What to do with answers to items the task does not have.",
)
@click.option("--fresh", is_flag=True, help="Execute everything again instead of reading the verdict cache.")
@click.option("--json", "as_json", is_flag=True, help="Print the rates as JSON.")
def score(
    source: Path | None,
    out: Path | None,
    name: str | None,
    completions: tuple[Path, ...],
    format_: str | None,
    stage: str | None,
    data_version: str | None,
    model_name: str | None,
    partial: bool,
    on_unknown: str,
    fresh: bool,
    as_json: bool,
) -> None:
    """Judge stored answers again; needs no model and no GPU.

    SOURCE is the --output_path of an lm_eval run with --log_samples (or one samples file). Other tools'
    answers come in by --task and --completions: rows {"task_id", "completion"}, or {"task_id", "solution"}
    for finished programs, .gz too. An interrupted run goes on where it stopped.

    \b
    Examples:
      itax score results/Qwen__Qwen2.5-Coder-7B --out base
      itax score --task itax_hefim --completions answers.jsonl --model my-model --out mine
    """
    settings = read_settings({"data_version": data_version} if data_version else None)
    if (source is None) == (not completions):
        raise ConfigError("Give either an lm-eval output folder, or --completions FILE with --task NAME.")
    if source is not None:
        given = [name for name, value in (("--format", format_), ("--stage", stage), ("--partial", partial)) if value]
        if given:
            raise ConfigError(f"{' and '.join(given)} belong to --completions; an lm-eval folder says these by itself.")
        submissions, model, notes = from_lm_eval(source, None if name is None else (name,))
        model["model"] = model_name or model["model"]
        out = out or (source if source.is_dir() else source.parent) / "itax-score"
    else:
        if out is None:
            raise ConfigError("Say where the score directory shall be: --out DIR.")
        submissions = [
            from_completions(
                *completions,
                name=name,
                format=cast("Format | None", format_),
                stage=cast("Stage | None", stage),
                partial=partial,
            )
        ]
        odd = uneven(submissions[0].answers)
        if odd and not partial:
            raise DataError(
                f"{completions[0]}: {odd}. Remove duplicates, as a resumed generation leaves them, or add what is "
                "missing; or pass --partial to take every row as a sample."
            )
        about = submissions[0].record
        model = {"model": model_name or about.get("model") or completions[0].stem, "revision": about.get("revision")}
        notes = []
    if data_version:
        settings.require_version_of(task(submission.task).family for submission in submissions)
    claim_scores(out, str(model.get("model") or "unknown"), _keys(submissions))
    run, outcomes = score_to_directory(
        submissions,
        out,
        settings,
        model=model,
        notes=notes,
        on_unknown="drop" if on_unknown == "drop" else "error",
        use_cache=not fresh,
    )
    click.echo(_as_json(run, outcomes) if as_json else _as_text(run, outcomes, out))
    undecided = [outcome for outcome in outcomes if not outcome.decided]
    if undecided:
        raise ExecutionError(
            f"{len(undecided)} answers have no verdict, so their task's headline is withheld. {undecided[0].detail}"
        )


def _keys(submissions: Sequence[Submission]) -> set[Key]:
    """What may be scored, in every spelling of an id that the task knows."""
    return {
        (submission.task, task_id, answer.sample)
        for submission in submissions
        for answer in submission.answers
        for task_id in (answer.task_id, task(submission.task).own_id(answer.task_id))
    }


def _by_task(run: Run, outcomes: Sequence[Outcome]) -> list[tuple[str, list[Outcome]]]:
    return [(name, [outcome for outcome in outcomes if outcome.task == name]) for name in run.tasks]


def _notes(run: Run, outcomes: Sequence[Outcome]) -> list[str]:
    """The run's notes, and the items of each task that cannot pass here."""
    found = [(name, unavailable(rows)) for name, rows in _by_task(run, outcomes)]
    return [*run.notes, *(f"{name}: {unavailable_note(ids, run.tasks[name].headline)}." for name, ids in found if ids)]


def _as_json(run: Run, outcomes: Sequence[Outcome]) -> str:
    record: dict[str, Any] = {"model": run.model, "notes": _notes(run, outcomes), "tasks": {}}
    for name, rows in _by_task(run, outcomes):
        verdicts = Counter(outcome.verdict.value for outcome in rows)
        record["tasks"][name] = {
            "items": run.tasks[name].n_items,
            "rates": rates(task(name), rows),
            "verdicts": verdicts,
            "categories": Counter(outcome.category for outcome in rows if outcome.category),
            "behaviors": {key: mean.value for key, mean in by_task(rows).get(name, {}).items()},
        }
    return json.dumps(record, indent=2)


def _as_text(run: Run, outcomes: Sequence[Outcome], out: Path) -> str:
    lines = [f"{run.model}: {len(outcomes)} answers scored into {out}"]
    for name, rows in _by_task(run, outcomes):
        values = rates(task(name), rows)
        shown = ", ".join(
            f"{metric} {'withheld' if value is None else f'{100 * value:.2f} %'}" for metric, value in values.items()
        )
        counts = Counter(outcome.verdict.value for outcome in rows)
        lines.append(f"  {name}: {shown}  (n = {run.tasks[name].n_items})")
        lines.append("    " + ", ".join(f"{status} {count}" for status, count in counts.most_common()))
        failures = Counter(outcome.category for outcome in rows if outcome.category)
        if failures:
            lines.append("    failures: " + ", ".join(f"{name} {count}" for name, count in failures.most_common()))
        means = by_task(rows).get(name, {})
        shown = ", ".join(f"{key} {100 * means[key].value:.2f} %" for key in PAPER_BEHAVIORS if key in means)
        if shown:
            lines.append(f"    {shown}  (`itax behave` shows all behaviours)")
    lines += [f"  note: {note}" for note in _notes(run, outcomes)]
    return "\n".join(lines)
