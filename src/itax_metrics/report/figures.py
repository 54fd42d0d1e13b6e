"""The figures of a report: which numbers stand in which drawing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from itax_metrics.p_values import p_value
from itax_metrics.paper.measured import CATEGORIES, Measured, measured
from itax_metrics.report import svg
from itax_metrics.report.content import Report


def figures(report: Report) -> dict[str, str]:
    """File name (without ending) to SVG text; drawings without numbers are left out."""
    cells = measured(report.pairs)
    drawn: dict[str, str] = {}
    if cells:
        drawn["tax"] = _tax(report, cells)
    for i, pair in enumerate(report.pairs, start=1):
        own = [cell for cell in cells if cell.pair == pair.label]
        if not own:
            continue
        drawn[f"slope_{i}"] = svg.slope(
            [(cell.task, 100 * cell.entry["base_rate"], 100 * cell.entry["instruct_rate"]) for cell in own],
            f"{pair.label}: pass rates, base to instruct",
            ("base %", "instruct %"),
        )
        for cell in own:
            entry = cell.entry
            drawn[f"solved_{i}_{_slug(cell.task)}"] = svg.venn(
                entry["both"], entry["lost"], entry["gained"], entry["neither"], cell.task
            )
    shares = report.paper["failures"]
    if shares:
        many = len(report.pairs) > 1
        drawn["failures"] = svg.shares(
            [
                (
                    " ".join([*[row["pair"]] * many, row["benchmark"], row["side"]]),
                    [row[name] for name, _ in CATEGORIES],
                )
                for row in shares
            ],
            [name for name, _ in CATEGORIES],
            "Failures by category, percent",
        )
    sized = [
        (f"{cell.family}, {cell.task}", cell.size, cell.tax, *(cell.interval or (None, None)))
        for cell in cells
        if cell.size
    ]
    grown = {name for name, *_ in sized if len({size for other, size, *_ in sized if other == name}) > 1}
    if grown:
        drawn["size"] = svg.sizes([point for point in sized if point[0] in grown], "Tax against model size")
    for i, (base, rows) in enumerate(_by_base(report.across["series"]), start=1):
        points = [(row["benchmark"], row["position"], row["tax"], *(row["ci95"] or (None, None))) for row in rows]
        ticks = {row["position"]: str(row["position"]) for row in rows}
        drawn[f"series_{i}"] = svg.lines(
            points, f"{base}: tax along the series", ticks, "checkpoint, in the order given"
        )
    return drawn


def _by_base(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    names = dict.fromkeys(row["base"] for row in rows)
    return [(name, [row for row in rows if row["base"] == name]) for name in names]


def _tax(report: Report, cells: list[Measured]) -> str:
    lines = []
    for pair in report.pairs:
        own = [cell for cell in cells if cell.pair == pair.label]
        if len(report.pairs) > 1 and own:
            lines.append(svg.Effect(pair.label, None, None, None, heading=True))
        for cell in own:
            low, high = cell.interval or (None, None)
            lines.append(svg.Effect(cell.task, cell.tax, low, high, _note(cell.entry)))
    return svg.forest(
        lines, "Tax in points by benchmark, 95 % intervals", "\u2190 instruct gains", "instruct loses \u2192"
    )


def _note(entry: Mapping[str, Any]) -> str:
    return f"{entry['tax_points']:+.1f}, p Holm {p_value(entry['p_holm'])}"


def _slug(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_").lower()
