"""SAFIM's rules for chat answers: fences, backticks, examples."""

from __future__ import annotations

import pytest

from itax_metrics.records import Item
from itax_tasks.extraction import RULES
from itax_tasks.extraction.safim_answers import PLACEHOLDERS, before_next_example, chosen_code

HOLE = PLACEHOLDERS["python"]


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        ("x = 1", "Sure:\n```python\nx = 1\n```\nand\n```\ny\n```\n"),
        ("  x = 1", "```\n  x = 1\n\n```"),
        ("x = 1", f"```\n{HOLE}\n```\n```\nx = 1\n```"),
        ("x = 1", "Use `x = 1` or `x = 2`.\nOr `y`."),
        ("```\nx = 1", "```\nx = 1\n"),
        ("x = 1", "x = 1\n\n"),
        ("", "```\n```"),
        (f"{HOLE} b", f"```\n{HOLE} a\n```\n```\n{HOLE} b\n```"),
    ],
)
def test_the_first_closed_block_wins_then_backticks_then_everything(expected: str, answer: str) -> None:
    """A block that is not closed is none, and one with the placeholder is last."""
    assert expected == chosen_code("python", answer)


def test_the_example_s_answer_is_last_but_one() -> None:
    """A piece that repeats what was shown gives way to any other, and beats the placeholder."""
    answer = f"```\nc = a + b\n```\n```\n{HOLE}\n```"
    assert "c = a + b" == chosen_code("python", answer, "c = a + b\n")
    assert "d" == chosen_code("python", f"{answer}\n```\nd\n```", "c = a + b\n")


def test_a_next_example_is_cut_off() -> None:
    """With one of the line ends before it."""
    assert "x\n" == before_next_example("x\n\n\nComplete the code in java:\n")
    assert "x" == before_next_example("x")


def test_only_items_with_an_example_are_cut_at_the_next_one() -> None:
    """Zero-shot answers keep such a line: the documented command for them does not cut."""
    answer = "a(b)\nComplete the code in java:\n"
    item = Item("one", "", payload={"subset": "api"})
    assert answer.rstrip() == RULES["safim_code"](item, answer)
    shown = Item("one", "", payload={"subset": "api", "example": "c"})
    assert "a(b)" == RULES["safim_code"](shown, answer)
