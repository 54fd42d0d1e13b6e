"""The hub sets of the paper's authors, from copies on this disk: compared row by row, their ids taken by `itax score`.

The copies hold our own rows in the columns their artifact names, some of them altered; the sets themselves were never
seen here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from itax_metrics.errors import DataError
from itax_metrics.records import Item
from itax_metrics.store import read_score_dir
from itax_tasks.benchmarks.classeval.hub import LINES, METHODS
from itax_tasks.cli import cli
from itax_tasks.settings import Settings
from itax_tasks.tasks import task


@pytest.fixture
def mirror(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with the official file of ClassEval and room for copies of hub sets."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / "classeval").symlink_to(data_dir / "classeval")
    monkeypatch.setenv("ITAX_DATA_DIR", str(folder))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "hf" / "datasets"))
    return folder


def items(name: str, mirror: Path) -> tuple[Item, ...]:
    """Our items of a task."""
    return task(name).load(Settings(data_dir=mirror)).items


def publish(mirror: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """Lay a copy of a hub set down, as its repository would lie there."""
    folder = mirror / name
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def line_rows(mirror: Path, count: int) -> list[dict[str, Any]]:
    """The first lines in their columns, under ids of their own."""
    return [
        {"new_task_id": f"theirs_{n}", "prefix": item.prefix, "solution": item.truth, "suffix": item.suffix}
        for n, item in enumerate(items("itax_classeval_infilling", mirror)[:count])
    ]


def method_rows(mirror: Path, count: int) -> list[dict[str, Any]]:
    """The first methods in their columns."""
    return [
        {
            "new_task_id": f"method_{n}",
            "task_id": item.cluster,
            "method_name": item.payload["method"],
            "completion_code": item.prefix.rstrip(),
            "test": item.payload["problem"].tests,
        }
        for n, item in enumerate(items("itax_classeval_completion", mirror)[:count])
    ]


def run(*arguments: object) -> Result:
    """One command, in this process."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)


def test_verify_says_how_many_rows_are_ours_and_equal(mirror: Path) -> None:
    """Every row is compared, prompts and tests too; those that differ are named."""
    lines, methods = line_rows(mirror, 40), method_rows(mirror, 12)
    lines[3]["solution"] = lines[3]["solution"].strip()
    lines[5]["prefix"] = "import nothing\n" + lines[5]["prefix"]
    methods[2]["completion_code"] += "\n# write code only"
    publish(mirror, LINES, lines)
    publish(mirror, METHODS, methods)
    said = run("data", "verify", "classeval").stdout
    assert f"{LINES} has 40 rows, ours 2557; 39 are items of ours, 38 of them equal; not theirs_3, theirs_5" in said
    assert f"{METHODS} has 12 rows, ours 396; 12 are items of ours, 11 of them equal; not method_2" in said


def test_their_ids_are_taken_once_they_were_seen(mirror: Path, tmp_path: Path) -> None:
    """`itax score` knows them after `itax data verify`, under every condition of the task, and no sooner."""
    rows = line_rows(mirror, 3)
    answers = tmp_path / "answers.jsonl"
    stored = [{"task_id": row["new_task_id"], "completion": row["solution"]} for row in rows]
    answers.write_text("".join(json.dumps(row) + "\n" for row in stored), "utf-8")
    score = ("score", "--completions", answers, "--model", "m")
    publish(mirror, LINES, rows)
    with pytest.raises(DataError, match="first: theirs_0"):
        run(*score, "--partial", "--task", "itax_classeval_infilling", "--out", tmp_path / "early")
    run("data", "verify", "classeval")
    for name in ("itax_classeval_infilling", "itax_classeval_infilling_no_cue", "itax_classeval_infilling_chat"):
        run(*score, "--partial", "--task", name, "--out", tmp_path / name)
        _, outcomes = read_score_dir(tmp_path / name)
        expected = [item.task_id for item in items(name, mirror)[:3]]
        assert [(task_id, True) for task_id in expected] == [(row.task_id, row.passed) for row in outcomes]


def test_a_copy_with_other_columns_is_said_and_nothing_is_kept(mirror: Path) -> None:
    """The command still succeeds: the official files are what it verifies."""
    publish(mirror, LINES, [{"id": "1", "text": "x"}])
    result = run("data", "verify", "classeval")
    assert f"{LINES} has other columns than it had ('new_task_id'). It was not compared." in result.stdout
    assert 0 == result.exit_code
