"""ClassEval's own extraction and the artifact's clean-up, oddities included."""

from __future__ import annotations

import pytest

from itax_tasks.extraction import classeval_class, classeval_paper, first_text_line


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("Here:\n```python\nclass A:\n    pass\n```\nDone.", "\nclass A:\n    pass\n"),
        ("```\nclass A: ...\n```", "\nclass A: ...\n"),
        ("```\nfirst\n```\n```python\nsecond\n```", "\nsecond\n"),
        ("```python\nclass A: ...", ""),
        ("[PYTHON]\nclass A: ...\n[/PYTHON]", "\nclass A: ...\n"),
        ("### Response: class A: ... ### Response: no", "class A: ... "),
        ("Well,\nimport os\nclass A:\n    x = 1\nWell,\n", "import os\nclass A:\n    x = 1"),
        ("    class A:\n        x = 1", "class A:\n    x = 1"),
        ("class A:\n    @staticmethod\n    def f(self): ...", "class A:\n    def f(self): ..."),
        ("class A:\n    def f(x): ...", "class A:\n    @staticmethod\n    def f(x): ..."),
        ("class A:\n    def f(myself): ...", "class A:\n    def f(myself): ..."),
        ("no code at all", ""),
    ],
)
def test_a_class_is_taken_as_the_official_runner_takes_it(answer: str, code: str) -> None:
    """Fences in the official order; an unclosed one gives nothing; removal by value; `@staticmethod` by the words."""
    assert code == classeval_class(answer)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        ("        return 1\n", "        return 1"),
        ("return 1", "        return 1"),
        (
            "        if x:\n            return 1\n        return 2",
            "        if x:\n            return 1\n        return 2",
        ),
        ("\tif x:\n\t\treturn 1", "        if x:\n        return 1"),
        ("        return 1\n    def g(self):\n        pass", "        return 1"),
        ("        import os\n        return os", ""),
        ("        x = 1\n        from_here = x", "        x = 1\n        from_here = x"),
        ("        return 1  # NOTE: fast", "        return 1"),
        ("        return 1\n# END of it\n", "        return 1"),
        ("        return 1\n```\nDone", "        return 1"),
        ("        x = 1\nif __name__ == '__main__':\n    run()", "        x = 1"),
        ("x = 1\n   y = 2", "        x = 1\n        y = 2"),
        ("x = (\n   y = 2", "        x = (\n           y = 2"),
        ("", ""),
        ("```python\n", ""),
    ],
)
def test_a_body_is_cleaned_as_the_artifact_cleans_it(answer: str, body: str) -> None:
    """Cut, stripped, dedented, flattened where only that mends the indentation, and indented by eight."""
    assert body == classeval_paper(answer)


@pytest.mark.parametrize(("answer", "line"), [("\n \n  x = 1\ny", "  x = 1"), ("x", "x"), (" \n", ""), ("", "")])
def test_the_first_line_with_text_is_kept_as_it_stands(answer: str, line: str) -> None:
    """Blank lines before it do not count, its indentation stays."""
    assert line == first_text_line(answer)
