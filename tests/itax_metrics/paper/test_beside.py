"""A run beside the published column."""

from __future__ import annotations

from dataclasses import replace

import pytest

from itax_metrics.errors import ConfigError, DataError
from itax_metrics.paper.beside import beside
from itax_metrics.records import Outcome, Run, Status, TaskRun

TASK = TaskRun("itax_hefim", 1.0, "raw", "official", "pass@1", "raw", {"sha256": "a"}, {}, 1, 1033)


def _run(solved: int, n: int = 1033, model: str = "Qwen/Qwen2.5-Coder-7B", task: str = "itax_hefim", **fields):
    run = Run(model=model, tasks={task: replace(TASK, task=task, n_items=n, **fields)})
    rows = [
        Outcome(task, f"i{i}", 0, "", Status.PASSED if i < solved else Status.FAILED, i < solved, "") for i in range(n)
    ]
    return run, rows


def test_the_paper_s_own_count_has_difference_zero():
    """733 of 1033 is 70.96, printed 70.95 after cutting off."""
    (line,) = beside(*_run(733))
    assert ("HEFIM", "7b-base", 70.95, "within your interval") == (
        line.benchmark,
        line.row,
        line.published,
        line.reading,
    )
    assert line.difference == pytest.approx(0.0, abs=0.01)


def test_the_metric_that_follows_the_paper_is_taken_where_it_is_there():
    """`pass@1_paper_strip` beats the headline, and its name is shown."""
    run, rows = _run(700, metrics=("pass@1", "pass@1_paper_strip"))
    rows = [replace(row, metrics={"pass@1": 0.0, "pass@1_paper_strip": float(row.passed)}) for row in rows]
    (line,) = beside(run, rows)
    assert ("pass@1_paper_strip", 100 * 700 / 1033) == (line.metric, line.yours)


def test_a_part_of_the_items_is_another_measurement():
    """Fewer items than the paper's are said, not judged."""
    (line,) = beside(*_run(70, n=100))
    assert line.reading == "100 of 1033 items: not the same measurement"


def test_parts_of_safim_are_pooled_over_items():
    """Two parts, one rate over all their items."""
    parts = ["itax_safim_api", "itax_safim_control"]
    run = Run(model="m", tasks={name: replace(TASK, task=name) for name in parts})
    rows = [Outcome(parts[0], f"a{i}", 0, "", Status.PASSED, True, "") for i in range(10)]
    rows += [Outcome(parts[1], f"c{i}", 0, "", Status.FAILED, False, "") for i in range(30)]
    (line,) = beside(run, rows, row="7b-base")
    assert (40, 25.0) == (line.n_items, line.yours)


def test_plus_scores_stand_in_their_own_column():
    """HumanEval and HumanEval+ of a checkpoint of table 8."""
    run, rows = _run(134, n=164, model="mine", task="itax_humaneval")
    rows = [replace(row, plus_passed=row.passed and i < 124) for i, row in enumerate(rows)]
    plain, plus = beside(run, rows, row="75k 5")
    assert (81.7, 75.6) == (plain.published, plus.published)
    assert ("within your interval", "within your interval") == (plain.reading, plus.reading)


def test_refusals_say_what_to_do():
    """Unknown model, unknown row, no task of the paper's, and answers without a verdict."""
    with pytest.raises(ConfigError, match=r"Name a row with --row: 1\.5b-base"):
        beside(*_run(1, model="org/other-7b"))
    with pytest.raises(ConfigError, match="no row '8b-base'"):
        beside(*_run(1), row="8b-base")
    with pytest.raises(DataError, match="No task of this run is a column"):
        beside(*_run(1, task="itax_hand_infilling"))
    run, rows = _run(1)
    with pytest.raises(DataError, match="i0: no verdict"):
        beside(run, [replace(rows[0], verdict=Status.HARNESS_ERROR, passed=False), *rows[1:]])
