"""A run beside the published column."""

from __future__ import annotations

from dataclasses import replace

import pytest

from itax_metrics.errors import ConfigError, DataError
from itax_metrics.paper.beside import beside, paper_row
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


def _two_metrics(model: str, task: str, other: str, **fields):
    """Every answer passes the headline; 19 of them pass the other metric."""
    run, rows = _run(1033, model=model, task=task, metrics=("pass@1", other), **fields)
    return run, [replace(row, metrics={"pass@1": 1.0, other: float(i < 19)}) for i, row in enumerate(rows)]


def test_qwen_s_hefim_stands_stripped_and_as_it_is():
    """The artifact strips Qwen's answers, which cannot give the printed figures, so `pass@1` stands below."""
    lines = beside(*_two_metrics("Qwen/Qwen2.5-Coder-7B", "itax_hefim", "pass@1_paper_strip"))
    assert [("HEFIM", "pass@1_paper_strip", 100 * 19 / 1033), ("HEFIM", "pass@1", 100.0)] == [
        (line.benchmark, line.metric, line.yours) for line in lines
    ]
    run, rows = _two_metrics("mine", "itax_hefim", "pass@1_paper_strip")
    assert ["pass@1_paper_strip", "pass@1"] == [line.metric for line in beside(run, rows, row="75k 20")]


@pytest.mark.parametrize("row", [None, "6.7b-base"])
def test_deepseek_s_hefim_is_taken_as_it_is(row: str | None):
    """The artifact does not strip DeepSeek's answers, whether the row is found or named."""
    model = "mine" if row else "deepseek-ai/deepseek-coder-6.7b-base"
    (line,) = beside(*_two_metrics(model, "itax_hefim", "pass@1_paper_strip"), row=row)
    assert ("pass@1", 100.0, 67.76) == (line.metric, line.yours, line.published)


@pytest.mark.parametrize("model", ["Qwen/Qwen2.5-Coder-7B", "deepseek-ai/deepseek-coder-6.7b-base"])
def test_the_artifact_s_clean_up_of_methods_holds_for_both_families(model: str):
    """`pass@1_paper` beats the headline of ClassEval's methods, and its name is shown."""
    (line,) = beside(*_two_metrics(model, "itax_classeval_completion", "pass@1_paper"))
    assert ("ClassEval-Completion", "pass@1_paper", 100 * 19 / 1033) == (line.benchmark, line.metric, line.yours)


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


@pytest.mark.parametrize(
    ("model", "row"),
    [
        ("Qwen/Qwen2.5-Coder-32B-Instruct", "32b-instruct"),
        ("/models/Qwen2.5-Coder-7B/", "7b-base"),
        ("deepseek-ai/deepseek-coder-33b-base", "33b-base"),
    ],
)
def test_the_paper_s_models_find_their_row(model: str, row: str):
    """By family and size together, wherever they lie."""
    assert row == paper_row(model)


@pytest.mark.parametrize(
    "model",
    [
        "deepseek-ai/deepseek-coder-7b-base-v1.5",
        "deepseek-ai/deepseek-coder-7b-base",
        "Qwen/Qwen2.5-Coder-1.3B",
        "me/Qwen2.5-Coder-7B-sft",
        "me/my-Qwen2.5-Coder-7B",
        "/checkpoints/Qwen2.5-Coder-7B/checkpoint-500",
        "Qwen/Qwen2.5-Coder-7B-Instruct-GGUF",
    ],
)
def test_no_other_model_is_set_beside_theirs(model: str):
    """Another family's size, a tuned model and a quantized one are other models; --row says otherwise."""
    with pytest.raises(ConfigError, match=r"none of the paper's models\. Name a row with --row: 1\.5b-base"):
        paper_row(model)
