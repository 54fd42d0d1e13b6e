"""DS-1000 against its own references and the published rates of recorded answers, in the pinned environment."""

from __future__ import annotations

import random
from collections.abc import Collection
from pathlib import Path

import pytest
from tests.official.pinned import executed, pinned

from itax_metrics.records import Outcome
from itax_tasks.answers import read_answers
from itax_tasks.benchmarks import ds1000
from itax_tasks.scoring import Answer
from itax_tasks.settings import Settings
from itax_tasks.tasks import task

pytestmark = [pytest.mark.data, pytest.mark.xdist_group("official")]

NAME = "itax_ds1000_raw"
SLICE = 60


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    """The real data, and the environment of the benchmark."""
    return pinned("ds1000", data_dir)


def judged(answers: Collection[Answer], settings: Settings) -> list[Outcome]:
    """Executed anew; every answer is decided."""
    return executed(NAME, answers, settings)


def references(settings: Settings, numbers: Collection[int]) -> list[Answer]:
    """The published answers to these."""
    items = [item for item in task(NAME).load(settings).items if item.payload["number"] in numbers]
    return [Answer(item.task_id, 0, item.truth) for item in items]


def test_some_references_pass(settings: Settings) -> None:
    """Sixty by a seed, all libraries among them; those that fetch data are left out."""
    able = [number for number in range(1000) if number not in ds1000.NETWORK]
    outcomes = judged(references(settings, random.Random(0).sample(able, SLICE)), settings)
    assert (SLICE, []) == (len(outcomes), [outcome.detail for outcome in outcomes if not outcome.passed])
    assert len(ds1000.PROFILES) == len({outcome.groups[0] for outcome in outcomes})


def test_the_explained_references_fail_for_want_of_a_network(settings: Settings) -> None:
    """Fifteen rows look up a host, and are flagged."""
    outcomes = judged(references(settings, ds1000.NETWORK), settings)
    missed = [outcome for outcome in outcomes if not outcome.passed]
    assert 15 == len(outcomes)
    assert all("URLError" in outcome.detail and "env_unavailable" in outcome.flags for outcome in missed)


@pytest.mark.parametrize(("library", "published"), [("Scipy", 0.349), ("Sklearn", 0.435)])
def test_recorded_answers_reach_the_published_rate(
    library: str, published: float, settings: Settings, recorded_dir: Path
) -> None:
    """Codex002, library by library, to the digits that were printed; its verdicts one by one were not."""
    items = task(NAME).load(settings).by_id()
    stored = read_answers(recorded_dir / "ds1000" / "codex002-answers.jsonl.gz")
    answers = [answer for answer in stored.answers if items[answer.task_id].payload["library"] == library]
    outcomes = judged(answers, settings)
    assert published == round(sum(outcome.passed for outcome in outcomes) / len(outcomes), 3)
