"""Expected results and judges, by toy problems whose references really run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from itax_metrics.errors import ExecutionError
from itax_metrics.execution import LocalExecutor, Program
from itax_metrics.execution.calls import CallJudge
from itax_metrics.records import Item, Status, Verdict
from itax_tasks.benchmarks.evalplus import judges
from itax_tasks.benchmarks.evalplus.expected import Expected, expected_of
from itax_tasks.benchmarks.evalplus.judges import decide, limits_of
from itax_tasks.benchmarks.evalplus.rules import PINNED, TODAY, Rules
from itax_tasks.scoring import Answer, score
from itax_tasks.tasks import task


@pytest.fixture
def expected(tmp_path: Path, executor: LocalExecutor) -> Expected:
    """A fresh folder; skips where nothing can be contained."""
    return Expected(tmp_path / "references", "require", 1)


def problem(expected: Expected, **other: Any) -> Item:
    """A problem like those of the files."""
    entry_point = other.pop("entry_point", "f")
    fields = {"base_input": [[1], [2]], "plus_input": [[3]], "atol": 0, **other}
    truth = fields.pop("truth", "    return 2 * x\n")
    payload = {"entry_point": entry_point, "expected": expected, **fields}
    return Item("Toy/0", f"def {entry_point}(*xs):\n    x = xs[0]\n", truth=truth, cluster="Toy/0", payload=payload)


def judge_of(rules: Rules, item: Item, kind: Any = "base", scale: float = 1.0) -> CallJudge:
    """What decides about any answer to that problem."""
    program = decide(rules, kind, item, "", limits_of(rules).scaled(scale))
    assert isinstance(program, Program)
    assert isinstance(program.judge, CallJudge)
    return program.judge


def outcome(expected: Expected, program: str, **other: Any) -> tuple[Status, dict[str, float | None]]:
    """Verdict and metrics of a finished program."""
    spec = task("itax_humaneval_evalplus")
    item = problem(expected, **other)
    with LocalExecutor(workers=1) as running:
        (found,) = score(spec, {"Toy/0": item}, [Answer("Toy/0", 0, program, "program")], running)
    return found.verdict, dict(found.metrics)


def test_both_metrics_come_from_one_answer(expected: Expected) -> None:
    """Right on the base inputs, wrong on the further one."""
    verdict, metrics = outcome(expected, "def f(x): return 2 * x if x < 3 else 0")
    assert (Status.PASSED, {"pass@1": 1.0, "plus_pass@1": 0.0}) == (verdict, metrics)


def test_plus_asks_for_base(expected: Expected) -> None:
    """Right on the further input alone is not enough."""
    verdict, metrics = outcome(expected, "def f(x): return 6")
    assert (Status.FAILED, {"pass@1": 0.0, "plus_pass@1": 0.0}) == (verdict, metrics)


def test_the_reference_passes_itself(expected: Expected) -> None:
    """Prompt and canonical solution."""
    item = problem(expected)
    verdict, metrics = outcome(expected, item.prefix + item.truth)
    assert (Status.PASSED, {"pass@1": 1.0, "plus_pass@1": 1.0}) == (verdict, metrics)


def test_results_are_kept_and_read_again(expected: Expected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time nothing runs, and the limits are the same."""
    item = problem(expected)
    first = expected.of(item)
    monkeypatch.setattr("itax_tasks.benchmarks.evalplus.expected.expected_values", None)
    again = Expected(tmp_path / "references", "require", 1).of(item)
    assert first == again


def test_a_broken_file_is_computed_again(expected: Expected, tmp_path: Path) -> None:
    """Cut off, or of another problem: what was kept there does not count."""
    known = expected.of(problem(expected))
    (path,) = (tmp_path / "references").iterdir()
    path.write_bytes(path.read_bytes()[:20])
    again = Expected(tmp_path / "references", "require", 1)
    assert [one.result for one in known.returned["base"]] == [
        one.result for one in again.of(problem(again)).returned["base"]
    ]
    changed = Expected(tmp_path / "references", "require", 1)
    other = changed.of(problem(changed, truth="    return 3 * x\n"))
    assert known.returned["base"][0].result != other.returned["base"][0].result


