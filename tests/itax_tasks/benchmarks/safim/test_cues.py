"""The code around a hole without comments and docstrings."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import pytest

pytest.importorskip("tree_sitter", reason="the extra `safim` is not installed")

from itax_tasks.benchmarks.safim.cues import strip_cues
from itax_tasks.extraction import grammars
from itax_tasks.settings import Settings
from itax_tasks.tasks import task


@pytest.mark.parametrize(
    ("expected", "language", "code"),
    [
        ("int x = 1;\nint y;\n", "cpp", "// head\nint x = 1; // one\n  /* a\n b */\nint y;\n"),
        ("int x = a + b;\n", "cpp", "int x = a +/* plus */b;\n"),
        ("int f() { return 1; }\n", "cpp", "int/* type */f() { return 1; }\n"),
        ("class A { int x; }\r\n", "java", "/** A. */\r\nclass A { int x; }\r\n"),
        ('class A { string s = "// no"; }\n', "csharp", 'class A { string s = "// no"; }\n'),
        ("x = '# no'\n", "python", "# yes\nx = '# no'  # yes\n"),
        ("def f():\n    return 1\n", "python", 'def f():\n    """Says."""\n    return 1\n'),
        ("def f():\n    pass\n", "python", 'def f():\n    """Says."""\n'),
        ("x = 1\n", "python", '"""Module."""\nx = 1\n'),
        ("if x:\n    'kept'\n", "python", "if x:\n    'kept'\n"),
    ],
)
def test_comments_and_docstrings_go_and_nothing_else(expected: str, language: str, code: str) -> None:
    """A line that held nothing else goes with them."""
    assert (expected, "") == strip_cues(language, code, "", "")


def test_the_hole_s_own_comments_are_left_alone() -> None:
    """They are the answer's business."""
    assert ("int a;\n", "\nint c;\n") == strip_cues("cpp", "int a; // one\n", "/* two */ int b;", " // three\nint c;\n")


def leaves(language: str, code: str) -> list[bytes]:
    """The tokens of a file, comments left out."""
    found, todo = [], [grammars.parse(language, code.encode()).root_node]
    while todo:
        node = todo.pop()
        if "comment" in node.type:
            continue
        if node.child_count:
            todo.extend(reversed(node.children))
        elif node.text is not None and node.text.strip():
            found.append(node.text.strip())
    return found


@pytest.mark.parametrize("language", ["python", "cpp", "java", "csharp"])
def test_published_programs_keep_their_tokens(language: str, data_dir: Path, tmp_path: Path) -> None:
    """Forty seeded rows a language: the same tokens without the comments; Python the same tree without docstrings."""
    loaded = task("itax_safim").load(Settings(data_dir=data_dir, state_dir=tmp_path))
    rows = random.Random(0).sample([item for item in loaded.items if item.language == language], 40)
    changed = 0
    for item in rows:
        before, after = strip_cues(language, item.prefix, item.truth, item.suffix)
        whole, stripped = item.prefix + item.truth + item.suffix, before + item.truth + after
        changed += whole != stripped
        assert read(language, whole) == read(language, stripped), item.task_id
    assert changed > 0


def read(language: str, code: str) -> object:
    """What the compiler sees."""
    if language != "python":
        return leaves(language, code)
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)
