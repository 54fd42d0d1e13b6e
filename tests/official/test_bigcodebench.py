"""BigCodeBench against its own solutions and the official evaluator's verdicts, in the pinned environment.

Recorded: answers of Qwen2.5-Coder-7B, base (September 2024) and Instruct (December 2024), to the complete split.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest
from tests.official.pinned import executed, pinned

from itax_metrics.records import Outcome
from itax_tasks.answers import Stored, read_answers
from itax_tasks.extraction.bigcodebench import bigcodebench_calibrate, sanitized
from itax_tasks.scoring import Answer
from itax_tasks.settings import Settings
from itax_tasks.tasks import task

pytestmark = [pytest.mark.data, pytest.mark.xdist_group("official")]

NAME = "itax_bigcodebench_complete"
SLICE = 60

Numbers = frozenset[int]

CANONICAL: Mapping[str, Numbers] = {
    "host names and files of the network": frozenset({101, 176, 314, 590, 1005, 1006, 1012, 1038, 1040}),
    "NLTK and TextBlob resources, downloaded at run time": frozenset(
        {177, 290, 332, 334, 376, 383, 633, 635, 655, 658, 726, 734, 806, 808, 849, 940, 1109}
    ),
    "/proc/meminfo, /proc/stat, the load of the machine": frozenset({21, 377, 461, 1028}),
}
"""Canonical solutions that do not pass behind the sandbox, by what they reach for."""

UNREACHABLE = frozenset[int]().union(*CANONICAL.values())

BASE: Mapping[str, Numbers] = {
    "NLTK resources": frozenset({658, 808, 940, 1109}),
    "/proc/stat": frozenset({377}),
    "makes a folder /fake": frozenset({759}),
    "expects a folder to be missing that stood on the recording machine": frozenset({288, 536}),
    "draws at random": frozenset({554, 822}),
    "the official guard of os.kill keeps a process pool from ending": frozenset({205}),
    "TensorFlow, cut off on the recording machine": frozenset({289, 417, 419}),
}
INSTRUCT: Mapping[str, Numbers] = {
    "NLTK resources": frozenset({334, 376, 658, 734, 806, 808, 940, 1109}),
    "/proc/stat": frozenset({377}),
    "network": frozenset({1006, 1038}),
    "a later version of the data, in which the expected message lost its full stop": frozenset({16}),
    "the order in which a file system lists a folder": frozenset({67}),
    "draws at random": frozenset({609, 720}),
    "the official guard of os.kill keeps a process pool from ending": frozenset({205, 363}),
    "os.path.exists(123) asks for the open file 123, which the recording process had": frozenset({404}),
}
RECORDED = {
    "base": ("qwen2.5-coder-7b-base_completion-sanitized-calibrated_eval_results", 523, BASE),
    "instruct": ("qwen2.5-coder-7b-instruct_complete_eval_results", 565, INSTRUCT),
}
"""File, official passes, and the verdicts that differ here, by reason."""
RANDOM = frozenset({554, 609, 720, 822})
"""Answers of these that draw at random; their verdicts differ from run to run."""
SLOW = frozenset({289, 417, 419})
"""Over 100 s of CPU together."""


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    """The real data, and the environment of the benchmark."""
    return pinned("bigcodebench", data_dir)


def judged(answers: Collection[Answer], settings: Settings) -> list[Outcome]:
    """Executed anew; every answer is decided."""
    return executed(NAME, answers, settings)


def number(task_id: str) -> int:
    """17 of BigCodeBench/17."""
    return int(task_id.rpartition("/")[2])


def sample(count: int, seed: int) -> frozenset[int]:
    """So many of the 1,140."""
    return frozenset(random.Random(seed).sample(range(1140), count))


def recorded(recorded_dir: Path, model: str) -> Stored:
    """Answers and verdicts of one file of results."""
    return read_answers(recorded_dir / "bigcodebench" / f"{RECORDED[model][0]}.json.gz")


def differing(outcomes: Collection[Outcome], stored: Stored) -> set[int]:
    """The answers whose recorded verdict is another."""
    return {
        number(outcome.task_id)
        for outcome in outcomes
        if outcome.passed != stored.recorded[(outcome.task_id, outcome.sample)]
    }


def test_some_canonical_solutions_pass_but_the_explained_ones(settings: Settings) -> None:
    """Sixty by a seed, put together and sanitized as a base model's answers are."""
    wanted = sample(SLICE, 0)
    items = [item for item in task(NAME).load(settings).items if number(item.task_id) in wanted]
    outcomes = judged([Answer(item.task_id, 0, item.truth) for item in items], settings)
    assert SLICE == len(outcomes)
    assert {number(outcome.task_id) for outcome in outcomes if not outcome.passed} <= UNREACHABLE


