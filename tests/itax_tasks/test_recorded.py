"""Items of a scored run: read with its own data version and choices, and refused where the data are others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from itax_metrics.errors import DataError
from itax_metrics.records import Run, TaskRun
from itax_tasks.benchmarks.base import Loaded
from itax_tasks.recorded import item_finder, load_recorded
from itax_tasks.settings import Settings
from itax_tasks.tasks import TASKS

HAND = "itax_hand_infilling"
SAFIM = {"judging": {"shortcut": "off", "python": "cpython", "grammars": "1"}, "options": {"safim_languages": "cpp"}}


def _asked(task: str, data: dict[str, object], settings: Settings) -> Settings:
    """The settings that a task with this record is loaded with."""
    seen: list[Settings] = []

    def load(given: Settings) -> Loaded:
        seen.append(given)
        return Loaded((), {"sha256": "a"})

    load_recorded(replace(TASKS[task], load=load), data, settings)
    return seen[0]


def test_the_version_of_the_run_counts() -> None:
    """Whatever is set now; a record that names none leaves the choice to the user."""
    now = Settings(data_version="v0.1.9")
    assert "v0.1.10" == _asked("itax_humaneval", {"version": "v0.1.10"}, now).data_version
    assert "v0.1.9" == _asked("itax_humaneval", {}, now).data_version


def test_the_choices_of_the_run_count() -> None:
    """What was shown, and what verdicts hung on; those of today are not mixed in."""
    now = Settings(options=(("safim_mode", "infilling"), ("safim_python", "pypy")))
    asked = _asked("itax_safim", SAFIM, now)
    assert {"safim_languages": "cpp", "safim_python": "cpython", "safim_shortcut": "off"} == dict(asked.options)


@pytest.mark.parametrize(("name", "version"), [("itax_humaneval", "v0.1.10"), ("itax_mbpp", "v0.2.0")])
def test_evalplus_records_its_version(name: str, version: str, data_dir: Path, tmp_path: Path) -> None:
    """A run on another version than the task's own is read back as that version."""
    settings = Settings(data_dir=data_dir, state_dir=tmp_path)
    run = TASKS[name].load(replace(settings, data_version=version))
    assert version == run.data["version"]
    assert run.data == load_recorded(TASKS[name], run.data, settings).data


def test_other_data_are_refused() -> None:
    """Both digests are shown."""
    with pytest.raises(DataError, match=r"sha256 000000000000\.\.\., here is [0-9a-f]{12}\.\.\..*ITAX_DATA_VERSION"):
        load_recorded(TASKS[HAND], {"sha256": "0" * 64}, Settings())


def test_items_are_found_run_by_run() -> None:
    """The same task on other data has no items, which is noted once; a task that nobody knows is passed over."""
    data = TASKS[HAND].load(Settings()).data
    task = TaskRun(HAND, 1.0, "raw", "itax", "pass@1", "raw", data, {}, 1, 1)
    other = replace(task, data={"sha256": "0" * 64})
    notes: list[str] = []
    of = item_finder(notes, "{task} is not shown: {why}")
    first = TASKS[HAND].load(Settings()).items[0]
    assert first == of(Run("m", {HAND: task}))(HAND, first.task_id)
    for _ in range(2):
        assert of(Run("other", {HAND: other}))(HAND, first.task_id) is None
    assert of(Run("m", {"gone": task}))("gone", "x") is None
    assert [True] == [note.startswith(f"{HAND} is not shown: {HAND}: the answers were") for note in notes]
