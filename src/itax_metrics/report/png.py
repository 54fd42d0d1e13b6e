"""Figures as PNG, drawn from the very SVG of the report by vl-convert, which brings its renderer and its fonts along.

Covered: any machine that has the extra `plots`; no browser, no system library, no fonts of the machine.
Not covered: letters that neither Liberation Sans nor the machine's fonts hold are drawn as boxes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from itax_metrics.errors import MissingExtraError
from itax_metrics.report.colours import LIGHT, STYLE, flat_style

SCALE = 2.0
"""Pixels a unit of the SVG: sharp on dense screens and on paper at the width of a column."""

_FONTS = '"Liberation Sans",Arial,sans-serif'


def png_renderer() -> Callable[[str], bytes]:
    """A function that draws one figure: SVG text of this package to the bytes of a PNG, light, on white.

    Raises:
        MissingExtraError: the extra `plots` is not installed.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise MissingExtraError("PNG figures", "plots") from error

    def render(drawing: str) -> bytes:
        return bytes(vl_convert.svg_to_png(flat(drawing), scale=SCALE))

    return render


def flat(drawing: str) -> str:
    """A figure as plain SVG: one palette, written out, on a background of its own."""
    styled = drawing.replace(f"<style>{STYLE}</style>", f"<style>{flat_style(_FONTS)}</style>", 1)
    paper = f'<rect width="100%" height="100%" fill="{LIGHT["page"]}"/>'
    return re.sub(r"</style>", f"</style>{paper}", styled, count=1)
