"""The tiny items are sound: their answers pass, an empty answer passes nowhere, and they come from the generator."""

from __future__ import annotations

import ast
import hashlib
import json
import subprocess
import sys
from collections import Counter

import pytest

from itax_metrics.execution import LocalExecutor
from itax_metrics.records import Item
from itax_tasks.benchmarks import mini
from itax_tasks.settings import Settings
from itax_tasks.tune.tiny.heldout import rows

SUBSETS: tuple[mini.Subset, ...] = ("infilling", "completion", "instruct")
SHA256 = "08457653fc7312bdd506c2bf88e415b1d7948d9950a567942d445d1a3cfa267f"


def items(subset: mini.Subset) -> tuple[Item, ...]:
    """The items of one task."""
    return mini.load(subset, Settings()).items


def passed(pairs: list[tuple[Item, str]]) -> list[bool]:
    """Whether each (item, answer) passes, executed as the task would."""
    programs = [mini.decide(item, mini.complete(item, answer), mini.LIMITS) for item, answer in pairs]
    with LocalExecutor(policy="prefer") as executor:
        return [verdict.passed for verdict in executor.run(programs)]


def test_there_are_at_least_400_of_each() -> None:
    """480 holes in 240 programs, 400 completions, 400 instructions, every id once."""
    found = {subset: items(subset) for subset in SUBSETS}
    assert {"infilling": 480, "completion": 400, "instruct": 400} == {name: len(kept) for name, kept in found.items()}
    ids = [item.task_id for kept in found.values() for item in kept]
    assert len(ids) == len(set(ids))
    assert {2: 240} == Counter(Counter(item.cluster for item in found["infilling"]).values())


@pytest.mark.parametrize("subset", SUBSETS)
def test_canonical_answers_pass_and_empty_ones_fail(subset: mini.Subset) -> None:
    """Every item, both ways."""
    found = items(subset)
    verdicts = passed([(item, item.truth) for item in found] + [(item, "") for item in found])
    assert [] == [item.task_id for item, right in zip(found, verdicts[: len(found)], strict=True) if not right]
    assert [] == [item.task_id for item, right in zip(found, verdicts[len(found) :], strict=True) if right]


def test_a_hole_is_one_line() -> None:
    """The first-line rule keeps every truth whole."""
    for item in items("infilling"):
        assert 1 == item.truth.count("\n")
        assert item.truth.endswith("\n")
        ast.parse(item.prefix + item.truth + item.suffix)


def test_the_rows_are_those_of_the_generator() -> None:
    """The stored file holds exactly what the code makes, on this Python too, and its digest is fixed."""
    text = "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows())
    assert SHA256 == hashlib.sha256(text.encode("ascii")).hexdigest()
    assert all(SHA256 == mini.load(subset, Settings()).data["sha256"] for subset in SUBSETS)


def test_loading_needs_no_model_library() -> None:
    """The items load without torch, and without the generator."""
    code = (
        "import sys; from itax_tasks.benchmarks import mini; from itax_tasks.settings import Settings; "
        "mini.load('infilling', Settings()); "
        "print([name for name in ('torch', 'transformers', 'itax_tasks.tune') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == shown.stdout.strip()
