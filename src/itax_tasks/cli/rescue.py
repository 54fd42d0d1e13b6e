"""`itax rescue`: what cheap safeguards would save."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from itax_metrics.errors import ConfigError, DataError
from itax_metrics.store import read_score_dir
from itax_tasks.cli.settings import HELP
from itax_tasks.executors import make_executor
from itax_tasks.recorded import load_recorded
from itax_tasks.rescue import ORACLE, SAFEGUARDS, Rescue
from itax_tasks.rescue import rescue as run_again
from itax_tasks.settings import read_settings
from itax_tasks.tasks import TASKS, task


@click.command(context_settings=HELP)
@click.argument("scores", type=click.Path(path_type=Path))
@click.option("--task", "only", help="One task of the run. [all]")
@click.option("--safeguards", default=",".join(SAFEGUARDS), show_default=True, help="Names with commas.")
@click.option("--bound", is_flag=True, help=f"Also {ORACLE}: failed answers cut after each of their lines.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def rescue(scores: Path, only: str | None, safeguards: str, bound: bool, as_json: bool) -> None:
    """Run stored answers again under named safeguards.

    SCORES is a score directory. For each safeguard: how many answers it changes, how many failures it turns into
    passes, how many passes it breaks.

    \b
    first_line       the first line that is not blank
    fence_removal    the first fenced block
    echo_removal     no repeated prefix, nothing from the suffix's first line on
    declaration_cut  nothing from the first declaration below the first line on
    sentinel_cut     nothing from the first control token on
    combined         all but first_line

    first_line and declaration_cut are made for holes in given code and do not apply to instruction tasks.

    \b
    Example:
      itax rescue scores/instruct
    """
    settings = read_settings()
    run, outcomes = read_score_dir(scores)
    if only is not None and only not in run.tasks:
        raise ConfigError(f"{scores} holds no {only}; it holds {', '.join(run.tasks)}.")
    names = [name for name in map(str.strip, safeguards.split(",")) if name] + [ORACLE] * bound
    found: list[Rescue] = []
    notes: list[str] = []
    for name in [only] if only else list(run.tasks):
        if name not in TASKS:
            notes.append(f"{name} is no task of this version of itax.")
            continue
        if run.tasks[name].generation.get("stage", "completion") != "completion":
            notes.append(f"{name}: the stored texts are whole programs; safeguards need completions.")
            continue
        spec = task(name)
        items = load_recorded(spec, run.tasks[name].data, settings).by_id()
        rows = [outcome for outcome in outcomes if outcome.task == name]
        strange = next((row.task_id for row in rows if row.task_id not in items), None)
        if strange is not None:
            raise DataError(f"{scores}: {name} has no item {strange!r} in the data here; it was run on other data.")
        with make_executor(settings, progress=False if as_json else name) as executor:
            found += run_again(spec, items, rows, executor, names=names, time_scale=run.time_scale)
    if as_json:
        record = [{**asdict(row), "rate": row.rate if row.applicable else None} for row in found]
        click.echo(json.dumps({"model": run.model, "safeguards": record, "notes": notes}, indent=2))
        return
    click.echo(_table(run.model, found))
    for note in notes:
        click.echo(f"note: {note}")


def _table(model: str, found: list[Rescue]) -> str:
    rows: list[tuple[str, ...]] = [
        ("task", "safeguard", "answers", "passed", "changed", "rescued", "broken", "pass rate", "change")
    ]
    for row in found:
        before = row.passed / row.n if row.n else 0.0
        shown: tuple[str, ...] = ("not applicable", "-", "-", "-", "-")
        if row.applicable:
            rates = (f"{100 * row.rate:.2f} %", f"{100 * (row.rate - before):+.2f}")
            shown = (*map(str, (row.changed, row.rescued, row.broken)), *rates)
        rows.append((row.task, row.safeguard, str(row.n), str(row.passed), *shown))
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = []
    for cells in rows:
        padded = [c.ljust(w) if at < 2 else c.rjust(w) for at, (c, w) in enumerate(zip(cells, widths, strict=True))]
        lines.append("  ".join(padded).rstrip())
    undecided = sum(row.undecided for row in found)
    if undecided:
        lines.append(f"note: {undecided} changed answers could not be judged and count as before.")
    return "\n".join([model, *lines])
