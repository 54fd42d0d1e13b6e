"""A report on disk: `report.html`, `report.md`, `report.json` and `figures/`, as SVG and, if asked for, PNG."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from itax_metrics.errors import ConfigError
from itax_metrics.report.content import Report
from itax_metrics.report.figures import figures
from itax_metrics.report.markdown import render_report_markdown
from itax_metrics.report.page import render_html
from itax_metrics.store import write_atomic


def write_report(folder: str | Path, report: Report, version: str, png: Callable[[str], bytes] | None = None) -> Path:
    """Write the report; files of an earlier one are replaced, figures that are no longer drawn are removed.

    Equal inputs give equal files, byte for byte. Only figures that the `report.json` already there lists under
    `figures` are ever removed: other files in the folder are the user's.

    Args:
        folder: Made if missing.
        report: What to write.
        version: Of itax, for the foot of the page.
        png: Draws a figure's SVG as PNG, from `png_renderer`; without it there are no PNG files.

    Returns:
        The page.

    Raises:
        ConfigError: the `report.json` there is a comparison, perhaps the very one that this report is of.
    """
    target = Path(folder)
    if "benchmarks" in _held(target / "report.json"):
        raise ConfigError(
            f"{target / 'report.json'} is a comparison of `itax compare`, which the report would replace; name another "
            "--out, or rename it."
        )
    drawings = figures(report)
    (target / "figures").mkdir(parents=True, exist_ok=True)
    endings = (".svg", ".png") if png else (".svg",)
    written = [f"{name}{ending}" for name in drawings for ending in endings]
    for name in _earlier_figures(target / "report.json"):
        if name not in written:
            (target / "figures" / name).unlink(missing_ok=True)
    for name, drawing in drawings.items():
        write_atomic(target / "figures" / f"{name}.svg", f"{drawing}\n")
        if png:
            write_atomic(target / "figures" / f"{name}.png", png(drawing))
    content = {**report.to_dict(), "figures": written}
    write_atomic(target / "report.json", f"{json.dumps(content, indent=1, allow_nan=False)}\n")
    write_atomic(target / "report.md", render_report_markdown(report, drawings))
    page = target / "report.html"
    write_atomic(page, f"{render_html(report, drawings, version)}\n")
    return page


def _earlier_figures(about: Path) -> Iterator[str]:
    """File names in `figures/` that the report.json of an earlier report lists; none where it cannot say."""
    listed = _held(about).get("figures")
    for name in listed if isinstance(listed, list) else ():
        # A path in the list would lead out of the folder.
        if isinstance(name, str) and Path(name).name == name and name.endswith((".svg", ".png")):
            yield name


def _held(about: Path) -> Mapping[str, Any]:
    """The object that a file holds; empty where it holds none."""
    try:
        content = json.loads(about.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
