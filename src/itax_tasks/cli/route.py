"""`itax route`: base, instruct, or a router between them."""

from __future__ import annotations

import json
from pathlib import Path

import click

from itax_metrics.cost import UNITS, PairedCost, paired_cost
from itax_metrics.matching import Across
from itax_metrics.pairing import OnMissing, pair
from itax_metrics.routing import Routed, columns_of
from itax_metrics.routing import route as routers
from itax_metrics.store import jsonable, read_score_dir
from itax_tasks.cli.settings import HELP


@click.command(context_settings=HELP)
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("instruct", type=click.Path(path_type=Path))
@click.option("--folds", type=click.IntRange(min=2), default=10, show_default=True, help="Of the learned router.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Fixes folds and resampling.")
@click.option(
    "--on-missing", type=click.Choice(["error", "drop"]), default="error", show_default=True, help="As in compare."
)
@click.option("--across", type=click.Choice(["condition", "extraction"]), help="As in compare.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def route(
    base: Path, instruct: Path, folds: int, seed: int, on_missing: OnMissing, across: Across | None, as_json: bool
) -> None:
    """What a deployment with both models would solve, sending each kind of task to one of them.

    BASE and INSTRUCT are score directories. Rates are means over benchmarks; intervals come from a bootstrap over
    clusters. `oracle` picks the better answer item by item, which nobody can: it bounds every router. Below stands what
    a solved item costs with each model: tokens and characters written, seconds run.

    \b
    Example:
      itax route scores/base scores/instruct
    """
    pairing = pair(read_score_dir(base), read_score_dir(instruct), on_missing=on_missing, across=across)
    found = routers(columns_of(pairing), folds=folds, seed=seed)
    costs = [paired_cost(task, unit, seed=seed) for task in pairing.tasks for unit in UNITS]
    if as_json:
        click.echo(json.dumps(jsonable({"routers": found, "costs": costs}), indent=2))
        return
    click.echo(_table(found))
    click.echo("\n".join(["", "cost of a solved item, failed answers paid for", *map(_cost, costs)]))


def _cost(cost: PairedCost) -> str:
    if not cost.n_items:
        return f"  {cost.task}, {cost.unit}: not known for both models"
    sides = (("base", cost.base), ("instruct", cost.instruct))
    said = (f"{side} {'solves none' if value is None else f'{value:.4g}'}" for side, value in sides)
    shown = f"  {cost.task}, {cost.unit}: {', '.join(said)}"
    if cost.ratio is None:
        return shown
    interval = f" [{cost.ratio_ci95.low:.3f}, {cost.ratio_ci95.high:.3f}]" if cost.ratio_ci95 else ""
    return f"{shown}, ratio {cost.ratio:.3f}{interval}"


def _table(found: list[Routed]) -> str:
    rows = [("router", "pass rate", "95 % interval", "gain", "95 % interval", "choices")]
    for row in found:
        choices = "; ".join(f"{kind}: {model}" for kind, model in row.choices.items())
        rows.append(
            (
                row.router,
                f"{100 * row.rate:.2f} %",
                f"[{100 * row.ci95.low:.2f}, {100 * row.ci95.high:.2f}]",
                f"{row.gain_points:+.2f}",
                f"[{row.gain_ci95_points.low:+.2f}, {row.gain_ci95_points.high:+.2f}]",
                choices,
            )
        )
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]) - 1)]
    lines = []
    for cells in rows:
        padded = [c.ljust(w) if at == 0 else c.rjust(w) for at, (c, w) in enumerate(zip(cells, widths, strict=False))]
        lines.append("  ".join([*padded, cells[-1]]).rstrip())
    return "\n".join([*lines, "gain: points over the better of the two models alone"])
