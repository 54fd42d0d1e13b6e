"""Means of behaviours by task and over tasks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from itax_metrics.behavior.summary import (
    PAPER_COMPLETION,
    PAPER_INFILLING,
    Mean,
    by_file,
    by_task,
    macro,
    paper,
    pooled,
)
from itax_metrics.records import Outcome, Status


def outcome(
    task: str, task_id: str, sample: int = 0, groups: tuple[str, ...] = (), **behaviors: float | None
) -> Outcome:
    """An answer with these values."""
    return Outcome(task, task_id, sample, task_id, Status.PASSED, True, "x", behaviors=behaviors, groups=groups)


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


def test_pooled_safim_is_taken_apart_into_its_data_files() -> None:
    """One task among tasks, three files among files; the paper's own groups therefore give the paper's figure."""
    rows = [
        outcome("itax_hefim", "h", nl=1.0),
        outcome("itax_safim", "a", groups=("api", "python"), nl=1.0),
        outcome("itax_safim", "b", groups=("block", "java"), nl=0.0),
        outcome("itax_safim", "c", groups=("block", "java"), nl=0.5),
        outcome("itax_safim", "d", groups=("control", "cpp"), nl=0.0),
        outcome("itax_classeval_infilling", "e", nl=0.0),
    ]
    assert Mean(0.375, 4) == by_task(rows)["itax_safim"]["nl"]
    files = by_file(rows)
    assert set(PAPER_INFILLING) == set(files)
    assert Mean(0.25, 2) == files["itax_safim_block"]["nl"]
    figure = paper(files, "nl", PAPER_INFILLING)
    assert (1033 + 310 + 0.25 * 8780) / 21310 == pytest.approx(figure)
    alone = [replace(row, task=f"itax_safim_{row.groups[0]}") if row.groups else row for row in rows]
    assert figure == paper(by_file(alone), "nl", PAPER_INFILLING)


def test_a_conditional_figure_weighs_files_and_not_flagged_answers() -> None:
    """One flagged api answer beside a hundred flagged block answers still stands for 310 of 9,090."""
    api = [outcome("itax_safim", "a", groups=("api",), ctr_given_flagged=1.0)]
    block = [outcome("itax_safim", f"b{i}", groups=("block",), ctr_given_flagged=0.0) for i in range(100)]
    weights = {file: PAPER_INFILLING[file] for file in ("itax_safim_api", "itax_safim_block")}
    assert 310 / 9090 == pytest.approx(paper(by_file(api + block), "ctr_given_flagged", weights) or 0)


def test_an_answer_without_a_subset_stays_with_its_task() -> None:
    """Rows that another tool wrote may lack groups; other tasks are one file each."""
    rows = [outcome("itax_safim", "a", nl=1.0), outcome("itax_safim_no_cue", "b", groups=("api",), nl=1.0)]
    assert ["itax_safim", "itax_safim_no_cue"] == list(by_file(rows))


def test_only_the_behaviours_asked_for_are_counted() -> None:
    """Table 7 needs nine of some forty."""
    rows = [outcome("t", "a", nl=1.0, ctr=0.5)]
    assert {"t": {"ctr": Mean(0.5, 1)}} == by_file(rows, {"ctr"})
