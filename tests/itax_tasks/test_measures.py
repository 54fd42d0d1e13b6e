"""Metrics beyond one program: parts, verdicts without a run, metrics that require others, groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from tests.itax_tasks.test_scoring import FAILED, LOST, PASSED, Scripted

from itax_metrics.execution.programs import Limits, Program
from itax_metrics.records import Item, Outcome, Status, Verdict
from itax_tasks.scoring import Answer, rates, score
from itax_tasks.spec import Decision, Measure, TaskSpec, answer_alone
from itax_tasks.tasks import task

ITEM = Item("one", "", language="java")


def _parts(item: Item, body: str, limits: Limits) -> Decision:
    return {"First": Program(f"1{body}", limits=limits), "Second": Program(f"2{body}", limits=limits)}


def _program(item: Item, body: str, limits: Limits) -> Decision:
    return Program(body, limits=limits)


def _same(item: Item, body: str, limits: Limits) -> Decision:
    return Verdict(Status.PASSED if body == "x" else Status.FAILED)


def _breaks(item: Item, body: str, limits: Limits) -> Decision:
    raise ValueError("no such field")


def spec(**measures: Measure) -> TaskSpec:
    """A task with these measures; `_` stands for what a metric's name may hold and a keyword may not."""
    return replace(task("itax_hefim"), measures={name.replace("_at_", "@"): way for name, way in measures.items()})


def judged(task: TaskSpec, text: str, *verdicts: Verdict, stage: str = "completion") -> Outcome:
    """The outcome of one answer under scripted verdicts."""
    answer = Answer("one", 0, text, stage=stage)  # type: ignore[arg-type]  # a word of the closed list
    return score(task, {"one": ITEM}, [answer], Scripted(*verdicts))[0]


@pytest.mark.parametrize(
    ("verdicts", "status", "classes", "share"),
    [
        ((PASSED, PASSED), Status.PASSED, {"First": True, "Second": True}, 1.0),
        ((PASSED, FAILED), Status.FAILED, {"First": True, "Second": False}, 0.5),
        ((PASSED, LOST), Status.HARNESS_ERROR, None, None),
        ((LOST, FAILED), Status.HARNESS_ERROR, None, None),
    ],
)
def test_parts_pass_together_or_by_their_share(
    verdicts: tuple[Verdict, ...], status: Status, classes: Mapping[str, bool] | None, share: float | None
) -> None:
    """All parts must pass, a lost one leaves the item undecided, and the share is a metric of its own."""
    task = spec(
        pass_at_1=Measure("raw", _parts, answer_alone), pass_at_1_share=Measure("raw", _parts, answer_alone, share=True)
    )
    outcome = judged(task, "x", *verdicts, *verdicts)
    assert (status, classes) == (outcome.verdict, outcome.test_classes)
    assert share == outcome.metrics["pass@1_share"]


def test_what_a_task_prepares_is_prepared_once_for_the_answered_items() -> None:
    """Before any program is put together, and for no item that nobody answered."""
    prepared: list[list[str]] = []
    made = spec(pass_at_1=Measure("raw", _program, answer_alone))
    made = replace(made, prepare=lambda items: prepared.append([item.task_id for item in items]))
    items = {name: replace(ITEM, task_id=name) for name in ("one", "two", "three")}
    answers = [Answer("three", 0, "x"), Answer("one", 0, "x"), Answer("three", 1, "x")]
    score(made, items, answers, Scripted(PASSED, PASSED, PASSED))
    assert [["three", "one"]] == prepared


def test_a_failing_part_is_named() -> None:
    """The detail says which part failed."""
    outcome = judged(spec(pass_at_1=Measure("raw", _parts, answer_alone)), "x", PASSED, FAILED)
    assert "Second: AssertionError" == outcome.detail


def test_a_verdict_without_a_run_executes_nothing() -> None:
    """Text comparison needs no program."""
    executor = Scripted(FAILED)
    task = spec(exact_match=Measure("raw", _same, answer_alone))
    heard: list[tuple[int, bool]] = []
    outcomes = score(
        task,
        {"one": ITEM},
        [Answer("one", 0, "x"), Answer("one", 1, "y")],
        executor,
        on_outcome=lambda number, verdict: heard.append((number, verdict.passed)),
    )
    assert [] == executor.programs
    assert [1.0, 0.0] == [outcome.metrics["exact_match"] for outcome in outcomes]
    assert [(0, True), (1, False)] == heard


@pytest.mark.parametrize(
    ("base", "plus", "expected"),
    [(PASSED, PASSED, 1.0), (PASSED, FAILED, 0.0), (FAILED, PASSED, 0.0), (LOST, PASSED, None)],
)
def test_a_metric_needs_what_it_requires(base: Verdict, plus: Verdict, expected: float | None) -> None:
    """The stricter oracle counts only where the first one passed."""
    task = spec(
        pass_at_1=Measure("raw", _program, answer_alone),
        plus_pass_at_1=Measure("raw", _program, answer_alone, requires=("pass@1",)),
    )
    outcome = judged(task, "x", base, plus)
    assert expected == outcome.metrics["plus_pass@1"]
    assert (None if expected is None else bool(expected)) == outcome.plus_passed


def test_a_judge_that_breaks_leaves_its_metric_undecided() -> None:
    """One odd answer costs the others nothing, and says what happened."""
    task = spec(pass_at_1=Measure("raw", _breaks, answer_alone), pass_at_1_other=Measure("raw", _program, answer_alone))
    outcome = judged(task, "x", PASSED)
    assert (Status.HARNESS_ERROR, None, 1.0) == (outcome.verdict, *outcome.metrics.values())
    assert "pass@1 could not be prepared for one: ValueError: no such field" == outcome.detail


def test_a_finished_program_is_judged_by_every_metric_of_the_headline_s_rule() -> None:
    """Somebody else's extraction stands for the headline's rule and no other."""
    task = spec(
        pass_at_1=Measure("fenced_code", _program, answer_alone),
        plus_pass_at_1=Measure("fenced_code", _program, answer_alone),
        pass_at_1_strict=Measure("raw", _program, answer_alone),
    )
    assert {"pass@1", "plus_pass@1"} == set(judged(task, "x", PASSED, stage="program").metrics)


def test_a_whole_program_goes_through_its_rule() -> None:
    """Stored programs before post-processing are extracted by the rule the metric names for them."""
    executor = Scripted(PASSED)
    task = spec(pass_at_1=Measure("raw", _program, answer_alone, whole="fenced_code"))
    score(task, {"one": ITEM}, [Answer("one", 0, "```\nx\n```", stage="program-raw")], executor)
    assert ["x\n"] == [program.source for program in executor.programs]


def test_groups_have_rates_of_their_own() -> None:
    """The headline of each group stands beside the whole."""
    task = replace(
        spec(pass_at_1=Measure("raw", _program, answer_alone)), groups=lambda item: (item.language, "all of them")
    )
    items = {"a": Item("a", "", language="java"), "b": Item("b", "", language="cpp")}
    outcomes = score(task, items, [Answer("a", 0, "x"), Answer("b", 0, "y")], Scripted(PASSED, FAILED))
    assert [("java", "all of them"), ("cpp", "all of them")] == [outcome.groups for outcome in outcomes]
    found = rates(task, outcomes)
    assert (0.5, 1.0, 0.0, 0.5) == tuple(
        found[name] for name in ("pass@1", "pass@1_java", "pass@1_cpp", "pass@1_all of them")
    )
