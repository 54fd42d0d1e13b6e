"""Means of behaviours by task and over tasks."""

from __future__ import annotations

import pytest

from itax_metrics.behavior.summary import PAPER_COMPLETION, PAPER_INFILLING, Mean, by_task, macro, paper, pooled
from itax_metrics.records import Outcome, Status


def outcome(task: str, task_id: str, sample: int = 0, **behaviors: float | None) -> Outcome:
    """An answer with these values."""
    return Outcome(task, task_id, sample, task_id, Status.PASSED, True, "x", behaviors=behaviors)


def test_an_item_is_the_mean_of_its_samples() -> None:
    """Two samples of one item weigh as much as one of another; what has no value does not count."""
    rows = [
        outcome("t", "a", 0, nl=1.0),
        outcome("t", "a", 1, nl=0.0),
        outcome("t", "b", nl=0.0),
        outcome("t", "c", nl=None),
    ]
    assert {"t": {"nl": Mean(0.25, 2)}} == by_task(rows)


def test_pooled_and_macro_differ_where_tasks_do() -> None:
    """Three items at 1 and one at 0, in two tasks."""
    means = {"a": {"nl": Mean(1.0, 3)}, "b": {"nl": Mean(0.0, 1)}}
    assert (0.75, 0.5) == (pooled(means, "nl"), macro(means, "nl"))
    assert (None, None) == (pooled(means, "ctr"), macro(means, "ctr"))


def test_the_paper_s_weights_do_not_depend_on_the_items_there_are() -> None:
    """396 to 1140, however many items have a value."""
    means = {"itax_classeval_completion": {"nl": Mean(1.0, 2)}, "itax_bigcodebench_complete": {"nl": Mean(0.0, 9)}}
    assert 396 / 1536 == pytest.approx(paper(means, "nl", PAPER_COMPLETION) or 0)


def test_the_paper_s_figure_needs_every_task() -> None:
    """A part of the benchmarks gives no figure that looks like the paper's."""
    assert paper({"itax_hefim": {"nl": Mean(1.0, 1)}}, "nl", PAPER_INFILLING) is None


def test_a_task_without_flagged_answers_is_left_out_with_its_weight() -> None:
    """Only a conditional measure can be without any value."""
    means = {"itax_classeval_completion": {"nl": Mean(0.5, 2)}, "itax_bigcodebench_complete": {}}
    assert 0.5 == paper(means, "nl", PAPER_COMPLETION)
    assert paper({name: {} for name in PAPER_COMPLETION}, "nl", PAPER_COMPLETION) is None
