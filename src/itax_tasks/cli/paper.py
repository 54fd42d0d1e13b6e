"""`itax paper`: the paper's tables, their audit, and a run beside them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from itax_metrics.paper.audit import Check, audit
from itax_metrics.paper.beside import beside
from itax_metrics.paper.published import TITLES, table
from itax_metrics.report.grid import markdown_table, text_table
from itax_metrics.store import read_score_dir
from itax_tasks.cli.settings import HELP

_FORM = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
_MARKDOWN = click.option("--markdown", is_flag=True, help="Print Markdown.")


@click.group("paper", context_settings=HELP, short_help="The paper's tables, an audit of them, your run beside them.")
def paper() -> None:
    """The tables of the paper that named the tax, as data.

    \b
    itax paper show 4           a table as printed
    itax paper audit            every derived number recomputed
    itax paper compare scores   your run beside the published column

    Paper: "Lost in the Flow with Code Talkers: Unveiling the Instruction-Tuning Tax of Large Language Models in Code
    Tasks".
    """


@paper.command("show", context_settings=HELP)
@click.argument("number", required=False)
@_MARKDOWN
@_FORM
def show(number: str | None, markdown: bool, as_json: bool) -> None:
    """Print table NUMBER as the paper prints it; without NUMBER, the list of tables.

    With --json every figure comes with its source cell: table, row and column.
    """
    if number is None:
        if as_json:
            click.echo(json.dumps(dict(TITLES), indent=2))
        else:
            click.echo(text_table(("table", "title"), list(TITLES.items()), left=2))
        return
    of = table(number)
    if as_json:
        click.echo(json.dumps(of.to_dict(), indent=2))
        return
    rows = [[row[column] for column in of.columns] for row in of.rows]
    lay = markdown_table if markdown else text_table
    click.echo(f"Table {number}. {of.title}.\n\n{lay(of.columns, rows, left=of.labels)}")


@paper.command("audit", context_settings=HELP)
@click.option("--all", "everything", is_flag=True, help="List the cells that agree, too.")
@_MARKDOWN
@_FORM
def audit_command(everything: bool, markdown: bool, as_json: bool) -> None:
    """Recompute every derived number of the paper and list the cells that do not fit.

    Each check says what it recomputes from what and with which tolerance. "differs": the printed figure is not what
    its sources give. "impossible": no rounding of anything could give it. Neither says which of two figures is wrong.
    """
    found = audit()
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
        return
    lines = []
    for check in found.checks:
        counts = ", ".join(f"{name}: {value}" for name, value in check.summary.items())
        title = f"## {check.name}" if markdown else check.name.upper()
        lines += [title, "", f"{check.statement}.", f"Tolerance: {check.tolerance}.", f"{counts}."]
        lines += ["", _cells(check, everything, markdown), ""] if check.inconsistent or everything else [""]
    total = sum(len(check.inconsistent) for check in found.checks)
    seen = sum(len(check.cells) for check in found.checks)
    lines += ["## not known" if markdown else "NOT KNOWN ABOUT HOW THE NUMBERS CAME ABOUT", ""]
    lines += [f"- {warning}" for warning in found.warnings]
    lines += ["", f"{len(found.checks)} checks, {seen} comparisons, {total} that do not fit."]
    click.echo("\n".join(lines))


def _cells(check: Check, everything: bool, markdown: bool) -> str:
    cells = check.cells if everything else check.inconsistent
    rows = [(cell.source, cell.printed, cell.recomputed or "-", cell.verdict, cell.note) for cell in cells]
    headers = ("where", "printed", "recomputed", "verdict", "note")
    return (markdown_table if markdown else text_table)(headers, rows, left=5)


@paper.command("compare", context_settings=HELP)
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--row", help="The paper's row, such as `7b-base` or `75k 20`; found by the model's name without it.")
@_MARKDOWN
@_FORM
def compare(results: tuple[Path, ...], row: str | None, markdown: bool, as_json: bool) -> None:
    """Set scored runs (RESULTS: score directories) beside the published column.

    Uses the metric that follows the paper where a task has one beside its headline, and names it. HEFIM of a Qwen
    model has two lines: stripped at both ends, as the paper's artifact does with Qwen alone, and as the answers stand.
    The interval is Wilson's for your run; the published figure has its own uncertainty, so lying outside is no proof of
    a mistake.

    \b
    Example:
      itax paper compare scores/base scores/instruct
    """
    found = [line for folder in results for line in beside(*read_score_dir(folder), row=row)]
    if as_json:
        content = [{**asdict(line), "difference": line.difference, "reading": line.reading} for line in found]
        click.echo(json.dumps(content, indent=2))
        return
    headers = ("row", "benchmark", "metric", "n", "yours %", "95 % CI", "paper %", "difference", "reading")
    rows = [
        (
            line.row,
            line.benchmark,
            line.metric,
            str(line.n_items),
            f"{line.yours:.2f}",
            f"[{line.ci95.low:.1f}, {line.ci95.high:.1f}]",
            "-" if line.published is None else f"{line.published:.2f}",
            "-" if line.difference is None else f"{line.difference:+.2f}",
            line.reading,
        )
        for line in found
    ]
    click.echo((markdown_table if markdown else text_table)(headers, rows, left=3))
