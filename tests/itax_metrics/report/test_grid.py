"""Tables of text, and text made safe to show."""

from __future__ import annotations

import doctest

import pytest

from itax_metrics.report import grid
from itax_metrics.report.grid import markdown_table, text_table, visible


def test_examples_hold():
    """The example in the docstring."""
    result = doctest.testmod(grid)
    assert result.attempted > 0
    assert result.failed == 0


def test_visible_text_can_always_be_encoded_and_never_acts():
    """Any text: encodable, no control character but newline and tab, idempotent on what is already plain."""
    hypothesis = pytest.importorskip("hypothesis", reason="property test")
    texts = hypothesis.strategies.text(hypothesis.strategies.characters(), max_size=60)

    @hypothesis.settings(max_examples=150, deadline=None)
    @hypothesis.given(texts)
    def holds(text: str) -> None:
        shown = visible(text)
        shown.encode("utf-8")
        assert all(char >= " " or char in "\n\t" for char in shown)
        assert visible(shown) == shown

    holds()


def test_columns_line_up_with_wide_characters():
    """A character of two columns takes two."""
    lines = text_table(("name", "n"), [("\u4f60\u597d", "1"), ("abcd", "22")]).splitlines()
    assert ["\u4f60\u597d   1", "abcd  22"] == lines[2:]


def test_cells_cannot_break_out_of_markdown():
    """Bars, line breaks, tags and links stay text."""
    table = markdown_table(("a",), [("x|y\n<b>[l](u)*",)])
    assert "| x\\|y &lt;b>\\[l](u)\\* |" == table.splitlines()[2]
