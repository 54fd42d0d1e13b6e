"""HumanEval-Infilling as published: four subsets, their counts, clusters and programs."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from pathlib import Path

import pytest

from itax_metrics.errors import DataError
from itax_metrics.records import Item
from itax_tasks import data
from itax_tasks.benchmarks import hefim
from itax_tasks.benchmarks.hefim import Subset
from itax_tasks.settings import Settings

ROWS: dict[Subset, int] = {"single_line": 1033, "multi_line": 5815, "random_span": 1640, "random_span_light": 164}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The official files, or a skip."""
    folder = os.environ.get("ITAX_DATA_DIR")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ITAX_DATA_DIR does not name a folder with the official benchmark files")
    return Settings(data_dir=Path(folder), state_dir=tmp_path)


@pytest.mark.parametrize("subset", ROWS)
def test_a_subset_has_its_published_rows(subset: Subset, settings: Settings) -> None:
    """As many items as the paper states, and the record says so."""
    loaded = hefim.load(subset, settings)
    assert (ROWS[subset], ROWS[subset]) == (len(loaded.items), loaded.data["rows"])


@pytest.mark.parametrize("subset", ROWS)
def test_ids_are_unique(subset: Subset, settings: Settings) -> None:
    """An id names one hole."""
    loaded = hefim.load(subset, settings)
    assert len(loaded.items) == len(loaded.by_id())


@pytest.mark.parametrize("subset", ROWS)
def test_clusters_are_problems_of_humaneval(subset: Subset, settings: Settings) -> None:
    """Holes of one problem share a cluster: every subset has holes in all 164."""
    clusters = {item.cluster for item in hefim.load(subset, settings).items}
    assert {f"HumanEval/{number}" for number in range(164)} == clusters


def test_every_truth_completes_its_program(settings: Settings) -> None:
    """Prefix, truth and suffix are Python, joined with nothing between them, with tests and call behind."""
    for item in hefim.load("single_line", settings).items:
        compile(hefim.decide(item, hefim.complete(item, item.truth), hefim.LIMITS).source, item.task_id, "exec")


def test_a_truth_of_the_single_line_subset_is_one_line(settings: Settings) -> None:
    """The rule `first_line` keeps every truth as it is."""
    for item in hefim.load("single_line", settings).items:
        assert item.truth.split("\n", 1)[0] in (item.truth, item.truth.removesuffix("\n")), item.task_id


def test_the_record_names_the_file_and_its_digest(settings: Settings) -> None:
    """Results keep what the rows were read from."""
    record = hefim.load("single_line", settings).data
    file = data.files()[("hefim", hefim.FILES["single_line"])]
    assert ("data_dir", file.sha256, [file.name]) == (
        record["source"],
        record["sha256"],
        [entry["name"] for entry in record["files"]],
    )


def test_every_subset_has_its_file_in_the_table() -> None:
    """Names and rows of the table are those of the loader."""
    assert ROWS == {subset: data.files()[("hefim", name)].rows for subset, name in hefim.FILES.items()}


def test_a_hole_belongs_to_its_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`SingleLineInfilling/HumanEval/12/L3` clusters with every other hole of `HumanEval/12`."""
    row = {
        "task_id": "SingleLineInfilling/HumanEval/12/L3",
        "prompt": "def f():\n",
        "suffix": "",
        "canonical_solution": "    return 1\n",
        "test": "def check(c): ...",
        "entry_point": "f",
    }
    _official(row, tmp_path, monkeypatch)
    (item,) = hefim.load("single_line", Settings(data_dir=tmp_path, state_dir=tmp_path / "state")).items
    expected = Item(
        row["task_id"],
        row["prompt"],
        "",
        row["canonical_solution"],
        "HumanEval/12",
        payload={"test": row["test"], "entry_point": "f"},
    )
    assert expected == item


def test_a_row_without_a_field_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One clear error with file and field."""
    _official({"task_id": "SingleLineInfilling/HumanEval/0/L0"}, tmp_path, monkeypatch)
    with pytest.raises(DataError, match=r"HumanEval-SingleLineInfilling\.jsonl\.gz has no field 'prompt'"):
        hefim.load("single_line", Settings(data_dir=tmp_path, state_dir=tmp_path / "state"))


def _official(row: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a file of one row the official one."""
    content = json.dumps(row).encode() + b"\n"
    name = hefim.FILES["single_line"]
    (folder / name).write_bytes(gzip.compress(content))
    file = data.DataFile("hefim", name, hashlib.sha256(content).hexdigest(), 1, None, "MIT")
    monkeypatch.setattr(data, "files", lambda: {("hefim", name): file})
