"""The whole report on real pairs: recorded answers with the official tools' verdicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks.recorded_pairs import make
from click.testing import CliRunner

from itax_tasks.cli.report import report
from itax_tasks.settings import read_settings

TASKS = ("itax_humaneval_evalplus", "itax_mbpp_evalplus", "itax_bigcodebench_complete")


@pytest.fixture(scope="module")
def written(data_dir: Path, recorded_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Llama-3-8B on HumanEval and MBPP, Qwen2.5-Coder-7B on BigCodeBench complete: the folder of their report."""
    out = tmp_path_factory.mktemp("recorded")
    folders = [str(folder) for folder in make(recorded_dir, out, read_settings())]
    options = ["--out", str(out / "report"), "--flips", "3", "--resamples", "500"]
    told = CliRunner().invoke(report, [*folders, *options], catch_exceptions=False)
    assert 0 == told.exit_code
    return out / "report"


@pytest.fixture(scope="module")
def content(written: Path) -> dict[str, Any]:
    """report.json."""
    found: dict[str, Any] = json.loads((written / "report.json").read_text("utf-8"))
    return found


def about(content: dict[str, Any]) -> dict[str, Any]:
    """What the report says of each task beyond its verdicts."""
    return {task: found for pair in content["pairs"] for task, found in pair["details"].items()}


def test_the_official_counts(content: dict[str, Any]) -> None:
    """Solved items of both sides, and the plus scores."""
    solved = {
        row["task"]: (row["both"] + row["base_only"], row["both"] + row["instruct_only"])
        for row in content["paper"]["disagreement"]
    }
    assert dict(zip(TASKS, ((45, 105), (228, 249), (523, 565)), strict=True)) == solved
    plus = {
        entry["task"]: [
            round(m[f"{side}_rate"] * m["n_items"]) for m in entry["secondary"] for side in ("base", "instruct")
        ]
        for entry in content["pairs"][0]["comparison"]["benchmarks"]
    }
    assert {"itax_humaneval_evalplus": [39, 94], "itax_mbpp_evalplus": [184, 211]} == plus


def test_behaviours_of_every_answer(content: dict[str, Any]) -> None:
    """The paper's three over all items of both sides; whole programs define functions, so def_cls is near one."""
    sizes = dict(zip(TASKS, (164, 378, 1140), strict=True))
    for task, found in about(content).items():
        for name in ("ctr", "nl", "def_cls"):
            assert sizes[task] == found["behaviors"][name]["n_paired"]
        assert found["behaviors"]["def_cls"]["base"] > 0.97
    sides = [(row["kind"], row["side"]) for row in content["paper"]["behaviours"]]
    assert [(kind, side) for kind in ("instruction", "completion") for side in ("base", "instruct")] == sides


def test_every_failure_has_its_category(content: dict[str, Any]) -> None:
    """As many as the official tools count, by side; with an example of each category that occurs."""
    failed = [row["failures"] for row in content["paper"]["failures"]]
    assert [164 - 45, 164 - 105, 378 - 228, 378 - 249, 1140 - 523, 1140 - 565] == failed
    assert all("functional_mismatch" in found["examples"]["base"] for found in about(content).values())


def test_flips_show_prompt_answers_difference_and_verdicts(written: Path, content: dict[str, Any]) -> None:
    """Three of each direction; the prompt is the benchmark's own; the page has both answers and their difference."""
    page = (written / "report.html").read_text("utf-8")
    assert "Meta-Llama-3-8B" in page
    assert 18 == page.count('<details class="lost">') + page.count('<details class="gained">')
    for found in about(content).values():
        assert {("lost", True, False), ("gained", False, True)} == {
            (flip["direction"], flip["base"]["passed"], flip["instruct"]["passed"]) for flip in found["flips"]
        }
        assert all(flip["prompt"]["before"].strip() and flip["base"]["verdict"] for flip in found["flips"])
    assert 18 == page.count("<h4>Prompt")
    assert 18 == page.count("<h4>From base to instruct")
    assert any("whole programs" in note for note in content["notes"])
