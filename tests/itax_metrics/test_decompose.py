"""The tax taken apart: which differences are formed, and their arithmetic."""

from __future__ import annotations

from dataclasses import replace

from itax_metrics.compare import compare
from itax_metrics.decompose import Component, decompose
from itax_metrics.records import Outcome, Run, Status, TaskRun

RAW = TaskRun(
    task="t",
    version=1.0,
    condition="raw",
    protocol="official",
    headline="pass@1",
    extraction="raw",
    data={"sha256": "0"},
    limits={},
    samples_per_item=1,
    n_items=4,
    metrics=("pass@1", "pass@1_lenient"),
)


def side(model: str, **passes: tuple[str, str]) -> tuple[Run, list[Outcome]]:
    """A run from condition=(strict, lenient), each one digit an item."""
    tasks, rows = {}, []
    for condition, (strict, lenient) in passes.items():
        name = "t" if condition == "raw" else f"t_{condition}"
        tasks[name] = replace(RAW, task=name, condition=condition)
        for number, (one, other) in enumerate(zip(strict, lenient, strict=True)):
            passed = one == "1"
            metrics = {"pass@1": float(passed), "pass@1_lenient": float(other == "1")}
            status = Status.PASSED if passed else Status.FAILED
            rows.append(Outcome(name, f"i{number}", 0, f"c{number}", status, passed, "x", metrics))
    return Run(model=model, tasks=tasks), rows


BASE = side("b", raw=("1111", "1111"), l2r=("1000", "1000"))
INSTRUCT = side("i", raw=("1110", "1111"), l2r=("1000", "1000"), chat=("1000", "1100"), chat_b=("0000", "0000"))


def found() -> dict[tuple[str, str], Component]:
    """Components by name and what they are of."""
    return {(part.name, part.of): part for part in decompose(BASE, INSTRUCT, resamples=200)}


def test_every_component_is_formed_once() -> None:
    """Weights, two wordings, the form of each condition's answers, and the suffix on both sides."""
    assert {
        ("weights tax", ""),
        ("interface tax", "chat"),
        ("interface tax", "chat_b"),
        *(("format tax", f"base {condition}") for condition in ("raw", "l2r")),
        *(("format tax", f"instruct {condition}") for condition in ("raw", "l2r", "chat", "chat_b")),
        ("suffix use", "base"),
        ("suffix use", "instruct"),
    } == set(found())


def test_the_arithmetic() -> None:
    """Points are 100 times the difference of the rates."""
    parts = found()
    assert 25.0 == parts["weights tax", ""].points
    assert 50.0 == parts["interface tax", "chat"].points
    assert 75.0 == parts["interface tax", "chat_b"].points
    assert 25.0 == parts["format tax", "instruct chat"].points
    assert 75.0 == parts["suffix use", "base"].points
    assert ("base raw", "instruct raw", 4, 4) == (
        parts["weights tax", ""].first,
        parts["weights tax", ""].second,
        parts["weights tax", ""].n_items,
        parts["weights tax", ""].n_clusters,
    )


def test_the_exact_test_stands_behind_each() -> None:
    """Three items of one sign: two of eight flips are as extreme."""
    assert 0.25 == found()["suffix use", "base"].p


def test_undecided_items_are_left_out() -> None:
    """An item without a verdict takes no part in the components that need it."""
    run, rows = INSTRUCT
    broken = [
        replace(row, verdict=Status.HARNESS_ERROR, metrics={}) if (row.task, row.task_id) == ("t_chat", "i0") else row
        for row in rows
    ]
    parts = {(part.name, part.of): part for part in decompose(BASE, (run, broken), resamples=200)}
    assert 3 == parts["interface tax", "chat"].n_items
    assert 4 == parts["interface tax", "chat_b"].n_items


def test_compare_takes_apart_across_conditions_only() -> None:
    """Under --across condition the comparison holds the components; otherwise none."""
    assert len(found()) == len(compare(BASE, INSTRUCT, across="condition", resamples=200).decomposition)
    assert () == compare(BASE, INSTRUCT, resamples=200).decomposition


def test_a_run_beside_itself_has_no_weights_tax() -> None:
    """The null run."""
    parts = {part.name: part for part in decompose(BASE, BASE, resamples=200)}
    assert (0.0, 1.0) == (parts["weights tax"].points, parts["weights tax"].p)
