"""The longest run of lines that is Python: the same as trying every pair of lines."""

from __future__ import annotations

import ast
import random
import warnings

import pytest

from itax_tasks.extraction.longest_code import longest_code

FRAGMENTS = [
    "", "x = 1", "def f(a):", "    return a", "    # note", "# note", "Here is the code:", "- it works", "```python",
    "```", '"""', "'''", "y = (1,", "     2)", "]", "if x:", "else:", "    pass", "try:", "except E: pass", "@wraps",
    "class A:", "z = \\", "s = 'it", "f'{x'", 'f"""{', "}", "for i in x: pass", "  \t", "print(x) = 3", "import os",
    "return 3", "a b", "lambda: (yield)", "x = 1;", "t = $", "async def g(): await h", "'a' 'b", "1_", "0777",
]  # fmt: skip


def by_brute_force(text: str) -> str:
    """Every run of two lines or more, from the first start and the shortest end."""
    lines = text.split("\n")
    best, found = 0, (0, 0)
    for start in range(len(lines)):
        for end in range(start + 1, len(lines)):
            run = lines[start : end + 1]
            filled = sum(bool(line.strip()) for line in run)
            if filled > best and parses("\n".join(run)):
                best, found = filled, (start, end)
    return "\n".join(lines[found[0] : found[1] + 1])


def parses(code: str) -> bool:
    """Whether Python takes it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except SyntaxError:
        return False
    return True


@pytest.mark.parametrize("seed", range(20))
def test_random_texts(seed: int) -> None:
    """Fragments of code and prose in any order."""
    rng = random.Random(seed)
    for _ in range(25):
        text = "\n".join(rng.choices(FRAGMENTS, k=rng.randint(1, 14)))
        assert by_brute_force(text) == longest_code(text), text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Sure:\n```python\nimport os\nx = 1\n```\nDone.", "import os\nx = 1"),
        ("x = 1", "x = 1"),
        ("no code at all", "no code at all"),
        ("", ""),
        ("one two\nthree four", "one two"),
        ("x = 1\n\n\n", "x = 1\n"),
        ("\n\nx = 1", "\n\nx = 1"),
        ("a = 1\nno code\nb = 2\nc = 3\nno code\nd = 4\ne = 5", "b = 2\nc = 3"),
        ("x = 1\r\ny = 2\r\nno code", "x = 1\r\ny = 2\r"),
        ("x = 1\ny = '\0'\nz = 1", "x = 1"),
        ("x = 1\n# \ud800\ny = 2\nz = 3", "y = 2\nz = 3"),
    ],
)
def test_texts_with_a_known_answer(text: str, code: str) -> None:
    """Prose around, blank lines, ties, and characters that no parser takes."""
    assert code == longest_code(text)


def test_a_long_text_takes_few_parses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prose around a program costs a few parses a line, not one for each pair of lines."""
    parsed: list[str] = []
    real = ast.parse

    def counting(code: str) -> ast.Module:
        parsed.append(code)
        return real(code)

    monkeypatch.setattr(ast, "parse", counting)
    program = "def f(x):\n" + "    x += 1\n" * 60 + "    return x\n"
    prose = "This line is not a program at all.\n" * 40
    assert program.strip("\n") == longest_code(prose + program + prose).strip("\n")
    assert 200 > len(parsed)
