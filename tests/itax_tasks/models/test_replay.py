"""`itax-replay` inside the real lm-eval command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lm_eval")

from itax_metrics.errors import ConfigError, DataError
from itax_tasks.benchmarks import hand
from itax_tasks.harness.host import run_lm_eval
from itax_tasks.models.replay import ReplayLM
from itax_tasks.settings import Settings

ITEMS = hand.load("completion", Settings()).items


def answers(path: Path, rows: list[dict[str, Any]]) -> Path:
    """A file of answers."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def lm_eval(file: Path, out: Path, *more: str) -> dict[str, Any]:
    """The real command line on the embedded completion task; returns the results file."""
    arguments = ["--model", "itax-replay", "--model_args", f"completions={file},pretrained=stored"]
    arguments += ["--tasks", "itax_hand_completion", "--confirm_run_unsafe_code", "--log_samples"]
    run_lm_eval([*arguments, "--output_path", str(out), *more], only_ours=True)
    (results,) = out.glob("*/results_*.json")
    content: dict[str, Any] = json.loads(results.read_text("utf-8"))
    return content


def test_stored_answers_are_judged_as_if_a_model_gave_them(tmp_path: Path) -> None:
    """Truths for all items but one score (n - 1) / n, and both files are written."""
    rows = [{"task_id": item.task_id, "completion": item.truth} for item in ITEMS]
    rows[0]["completion"] = "    return None\n"
    results = lm_eval(answers(tmp_path / "a.jsonl", rows), tmp_path / "out")
    assert (len(ITEMS) - 1) / len(ITEMS) == results["results"]["itax_hand_completion"]["pass@1,none"]
    assert list((tmp_path / "out").glob("*/samples_itax_hand_completion_*.jsonl"))


def test_several_samples_are_replayed_in_their_order(tmp_path: Path) -> None:
    """The second time an item is asked, its second answer comes."""

    class Request:
        def __init__(self, task_id: str) -> None:
            self.doc = {"task_id": task_id}
            self.task_name = "t"
            self.repeats = 2

    file = answers(tmp_path / "a.jsonl", [{"task_id": "x", "completion": text} for text in ("one", "two")])
    assert ["one", "two"] == ReplayLM(str(file)).generate_until([Request("x")] * 2)


def test_answers_that_nobody_asks_for_are_told_of(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A resumed generation leaves some; the first is used."""
    rows = [{"task_id": item.task_id, "completion": item.truth} for item in (*ITEMS, ITEMS[0])]
    results = lm_eval(answers(tmp_path / "a.jsonl", rows), tmp_path / "out")
    assert 1.0 == results["results"]["itax_hand_completion"]["pass@1,none"]
    assert "up to 2 answers to an item, and each is asked for 1" in capfd.readouterr().err


def test_missing_answers_are_counted_and_named(tmp_path: Path) -> None:
    """An item without an answer stops the run before anything is executed."""
    rows = [{"task_id": item.task_id, "completion": item.truth} for item in ITEMS[2:]]
    with pytest.raises(DataError, match=rf"no answer for 2 of {len(ITEMS)} items \(first: {ITEMS[0].task_id}"):
        lm_eval(answers(tmp_path / "a.jsonl", rows), tmp_path / "out")


def test_on_missing_empty_answers_them_with_nothing(tmp_path: Path) -> None:
    """The user may ask for empty answers instead."""
    rows = [{"task_id": item.task_id, "completion": item.truth} for item in ITEMS[2:]]
    file = answers(tmp_path / "a.jsonl", rows)
    out = tmp_path / "out"
    arguments = ["--model", "itax-replay", "--model_args", f"completions={file},on_missing=empty,pretrained=s"]
    arguments += ["--tasks", "itax_hand_completion", "--confirm_run_unsafe_code", "--output_path", str(out)]
    run_lm_eval(arguments, only_ours=True)
    (results,) = out.glob("*/results_*.json")
    rate = json.loads(results.read_text("utf-8"))["results"]["itax_hand_completion"]["pass@1,none"]
    assert (len(ITEMS) - 2) / len(ITEMS) == rate


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({}, ConfigError, "completions=FILE"),
        ({"completions": "nowhere.jsonl"}, DataError, "no such file"),
        ({"completions": "nowhere.jsonl", "format": "csv"}, ConfigError, "format=csv"),
        ({"completions": "nowhere.jsonl", "on_missing": "guess"}, ConfigError, "on_missing=guess"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], error: type[Exception], says: str) -> None:
    """Each wrong argument is one message that names it."""
    with pytest.raises(error, match=says):
        ReplayLM(**arguments)


def test_finished_programs_are_sent_to_itax_score(tmp_path: Path) -> None:
    """A file of whole programs cannot pass through a task that extracts; the message says where it can."""
    file = answers(tmp_path / "a.jsonl", [{"task_id": "x", "solution": "pass"}])
    with pytest.raises(DataError, match="itax score"):
        ReplayLM(str(file))
