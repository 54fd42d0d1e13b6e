"""DS-1000's own files of answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from itax_metrics.errors import DataError
from itax_tasks.answers import Format, read_answers
from itax_tasks.scoring import Answer


def written(tmp_path: Path, *rows: dict[str, Any]) -> Path:
    """A file of these rows."""
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.mark.parametrize("format", [None, "ds1000"])
def test_an_answer_is_numbered_by_its_problem(tmp_path: Path, format: Format | None) -> None:
    """Text or list of texts, with `id` or without: the clean-up is still to come."""
    first = {"code": "a</code>", "metadata": {"problem_id": 7}}
    second = {"id": 8, "code": ["b"], "metadata": {"problem_id": 8}}
    expected = (Answer("DS-1000/7", 0, "a</code>"), Answer("DS-1000/8", 0, "b"))
    assert expected == read_answers(written(tmp_path, first, second), format=format).answers


def test_several_answers_to_a_problem_are_samples(tmp_path: Path) -> None:
    """In their order."""
    row = {"id": 8, "code": ["b", "c"], "metadata": {"problem_id": 8}}
    expected = (Answer("DS-1000/8", 0, "b"), Answer("DS-1000/8", 1, "c"))
    assert expected == read_answers(written(tmp_path, row)).answers


def test_a_number_without_metadata_is_enough(tmp_path: Path) -> None:
    """Where the format is named."""
    assert (Answer("DS-1000/8", 0, "b"),) == read_answers(
        written(tmp_path, {"id": 8, "code": "b"}), format="ds1000"
    ).answers


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"code": "b"}, "line 1: neither `metadata` with a problem_id nor `id`"),
        ({"id": True, "code": "b"}, "line 1: neither"),
        ({"id": 3, "code": None}, "line 1: `code` is no text"),
        ({"id": 3, "code": []}, "line 1: `code` is no text"),
        ({"id": 3, "code": ["b", 4]}, "line 1: `code` is no text"),
    ],
)
def test_a_row_that_says_too_little_is_refused(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    """With its line."""
    with pytest.raises(DataError, match=message):
        read_answers(written(tmp_path, row), format="ds1000")


@pytest.mark.parametrize("model", ["codex002", "gpt-4-0613"])
def test_recorded_answers(model: str, recorded_dir: Path) -> None:
    """A thousand each, one a problem."""
    stored = read_answers(recorded_dir / "ds1000" / f"{model}-answers.jsonl.gz")
    assert [f"DS-1000/{number}" for number in range(1000)] == sorted(
        (answer.task_id for answer in stored.answers), key=lambda name: int(name.split("/")[1])
    )
