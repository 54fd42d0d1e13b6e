"""SAFIM's published answers through the tasks: what the official rules cost, and what execution shows."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("tree_sitter", reason="the extra `safim` is not installed")

from benchmarks.safim_controls import flipped

from itax_metrics.execution import LocalExecutor, languages
from itax_metrics.records import Item, Status, Verdict
from itax_tasks.deciding import decisions
from itax_tasks.scoring import Answer, score
from itax_tasks.settings import Settings
from itax_tasks.tasks import task

pytestmark = pytest.mark.data

OFF = (("safim_shortcut", "off"),)
SAMPLE = 40


def test_the_official_rules_cost_44_published_answers(data_dir: Path) -> None:
    """Chains of calls, `pass`, macros and quoted brackets; raw and mended rules keep all 17,720.

    The lenient rule adds a line break to one answer more, which is then no longer the published one to the letter.
    """
    spec = task("itax_safim")
    passed: Counter[str] = Counter()
    changed: Counter[tuple[str, str]] = Counter()
    for item in spec.load(Settings(data_dir=data_dir)).items:
        for metric, decision in decisions(spec, item, Answer(item.task_id, 0, item.truth)).items():
            kept = isinstance(decision, Verdict) and decision.passed
            passed[metric] += kept
            if metric == "pass@1" and not kept:
                changed[(item.payload["subset"], item.language)] += 1
    assert {"pass@1": 17676, "pass@1_raw": 17720, "pass@1_fixed": 17720, "pass@1_lenient": 17675} == passed
    assert {
        ("api", "python"): 9,
        ("api", "java"): 4,
        ("api", "cpp"): 2,
        ("block", "cpp"): 16,
        ("block", "python"): 2,
        ("control", "cpp"): 8,
        ("control", "java"): 2,
        ("control", "csharp"): 1,
    } == changed


def sample(language: str, data_dir: Path) -> list[Item]:
    """Seeded items of a language that are executed; skips where its toolchain is not installed."""
    runs_in = "pypy" if language == "python" else language
    lacking = languages.missing(runs_in)
    if lacking is not None:
        pytest.skip(lacking)
    items = task("itax_safim").load(Settings(data_dir=data_dir, options=OFF)).items
    return random.Random(0).sample([item for item in items if item.payload["runs_in"] == runs_in], SAMPLE)


@pytest.mark.parametrize("language", ["python", "cpp", "java"])
def test_published_answers_pass_when_executed(language: str, data_dir: Path, executor: LocalExecutor) -> None:
    """With the shortcut off and time to spare, whatever machine this is."""
    items = {item.task_id: item for item in sample(language, data_dir)}
    answers = [Answer(name, 0, item.truth) for name, item in items.items()]
    outcomes = score(task("itax_safim"), items, answers, executor, time_scale=10)
    assert [] == [outcome.task_id for outcome in outcomes if outcome.metrics["pass@1_raw"] != 1.0]


def test_c_sharp_answers_pass_but_for_syntax_mono_lacks(data_dir: Path, executor: LocalExecutor) -> None:
    """Every miss is a compile error."""
    items = {item.task_id: item for item in sample("csharp", data_dir)}
    answers = [Answer(name, 0, item.truth) for name, item in items.items()]
    outcomes = score(task("itax_safim"), items, answers, executor, time_scale=10)
    assert {Status.PASSED, Status.COMPILE_ERROR} >= {outcome.verdict for outcome in outcomes}
    assert sum(outcome.passed for outcome in outcomes) > SAMPLE / 2


@pytest.mark.parametrize("language", ["python", "cpp", "java", "csharp"])
def test_answers_with_one_operator_flipped_mostly_fail(language: str, data_dir: Path, executor: LocalExecutor) -> None:
    """A flip may leave the tested outputs as they are, but seldom."""
    items = {item.task_id: item for item in sample(language, data_dir)}
    source = random.Random(0)
    texts = {name: flipped(item.truth, source) for name, item in items.items()}
    answers = [Answer(name, 0, text) for name, text in texts.items() if text is not None]
    outcomes = score(task("itax_safim"), items, answers, executor)
    assert sum(outcome.passed for outcome in outcomes) < len(outcomes) / 2
