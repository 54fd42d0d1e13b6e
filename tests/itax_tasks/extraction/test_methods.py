"""Where a method's body ends."""

from __future__ import annotations

import pytest

from itax_metrics.records import Item
from itax_tasks.extraction import method_body

ITEM = Item("toy", "import os\n\nclass C:\n    def first(self):\n        return 1\n\n    def second(self):\n")


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        ("        return 1\n", "        return 1\n"),
        ("        return 1\n\n    def third(self):\n        pass\n", "        return 1\n\n"),
        ("        return 1\n\nprint(C())\n", "        return 1\n\n"),
        ("        return 1\n    @staticmethod\n    def x(): ...\n", "        return 1\n"),
        ("        x = [\n1,\n]\n        return x\nprint(1)", "        x = [\n1,\n]\n        return x\n"),
        (
            '        x = """\nclass D:\n"""\n        return x\nclass E: ...',
            '        x = """\nclass D:\n"""\n        return x\n',
        ),
        ("        x = 1 + \\\n2\n        return x\ny", "        x = 1 + \\\n2\n        return x\n"),
        ("# a note\n        return 1\n# the end\n", "# a note\n        return 1\n# the end\n"),
        ("        x = '#'  # it's one\ny = 1\n", "        x = '#'  # it's one\n"),
        ("        x = '(\n        return x\ny = 1\n", "        x = '(\n        return x\n"),
        ("    return 1\n", ""),
        ("Sure! Here it is:\n        return 1\n", ""),
        ("", ""),
    ],
)
def test_an_answer_ends_with_the_first_line_outside_the_method(answer: str, body: str) -> None:
    """Brackets, long strings and backslashes carry a line on; comments end nothing."""
    assert body == method_body(ITEM, answer)


def test_a_prompt_without_a_definition_cuts_nothing() -> None:
    """There is no method to leave."""
    assert "x\ny\n" == method_body(Item("toy", "class C:\n"), "x\ny\n")


def test_a_nested_answer_keeps_its_own_functions() -> None:
    """A helper inside the body stands further right than the method."""
    answer = "        def inner():\n            return 1\n        return inner()\n"
    assert answer == method_body(ITEM, answer)
