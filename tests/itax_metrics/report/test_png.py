"""Figures as PNG: the whole figure is drawn, and a machine without the extra is told its name."""

from __future__ import annotations

import doctest
import re
import struct
import sys

import pytest

from itax_metrics.errors import MissingExtraError
from itax_metrics.report import colours, svg
from itax_metrics.report.png import flat, png_renderer

FIGURES = {
    "forest": svg.forest([svg.Effect("itax_hefim", 11.2, 7.7, 14.8, "+11.2, p Holm <0.0001")], "Tax", "left", "right"),
    "slope": svg.slope([("itax_hefim", 75.8, 64.6)], "Rates", ("base %", "instruct %")),
    "venn": svg.venn(60, 40, 5, 20, "itax_hefim"),
    "shares": svg.shares([("base", (1, 2, 3, 4)), ("instruct", (4, 3, 2, 1))], ("a", "b", "c", "d"), "Failures"),
    "sizes": svg.sizes([("A", 1.0, 2.0, 1.0, 3.0), ("A", 7.0, 5.0, 4.0, 6.0)], "Size"),
}


def test_the_worked_example_holds() -> None:
    """The example in the docstring of the flat style."""
    result = doctest.testmod(colours)
    assert (1, 0) == (result.attempted, result.failed)


@pytest.mark.parametrize("name", FIGURES)
def test_a_flat_figure_leaves_nothing_to_a_browser(name: str) -> None:
    """No variable, no media query, every class with a rule; and paper under the ink."""
    plain = flat(FIGURES[name])
    assert [] == re.findall(r"var\(|@media|--\w", plain)
    classes = set(re.findall(r'class="(\w+)"', plain)) - {"fig"}
    assert set() == {found for found in classes if f".fig .{found}{{" not in plain}
    assert f'</style><rect width="100%" height="100%" fill="{colours.LIGHT["page"]}"/>' in plain


@pytest.mark.parametrize("name", FIGURES)
def test_text_and_shapes_are_drawn(name: str) -> None:
    """Twice the size of the drawing; without its words, or without its shapes, another picture."""
    pytest.importorskip("vl_convert")
    render = png_renderer()
    picture = render(FIGURES[name])
    assert b"\x89PNG\r\n\x1a\n" == picture[:8]
    width, height = (2 * int(found) for found in re.findall(r'viewBox="0 0 (\d+) (\d+)"', FIGURES[name])[0])
    assert (width, height) == struct.unpack(">II", picture[16:24])
    wordless = re.sub(r"<text.*?</text>", "", FIGURES[name])
    shapeless = re.sub(r"<(circle|line|rect|polyline) [^>]*/>", "", FIGURES[name])
    assert 3 == len({picture, render(wordless), render(shapeless)})


def test_a_machine_without_the_extra_is_told_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence with the command that mends it."""
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'itax-tasks\[plots\]'"):
        png_renderer()
