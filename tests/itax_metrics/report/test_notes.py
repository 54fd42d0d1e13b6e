"""What stands below a comparison is said once, with all it is about."""

from __future__ import annotations

from typing import Any

from itax_metrics.report.notes import benchmark_notes, run_notes


def _benchmark(task: str, *warnings: str, base: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"task": task, "warnings": warnings, "dropped": {"base": base, "instruct": (), "neither": 0}}


def test_equal_warnings_name_their_benchmarks() -> None:
    """In the order of first mention; what was left out is counted first."""
    content = {"benchmarks": [_benchmark("a", "x", base=("i",)), _benchmark("b", "y"), _benchmark("c", "x")]}
    assert benchmark_notes(content) == [("a", "left out 1 missing in base"), ("a, c", "x"), ("b", "y")]


def test_equal_notes_of_tasks_and_runs_are_one() -> None:
    """What is said of a task is put behind its run; what is said of the run stays whole."""
    base = {"tasks": {"a": 1, "b": 1}, "notes": ["a: 6 of 40.", "b: 6 of 40.", "stock hf: tokens are cut."]}
    instruct = {"tasks": {"a": 1}, "notes": ["a: 6 of 40.", "a: 7 of 50.", "stock hf: tokens are cut."]}
    assert run_notes({"base": base, "instruct": instruct}) == [
        ("base run (a, b) and instruct run (a)", "6 of 40."),
        ("base run and instruct run", "stock hf: tokens are cut."),
        ("instruct run (a)", "7 of 50."),
    ]


def test_without_notes_nothing_is_said() -> None:
    """Not even an empty line."""
    assert run_notes({"base": {"tasks": {}}, "instruct": {"tasks": {}, "notes": []}}) == []
