"""The report as Markdown: what fits an issue, a model card or a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from itax_metrics.p_values import p_value
from itax_metrics.paper.measured import CATEGORIES
from itax_metrics.report.content import Report
from itax_metrics.report.grid import markdown_cell, markdown_table
from itax_metrics.report.page import number, percent, settings_rows, signed
from itax_metrics.report.tables import render_markdown


def render_report_markdown(report: Report, drawings: Iterable[str] = ()) -> str:
    """The report as Markdown; `drawings` are the names of figures that lie in `figures/`."""
    names = list(drawings)
    parts = ["# Instruction-tuning tax"]
    parts += [f"> {markdown_cell(note)}" for note in report.notes]
    parts += [_image("tax", "Tax by benchmark")] if "tax" in names else []
    for i, pair in enumerate(report.pairs, start=1):
        parts += [f"## {markdown_cell(pair.label)}", render_markdown(pair.comparison)]
        parts += [_image(f"slope_{i}", "Rates, base to instruct")] if f"slope_{i}" in names else []
    parts += ["## Solved sets (figure 5, table 4)", _disagreement(report.paper["disagreement"])]
    parts += ["## How answers fail (tables 5 and 6)", _failures(report.paper["failures"])]
    parts += ["## Behaviours (table 7)", _behaviours(report.paper["behaviours"])]
    parts += ["## The paper's seven findings on these data", _findings(report.findings)]
    for title, rows in (
        ("Tax against size", report.across["size"]),
        ("Family against family", report.across["family"]),
        ("Infilling against completion", report.across["kind"]),
        ("Along the series", report.across["series"]),
    ):
        parts += [f"## {title}", _plain(rows)] if rows else []
    for pair in report.pairs:
        rows = settings_rows(pair.comparison)
        parts += [f"## Settings, {markdown_cell(pair.label)}", markdown_table(("", "base", "instruct"), rows, left=3)]
    return "\n\n".join(parts) + "\n"


def _image(name: str, text: str) -> str:
    return f"![{text}](figures/{name}.svg)"


def _disagreement(rows: Sequence[Mapping[str, Any]]) -> str:
    headers = (
        "pair",
        "benchmark",
        "both",
        "base alone",
        "instruct alone",
        "neither",
        "chi2",
        "p McNemar",
        "p (sign flips)",
        "p Holm",
        "q",
    )
    table = markdown_table(
        headers,
        [
            (
                row["pair"],
                row["task"],
                *(str(row[key]) for key in ("both", "base_only", "instruct_only", "neither")),
                number(row["chi2"], 1),
                *(p_value(row[key]) for key in ("p_mcnemar", "p", "p_holm", "q")),
            )
            for row in rows
        ],
        left=2,
    )
    return (
        f"{table}\n\np Holm: of the sign flips, over the benchmarks of a pair. q: of the sign flips, "
        "Benjamini-Hochberg over all pairs and benchmarks."
    )


def _failures(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "These score directories hold no failure categories."
    names = [name for name, _ in CATEGORIES]
    return markdown_table(
        ("pair", "benchmark", "model", "failures", *(f"{name} %" for name in names)),
        [
            (row["pair"], row["benchmark"], row["side"], str(row["failures"]), *(percent(row[name]) for name in names))
            for row in rows
        ],
        left=3,
    )


def _behaviours(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "These score directories hold no behaviours of tasks that both models were asked alike."
    cells = [
        (
            row["pair"],
            row["kind"],
            row["side"],
            *(
                f"{number(row[name])} ({number(row[f'{name}_given_flagged'])}) / {number(row[f'{name}_given_failed'])}"
                for name in ("ctr", "nl", "def_cls")
            ),
        )
        for row in rows
    ]
    table = markdown_table(("pair", "kind", "model", "CTR", "NL", "Def/Cls"), cells, left=3)
    return f"{table}\n\nIn parentheses: over flagged answers; after the stroke: over failed answers. Percent."


def _findings(rows: Sequence[Mapping[str, Any]]) -> str:
    return markdown_table(
        ("", "finding", "answer", "evidence"),
        [(str(row["number"]), row["says"], row["answer"], row["evidence"]) for row in rows],
        left=4,
    )


def _plain(rows: Sequence[Mapping[str, Any]]) -> str:
    headers = list(rows[0])
    return markdown_table(headers, [[_cell(row[name]) for name in headers] for row in rows])


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return signed(value)
    if isinstance(value, (list, tuple)):
        return " to ".join(_cell(entry) for entry in value)
    return str(value)
