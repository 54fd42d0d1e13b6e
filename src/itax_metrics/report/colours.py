"""The colours and type of figures: light, dark and print; and the same without what only browsers understand."""

from __future__ import annotations

import re
from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "ink": "#1d2430",
    "soft": "#5d6776",
    "rule": "#d5dae1",
    "base": "#2f6fb0",
    "instruct": "#c8641b",
    "c1": "#c8641b",
    "c2": "#8a5fb3",
    "c3": "#b23a55",
    "c4": "#7f8b99",
    "page": "#ffffff",
}
DARK: Mapping[str, str] = {
    "ink": "#e6eaf0",
    "soft": "#a3aebd",
    "rule": "#3a4452",
    "base": "#6aa9e9",
    "instruct": "#f0a05e",
    "c1": "#f0a05e",
    "c2": "#b996dd",
    "c3": "#ea7e95",
    "c4": "#94a1b1",
    "page": "#171c24",
}
PRINT: Mapping[str, str] = {**LIGHT, "ink": "#000000", "soft": "#444444", "rule": "#bbbbbb"}

_FONTS = 'system-ui,-apple-system,"Segoe UI",sans-serif'
_RULES = """
.fig text{font:13px FONTS;fill:var(--ink)}
.fig .soft{fill:var(--soft);font-size:12px}.fig .rule{stroke:var(--rule);stroke-width:1}
.fig .zero{stroke:var(--soft);stroke-width:1.2}.fig .mark{stroke:var(--ink);stroke-width:2}
.fig .base{fill:var(--base)}.fig .instruct{fill:var(--instruct)}.fig .ink{fill:var(--ink)}
.fig .lbase{stroke:var(--base);fill:none;stroke-width:2}.fig .linstruct{stroke:var(--instruct);fill:none;stroke-width:2}
.fig .lsoft{stroke:var(--soft);fill:none;stroke-width:2}
.fig .c1{fill:var(--c1)}.fig .c2{fill:var(--c2)}.fig .c3{fill:var(--c3)}.fig .c4{fill:var(--c4)}
.fig .on{fill:var(--page);font-size:12px}.fig .head{font-weight:600}
"""


def _variables(colours: Mapping[str, str]) -> str:
    return ".fig{" + ";".join(f"--{name}:{value}" for name, value in colours.items()) + "}"


STYLE = (
    f"\n{_variables(LIGHT)}\n@media (prefers-color-scheme:dark){{{_variables(DARK)}}}\n"
    f"@media print{{{_variables(PRINT)}}}{_RULES.replace('FONTS', _FONTS)}"
)
"""Of every figure; it follows the reader's colour scheme."""


def flat_style(fonts: str, colours: Mapping[str, str] = LIGHT) -> str:
    """The same rules in one palette, without variables and media queries, which renderers of plain SVG do not know.

    >>> ".fig .base{fill:#2f6fb0}" in flat_style("Arial"), "var(" in flat_style("Arial")
    (True, False)
    """
    return re.sub(r"var\(--(\w+)\)", lambda found: colours[found[1]], _RULES.replace("FONTS", fonts))
