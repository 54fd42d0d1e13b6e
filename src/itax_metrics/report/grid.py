"""Rows of text as a table for a terminal or for Markdown; untrusted text made visible first."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_BIDI = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}
"""Marks that reorder the text around them."""


def visible(text: str) -> str:
    """Spell out what a terminal or browser would act on: control characters, lone surrogates, bidirectional marks.

    Each becomes its escape, such as `\\x1b`; newline and tab stay. The result can always be encoded.

    >>> visible("a\\x1b[31m\\ud800\\u202eb")
    'a\\\\x1b[31m\\\\ud800\\\\u202eb'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_spelled(char) for char in text)


def _spelled(char: str) -> str:
    code = ord(char)
    if char in "\n\t" or (" " <= char <= "~"):
        return char
    if code < 0x20 or 0x7F <= code <= 0x9F:
        return f"\\x{code:02x}"
    if 0xD800 <= code <= 0xDFFF or code in _BIDI or code in (0x2028, 0x2029, 0xFEFF):
        return f"\\u{code:04x}"
    return char


def text_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Lay rows out in columns; the first `left` columns are flush left, the others flush right."""
    cells = [[_one_line(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(_width(row[column]) for row in cells) for column in range(len(headers))]
    lines = [
        "  ".join(
            cell + " " * (width - _width(cell)) if column < left else " " * (width - _width(cell)) + cell
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    rule = "-" * max(_width(line) for line in lines)
    return "\n".join([lines[0], rule, *lines[1:]])


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Lay rows out as a Markdown table."""
    alignment = ["---" if column < left else "---:" for column in range(len(headers))]
    lines = [headers, alignment, *rows]
    return "\n".join(f"| {' | '.join(markdown_cell(cell) for cell in line)} |" for line in lines)


def markdown_cell(text: str) -> str:
    """One cell of a Markdown table: no line break, no markup of its own."""
    plain = _one_line(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")
    return plain.replace("[", "\\[").replace("*", "\\*")


def _one_line(text: str) -> str:
    return " ".join(visible(text).split())


def _width(text: str) -> int:
    """Columns a terminal gives the text."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
