"""`itax compare` from score directories on disk to table and file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from itax_metrics.errors import ConfigError, DataError, PairingError
from itax_metrics.records import Outcome, Run, Status, TaskRun
from itax_metrics.store import write_score_dir
from itax_tasks.cli.compare import compare


def _write(folder: Path, model: str, solved: list[bool], condition: str = "raw") -> Path:
    name = "itax_hand" if condition == "raw" else f"itax_hand_{condition}"
    task = TaskRun(name, 1.0, condition, "official", "pass@1", "stop", {"sha256": "a"}, {}, 1, len(solved))
    rows = [
        Outcome(name, f"mini/{i:03d}", 0, "", Status.PASSED if value else Status.FAILED, value, "x")
        for i, value in enumerate(solved)
    ]
    return write_score_dir(folder, Run(model=model, tasks={name: task}), rows)


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    base = _write(tmp_path / "base", "org/base", [True] * 30 + [False] * 10)
    instruct = _write(tmp_path / "instruct", "org/instruct", [True] * 15 + [False] * 25)
    return [str(base), str(instruct)]


def _run(*arguments: str):
    return CliRunner().invoke(compare, list(arguments), catch_exceptions=False)


def test_table_is_printed_and_file_is_written(pair: list[str], tmp_path: Path):
    """The default writes ./comparison.json and prints the table with its sentence."""
    result = _run(*pair)
    assert result.exit_code == 0
    assert "itax_hand: instruct loses 37.5 points" in result.stdout
    assert json.loads((tmp_path / "comparison.json").read_text())["benchmarks"][0]["tax_points"] == 37.5


def test_equal_runs_of_the_command_write_equal_bytes(pair: list[str], tmp_path: Path):
    """Twice the same command, twice the same file."""
    _run(*pair, "--out", "one.json")
    _run(*pair, "--out", "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_json_goes_to_standard_output(pair: list[str], tmp_path: Path):
    """--json prints what the file holds, and nothing else on standard output."""
    result = _run(*pair, "--json")
    assert (tmp_path / "comparison.json").read_text() == result.stdout


def test_markdown_goes_to_standard_output(pair: list[str]):
    """--markdown prints a Markdown table."""
    assert "| itax_hand | 40 | 75.0 | 37.5 | +37.5 |" in _run(*pair, "--markdown").stdout


def test_options_reach_the_comparison(pair: list[str], tmp_path: Path):
    """Seed, resamples and policy are recorded in the file."""
    _run(*pair, "--seed", "7", "--resamples", "500", "--on-missing", "drop")
    settings = json.loads((tmp_path / "comparison.json").read_text())["settings"]
    assert {"seed": 7, "resamples": 500, "on_missing": "drop", "across": None}.items() <= settings.items()


def test_across_condition_compares_wordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """One model raw against chat is a comparison once the axis is declared."""
    monkeypatch.chdir(tmp_path)
    raw = _write(tmp_path / "raw", "org/m", [True] * 5)
    chat = _write(tmp_path / "chat", "org/m", [True] * 4 + [False], condition="chat")
    with pytest.raises(PairingError, match="--across condition"):
        _run(str(raw), str(chat))
    assert "itax_hand / itax_hand_chat" in _run(str(raw), str(chat), "--across", "condition").stdout


def _write_cues(folder: Path, model: str, plain: int, bare: int) -> Path:
    """Forty items with and without their comments, of which so many are solved."""
    tasks, rows = {}, []
    for name, protocol, solved in (("itax_safim", "paper", plain), ("itax_safim_no_cue", "itax", bare)):
        tasks[name] = TaskRun(name, 1.0, "raw", protocol, "pass@1", "safim", {"sha256": "a"}, {}, 1, 40)
        for i in range(40):
            status = Status.PASSED if i < solved else Status.FAILED
            rows.append(Outcome(name, f"{i:03d}", 0, "", status, i < solved, "x", {"pass@1": float(i < solved)}))
    return write_score_dir(folder, Run(model=model, tasks=tasks), rows)


def test_across_cue_says_whether_the_tax_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Two models with and without comments: both taxes, what each makes of the cues, and the change; one model too."""
    monkeypatch.chdir(tmp_path)
    base, instruct = _write_cues(tmp_path / "b", "org/b", 36, 32), _write_cues(tmp_path / "i", "org/i", 34, 14)
    text = _run(str(base), str(instruct), "--across", "cue").stdout
    assert "itax_safim: with fewer cues (plain to no_cue) the tax goes from +5.0 to +45.0: by +40.0 points" in text
    parts = json.loads((tmp_path / "comparison.json").read_text())["decomposition"]
    assert {"base no_cue": 10.0, "instruct no_cue": 50.0, "no_cue": -40.0} == {
        part["of"]: part["points"] for part in parts
    }
    alone = _run(str(instruct), str(instruct), "--across", "cue").stdout
    assert "itax_safim / itax_safim_no_cue: itax_safim_no_cue loses 50.0 points" in alone


def test_refusals_are_itax_errors_and_write_nothing(pair: list[str], tmp_path: Path):
    """A missing directory, contradicting options and a missing target folder raise for the main command to print."""
    with pytest.raises(DataError, match="does not exist"):
        _run(pair[0], str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="exclude each other"):
        _run(*pair, "--json", "--markdown")
    with pytest.raises(ConfigError, match="Make it first"):
        _run(*pair, "--out", "no/such/folder.json")
    assert not (tmp_path / "comparison.json").exists()


@pytest.mark.parametrize("name", ["run.json", "outcomes.jsonl", "outcomes.jsonl.gz", "RUN.json"])
@pytest.mark.parametrize("folder", ["base", "instruct", "other", "base/../instruct", "link"])
def test_a_file_of_a_score_directory_is_not_replaced(pair: list[str], tmp_path: Path, folder: str, name: str):
    """Neither of the two that are compared nor of any other; a new name beside their files is nobody's."""
    _write(tmp_path / "other", "org/other", [True] * 40)
    (tmp_path / "link").symlink_to(tmp_path / "base")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    held = {path: path.read_bytes() for path in files}
    with pytest.raises(ConfigError, match="would replace a file of the score directory"):
        _run(*pair, "--out", f"{folder}/{name}")
    assert held == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert 0 == _run(*pair, "--out", f"{folder}/comparison.json").exit_code


def test_help_teaches_by_example():
    """The help shows every step and says what the sign means."""
    text = _run("--help").stdout
    assert "itax compare scores/base scores/instruct" in text
    assert "positive means that instruct lost" in " ".join(text.split())
