"""Official answers in a pinned environment that was made beforehand."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from itax_metrics.records import Outcome
from itax_tasks.executors import make_executor
from itax_tasks.scoring import Answer, score
from itax_tasks.settings import Settings
from itax_tasks.tasks import task


def pinned(environment: str, data_dir: Path, **settings: Any) -> Settings:
    """The real data, and the state folder in which the environment was made; skips where there is none."""
    state = os.environ.get("ITAX_ENVS_STATE_DIR")
    if not state or not (Path(state) / "envs" / environment).is_dir():
        pytest.skip(f"ITAX_ENVS_STATE_DIR does not name a state folder with the environment {environment}")
    return Settings(data_dir=data_dir, state_dir=Path(state), **settings)


def executed(name: str, answers: Collection[Answer], settings: Settings) -> list[Outcome]:
    """Outcomes of answers to a task, none of them from the cache; every answer is decided."""
    spec = task(name)
    with make_executor(settings, use_cache=False) as executor:
        outcomes = score(spec, spec.load(settings).by_id(), list(answers), executor)
    assert [] == [outcome.detail for outcome in outcomes if not outcome.decided]
    return outcomes
