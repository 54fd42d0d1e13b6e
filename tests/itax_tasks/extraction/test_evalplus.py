"""EvalPlus's clean-up, way by way; whole texts are compared in tests/official/test_evalplus_sanitizer.py."""

from __future__ import annotations

import pytest

from itax_metrics.records import Item
from itax_tasks.extraction import RULES
from itax_tasks.extraction.evalplus import sanitized

ITEM = Item("toy/0", '\ndef f(x):\n    """Double x."""\n', payload={"entry_point": "f"})


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("import os\ndef f(x): return x", "import os\ndef f(x): return x"),
        ("def f(x): return x\nprint(f(1))\nassert f(1) == 1", "def f(x): return x"),
        ("def g(x): return 1\ndef f(x): return g(x)", "def g(x): return 1\ndef f(x): return g(x)"),
        ("def g(x): return 1\ndef f(x): return x", "def f(x): return x"),
        ("def g(x): print(x)\ndef f(x): g(x); return x", "def f(x): g(x); return x"),
        ("def f(x): return 1\ndef f(x): return 2", "def f(x): return 1"),
        ("@cache\ndef f(x): return 1\nx = 1", "@cache\ndef f(x): return 1\nx = 1"),
        ("from __future__ import annotations\nimport os", "import os"),
        ("N = 3\nM = 4\ndef f(x): return N", "N = 3\ndef f(x): return N"),
        ("a.b = f\nx = 1", "a.b = f"),
        ("a, b = 1, 2\ndef f(x): return a", "def f(x): return a"),
        ("try:\n    import os\nexcept E: pass\ndef f(x): return x", "def f(x): return x"),
        ("class f:\n    x = 1\ny = 2", "class f:\n    x = 1"),
        ("async def f(x): return x\ny = 2", "async def f(x): return x"),
        ("def f(x):\n    return x\n    # done\n\nprint(1)", "def f(x):\n    return x\n    # done"),
        ("def f(x):\n    return x  # done\nprint(1)", "def f(x):\n    return x  # done"),
        ("def f(x):\n    return x\n# done\nprint(1)", "def f(x):\n    return x"),
        ("s = 'é'; f = 2\nprint(1)", "f = 2"),
        ("x = 1\ny = 2", "x = 1\ny = 2"),
        ("\x1b[1mdef f(x):\x1b[0m\n    return x", "def f(x):\n    return x"),
        ("def f(x):\n    return x\nimport os", "import os\ndef f(x):\n    return x"),
        ("f: int = 3\nx += 1", "f: int = 3"),
    ],
)
def test_what_is_kept(text: str, kept: str) -> None:
    """Imports, and the first definition of what the function asked for mentions."""
    assert kept == sanitized(text, "f")


def test_an_answer_holds_the_whole_program() -> None:
    """Tabs are four blanks, as the official decoder has them."""
    answer = "Here:\n```python\ndef f(x):\n\treturn 2 * x\n```\n"
    assert "def f(x):\n    return 2 * x" == RULES["evalplus_answer"](ITEM, answer)


def test_a_continuation_follows_the_prompt() -> None:
    """The prompt without white space around it, a newline, the answer."""
    kept = RULES["evalplus_continuation"](ITEM, "\treturn 2 * x\nprint(f(1))")
    assert 'def f(x):\n    """Double x."""\n    return 2 * x' == kept


def test_a_whole_program_is_taken_as_it_is() -> None:
    """Tabs stay: the official tool has expanded them before it stored the program."""
    assert "def f(x):\n\treturn x" == RULES["evalplus_program"](ITEM, "def f(x):\n\treturn x\nprint(1)")


@pytest.mark.parametrize(
    ("answer", "code"), [("\n    return 1\n```\nIt...", "\n    return 1\n"), ("\n    return 1", "\n    return 1")]
)
def test_magicoder_s_answer_ends_with_its_block(answer: str, code: str) -> None:
    """Behind the problem's own text, blank lines around it included."""
    assert ITEM.prefix + code == RULES["magicoder_fence"](ITEM, answer)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_whatever_ends_a_line_of_python_ends_one_here(end: str) -> None:
    """A carriage return by itself does; what was written stays as it was written."""
    parts = [
        "def f(a):",
        "    b = a",
        "    return g(b)",
        "    # of f",
        "",
        "def g(a):",
        "    return a + 1",
        "",
        "x = 1",
    ]
    cleaned = sanitized(end.join(parts), "f")
    assert end.join(parts[:4]) in cleaned
    assert end.join(parts[5:7]) in cleaned
    assert "x = 1" not in cleaned


def test_a_carriage_return_within_a_comment_hides_no_line() -> None:
    """What follows it is code, here code that nothing reaches."""
    assert "import os\ndef f(a):\n    return a  # x" == sanitized("def f(a):\n    return a  # x\ry = 2\nimport os", "f")
