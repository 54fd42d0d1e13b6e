"""EvalPlus's own files of answers, and BigCodeBench's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from itax_metrics.errors import DataError
from itax_tasks.answer import Answer, Stage
from itax_tasks.answers import Format, read_answers


def test_a_folder_of_programs(tmp_path: Path) -> None:
    """By problem, then by number."""
    for name, text in (("HumanEval_1/0", "b"), ("HumanEval_0/10", "k"), ("HumanEval_0/2", "c")):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert (
        Answer("HumanEval/0", 2, "c", "program"),
        Answer("HumanEval/0", 10, "k", "program"),
        Answer("HumanEval/1", 0, "b", "program"),
    ) == read_answers(tmp_path).answers


def test_raw_programs_are_named_by_their_stage(tmp_path: Path) -> None:
    """The folder that ends in .raw holds programs before the sanitizer."""
    (tmp_path / "Mbpp_2").mkdir()
    (tmp_path / "Mbpp_2" / "0.py").write_text("x")
    assert (Answer("Mbpp/2", 0, "x", "program-raw"),) == read_answers(tmp_path, stage="program-raw").answers


def test_a_program_without_a_number_is_refused(tmp_path: Path) -> None:
    """It is nobody's sample."""
    (tmp_path / "Mbpp_2").mkdir()
    (tmp_path / "Mbpp_2" / "best.py").write_text("x")
    with pytest.raises(DataError, match="number of its sample"):
        read_answers(tmp_path)


def test_a_folder_belongs_to_two_tools(tmp_path: Path) -> None:
    """No other format has folders."""
    with pytest.raises(DataError, match="only --format bigcodebench and evalplus read folders"):
        read_answers(tmp_path, format="itax")


@pytest.mark.parametrize(
    ("statuses", "verdicts"),
    [
        (("pass", "pass"), (True, True)),
        (("pass", "fail"), (True, False)),
        (("fail", "pass"), (False, False)),
        (("timeout", "fail"), (False, False)),
    ],
)
def test_results_bring_their_verdicts(tmp_path: Path, statuses: tuple[str, str], verdicts: tuple[bool, bool]) -> None:
    """Plus counts with base only, as EvalPlus reports it."""
    row = {"solution": "def f(): ...", "base_status": statuses[0], "plus_status": statuses[1]}
    path = tmp_path / "eval_results.json"
    path.write_text(json.dumps({"date": "", "hash": "", "eval": {"Mbpp/2": [row, row]}}))
    stored = read_answers(path)
    assert [("Mbpp/2", 0, "program"), ("Mbpp/2", 1, "program")] == [
        (answer.task_id, answer.sample, answer.stage) for answer in stored.answers
    ]
    key = ("Mbpp/2", 1)
    assert verdicts == (stored.recorded[key], stored.recorded_metrics["plus_pass@1"][key])


def test_base_alone_is_enough(tmp_path: Path) -> None:
    """Results of --base-only have no plus status."""
    path = tmp_path / "eval_results.json"
    rows = {"Mbpp/2": [{"solution": "", "base_status": "pass", "plus_status": None}]}
    path.write_text(json.dumps({"eval": rows}))
    stored = read_answers(path)
    assert ({("Mbpp/2", 0): True}, {}) == (stored.recorded, stored.recorded_metrics)


@pytest.mark.parametrize("verdicts", [None, [True], {"pass@1": "pass"}])
def test_verdicts_that_are_none_are_refused(tmp_path: Path, verdicts: object) -> None:
    """The message names the line and what was found there."""
    path = tmp_path / "samples.jsonl"
    path.write_text(json.dumps({"task_id": "Mbpp/2", "solution": "x", "verdicts": verdicts}))
    with pytest.raises(DataError, match=r"line 1: verdicts is .*, expected true or false by metric") as caught:
        read_answers(path, format="evalplus")
    assert json.dumps(verdicts) in str(caught.value)


def test_results_of_2023_hold_no_answers(tmp_path: Path) -> None:
    """Verdicts alone cannot be judged again."""
    path = tmp_path / "eval_results.json"
    path.write_text(json.dumps({"eval": {"Mbpp/2": {"nfiles": 1, "base": [["success", []]], "plus": []}}}))
    with pytest.raises(DataError, match="Mbpp/2 has no stored `solution`"):
        read_answers(path)


@pytest.mark.parametrize("format", [None, "bigcodebench"])
def test_results_of_bigcodebench_have_one_status(tmp_path: Path, format: Format | None) -> None:
    """A timeout is no pass."""
    rows = [{"task_id": "BigCodeBench/0", "solution": "x", "status": status, "details": {}} for status in STATUSES]
    path = tmp_path / "eval_results.json"
    path.write_text(json.dumps({"date": "", "eval": {"BigCodeBench/0": rows}}, indent=2))
    stored = read_answers(path, format=format)
    assert {("BigCodeBench/0", 0): True, ("BigCodeBench/0", 1): False, ("BigCodeBench/0", 2): False} == stored.recorded
    assert Answer("BigCodeBench/0", 2, "x", "program") == stored.answers[2]


def test_results_that_are_cut_off_are_refused(tmp_path: Path) -> None:
    """They are written over many lines, so the end is missing and not one line."""
    path = tmp_path / "eval_results.json"
    path.write_text(json.dumps({"eval": {"BigCodeBench/0": []}}, indent=2)[:-4])
    with pytest.raises(DataError, match=r"over several lines and is none .* Is it cut off"):
        read_answers(path)


STATUSES = ("pass", "fail", "timeout")


@pytest.mark.parametrize(("stage", "text"), [(None, "clean"), ("program-raw", "raw")])
def test_a_sanitized_row_holds_both_programs(tmp_path: Path, stage: Stage | None, text: str) -> None:
    """The stage says which of them is meant."""
    path = tmp_path / "samples.jsonl"
    path.write_text(json.dumps({"task_id": "BigCodeBench/0", "solution": "clean", "raw_solution": "raw"}))
    answer = Answer("BigCodeBench/0", 0, text, stage or "program")
    assert (answer,) == read_answers(path, format="bigcodebench", stage=stage).answers


@pytest.mark.parametrize(
    ("name", "passed"),
    [
        ("qwen2.5-coder-7b-base_completion-sanitized-calibrated_eval_results", 523),
        ("qwen2.5-coder-7b-instruct_complete_eval_results", 565),
    ],
)
def test_recorded_results_of_bigcodebench(name: str, passed: int, recorded_dir: Path) -> None:
    """Every answer and every verdict of the official files."""
    stored = read_answers(recorded_dir / "bigcodebench" / f"{name}.json.gz")
    assert (1140, 1140, passed) == (len(stored.answers), len(stored.recorded), sum(stored.recorded.values()))
