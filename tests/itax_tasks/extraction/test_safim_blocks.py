"""Block truncation by syntax tree: against the slow reference, on code written here and on rows of SAFIM."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

pytest.importorskip("tree_sitter", reason="the extra `safim` is not installed")

from benchmarks.safim_truncation import FAST, PIECES, SLOW, answers, cut
from hypothesis import given
from hypothesis import settings as property_settings
from hypothesis import strategies as some
from tests.itax_tasks.extraction import safim_reference as reference

from itax_metrics.records import Item
from itax_tasks.extraction import safim_blocks as fast
from itax_tasks.settings import Settings
from itax_tasks.tasks import task

FILES = {
    "python": (
        "n = int(input())\nfor i in range(n):\n    ",
        "\nprint(n)\n",
        "if i:\n        n += 1\n    else:\n        n -= i",
    ),
    "cpp": (
        "int main() {\n  int n = 0;\n  while (n < 9) {\n    ",
        "\n  }\n  return n;\n}\n",
        "n++;\n    if (n) { n += 2; }",
    ),
    "java": ("class A {\n  int f(int n) {\n    ", "\n    return n;\n  }\n}\n", "n += 1;\n    n *= 2;"),
    "csharp": ("class A {\n  int F(int n) {\n    ", "\n    return n;\n  }\n}\n", "n += 1;\n    n *= 2;"),
}
"""By language: code before a hole, code after it, what was there."""


@pytest.mark.parametrize("language", FILES)
def test_an_answer_that_fits_is_kept(language: str) -> None:
    """What stood in the hole comes back whole, under both rules."""
    before, after, truth = FILES[language]
    assert truth == fast.until_block(language, before, after, truth)
    assert truth == fast.until_block_fixed(language, before, after, truth)


@pytest.mark.parametrize("language", FILES)
def test_lines_that_leave_the_hole_are_dropped(language: str) -> None:
    """Code below the hole's own depth goes, line by line, until the tree is right."""
    before, after, truth = FILES[language]
    surplus = after if language == "python" else "\n  }\n}\nint x;\n"
    assert f"{truth}\n" == fast.until_block(language, before, after, truth + surplus)


@pytest.mark.parametrize("language", FILES)
def test_prose_behind_the_code_is_dropped(language: str) -> None:
    """A sentence is no statement."""
    before, after, truth = FILES[language]
    assert f"{truth}\n" == fast.until_block(language, before, after, f"{truth}\nThis adds one, isn't it?")


def test_python_s_pass_is_lost_by_the_official_rule_and_kept_by_the_mended_one() -> None:
    """Its tree is that of the empty hole, which the original counts from both sides."""
    before, after, _ = FILES["python"]
    assert "" == fast.until_block("python", before, after, "pass")
    assert "pass" == fast.until_block_fixed("python", before, after, "pass")


def test_an_answer_with_a_macro_of_the_file_is_cut_by_its_brackets() -> None:
    """The parser does not know what a macro stands for, so the mended rule does not ask it."""
    before = "#define REP(i, n) for (int i = 0; i < n; ++i)\nint main() {\n  int n = 3;\n  "
    after = "\n  return n;\n}\n"
    answer = "REP(i, n)\n    REP(j, i) n += j;"
    assert answer != fast.until_block("cpp", before, after, answer)
    assert answer == fast.until_block_fixed("cpp", before, after, answer)
    assert f"{answer}\n  " == fast.until_block_fixed("cpp", before, after, f"{answer}\n  }}\n  int x;")


def test_nothing_comes_of_nothing() -> None:
    """An empty answer is not parsed at all."""
    assert "" == fast.until_block("java", *FILES["java"][:2], "")


@pytest.mark.parametrize("language", FILES)
@property_settings(max_examples=40, deadline=None, derandomize=True)
@given(pieces=some.lists(some.sampled_from(PIECES), max_size=25))
def test_any_answer_is_cut_as_the_slow_reference_cuts_it(language: str, pieces: list[str]) -> None:
    """Both tree-sitter rules, on text of any kind."""
    before, after, _ = FILES[language]
    answer = " ".join(pieces)
    assert reference.until_block(language, before, after, answer) == fast.until_block(language, before, after, answer)
    assert reference.until_parsable(language, before, after, answer) == fast.until_parsable(
        language, before, after, answer
    )


def compare(items: list[Item]) -> list[str]:
    """The items whose answers are not cut by both rules as the reference cuts them."""
    source = random.Random(1)
    return [
        item.task_id
        for item in items
        for _, answer in answers(item, source)
        if cut(FAST, item, answer)[0] != cut(SLOW, item, answer)[0]
    ]


@pytest.mark.parametrize("language", FILES)
def test_rows_of_safim_are_cut_as_the_slow_reference_cuts_them(language: str, data_dir: Path, tmp_path: Path) -> None:
    """Eight rows of each language, seeded."""
    assert [] == compare(sample(language, 8, data_dir, tmp_path))


@pytest.mark.data
@pytest.mark.parametrize("language", FILES)
def test_500_rows_are_cut_as_the_slow_reference_cuts_them(language: str, data_dir: Path, tmp_path: Path) -> None:
    """500 rows of each language, seeded, three answers each."""
    assert [] == compare(sample(language, 500, data_dir, tmp_path))


def sample(language: str, size: int, data_dir: Path, state_dir: Path) -> list[Item]:
    """Seeded rows of the block subset."""
    loaded = task("itax_safim_block").load(Settings(data_dir=data_dir, state_dir=state_dir))
    return random.Random(0).sample([item for item in loaded.items if item.language == language], size)
