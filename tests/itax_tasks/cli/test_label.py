"""`itax label` from score directories to agreement."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from itax_metrics.errors import ConfigError
from itax_metrics.records import Outcome, Run, Status, TaskRun
from itax_metrics.store import read_score_dir, write_score_dir
from itax_tasks.benchmarks import hand
from itax_tasks.cli import cli
from itax_tasks.settings import Settings

LOADED = hand.load("infilling", Settings())
TASK = "itax_hand_infilling"


def itax(*words: Any) -> Result:
    """One command; a refusal is raised."""
    result = CliRunner().invoke(cli, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    """Ten failures with categories."""
    run = TaskRun(TASK, 1.0, "raw", "itax", "pass@1", "raw", LOADED.data, {}, 1, 10)
    rows = [
        Outcome(
            TASK,
            item.task_id,
            0,
            "c",
            Status.FAILED,
            False,
            "x",
            category="extra_code" if n % 2 else "functional_mismatch",
        )
        for n, item in enumerate(LOADED.items[:10])
    ]
    return write_score_dir(tmp_path / "scores", Run("m", {TASK: run}), rows)


def fill(path: Path, label: Any) -> None:
    """A rater at work: one label a row."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "label": label(number, row)} for number, row in enumerate(rows))


def test_from_the_sheet_to_kappa(scores: Path, tmp_path: Path) -> None:
    """Two raters who differ on one row of ten; the rules against the nine they agree on."""
    out = tmp_path / "labels"
    assert "10 rows written" in itax("label", "sheet", scores, "--out", out).stdout
    with (out / "rater_1.csv").open(encoding="utf-8", newline="") as file:
        assert "def " in next(csv.DictReader(file))["before"]
    rules = {row["row"]: row["category"] for row in json.loads((out / "key.json").read_text("utf-8"))["rows"]}
    fill(out / "rater_1.csv", lambda number, row: rules[row["row"]])
    fill(out / "rater_2.csv", lambda number, row: rules[row["row"]] if number else "special_tokens")
    words = ("label", "agree", out / "rater_1.csv", out / "rater_2.csv", "--key", out / "key.json")
    found = json.loads(itax(*words, "--json").stdout)
    assert (10, 0.9) == (found["raters"]["n"], found["raters"]["agreement"])
    assert (9, 1.0) == (found["rules"]["n"], found["rules"]["kappa"])
    assert "both raters against rules: n = 9, agreement 100.00 %, kappa 1.0000" in itax(*words).stdout


def test_the_text_of_other_data_is_left_blank(scores: Path, tmp_path: Path) -> None:
    """Of the one run that was on them; the other keeps its text."""
    run, rows = read_score_dir(scores)
    moved = {TASK: replace(run.tasks[TASK], data={**LOADED.data, "sha256": "0" * 64})}
    other = write_score_dir(tmp_path / "other", replace(run, model="other", tasks=moved), rows)
    shown = itax("label", "sheet", scores, other, "--out", tmp_path / "labels").stdout
    assert f"note: {TASK}: the text around the answers is left blank" in shown
    models = {row["row"]: row["model"] for row in json.loads((tmp_path / "labels" / "key.json").read_text())["rows"]}
    with (tmp_path / "labels" / "rater_1.csv").open(encoding="utf-8", newline="") as file:
        blank = {models[row["row"]]: not row["before"] for row in csv.DictReader(file)}
    assert {"m": False, "other": True} == blank


def test_labels_are_never_overwritten(scores: Path, tmp_path: Path) -> None:
    """A second draw into the same folder is refused."""
    itax("label", "sheet", scores, "--out", tmp_path / "labels")
    with pytest.raises(ConfigError, match="may hold labels"):
        itax("label", "sheet", scores, "--out", tmp_path / "labels")


@pytest.mark.parametrize("kept", ["rater_2.csv", "key.json"])
def test_what_is_left_of_a_sheet_is_not_overwritten(scores: Path, tmp_path: Path, kept: str) -> None:
    """The rest is with the raters; nothing is written beside it."""
    out = tmp_path / "labels"
    out.mkdir()
    (out / kept).write_text("of another sheet")
    with pytest.raises(ConfigError, match=f"{kept} is there already"):
        itax("label", "sheet", scores, "--out", out, "--seed", 7)
    assert [("of another sheet", kept)] == [(path.read_text(), path.name) for path in out.iterdir()]


def test_a_model_is_named_once(scores: Path, tmp_path: Path) -> None:
    """Two directories of one model would be one cell."""
    with pytest.raises(ConfigError, match="Two of the score directories are of m"):
        itax("label", "sheet", scores, scores, "--out", tmp_path / "labels")
