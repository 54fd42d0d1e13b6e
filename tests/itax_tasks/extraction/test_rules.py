"""The extraction rules, each by what it keeps."""

from __future__ import annotations

import pytest

from itax_metrics.records import Item
from itax_tasks.extraction import RULES, begun_block, fenced_code, first_line, paper_strip, raw

CODE = "def f():\n    return 1\n"


def test_the_table_holds_every_rule_under_its_name() -> None:
    """The name in an outcome finds the function."""
    plain = {"raw": raw, "first_line": first_line, "paper_strip": paper_strip, "fenced_code": fenced_code}
    text = "Sure:\n```python\n x = 1 \n```\n"
    assert {name: rule(text) for name, rule in plain.items()} == {
        name: RULES[name](Item("t", ""), text) for name in plain
    }


@pytest.mark.parametrize("text", ["", " \n", "```\nx\n```", "a\r\nb", "\ud800"])
def test_raw_changes_nothing(text: str) -> None:
    """The completion as it is."""
    assert text == raw(text)


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("    return 1\n", "    return 1\n"),
        ("    return 1\n    more\n", "    return 1\n"),
        ("    return 1", "    return 1\n"),
        ("\nreturn 1\n", "\n"),
        ("", "\n"),
        ("x = 'a\u2028b'\ny", "x = 'a\u2028b'\n"),
        ("x = 1\x0cy\n", "x = 1\x0cy\n"),
    ],
)
def test_first_line_ends_at_the_first_newline(completion: str, expected: str) -> None:
    """Leading space stays, one newline follows, and only a newline ends a line."""
    assert expected == first_line(completion)


def test_first_line_of_windows_text_is_one_line() -> None:
    """CRLF is a line end to Python as well; nothing is repaired."""
    assert "x = 1\r\n" == first_line("x = 1\r\ny = 2\r\n")


@pytest.mark.parametrize(
    ("completion", "expected"),
    [("    return 1\n", "return 1"), ("  a\n  b  \r\n", "a\n  b"), (" \n\t", ""), ("", "")],
)
def test_paper_strip_takes_both_ends(completion: str, expected: str) -> None:
    """White space goes at both ends, indentation of the first line with it, and inner lines stay."""
    assert expected == paper_strip(completion)


@pytest.mark.parametrize("text", ["", CODE, "Use `f()` here.\n", "a ``` in the middle\n", "``\nx\n``\n"])
def test_without_a_fence_the_whole_answer_is_code(text: str) -> None:
    """Nothing fenced, nothing taken away."""
    assert text == fenced_code(text)


@pytest.mark.parametrize(
    "answer",
    [
        f"```python\n{CODE}```",
        f"```\n{CODE}```\n",
        f"Sure!\n\n```py title=x\n{CODE}```\nIt returns 1.\n",
        f"~~~python\n{CODE}~~~\n",
        f"`````\n{CODE}`````\n",
        f"```\n{CODE}`````\n",
        f"   ```python\n{CODE}   ```\n",
        f"```python   \n{CODE}```   \nDone.\n",
    ],
)
def test_the_block_between_the_fences_is_taken(answer: str) -> None:
    """Backticks or tildes, with or without a language, prose around or not."""
    assert CODE == fenced_code(answer)


def test_an_unclosed_fence_runs_to_the_end() -> None:
    """An answer cut at the token limit is still an answer."""
    assert CODE == fenced_code(f"Here it is:\n```python\n{CODE}")


def test_the_first_of_several_blocks_counts() -> None:
    """A later block is usually a usage example."""
    assert CODE == fenced_code(f"```python\n{CODE}```\nUse it:\n```python\nprint(f())\n```\n")


def test_an_empty_block_is_empty() -> None:
    """A fence with nothing in it is an empty answer, not the prose around it."""
    assert "" == fenced_code("Here:\n```python\n```\nDone.\n")


def test_a_shorter_fence_inside_is_content() -> None:
    """Four backticks hold three."""
    inner = 'text = """\n```\nx\n```\n"""\n'
    assert inner == fenced_code(f"````python\n{inner}````\n")


def test_the_other_fence_inside_is_content() -> None:
    """Tildes do not close backticks."""
    assert "a\n~~~\nb\n" == fenced_code("```\na\n~~~\nb\n```\n")


def test_backticks_in_the_middle_of_a_line_close_nothing() -> None:
    """A docstring may speak of fences."""
    code = 'def f():\n    """Strip ``` from a text."""\n'
    assert code == fenced_code(f"```python\n{code}```\n")


def test_windows_line_ends_close_a_fence() -> None:
    """The prose after a block stays outside of it, whatever ends its lines."""
    assert "x = 1\r\n" == fenced_code("Here:\r\n```python\r\nx = 1\r\n```\r\nDone.\r\n")


def test_an_indented_fence_gives_back_its_indentation() -> None:
    """Code indented with its fence, as in a list item, moves left with it (CommonMark 0.31, section 4.5)."""
    answer = "1. Write:\n\n   ```python\n   def f():\n       return 1\n   ```\n"
    assert CODE == fenced_code(answer)


def test_code_within_backticks_on_one_line_opens_no_block() -> None:
    """A fence of backticks has none in the rest of its line (CommonMark 0.31, section 4.5)."""
    text = "```f()``` is what you need.\n"
    assert f"{text}x\n" == fenced_code(f"{text}x\n")


def test_a_long_answer_takes_no_long_time() -> None:
    """A million characters of unclosed fences are read in one go."""
    body = "``` `\n" * 150_000
    assert len(fenced_code("```\n" + body)) <= len(body)


@pytest.mark.parametrize("rest", ["", "```", "```\n", "```\nDone.\n", "  ```\n```python\nmore\n```"])
def test_a_begun_block_ends_at_the_first_fence(rest: str) -> None:
    """The prompt has opened it, so the first fence of the answer closes it; one that is missing ends with the text."""
    assert CODE == begun_block(CODE + rest)
