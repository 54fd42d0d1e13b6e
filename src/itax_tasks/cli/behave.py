"""`itax behave`: behaviour measures and failure categories of stored scores."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from itax_metrics.behavior import Behavior, behaviors
from itax_metrics.behavior.summary import PAPER_WEIGHTS, Mean, by_file, by_task, macro, paper, pooled
from itax_metrics.store import write_score_dir
from itax_tasks.behaving import behave_directory
from itax_tasks.cli.folders import claim_scores
from itax_tasks.cli.settings import HELP
from itax_tasks.settings import read_settings

Means = dict[str, dict[str, Mean]]
"""Task, or data file, to behaviour to mean."""
Totals = dict[str, dict[str, float | None]]
"""Behaviour to figure over tasks."""


@click.command(context_settings=HELP)
@click.argument("scores", required=False, type=click.Path(path_type=Path))
@click.option("--behaviors", "names", default="core", show_default=True, help="Names with commas; core, all, none.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write the scores, completed, here.")
@click.option("--list", "listed", is_flag=True, help="List every measure, those of plug-ins included.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def behave(scores: Path | None, names: str, out: Path | None, listed: bool, as_json: bool) -> None:
    """How a scored model answers, apart from whether it is right.

    SCORES is a score directory, as `itax score` writes it. Nothing is executed: measures are computed anew from the
    stored answers, so a measure that is new applies to an old run.

    \b
    Examples:
      itax behave scores/base
      itax behave scores/base --behaviors all --out scores/base-all
      itax behave --list
    """
    if listed:
        click.echo(_listing(as_json))
        return
    if scores is None:
        raise click.UsageError("Name a score directory, or pass --list.")
    settings = replace(read_settings(), behaviors=tuple(name.strip() for name in names.split(",") if name.strip()))
    run, outcomes, notes = behave_directory(scores, settings)
    if out is not None:
        claim_scores(out, run.model, [outcome.key for outcome in outcomes])
        write_score_dir(out, run, outcomes)
    means, files = by_task(outcomes), by_file(outcomes)
    over = {name: _over_tasks(means, files, name) for name in _names(means)}
    failures = {
        task: Counter(row.category for row in outcomes if row.task == task and row.category) for task in run.tasks
    }
    if as_json:
        click.echo(json.dumps(_record(run.model, means, over, failures, notes), indent=2))
        return
    click.echo(_table(run.model, means, over, failures))
    for note in notes:
        click.echo(f"note: {note}")
    if out is not None:
        click.echo(f"written to {out}", err=True)


def _over_tasks(means: Means, files: Means, name: str) -> dict[str, float | None]:
    weighted = {f"paper_{kind}": paper(files, name, weights) for kind, weights in PAPER_WEIGHTS.items()}
    return {"pooled": pooled(means, name), "macro": macro(means, name), **weighted}


def _names(means: Means) -> list[str]:
    return [name for name in behaviors() if any(name in task for task in means.values())]


def _record(
    model: str, means: Means, over: Totals, failures: dict[str, Counter[str]], notes: list[str]
) -> dict[str, Any]:
    return {
        "model": model,
        "tasks": {
            task: {name: {"mean": mean.value, "n_items": mean.n_items} for name, mean in found.items()}
            for task, found in means.items()
        },
        "over_tasks": over,
        "categories": failures,
        "notes": notes,
    }


def _table(model: str, means: Means, over: Totals, failures: dict[str, Counter[str]]) -> str:
    known = behaviors()
    columns = list(means)
    extra = ["pooled", "macro"] if len(columns) > 1 else []
    known_to_paper = {column for row in over.values() for column, value in row.items() if value is not None}
    extra += [column for column in ("paper_infilling", "paper_completion") if column in known_to_paper]
    rows = [["", *columns, *extra]]
    for name, totals in over.items():
        behavior = known[name]
        cells = [_cell(behavior, means[task][name].value if name in means[task] else None) for task in columns]
        rows.append([name, *cells, *(_cell(behavior, totals[column]) for column in extra)])
    categories = sorted({str(category) for found in failures.values() for category in found})
    for category in categories:
        share = [found[category] / found.total() if found.total() else None for found in failures.values()]
        cells = ["-" if value is None else f"{100 * value:.2f} %" for value in share]
        rows.append([f"failures: {category}", *cells, *("" for _ in extra)])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [
        "  ".join(c.ljust(w) if at == 0 else c.rjust(w) for at, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    return "\n".join([model, *(line.rstrip() for line in lines)])


def _cell(behavior: Behavior, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.2f} %" if behavior.unit in ("rate", "share") else f"{value:.2f}"


def _listing(as_json: bool) -> str:
    known = behaviors().values()
    if as_json:
        return json.dumps([{"name": b.name, "about": b.about, "unit": b.unit, "core": b.core} for b in known], indent=2)
    width = max(len(behavior.name) for behavior in known)
    return "\n".join(f"{b.name.ljust(width)}  {'core' if b.core else '    '}  {b.unit:10}  {b.about}" for b in known)
