"""From settings to an executor: its share of the workers, its policy, where it keeps verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.itax_tasks.test_scoring import ITEMS, SPEC

from itax_tasks.executors import make_executor
from itax_tasks.scoring import Answer, score
from itax_tasks.settings import Settings


@pytest.mark.parametrize(("workers", "share", "expected"), [(8, 1, 8), (8, 3, 2), (2, 4, 1)])
def test_processes_share_the_workers(workers: int, share: int, expected: int, tmp_path: Path) -> None:
    """Ranks on one machine divide the workers; each keeps at least one."""
    executor = make_executor(Settings(state_dir=tmp_path, workers=workers), share=share)
    assert expected == executor.workers


def test_the_settings_reach_the_executor(tmp_path: Path) -> None:
    """Policy of the settings, verdicts below the state folder."""
    settings = Settings(state_dir=tmp_path, sandbox="prefer", workers=1)
    answers = [Answer("hole", 0, "    return 1\n")]
    with make_executor(settings) as executor:
        score(SPEC, ITEMS, answers, executor, time_scale=5.0)
        assert "prefer" == executor.describe()["policy"]
    assert (tmp_path / "verdicts.sqlite3").is_file()


def test_without_cache_nothing_is_kept(tmp_path: Path) -> None:
    """`--fresh` neither reads nor writes verdicts."""
    with make_executor(Settings(state_dir=tmp_path, sandbox="prefer", workers=1), use_cache=False) as executor:
        score(SPEC, ITEMS, [Answer("hole", 0, "    return 1\n")], executor, time_scale=5.0)
    assert [] == list(tmp_path.iterdir())
