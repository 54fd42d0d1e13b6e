"""`itax export`: one score directory in the forms of leaderboards."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import click
import yaml

from itax_metrics.errors import ConfigError
from itax_metrics.export.every_eval_ever import RELATIONSHIPS, file_name, record, seconds
from itax_metrics.export.huggingface import eval_results, model_index
from itax_metrics.export.rates import rates
from itax_metrics.store import RUN_FILE, read_score_dir, write_atomic
from itax_tasks.cli.folders import refuse_other_exports
from itax_tasks.cli.settings import HELP

FORMATS = ("eval-results", "model-index", "every-eval-ever")


@click.command("export", context_settings=HELP, short_help="Scores in the forms of leaderboards.")
@click.argument("scores", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="Which form to write.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="The folder to write to.")
@click.option("--source", help="Address where the evaluation can be read about; needed for the two hub forms.")
@click.option("--dataset", "named", multiple=True, metavar="TASK=ID", help="The hub data set of a task.")
@click.option("--organization", default="unknown", show_default=True, help="Who evaluated (every-eval-ever).")
@click.option(
    "--relationship",
    type=click.Choice(RELATIONSHIPS),
    default="third_party",
    show_default=True,
    help="Of the evaluator to the model (every-eval-ever).",
)
@click.option("--partial", is_flag=True, help="Write tasks of which only some items were answered, as such.")
def export(
    scores: Path,
    form: str,
    out: Path,
    source: str | None,
    named: tuple[str, ...],
    organization: str,
    relationship: str,
    partial: bool,
) -> None:
    """Write the scores of one run (SCORES, a score directory) for a leaderboard or a model card.

    Each number carries protocol, condition, versions, the sha256 of the data and the notes of its run. A task with
    answers that have no verdict is refused, and without --partial one of which only some items were answered. Nothing
    is uploaded, and no file is replaced but an export of this very run.

    \b
    Examples:
      itax export scores/base --format eval-results --source https://example.org/run --out card
      itax export scores/base --format every-eval-ever --organization "My lab" --out records

    eval-results: .eval_results/TASK.yaml for the model's repository. model-index: model-index.yaml, for the front
    matter of its README. every-eval-ever: one JSON record of schema 0.3.0, which names outcomes.jsonl by its sha256.
    """
    datasets = dict(_dataset(entry) for entry in named)
    run, outcomes = read_score_dir(scores)
    found = rates(run, outcomes, datasets, partial=partial)
    if form != "every-eval-ever" and source is None:
        raise ConfigError(f"--format {form} needs --source, the address where this evaluation can be read about.")
    digest = hashlib.sha256((scores / RUN_FILE).read_bytes()).hexdigest()
    files: dict[Path, str] = {}
    if form == "eval-results":
        for name, content in eval_results(run, found, source or "", digest).items():
            files[out / ".eval_results" / name] = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        unknown = [rate.task.task for rate in found if not rate.dataset]
        if unknown:
            click.echo(f"left out, no hub data set is known: {', '.join(unknown)} (--dataset TASK=ID)", err=True)
    elif form == "model-index":
        card = model_index(run, found, source or "", digest)
        files[out / "model-index.yaml"] = yaml.safe_dump(card, sort_keys=False)
    else:
        one = record(
            run,
            found,
            organization=organization,
            relationship=relationship,
            rows=_rows(scores),
            run_sha256=digest,
            now=seconds(run.created, time.time()),
        )
        files[out / file_name(run)] = f"{json.dumps(one, indent=2, allow_nan=False)}\n"
    if not files:
        raise ConfigError("No task of this run has a hub data set. Name one: --dataset TASK=ID.")
    refuse_other_exports(files, digest)
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text)
        click.echo(path)


def _dataset(entry: str) -> tuple[str, str]:
    task, equals, dataset = entry.partition("=")
    if not (task and equals and dataset):
        raise ConfigError(f"--dataset {entry}: write TASK=ID, such as itax_hefim=loubnabnl/humaneval_infilling.")
    return task, dataset


def _rows(scores: Path) -> dict[str, Any]:
    """Digest and number of the rows, as `run.json` states them; the reader has checked them."""
    about: dict[str, Any] = json.loads((scores / RUN_FILE).read_text("utf-8"))["outcomes"]
    return about
