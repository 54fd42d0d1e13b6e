"""The longest run of lines that is Python: the same as trying every pair of lines."""

from __future__ import annotations

import ast
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itax_tasks.extraction.longest_code import longest_code


def parses(code: str) -> bool:
    """What the official tools ask."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def slowly(text: str) -> str:
    """The definition: every run of two lines and more, most filled lines, the earliest among equals."""
    lines = text.split("\n")
    best, found = 0, (0, 0)
    for start in range(len(lines)):
        for end in range(start + 1, len(lines)):
            filled = sum(bool(line.strip()) for line in lines[start : end + 1])
            if filled > best and parses("\n".join(lines[start : end + 1])):
                best, found = filled, (start, end)
    return "\n".join(lines[found[0] : found[1] + 1])


LINES = st.sampled_from(
    [
        "def f(x):",
        "    return x",
        "    if x:",
        "        y = [1,",
        "        2]",
        "    '''text",
        "    '''",
        "",
        "   ",
        "Here is the code:",
        "```python",
        "```",
        "x = (1",
        "x = f'{a'",
        "x = f'{a}'",
        "try:",
        "except E:",
        "    pass",
        "class A:",
        "@d",
        "x = 1 \\",
        "  odd",
        "# note",
        "\tpass",
        "a\x00b",
        "x = '\\d'",
        "]",
        "return 1",
        "\x0cx = 1",
        "\ud800",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(LINES, max_size=14).map("\n".join))
def test_it_is_what_every_pair_of_lines_would_give(text: str) -> None:
    """Whatever the lines, the same run wins."""
    assert slowly(text) == longest_code(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("x = 1", "x = 1"),
        ("No code here.\nNone at all!", "No code here."),
        ("Sure!\n\nx = 1\ny = 2\n\nHope it helps, bye!", "\nx = 1\ny = 2"),
        ("a = 1\nb = 2\n???\nc = 3\nd = 4", "a = 1\nb = 2"),
    ],
)
def test_examples(text: str, expected: str) -> None:
    """Prose around code, no code, and two runs of equal length."""
    assert expected == longest_code(text)


def test_a_thousand_lines_of_prose_take_few_parses(monkeypatch: pytest.MonkeyPatch) -> None:
    """About one parse a line, not one a pair of lines."""
    parsed = []
    parse = ast.parse
    monkeypatch.setattr(ast, "parse", lambda code: parsed.append(1) or parse(code))
    longest_code("this is not code\n" * 1000)
    assert len(parsed) <= 2000
