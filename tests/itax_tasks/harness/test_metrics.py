"""The rates of groups in lm-eval's table: what is undecided withholds them, what is no member does not count."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lm_eval")

from tests.itax_tasks.harness.test_task import INFILLING, Canonical, evaluate

from itax_metrics.execution.programs import Limits
from itax_metrics.records import Item, Outcome, Status
from itax_tasks.harness.metrics import Metrics
from itax_tasks.scoring import rates
from itax_tasks.spec import Decision
from itax_tasks.tasks import TASKS, task

NAMES = ("a", "b", "c", "d")
GROUPS = {"a": ("python",), "b": ("python", "short"), "c": ("java",), "d": ()}
SPEC = replace(task("itax_hand_infilling"), groups=lambda item: GROUPS[item.task_id])


def _table(values: dict[str, float | None]) -> dict[str, float]:
    """What lm-eval's table says of the headline's groups; the values are those of the items, None: undecided."""
    metrics = Metrics(SPEC, {name: Item(name, "") for name in NAMES}, ())
    rows = [
        metrics.of(name, [{"metrics": {"pass@1": values[name]}, "behaviors": {}, "verdict": ""}], (), incomplete=False)
        for name in NAMES
    ]
    aggregation = metrics.aggregation()
    names = [f"pass@1_{group}" for group in ("python", "short", "java")]
    return {name: aggregation[name]([row[name] for row in rows]) for name in names}


def _scored(values: dict[str, float | None]) -> dict[str, float | None]:
    """What `itax score` says of the same."""
    return rates(
        SPEC,
        [
            Outcome("t", name, 0, name, Status.PASSED, True, "", {"pass@1": values[name]}, groups=GROUPS[name])
            for name in NAMES
        ],
    )


def test_the_rate_of_a_group_is_over_its_members() -> None:
    """Items of other groups, or of none, do not count."""
    values: dict[str, float | None] = {"a": 1.0, "b": 0.0, "c": 1.0, "d": 0.0}
    assert {"pass@1_python": 0.5, "pass@1_short": 0.0, "pass@1_java": 1.0} == _table(values)


def test_an_undecided_member_withholds_its_groups_and_no_other() -> None:
    """As the headline is, and as `itax score` does; an undecided item of no group withholds none."""
    values = {"a": 1.0, "b": None, "c": 1.0, "d": None}
    found = _table(values)
    assert math.isnan(found["pass@1_python"])
    assert math.isnan(found["pass@1_short"])
    assert 1.0 == found["pass@1_java"]
    assert found.keys() < _scored(values).keys()
    assert {name: None if math.isnan(rate) else rate for name, rate in found.items()} == {
        name: _scored(values)[name] for name in found
    }


def test_a_withheld_group_goes_through_the_real_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Table, bootstrap and logged samples: withheld beside a group that is whole; who is no member has null."""
    from lm_eval.loggers import EvaluationTracker

    undecided, member, other = (item.task_id for item in INFILLING[:3])

    def decide(item: Item, code: str, limits: Limits) -> Decision:
        if item.task_id == undecided:
            raise ValueError("no decision")
        return measure.decide(item, code, limits)

    spec = TASKS["itax_hand_infilling"]
    measure = spec.measures["pass@1"]
    changed = replace(
        spec,
        measures={"pass@1": replace(measure, decide=decide)},
        groups=lambda item: ("whole",) if item.task_id == other else ("open",),
    )
    monkeypatch.setattr("itax_tasks.harness.task.task", lambda name: changed)
    results: Any = evaluate(Canonical(), limit=3, bootstrap_iters=100)
    row = results["results"]["itax_hand_infilling"]
    assert math.isnan(row["pass@1,none"])
    assert math.isnan(row["pass@1_open,none"])
    assert (1.0, "N/A") == (row["pass@1_whole,none"], row["pass@1_whole_stderr,none"])
    tracker = EvaluationTracker(output_path=str(tmp_path))
    tracker.general_config_tracker.model_name_sanitized = "m"
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    tracker.save_results_samples(task_name="itax_hand_infilling", samples=samples["itax_hand_infilling"])
    (stored,) = tmp_path.rglob("samples_*.jsonl")
    rows = {row["doc"]["task_id"]: row for row in map(json.loads, stored.read_text("utf-8").splitlines())}
    assert (1.0, None) == (rows[member]["pass@1_open"], rows[member]["pass@1_whole"])
    assert math.isnan(rows[undecided]["pass@1_open"])
    assert (None, 1.0) == (rows[other]["pass@1_open"], rows[other]["pass@1_whole"])
