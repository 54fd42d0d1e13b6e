"""`itax export` from a score directory to files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from itax_metrics.errors import ConfigError, DataError
from itax_metrics.records import Outcome, Run, Status, TaskRun
from itax_metrics.store import read_score_dir, write_score_dir
from itax_tasks.cli.export import export


@pytest.fixture
def scores(tmp_path: Path) -> str:
    task = TaskRun("itax_hand_infilling", 1.0, "raw", "itax", "pass@1", "raw", {"sha256": "a"}, {}, 1, 2)
    rows = [Outcome(task.task, f"i{i}", 0, "", Status.PASSED if i else Status.FAILED, bool(i), "x") for i in range(2)]
    return str(write_score_dir(tmp_path / "scores", Run(model="org/m", tasks={task.task: task}), rows))


def _run(*arguments: str):
    return CliRunner().invoke(export, list(arguments), catch_exceptions=False)


def test_each_form_becomes_its_files(scores: str, tmp_path: Path):
    """The three forms, read back."""
    hub = ["--source", "https://example.org", "--dataset", "itax_hand_infilling=me/hand", "--out", str(tmp_path)]
    assert 0 == _run(scores, "--format", "eval-results", *hub).exit_code
    (entry,) = yaml.safe_load((tmp_path / ".eval_results" / "itax_hand_infilling.yaml").read_text())
    assert ("me/hand", 50.0) == (entry["dataset"]["id"], entry["value"])
    assert 0 == _run(scores, "--format", "model-index", *hub).exit_code
    assert "m" == yaml.safe_load((tmp_path / "model-index.yaml").read_text())["model-index"][0]["name"]
    assert 0 == _run(scores, "--format", "every-eval-ever", "--out", str(tmp_path)).exit_code
    record = json.loads((tmp_path / "org_m.json").read_text())
    stated = json.loads((Path(scores) / "run.json").read_text())["outcomes"]["sha256"]
    assert stated == record["eval_library"]["additional_details"]["outcomes_sha256"]


def test_a_part_is_written_only_on_demand(scores: str, tmp_path: Path):
    """Two of 40 items: refused before anything is written; with --partial the file says so."""
    run, rows = read_score_dir(scores)
    task = replace(run.tasks["itax_hand_infilling"], data={"sha256": "a", "rows": 40})
    part = str(write_score_dir(tmp_path / "part", replace(run, tasks={task.task: task}), rows))
    asked = [part, "--format", "model-index", "--source", "https://example.org", "--out", str(tmp_path / "card")]
    with pytest.raises(DataError, match="2 of 40 items were answered"):
        _run(*asked)
    assert not (tmp_path / "card").exists()
    assert 0 == _run(*asked, "--partial").exit_code
    assert "2 of 40" in (tmp_path / "card" / "model-index.yaml").read_text()


@pytest.mark.parametrize("form", ["eval-results", "model-index", "every-eval-ever"])
def test_the_file_of_another_run_is_not_replaced(scores: str, tmp_path: Path, form: str):
    """The same run is exported again; another run of the model is refused, and so is a file of the user's."""
    hub = ["--source", "https://example.org", "--dataset", "itax_hand_infilling=me/hand", "--out", str(tmp_path / "o")]
    assert 0 == _run(scores, "--format", form, *hub).exit_code
    assert 0 == _run(scores, "--format", form, *hub, "--organization", "lab").exit_code
    (written,) = [path for path in (tmp_path / "o").rglob("*") if path.is_file()]
    held = written.read_bytes()
    run, rows = read_score_dir(scores)
    again = write_score_dir(tmp_path / "again", replace(run, created="2026-01-02T03:04:05Z"), rows)
    with pytest.raises(ConfigError, match=r"is there already and is no export of this run.*name another --out"):
        _run(str(again), "--format", form, *hub)
    assert held == written.read_bytes()
    written.write_bytes(b"mine")
    with pytest.raises(ConfigError, match="is there already"):
        _run(scores, "--format", form, *hub)
    assert b"mine" == written.read_bytes()


def test_refusals_say_what_is_missing(scores: str, tmp_path: Path):
    """No source, no data set, a data set without its task."""
    out = ["--out", str(tmp_path / "o")]
    with pytest.raises(ConfigError, match="needs --source"):
        _run(scores, "--format", "model-index", *out)
    with pytest.raises(ConfigError, match="--dataset TASK=ID"):
        _run(scores, "--format", "eval-results", "--source", "https://example.org", *out)
    with pytest.raises(ConfigError, match="write TASK=ID"):
        _run(scores, "--format", "eval-results", "--dataset", "oops", *out)
