"""`itax label`: failed answers for two raters, and how far they agree."""

from __future__ import annotations

import json
from pathlib import Path

import click

from itax_metrics.errors import ConfigError, DataError
from itax_metrics.failures.agreement import Agreement, agreement, read_key, read_labels, shared
from itax_metrics.failures.sheet import PER_CELL, as_csv, as_html, as_key, draw
from itax_metrics.records import Run
from itax_metrics.store import jsonable, read_score_dir, write_atomic
from itax_tasks.cli.folders import claim
from itax_tasks.cli.settings import HELP
from itax_tasks.recorded import item_finder


@click.group(context_settings=HELP)
def label() -> None:
    """Failure categories by hand: draw a sheet, let two people label it, compare them and the rules."""


@label.command(context_settings=HELP)
@click.argument("scores", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("labels"), show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Fixes the sample and its order.")
@click.option("--per-cell", type=click.IntRange(min=1), default=PER_CELL, show_default=True, help="Failures a cell.")
def sheet(scores: tuple[Path, ...], out: Path, seed: int, per_cell: int) -> None:
    """Draw failed answers of every model and benchmark for two raters.

    Writes rater_1.csv and rater_2.csv (the same rows), sheet.html (the same, with buttons) and key.json, which is not
    for raters: it says which model each row is of and what the rules made of it.

    \b
    Example:
      itax label sheet scores/base scores/instruct --out labels
    """
    claim(out)
    for name in ("rater_1.csv", "rater_2.csv", "key.json"):
        # Without its key a sheet that is out with its raters is worth nothing.
        if (out / name).exists():
            raise ConfigError(
                f"{out / name} is there already and may hold labels or belong to some. Name another --out."
            )
    runs: dict[str, Run] = {}
    rows = {}
    for path in scores:
        run, outcomes = read_score_dir(path)
        if run.model in runs:
            raise ConfigError(f"Two of the score directories are of {run.model}; name each model once.")
        runs[run.model], rows[run.model] = run, outcomes
    notes: list[str] = []
    of = item_finder(notes, "{task}: the text around the answers is left blank ({why})")
    entries = draw(rows, lambda model, *name: of(runs[model])(*name), seed=seed, per_cell=per_cell)
    out.mkdir(parents=True, exist_ok=True)
    rater = as_csv(entries)
    for name, text in (("rater_1.csv", rater), ("rater_2.csv", rater), ("sheet.html", as_html(entries))):
        write_atomic(out / name, text)
    write_atomic(out / "key.json", as_key(entries, seed))
    cells: dict[tuple[str, str], int] = {}
    for entry in entries:
        cells[entry.model, entry.task] = cells.get((entry.model, entry.task), 0) + 1
    for (model, task), count in sorted(cells.items()):
        click.echo(f"{model}  {task}: {count} failed answers")
    click.echo(f"{len(entries)} rows written to {out}")
    for note in notes:
        click.echo(f"note: {note}")


@label.command(context_settings=HELP)
@click.argument("first", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("second", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Compare with the rules too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def agree(first: Path, second: Path, key: Path | None, as_json: bool) -> None:
    """Cohen's kappa of two raters, with its interval; with --key also the rules against them.

    The rules are set against the rows on which both raters agree.

    \b
    Example:
      itax label agree labels/rater_1.csv labels/rater_2.csv --key labels/key.json
    """
    one, two = read_labels(first), read_labels(second)
    rows = shared(one, two)
    found = {"raters": agreement([one[row] for row in rows], [two[row] for row in rows])}
    if key is not None:
        known = read_key(key)
        lost = [row for row in rows if row not in known]
        if lost:
            raise DataError(f"{key} has no row {lost[0]}: it belongs to another sheet.")
        settled = [(row, str(known[row])) for row in rows if one[row] == two[row] and known[row]]
        if settled:
            found["rules"] = agreement([one[row] for row, _ in settled], [category for _, category in settled])
    if as_json:
        click.echo(json.dumps(jsonable(found), indent=2))
        return
    titles = {"raters": ("rater 1", "rater 2"), "rules": ("both raters", "rules")}
    click.echo("\n\n".join(_table(found[name], *titles[name]) for name in found))


def _table(found: Agreement, down: str, across: str) -> str:
    kappa = "none (one label only)" if found.kappa is None else f"{found.kappa:.4f}"
    interval = f", 95 % interval [{found.ci95.low:.4f}, {found.ci95.high:.4f}]" if found.ci95 else ""
    head = f"{down} against {across}: n = {found.n}, agreement {100 * found.agreement:.2f} %, kappa {kappa}{interval}"
    labels = list(found.confusion)
    width = max(map(len, labels))
    lines = [head, " " * width + "  " + "  ".join(labels)]
    for row in labels:
        cells = (str(found.confusion[row][column]).rjust(len(column)) for column in labels)
        lines.append(row.ljust(width) + "  " + "  ".join(cells))
    return "\n".join(lines)
