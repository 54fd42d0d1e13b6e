"""`itax data fetch` and `itax data verify` on a table of toy files with origins on this disk."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from itax_metrics.errors import DataError
from itax_tasks import data
from itax_tasks.cli import cli
from itax_tasks.data import DataFile

CONTENT = b'{"task_id": "toy/0"}\n{"task_id": "toy/1"}\n'


@pytest.fixture(autouse=True)
def _table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two benchmarks: `toys` with two files, `games` with one."""
    for name in ("origin", "mirror"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("ITAX_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("ITAX_DATA_DIR", str(tmp_path / "mirror"))
    files = {}
    for number, (benchmark, name) in enumerate((("toys", "a"), ("toys", "b"), ("games", "c"))):
        content = CONTENT * (number + 1)
        origin = tmp_path / "origin" / f"{name}.jsonl.gz"
        origin.write_bytes(gzip.compress(content))
        digest = hashlib.sha256(content).hexdigest()
        files[(benchmark, origin.name)] = DataFile(
            benchmark, origin.name, digest, 2 * (number + 1), origin.as_uri(), "MIT"
        )
    monkeypatch.setattr(data, "files", lambda: files)


def _data(*arguments: str, catch: bool = False) -> Result:
    return CliRunner().invoke(cli, ["data", *arguments], catch_exceptions=catch)


def _cached(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "state" / "data").rglob("*") if path.is_file())


def test_the_files_of_a_benchmark_are_fetched(tmp_path: Path) -> None:
    """Only those that were named, and each is reported with its place."""
    result = _data("fetch", "toys")
    assert ["a.jsonl.gz", "b.jsonl.gz"] == _cached(tmp_path)
    assert f"toys/a.jsonl.gz: {tmp_path / 'state' / 'data' / 'toys' / 'a.jsonl.gz'}" in result.stdout


def test_without_a_name_everything_is_fetched(tmp_path: Path) -> None:
    """All files of the table."""
    assert 0 == _data("fetch").exit_code
    assert ["a.jsonl.gz", "b.jsonl.gz", "c.jsonl.gz"] == _cached(tmp_path)


def test_what_is_here_is_not_fetched_again(tmp_path: Path) -> None:
    """A verified copy is enough, even when the origin is gone."""
    _data("fetch", "toys")
    for path in (tmp_path / "origin").iterdir():
        path.unlink()
    result = _data("fetch", "toys")
    assert (0, 2) == (result.exit_code, result.stdout.count("already here"))


def test_one_failure_does_not_stop_the_others(tmp_path: Path) -> None:
    """Every file is tried; the command fails in the end and says how many are missing."""
    (tmp_path / "origin" / "a.jsonl.gz").unlink()
    result = _data("fetch", catch=True)
    assert ["b.jsonl.gz", "c.jsonl.gz"] == _cached(tmp_path)
    assert "1 files could not be fetched" in str(result.exception)
    assert "DataError: toys: a.jsonl.gz" in result.stderr


def test_a_wrong_local_file_does_not_stop_the_others(tmp_path: Path) -> None:
    """An altered copy in the mirror is reported like any other failure."""
    (tmp_path / "mirror" / "a.jsonl.gz").write_bytes(b"altered")
    result = _data("fetch", catch=True)
    assert isinstance(result.exception, DataError)
    assert ["b.jsonl.gz", "c.jsonl.gz"] == _cached(tmp_path)


def test_verify_reports_rows_and_place(tmp_path: Path) -> None:
    """The user's own mirror is checked where it lies."""
    path = tmp_path / "mirror" / "a.jsonl"
    path.write_bytes(CONTENT)
    result = _data("verify", "toys")
    assert f"toys/a.jsonl.gz: 2 rows, official, {path}" in result.stdout
    assert "toys/b.jsonl.gz: not here (itax data fetch toys)" in result.stdout
    assert 0 == result.exit_code


def test_verify_fetches_nothing(tmp_path: Path) -> None:
    """Looking changes nothing."""
    _data("verify")
    assert [] == _cached(tmp_path)


def test_verify_names_every_wrong_file(tmp_path: Path) -> None:
    """Altered and cut files are listed with their remedy, the good one is still reported, and the command fails."""
    (tmp_path / "mirror" / "a.jsonl.gz").write_bytes(b"altered")
    (tmp_path / "mirror" / "b.jsonl.gz").write_bytes(gzip.compress(CONTENT * 2)[:-5])
    (tmp_path / "mirror" / "c.jsonl.gz").write_bytes(gzip.compress(CONTENT * 3))
    result = _data("verify", catch=True)
    assert isinstance(result.exception, DataError)
    assert "2 files are not the official ones" in str(result.exception)
    assert 2 == result.stderr.count("Delete it and run `itax data fetch")
    assert "games/c.jsonl.gz: 6 rows, official" in result.stdout


@pytest.mark.parametrize("verb", ["fetch", "verify"])
def test_an_unknown_benchmark_is_status_2(verb: str) -> None:
    """The message lists those there are."""
    result = _data(verb, "toyz")
    assert 2 == result.exit_code
    assert "'toyz' is not one of toys, games" in result.stderr