def test_a_reference_that_fails_leaves_its_problem_undecided(expected: Expected) -> None:
    """Named with its reason; the other problems are judged."""
    broken, good = problem(expected, truth="    return 1 // 0\n"), replace(problem(expected), task_id="Toy/1")
    expected.prepare([broken, good])
    assert 2 == len(expected.of(good).returned["base"])
    with pytest.raises(ExecutionError, match="Toy/0: its reference solution failed at call 1"):
        decide(TODAY, "base", broken, "", limits_of(TODAY))


def test_where_nothing_may_run_verdicts_are_pending(expected: Expected, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is the executor's own."""
    monkeypatch.setattr(LocalExecutor, "obstacle", lambda self: "Not executed: no sandbox here.")
    decision = decide(TODAY, "base", problem(expected), "", limits_of(TODAY))
    assert Verdict(Status.HARNESS_ERROR, 0.0, ("pending",), "Not executed: no sandbox here.") == decision


@pytest.mark.parametrize(
    ("rules", "entry_point", "comparison"),
    [
        (TODAY, "f", "close"),
        (TODAY, "find_zero", "polynomial"),
        (TODAY, "are_equivalent", "always"),
        (TODAY, "Diff", "set"),
        (TODAY, "check_str", "not_none"),
        (PINNED, "f", "allclose"),
        (PINNED, "find_zero", "never"),
        (PINNED, "are_equivalent", "always"),
        (PINNED, "Diff", "allclose"),
        (PINNED, "check_str", "present"),
    ],
)
def test_how_results_are_compared(expected: Expected, rules: Rules, entry_point: str, comparison: str) -> None:
    """By the name of the function, and by the year."""
    judge = judge_of(rules, problem(expected, entry_point=entry_point))
    assert {comparison} == {call.comparison for call in judge.calls}


def test_second_oracles(expected: Expected) -> None:
    """Further right results of today, of which 2023 knows one."""
    pyramid = problem(expected, entry_point="surface_Area", base_input=[[3, 4]])
    assert 1 == len(judge_of(TODAY, pyramid).calls[0].accepted)
    assert () == judge_of(PINNED, pyramid).calls[0].accepted
    zero = replace(problem(expected, entry_point="sum_div"), task_id="Toy/2")
    assert 1 == len(judge_of(PINNED, zero).calls[0].accepted)


@pytest.mark.parametrize(("rules", "call", "whole"), [(TODAY, 4.0, 10.0), (PINNED, 0.2, 2.4)])
def test_limits_are_the_official_ones(expected: Expected, rules: Rules, call: float, whole: float) -> None:
    """Two quick calls: the floor for each, their sum and two seconds for the program."""
    program = decide(rules, "base", problem(expected), "", limits_of(rules))
    assert isinstance(program, Program)
    assert isinstance(program.judge, CallJudge)
    assert [call, call] == [one.seconds for one in program.judge.calls]
    assert (pytest.approx(whole), 4 << 30) == (program.limits.wall_seconds, program.limits.memory_bytes)


def test_a_slow_machine_gets_more_of_everything(expected: Expected) -> None:
    """The time scale multiplies each call and the whole."""
    item = problem(expected)
    program = decide(TODAY, "base", item, "", limits_of(TODAY).scaled(3.0))
    assert isinstance(program, Program)
    assert [12.0, 12.0] == [call.seconds for call in judge_of(TODAY, item, scale=3.0).calls]
    assert pytest.approx(30.0) == program.limits.wall_seconds


def test_tasks_on_the_same_data_share_their_results(tmp_path: Path) -> None:
    """Four tasks of one command run the references once."""
    one, same = (expected_of(tmp_path, "a" * 64, "require", None) for _ in range(2))
    assert one is same
    assert one is not expected_of(tmp_path, "b" * 64, "require", None)


def test_the_limits_of_2023_know_no_most() -> None:
    """What is stated never binds: the largest file has a thousand calls a problem."""
    assert judges.UNBOUNDED_SECONDS > PINNED.whole(1000 * PINNED.limit(0.5))
