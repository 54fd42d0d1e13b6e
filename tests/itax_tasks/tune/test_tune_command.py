"""`itax tune tiny`: from nothing to figures and model cards in one command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason="the extra `hf` is not installed")
pytest.importorskip("transformers", reason="the extra `hf` is not installed")

from itax_metrics.store import read_score_dir
from itax_tasks.cli.report import report
from itax_tasks.cli.tune import tune


def test_a_short_run_writes_the_pair_its_figures_and_its_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures go to standard output, progress to standard error; a second call trains nothing."""
    monkeypatch.setenv("ITAX_SANDBOX", "prefer")
    monkeypatch.setattr("itax_tasks.cli.tune.SHORT", 0.002)
    monkeypatch.setattr("itax_tasks.cli.tune.SHORT_ITEMS", 3)
    out = tmp_path / "pair"
    arguments = ["tiny", "--out", str(out), "--short"]
    first = CliRunner().invoke(tune, arguments)
    assert 0 == first.exit_code, first.output
    assert "infilling, raw" in first.stdout
    assert "base: sha256" in first.stderr
    assert {"base", "stage_1", "instruct"} == set(json.loads((out / "run.json").read_text("utf-8"))["models"])
    assert "itax-tiny-instruct" in (out / "instruct" / "README.md").read_text("utf-8")
    second = CliRunner().invoke(tune, [*arguments, "--no-evaluate"])
    assert 0 == second.exit_code, second.output
    assert "base: complete, kept" in second.stderr


def test_a_short_series_goes_through_to_the_seventh_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Base and checkpoints (three here, for time) are trained and judged; their scores make a report of the series."""
    monkeypatch.setattr("itax_tasks.tune.tiny.pair.CHECKPOINT_SHARES", ((0.5, 1.0), (1.0,)))
    monkeypatch.setenv("ITAX_SANDBOX", "prefer")
    monkeypatch.setattr("itax_tasks.cli.tune.SHORT", 0.002)
    monkeypatch.setattr("itax_tasks.cli.tune.SHORT_ITEMS", 1)
    trained = CliRunner().invoke(tune, ["tiny", "--series", str(tmp_path), "--short"])
    assert 0 == trained.exit_code, trained.output
    names = [path.name for path in sorted((tmp_path / "scores").glob("stage_*"))]
    assert ["stage_1_050", "stage_1_100", "stage_2_100"] == names
    _, rows = read_score_dir(tmp_path / "scores" / names[0])
    assert all(row.behaviors["tokens"] and row.behaviors["hit_limit"] is not None for row in rows)
    folders = [str(tmp_path / "scores" / name) for name in ("base", *names)]
    told = CliRunner().invoke(report, ["--series", *folders, "--out", str(tmp_path / "report"), "--resamples", "100"])
    assert 0 == told.exit_code, told.output
    assert "7: itax-tiny-base, 3 stages: " in told.stdout


def test_two_ways_to_shorten_exclude_each_other(tmp_path: Path) -> None:
    """Which one would hold is not guessed."""
    result = CliRunner().invoke(tune, ["tiny", "--out", str(tmp_path), "--short", "--steps", "3"])
    assert 2 == result.exit_code
    assert "exclude each other" in result.output
