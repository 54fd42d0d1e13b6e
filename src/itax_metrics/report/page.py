"""The report as one HTML file: no script, no network, every word of a model escaped."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from itax_metrics.p_values import p_value
from itax_metrics.paper.measured import CATEGORIES
from itax_metrics.report.colours import STYLE
from itax_metrics.report.content import Report
from itax_metrics.report.grid import visible
from itax_metrics.report.notes import benchmark_notes, run_notes
from itax_metrics.report.tables import readings

_DIFF_LINES = 400
"""Lines of either answer that are compared; a diff of more is no help to a reader."""


def render_html(report: Report, drawings: Mapping[str, str], version: str) -> str:
    """The page.

    Args:
        report: What to say.
        drawings: Figure name to SVG text, from `figures`.
        version: Of itax, for the foot of the page.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["visible"] = _visible
    environment.filters["signed"] = signed
    environment.filters["p"] = p_value
    environment.filters["percent"] = percent
    environment.filters["number"] = number
    environment.filters["measure"] = measure
    environment.filters["settings"] = settings_rows
    environment.globals.update(diff=diff_lines, benchmark_notes=benchmark_notes, run_notes=run_notes)
    template = environment.from_string((resources.files(__package__) / "report.html.j2").read_text("utf-8"))
    inline = {name: Markup(drawing.replace(f"<style>{STYLE}</style>", "")) for name, drawing in drawings.items()}
    return template.render(
        report=report,
        figures=inline,
        solved={
            i: [drawing for name, drawing in inline.items() if name.startswith(f"solved_{i}_")]
            for i in range(1, len(report.pairs) + 1)
        },
        figure_style=Markup(STYLE),
        readings=[readings(pair.comparison) for pair in report.pairs],
        categories=[name for name, _ in CATEGORIES],
        behaviors=[behavior_rows(pair.details) for pair in report.pairs],
        version=version,
    )


def _visible(text: object) -> str:
    return visible(str(text))


def signed(value: float | None, decimals: int = 1) -> str:
    """A number with its sign; what rounds to zero has none; None is a dash."""
    if value is None:
        return "–"
    text = f"{value:+.{decimals}f}"
    return f"{0:.{decimals}f}" if float(text) == 0 else text.replace("-", "−")


def percent(share: float | None, decimals: int = 1) -> str:
    """A share as a percentage without its sign."""
    return "–" if share is None else f"{100 * share:.{decimals}f}"


def number(value: float | None, decimals: int = 2) -> str:
    """A number, or a dash."""
    return "–" if value is None else f"{value:.{decimals}f}"


def measure(value: float | None, sign: bool = False) -> str:
    """A behaviour's mean: four decimals of a share, one of a length."""
    decimals = 4 if value is None or abs(value) < 10 else 1
    return signed(value, decimals) if sign else number(value, decimals)


def settings_rows(comparison: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The settings of both runs side by side: (what, base, instruct)."""
    base, instruct = comparison["base"], comparison["instruct"]
    rows = [
        (name, _shown(base.get(key)), _shown(instruct.get(key)))
        for name, key in (
            ("model", "model"),
            ("revision", "revision"),
            ("backend", "backend"),
            ("interpreter", "interpreter"),
            ("compilers", "compilers"),
            ("pinned environments", "environments"),
            ("time scale", "time_scale"),
            ("versions", "versions"),
            ("scored", "created"),
        )
    ]
    for name, key in (
        ("sandbox policy", "policy"),
        ("sandbox layers", "layers"),
        ("sandbox layers missing", "missing"),
    ):
        layers = [_shown((run.get("sandbox") or {}).get(key)) for run in (base, instruct)]
        rows.append((name, layers[0], layers[1]))
    return rows


def _shown(value: Any) -> str:
    if value in (None, "", [], {}, ()):
        return "–"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(entry)}" for key, entry in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_shown(entry) for entry in value)
    return visible(str(value))


def behavior_rows(details: Mapping[str, Mapping[str, Any]]) -> dict[str, list[tuple[str, Mapping[str, Any]]]]:
    """The behaviours of each task that has any."""
    return {task: list(found["behaviors"].items()) for task, found in details.items() if found["behaviors"]}


def diff_lines(base: str, instruct: str) -> list[tuple[str, str]]:
    """(kind, line) of a unified diff from base's answer to instruct's; kinds: same, minus, plus, gap."""
    left, right = (_lines(text) for text in (base, instruct))
    rows: list[tuple[str, str]] = []
    for line in list(difflib.unified_diff(left, right, n=2, lineterm=""))[2:]:
        kind = {"-": "minus", "+": "plus", "@": "gap"}.get(line[:1], "same")
        rows.append((kind, visible("…" if kind == "gap" else line[1:])))
    return rows[1:] if rows and rows[0][0] == "gap" else rows


def _lines(text: str) -> Sequence[str]:
    return text.split("\n")[:_DIFF_LINES]
