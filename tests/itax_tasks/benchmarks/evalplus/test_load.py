"""The official files as items, and the choice among their versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from itax_metrics.errors import ConfigError
from itax_tasks.settings import Settings, read_settings
from itax_tasks.tasks import task

GONE = {
    83, 115, 117, 143, 164, 229, 249, 295, 396, 400, 407, 431, 438, 442, 461, 574, 582, 595, 640, 746, 783
}  # fmt: skip


@pytest.fixture
def settings(data_dir: Path, tmp_path: Path) -> Settings:
    """The real data."""
    return Settings(data_dir=data_dir, state_dir=tmp_path)


def ids(name: str, settings: Settings) -> list[str]:
    """The problems of a task."""
    return [item.task_id for item in task(name).load(settings).items]


def test_mbpp_lost_21_problems(settings: Settings) -> None:
    """399 in the paper, 378 today, in the same order."""
    paper, today = ids("itax_mbpp", settings), ids("itax_mbpp_evalplus", settings)
    assert (399, 378) == (len(paper), len(today))
    assert [name for name in paper if int(name.removeprefix("Mbpp/")) not in GONE] == today


@pytest.mark.parametrize("name", ["itax_humaneval", "itax_humaneval_evalplus_chat"])
def test_humaneval_has_164_problems(name: str, settings: Settings) -> None:
    """In their order."""
    assert [f"HumanEval/{number}" for number in range(164)] == ids(name, settings)


def test_an_item_has_what_its_judge_needs(settings: Settings) -> None:
    """Nothing is run by loading it."""
    item = task("itax_humaneval_evalplus").load(settings).by_id()["HumanEval/32"]
    assert ("HumanEval/32", "find_zero", 1e-4) == (item.cluster, item.payload["entry_point"], item.payload["atol"])
    assert [[-10, -2]] == item.payload["base_input"][0]
    assert not (settings.state_dir / "references").exists()


@pytest.mark.parametrize("version", ["v0.1.0", "humaneval=v0.1.9,mbpp=v0.1.0"])
def test_another_version_can_be_named(version: str, data_dir: Path) -> None:
    """For all tasks, or for each benchmark."""
    settings = read_settings({"data_version": version, "data_dir": str(data_dir)})
    loaded = task("itax_mbpp_evalplus").load(settings)
    assert (399, "MbppPlus-v0.1.0.jsonl.gz") == (loaded.data["rows"], loaded.data["files"][0]["name"])


def test_a_benchmark_that_is_not_named_keeps_its_own(data_dir: Path) -> None:
    """Pairs name only what shall differ."""
    settings = read_settings({"data_version": "humaneval=v0.1.9", "data_dir": str(data_dir)})
    assert 378 == len(task("itax_mbpp_evalplus").load(settings).items)


def test_a_version_that_does_not_exist_is_refused(settings: Settings) -> None:
    """With those that do."""
    asked = read_settings({"data_version": "v9", "data_dir": str(settings.data_dir)})
    with pytest.raises(ConfigError, match=r"data_version is 'v9', and mbpp has v0\.1\.0, v0\.2\.0\."):
        task("itax_mbpp").load(asked)


def test_a_list_of_bare_versions_is_refused() -> None:
    """Nobody can tell which is whose."""
    with pytest.raises(ConfigError, match="name one version, or benchmark=version pairs"):
        read_settings({"data_version": "v0.1.9,v0.1.0"})
