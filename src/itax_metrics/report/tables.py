"""A comparison as a table of plain text or Markdown, and as one sentence per benchmark.

Reads what `comparison.json` holds, so a stored comparison prints like a fresh one. Judges nothing: the level of .05
after Holm only chooses the wording of the sentences.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from itax_metrics.comparison import Comparison
from itax_metrics.p_values import p_value
from itax_metrics.report.grid import visible
from itax_metrics.report.names import shortened
from itax_metrics.report.notes import benchmark_notes, run_notes

TITLE = "Tax = base % - instruct %, in points. Positive: instruct lost."
LEGEND = (
    "p: sign flips over clusters; p Holm: over the benchmarks of this pair; McN p: McNemar with continuity correction; "
    "MDE: smallest tax this run would find with power .8."
)
LEVEL = 0.05
WIDTH = 120

_HEADERS = ("benchmark", "n", "base %", "inst %", "tax", "95 % CI", "p", "p Holm", "McN p", "gain/lost", "MDE")
_NAME_WIDTH = (28, 30)
"""The column of benchmark names, where the others are wide and where they leave room."""

PARTS_TITLE = "The tax taken apart, in points (first - second). Paired, uncorrected; no claim of their own."
_PARTS_HEADERS = ("benchmark", "part", "first - second", "n", "first %", "second %", "points", "95 % CI", "p")

Table = Comparison | Mapping[str, Any]


def render_text(comparison: Table) -> str:
    """Lay a comparison out for a terminal of 120 columns; long benchmark names are shortened, and stay distinct."""
    content = _content(comparison)
    rows = _with_short_names([_HEADERS, *_rows(content)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADERS))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    rule = "-" * max(len(line) for line in lines)
    page = [*_heading(content), "", TITLE, rule, lines[0], rule, *lines[1:], rule, *_legend(), ""]
    return visible("\n".join([*page, *_parts_text(content), *_notes(content)]))


def render_markdown(comparison: Table) -> str:
    """Lay a comparison out as a Markdown table, names in full."""
    content = _content(comparison)
    table = [
        f"| {' | '.join(_HEADERS)} |",
        f"|---{'|---:' * (len(_HEADERS) - 1)}|",
        *(f"| {' | '.join(_escaped(cell) for cell in row)} |" for row in _rows(content)),
    ]
    heading = [_escaped(" ".join(line.split())) for line in _heading(content)]
    notes = [f"- {_escaped(note)}" for note in _notes(content)]
    return "\n".join(["  \n".join(heading), "", TITLE, "", *table, "", LEGEND, "", *_parts_markdown(content), *notes])


def readings(comparison: Table) -> list[str]:
    """Say in one sentence what each benchmark shows, and no more than it shows."""
    content = _content(comparison)
    base, instruct = (tuple(content[side].get(key) for key in ("model", "revision")) for side in ("base", "instruct"))
    found = [
        # Of one model, it is a way of asking that loses.
        _reading(entry, entry["instruct_task"] if base == instruct and "/" in entry["task"] else "instruct")
        for entry in content["benchmarks"]
    ]
    changes = [part for part in content.get("decomposition") or () if part["name"] == "tax change"]
    return found + [_change(part) for part in changes]


def _content(comparison: Table) -> Mapping[str, Any]:
    return comparison.to_dict() if isinstance(comparison, Comparison) else comparison


def _heading(content: Mapping[str, Any]) -> list[str]:
    lines = []
    for side in ("base", "instruct"):
        run = content[side]
        revision = f" @ {run['revision']}" if run.get("revision") else ""
        lines.append(f"{side + ':':<10}{run['model']}{revision}")
    across = content["settings"]["across"]
    return [*lines, f"across:   {across}"] if across else lines


def _rows(content: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [_row(entry) for entry in content["benchmarks"]]


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    if entry["status"] == "withheld":
        return (entry["task"], "withheld", *["-"] * (len(_HEADERS) - 2))
    interval = entry["tax_ci95_points"]
    return (
        entry["task"],
        str(entry["n_items"]),
        f"{100 * entry['base_rate']:.1f}",
        f"{100 * entry['instruct_rate']:.1f}",
        _signed(entry["tax_points"]),
        f"[{_signed(interval[0])}, {_signed(interval[1])}]" if interval else "-",
        p_value(entry["p_primary"]),
        p_value(entry["p_holm"]),
        p_value(entry["mcnemar"]["p_cc"]),
        f"{entry['gained']}/{entry['lost']}",
        f"{entry['mde_points']:.1f}" if entry["mde_points"] is not None else "-",
    )


def _reading(entry: Mapping[str, Any], loser: str) -> str:
    task = entry["task"]
    if entry["status"] == "withheld":
        return f"{task}: withheld, {entry['withheld']}."
    tax, interval = entry["tax_points"], entry["tax_ci95_points"]
    spread = f", 95 % CI {_signed(interval[0])} to {_signed(interval[1])}" if interval else ""
    if entry["p_holm"] < LEVEL and tax:
        verb = "loses" if tax > 0 else "gains"
        shown = p_value(entry["p_holm"])
        return f"{task}: {loser} {verb} {abs(tax):.1f} points (tax {_signed(tax)}{spread}, p Holm {shown})."
    if entry["mde_points"] is not None:
        seen = f"; this run could have seen {entry['mde_points']:.1f} points"
    else:
        problems = "1 problem" if entry["n_clusters"] == 1 else f"{entry['n_clusters']} problems"
        seen = f"; with {problems} nothing can be shown (six needed)"
    alone = f", p {p_value(entry['p_primary'])} before Holm" if entry["p_primary"] < LEVEL else ""
    return f"{task}: no evidence either way (tax {_signed(tax)} points{alone}){seen}."


def _change(part: Mapping[str, Any]) -> str:
    """Whether the tax depends on the natural language that is shown."""
    interval = part["ci95_points"]
    spread = f", 95 % CI {_signed(-interval[1])} to {_signed(-interval[0])}" if interval else ""
    taxes = f"from {_signed(100 * part['first_rate'])} to {_signed(100 * part['second_rate'])}"
    ways = " to ".join(part[way].removeprefix("tax ") for way in ("first", "second"))
    by = f"by {_signed(-part['points'])} points{spread}, p {p_value(part['p'])} uncorrected"
    if part["p"] < LEVEL and part["points"]:
        return f"{part['benchmark']}: with fewer cues ({ways}) the tax goes {taxes}: {by}."
    return f"{part['benchmark']}: no evidence that fewer cues ({ways}) change the tax ({taxes}: {by})."


def _parts(content: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for part in content.get("decomposition") or ():
        interval = part["ci95_points"]
        rows.append(
            (
                part["benchmark"],
                part["name"],
                f"{part['first']} - {part['second']}",
                str(part["n_items"]),
                f"{100 * part['first_rate']:.1f}",
                f"{100 * part['second_rate']:.1f}",
                _signed(part["points"]),
                f"[{_signed(interval[0])}, {_signed(interval[1])}]" if interval else "-",
                p_value(part["p"]),
            )
        )
    return rows


def _parts_text(content: Mapping[str, Any]) -> list[str]:
    rows = _parts(content)
    if not rows:
        return []
    shown = _with_short_names([_PARTS_HEADERS, *rows])
    widths = [max(len(row[column]) for row in shown) for column in range(len(_PARTS_HEADERS))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < 3 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in shown
    ]
    rule = "-" * max(len(line) for line in lines)
    return [PARTS_TITLE, rule, lines[0], rule, *lines[1:], rule, *_choices(content), ""]


def _parts_markdown(content: Mapping[str, Any]) -> list[str]:
    rows = _parts(content)
    if not rows:
        return []
    table = [f"| {' | '.join(_PARTS_HEADERS)} |", f"|---|---|---{'|---:' * (len(_PARTS_HEADERS) - 3)}|"]
    body = [f"| {' | '.join(_escaped(cell) for cell in row)} |" for row in rows]
    chosen = [line for choice in _choices(content) for line in (_escaped(choice), "")]
    return [PARTS_TITLE, "", *table, *body, "", *chosen]


def _choices(content: Mapping[str, Any]) -> list[str]:
    """Which wording the folds chose, a line for each benchmark that has a best one."""
    lines = []
    for part in content.get("decomposition") or ():
        choices = part.get("choices") or {}
        if choices:
            counts = ", ".join(f"{wording} {count}" for wording, count in choices.items())
            lines.append(f"{part['benchmark']}: best wording, by the folds that chose it: {counts}.")
    return lines


def _notes(content: Mapping[str, Any]) -> list[str]:
    """List readings first, then everything a reader of the numbers must know."""
    notes = readings(content)
    notes += [f"note, {about}: {said}." for about, said in benchmark_notes(content)]
    notes += [f"note: {warning}." for warning in content["warnings"]]
    notes += [f"note, {about}: {said}" for about, said in run_notes(content)]
    for side in ("base", "instruct"):
        alone = content[f"only_{side}"]
        notes += [f"note: only in {side}, not compared: {', '.join(alone)}."] if alone else []
    return notes


def _legend() -> Sequence[str]:
    first, cut, second = LEGEND.partition(" McN p:")
    return [first, (cut + second).strip()]


def _signed(value: float) -> str:
    """Write points with their sign; what rounds to zero has none."""
    text = f"{value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text


def _with_short_names(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    others = sum(2 + max(map(len, column)) for column in list(zip(*rows, strict=True))[1:])
    least, most = _NAME_WIDTH
    short = shortened([row[0] for row in rows], max(least, min(most, WIDTH - others)))
    return [(short[row[0]], *row[1:]) for row in rows]


def _escaped(cell: str) -> str:
    plain = visible(cell).replace("|", "\\|").replace("\n", " ")
    # A sign before a number stays as it is; what could begin a tag does not.
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", plain)
