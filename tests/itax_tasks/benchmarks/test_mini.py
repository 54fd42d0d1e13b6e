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
from itax_tasks.tasks import task
from itax_tasks.tune.tiny.heldout import rows

SUBSETS: tuple[mini.Subset, ...] = ("infilling", "completion", "instruct")
SHA256 = "e88bf4218abeab565ba4663e2cd28fe32932f0efda5c18467815f23826787995"


def items(subset: mini.Subset) -> tuple[Item, ...]:
    """The items of one task."""
    return mini.load(subset, Settings()).items


def passed(subset: mini.Subset, pairs: list[tuple[Item, str]], metric: str = "pass@1") -> list[bool]:
    """Whether each (item, answer) passes, executed as the task would."""
    spec = task(f"itax_mini_{subset}")
    bodies = [spec.body(item, metric, answer) for item, answer in pairs]
    programs = [mini.decide(item, body, mini.LIMITS) for (item, _), body in zip(pairs, bodies, strict=True)]
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
    verdicts = passed(subset, [(item, item.truth) for item in found] + [(item, "") for item in found])
    assert [] == [item.task_id for item, right in zip(found, verdicts[: len(found)], strict=True) if not right]
    assert [] == [item.task_id for item, right in zip(found, verdicts[len(found) :], strict=True) if right]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("bare", {"pass@1": True, "pass@1_strict": True, "pass@1_lenient": True}),
        ("fenced", {"pass@1": True, "pass@1_strict": False, "pass@1_lenient": True}),
        ("body alone", {"pass@1": False, "pass@1_strict": False, "pass@1_lenient": True}),
        ("wrong name", {"pass@1": False, "pass@1_strict": False, "pass@1_lenient": False}),
    ],
)
def test_strict_takes_bare_code_and_lenient_a_missing_signature(form: str, expected: dict[str, bool]) -> None:
    """The same right program in four forms, by each metric."""
    item = items("instruct")[0]
    answers = {
        "bare": item.truth,
        "fenced": f"Sure!\n\n```python\n{item.truth}```\n",
        "body alone": item.truth.split("\n", 1)[1],
        "wrong name": item.truth.replace(item.payload["entry_point"], "other_name"),
    }
    assert expected == {metric: passed("instruct", [(item, answers[form])], metric)[0] for metric in expected}


def test_every_second_request_asks_for_code_only() -> None:
    """200 of 400; only these can be passed strictly by a model that fences what it is not told to leave bare."""
    asked = [item.prefix.endswith(" Reply with code only.") for item in items("instruct")]
    assert [False, True] * 200 == asked


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
