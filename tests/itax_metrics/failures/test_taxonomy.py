"""The four categories: one answer for each rule, and the order of the rules."""

from __future__ import annotations

from typing import Any

import pytest

from itax_metrics.behavior import Reply
from itax_metrics.failures.taxonomy import TITLES, Category, categorize
from itax_metrics.records import Item, Status

HOLE = Item(
    "t", "def double(x):\n    # twice\n    ", "\n    return y_total\n\nprint(double(2))\n", "y_total = 2 * x", "c"
)


def failed(text: str, status: Status = Status.FAILED, item: Item | None = HOLE, **known: Any) -> Reply:
    """A failed answer in its place."""
    code = text if item is None else item.prefix + text + item.suffix
    return Reply(text, item, lambda: text, lambda: code, status, False, **known)


CASES = [
    ("", Status.EMPTY, Category.FUNCTIONAL_MISMATCH, "blank"),
    ("y_total = 3 * x", Status.FAILED, Category.FUNCTIONAL_MISMATCH, "failed"),
    ("y_total = 3 * (", Status.COMPILE_ERROR, Category.FUNCTIONAL_MISMATCH, "compile_error"),
    ("y_total = 2 * x<|fim_pad|>", Status.COMPILE_ERROR, Category.SPECIAL_TOKENS, "control tokens"),
    ("Here is the line you need", Status.COMPILE_ERROR, Category.IRRELEVANT_CONTEXT, "lines of prose"),
    ("```python\ny_total = 2 * x\n```", Status.COMPILE_ERROR, Category.IRRELEVANT_CONTEXT, "a Markdown fence"),
    ("y_total = 3 * x\n    return y_total\n", Status.FAILED, Category.EXTRA_CODE, "behind the hole"),
    ("def double(x):\n    return 3 * x", Status.COMPILE_ERROR, Category.EXTRA_CODE, "enclosing function"),
    ("y_total = 3 * x\n\ndef other(x):\n    pass", Status.COMPILE_ERROR, Category.EXTRA_CODE, "declares more"),
    ("y_total = 2 * x\n    y_total += 1", Status.FAILED, Category.EXTRA_CODE, "goes on"),
    ("a = 1\nb = 2\nc = 3\nd = 4\ne = 5", Status.FAILED, Category.EXTRA_CODE, "goes on"),
]


@pytest.mark.parametrize(("text", "status", "category", "reason"), CASES)
def test_each_rule_has_its_answer(text: str, status: Status, category: Category, reason: str) -> None:
    """Category and evidence."""
    found = categorize(failed(text, status))
    assert found is not None
    assert category is found.category
    assert reason in found.reason


def test_prose_that_parses_is_no_irrelevant_context() -> None:
    """The paper asks for code that cannot be parsed: prose in a comment or a string does no harm to it."""
    text = 'y_total = """\nthis is a sentence of prose\n"""'
    found = categorize(failed(text, Status.FAILED))
    assert found is not None
    assert Category.IRRELEVANT_CONTEXT is not found.category


def test_a_comparison_of_texts_asks_the_parser() -> None:
    """An exact-match task compiles nothing, so its prose is parsed here."""
    found = categorize(failed("Here is the line you need", Status.FAILED))
    assert found is not None
    assert Category.IRRELEVANT_CONTEXT is found.category


def test_control_tokens_come_before_prose() -> None:
    """The order of the rules decides where two hold."""
    found = categorize(failed("Here is the line you need<|im_end|>", Status.COMPILE_ERROR))
    assert found is not None
    assert Category.SPECIAL_TOKENS is found.category


def test_an_incomplete_answer_is_a_functional_mismatch() -> None:
    """As the paper files it."""
    found = categorize(failed("y_total = compute(", Status.COMPILE_ERROR, flags=("hit_limit",)))
    assert found is not None
    assert (Category.FUNCTIONAL_MISMATCH, "incomplete: it used all its tokens") == (found.category, found.reason)


def test_a_whole_program_may_declare_what_was_asked_for() -> None:
    """An answer to a chat is the function itself; only a second one is extra."""
    item = Item("t", "Write double(x).", truth="")
    one, two = "def double(x):\n    return 3 * x", "def double(x):\n    return 3 * x\n\ndef main():\n    pass"
    found = [
        categorize(Reply(text, item, lambda t=text: t, lambda t=text: t, Status.FAILED, False)) for text in (one, two)
    ]
    assert [Category.FUNCTIONAL_MISMATCH, Category.EXTRA_CODE] == [finding.category for finding in found if finding]


@pytest.mark.parametrize(("status", "passed"), [(Status.PASSED, True), (Status.HARNESS_ERROR, None), (None, None)])
def test_what_did_not_fail_has_no_category(status: Status | None, passed: bool | None) -> None:
    """Passes and undecided answers."""
    assert categorize(Reply("x", HOLE, status=status, passed=passed)) is None


def test_every_category_has_the_paper_s_name() -> None:
    """The closed list."""
    assert set(Category) == set(TITLES)
