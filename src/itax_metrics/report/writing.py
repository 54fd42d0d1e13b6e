"""A report on disk: `report.html`, `report.md`, `report.json` and `figures/`, as SVG and, if asked for, PNG."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from itax_metrics.report.content import Report
from itax_metrics.report.figures import figures
from itax_metrics.report.markdown import render_report_markdown
from itax_metrics.report.page import render_html
from itax_metrics.store import write_atomic


def write_report(folder: str | Path, report: Report, version: str, png: Callable[[str], bytes] | None = None) -> Path:
    """Write the report; files of an earlier one are replaced, figures that are no longer drawn are removed.

    Equal inputs give equal files, byte for byte. Only `*.svg` and `*.png` in `figures/` are ever removed.

    Args:
        folder: Made if missing.
        report: What to write.
        version: Of itax, for the foot of the page.
        png: Draws a figure's SVG as PNG, from `png_renderer`; without it there are no PNG files.

    Returns:
        The page.
    """
    target = Path(folder)
    drawings = figures(report)
    (target / "figures").mkdir(parents=True, exist_ok=True)
    endings = (".svg", ".png") if png else (".svg",)
    for stale in (target / "figures").iterdir():
        if stale.suffix in (".svg", ".png") and (stale.stem not in drawings or stale.suffix not in endings):
            stale.unlink()
    for name, drawing in drawings.items():
        write_atomic(target / "figures" / f"{name}.svg", f"{drawing}\n")
        if png:
            write_atomic(target / "figures" / f"{name}.png", png(drawing))
    write_atomic(target / "report.json", f"{json.dumps(report.to_dict(), indent=1, allow_nan=False)}\n")
    write_atomic(target / "report.md", render_report_markdown(report, drawings))
    page = target / "report.html"
    write_atomic(page, f"{render_html(report, drawings, version)}\n")
    return page