def test_the_explained_ones_do_not_pass(settings: Settings) -> None:
    """The table is no longer than it has to be."""
    items = [item for item in task(NAME).load(settings).items if number(item.task_id) in UNREACHABLE]
    outcomes = judged([Answer(item.task_id, 0, item.truth) for item in items], settings)
    there = {number(o.task_id) for o in outcomes if "env_unavailable" not in o.flags and o.passed}
    assert there <= CANONICAL["NLTK and TextBlob resources, downloaded at run time"]
    assert (30, 30) == (len(outcomes), len(UNREACHABLE))
    assert [] == [outcome.task_id for outcome in outcomes if outcome.passed and "env_unavailable" in outcome.flags]


@pytest.mark.parametrize("model", RECORDED)
def test_some_recorded_verdicts_but_the_explained_ones(model: str, settings: Settings, recorded_dir: Path) -> None:
    """Sixty by a seed."""
    stored, wanted = recorded(recorded_dir, model), sample(SLICE, 1)
    outcomes = judged([answer for answer in stored.answers if number(answer.task_id) in wanted], settings)
    assert SLICE == len(outcomes)
    assert differing(outcomes, stored) <= frozenset[int]().union(*RECORDED[model][2].values())


@pytest.mark.parametrize("model", RECORDED)
def test_the_explained_verdicts_differ(model: str, settings: Settings, recorded_dir: Path) -> None:
    """All but those that draw at random, and those that wait for resources made available since."""
    stored = recorded(recorded_dir, model)
    explained = frozenset[int]().union(*RECORDED[model][2].values()) - SLOW
    outcomes = judged([answer for answer in stored.answers if number(answer.task_id) in explained], settings)
    assert explained - RANDOM - RECORDED[model][2]["NLTK resources"] <= differing(outcomes, stored)


@pytest.mark.parametrize("model", RECORDED)
def test_every_recorded_program_is_calibrated_as_the_official_tool_did(
    model: str, data_dir: Path, recorded_dir: Path
) -> None:
    """Sanitized and calibrated, character by character; three prompts of the Instruct run are of later data."""
    folder = recorded_dir / "bigcodebench"
    stored, passes = recorded(recorded_dir, model), RECORDED[model][1]
    assert (1140, passes) == (len(stored.answers), sum(stored.recorded.values()))
    name = {
        "base": "qwen2.5-coder-7b-base_completion",
        "instruct": "qwen2.5-coder-7b-instruct_complete_sanitized-calibrated",
    }[model]
    raw = {a.task_id: a.text for a in read_answers(folder / f"{name}.jsonl.gz", stage="program-raw").answers}
    items = task(NAME).load(Settings(data_dir=data_dir)).by_id()
    other = {
        number(answer.task_id)
        for answer in stored.answers
        if bigcodebench_calibrate(items[answer.task_id], sanitized(raw[answer.task_id], "task_func")) != answer.text
    }
    later_prompts = {37, 178, 760}
    assert (later_prompts if model == "instruct" else set()) == other
