"""ClassEval against its own solutions and its own runner's verdicts, in the pinned environment."""

from __future__ import annotations

import ast
import gzip
import json
import os
from pathlib import Path

import pytest
from tests.official.mutations import mutate_line

from itax_metrics.records import Outcome
from itax_tasks.answers import read_answers
from itax_tasks.benchmarks.classeval import environment
from itax_tasks.scoring import Answer, make_executor, score
from itax_tasks.settings import Settings
from itax_tasks.tasks import task

pytestmark = [pytest.mark.data, pytest.mark.xdist_group("official")]

UNAVAILABLE = {f"{problem}/{method}" for problem, method in environment.UNAVAILABLE}
NO_LIBRARY = {"ClassEval_28", "ClassEval_38", "ClassEval_44", "ClassEval_52", "ClassEval_93"}
"""Classes of whose module the recorded runs could test nothing, where the libraries they import are here."""
SHARED_FOLDER = {
    ("ClassEval_25", "CookiesUtilTestLoadCookies"),
    ("ClassEval_98", "XMLProcessorTestFindElement"),
}
"""Decided in the recorded runs by what the test class before it left, or took, in the folder all share."""
SET_ORDER = {"ClassEval_22"}
"""Recorded answers that return the elements of a set as a list: right or wrong by the hash seed of the process."""


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    """The real data, and a state folder in which the environment was made."""
    state = os.environ.get("ITAX_ENVS_STATE_DIR")
    if not state or not (Path(state) / "envs" / "classeval").is_dir():
        pytest.skip("ITAX_ENVS_STATE_DIR does not name a state folder with the environment classeval")
    return Settings(data_dir=data_dir, state_dir=Path(state))


def judged(name: str, answers: list[Answer], settings: Settings) -> list[Outcome]:
    """Executed anew; every answer is decided."""
    spec = task(name)
    with make_executor(settings, use_cache=False) as executor:
        outcomes = score(spec, spec.load(settings).by_id(), answers, executor, time_scale=settings.time_scale)
    assert [] == [outcome.task_id for outcome in outcomes if not outcome.decided]
    return outcomes


def truths(name: str, settings: Settings) -> list[Answer]:
    """The published answers."""
    return [Answer(item.task_id, 0, item.truth) for item in task(name).load(settings).items]


def test_every_published_line_passes(settings: Settings) -> None:
    """All four metrics are 100 %."""
    outcomes = judged("itax_classeval_infilling", truths("itax_classeval_infilling", settings), settings)
    assert 2557 == len(outcomes)
    assert all(set(outcome.metrics.values()) == {1.0} for outcome in outcomes)


def test_every_published_method_passes_but_the_explained_ones(settings: Settings) -> None:
    """388 of 396 by the method's test class; 382 by the artifact's rule, where the machine is idle."""
    outcomes = judged("itax_classeval_completion", truths("itax_classeval_completion", settings), settings)
    failed = {metric: {o.task_id for o in outcomes if not o.metrics[metric]} for metric in outcomes[0].metrics}
    late, renamed = "ClassEval_35/solve", "ClassEval_37/vigenere_cipher"
    assert UNAVAILABLE | {late, renamed} == failed["pass@1"] == failed["pass@1_raw"]
    whole = {o.task_id for o in outcomes if o.cluster in ("ClassEval_17", "ClassEval_48", "ClassEval_52")}
    # Whether the whole module of ClassEval_35 ends within 15 s is a matter of the machine and its load.
    slow = {o.task_id for o in outcomes if o.cluster == "ClassEval_35"}
    assert whole | {renamed, "ClassEval_61/shuffle"} == failed["pass@1_paper"] - slow
    assert UNAVAILABLE == {o.task_id for o in outcomes if "env_unavailable" in o.flags}


def test_published_classes_pass_493_of_502_test_classes(settings: Settings) -> None:
    """93 of 100 classes pass whole."""
    answers = truths("itax_classeval_holistic", settings)
    outcomes = judged("itax_classeval_holistic", answers, settings)
    verdicts = [passed for outcome in outcomes for passed in (outcome.test_classes or {}).values()]
    assert (502, 493, 93) == (len(verdicts), sum(verdicts), sum(outcome.passed for outcome in outcomes))


def test_a_line_with_one_operator_changed_mostly_fails(settings: Settings) -> None:
    """The tests notice a changed operator or constant; exact match notices all."""
    changed = []
    for item in task("itax_classeval_infilling").load(settings).items:
        line = mutate_line(item.truth)
        if line is not None and _parses(item.prefix + line + item.suffix):
            changed.append(Answer(item.task_id, 0, line))
    outcomes = judged("itax_classeval_infilling", changed, settings)
    passed = sum(outcome.metrics["pass@1"] or 0 for outcome in outcomes)
    print(f"\none operator or constant changed: {passed:.0f} of {len(changed)} still pass")
    assert len(changed) > 900
    assert 0 == sum(outcome.passed for outcome in outcomes)
    assert passed / len(changed) < 0.2


@pytest.mark.parametrize(("model", "official", "ours"), [("GPT-4", 302, 315), ("Llama3.1-8b", 238, 242)])
def test_recorded_answers_get_the_official_verdicts_but_the_explained_ones(
    model: str, official: int, ours: int, settings: Settings, recorded_dir: Path
) -> None:
    """Every disagreement is a library the recorded run lacked, the shared folder, or the order of a set."""
    folder = recorded_dir / "classeval"
    stored = read_answers(folder / f"{model}_greedy.json.gz")
    recorded = json.loads(gzip.decompress((folder / f"{model}_greedy_class_result.json.gz").read_bytes()))
    outcomes = judged("itax_classeval_holistic", list(stored.answers), settings)
    counts, unexplained = [0, 0], []
    for outcome in outcomes:
        theirs = recorded[outcome.task_id][f"{outcome.task_id}_0"]
        nothing_ran = all(entry["testsRun"] == 0 for entry in theirs.values())
        for name, passed in (outcome.test_classes or {}).items():
            entry = theirs[name]
            expected = entry["testsRun"] > 0 and entry["errors"] + entry["failures"] == 0
            counts[0] += expected
            counts[1] += passed
            explained = outcome.task_id in NO_LIBRARY and nothing_ran and not expected
            explained = explained or outcome.task_id in SET_ORDER
            if passed != expected and not explained and (outcome.task_id, name) not in SHARED_FOLDER:
                unexplained.append((outcome.task_id, name))
    assert [] == unexplained
    assert official == counts[0]
    assert abs(ours - counts[1]) <= 2 * len(SET_ORDER)


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True
