"""Examples that hand outcomes to other suites, run as they stand."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from itax_metrics.records import Outcome, Run, Status, TaskRun
from itax_metrics.store import write_score_dir

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def _example(name: str) -> ModuleType:
    spec = spec_from_file_location(f"{name}_example", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def scores(tmp_path: Path) -> str:
    """Three items with two samples each: both right, one right, none."""
    task = TaskRun("itax_hand_infilling", 1.0, "raw", "itax", "pass@1", "raw", {"sha256": "a"}, {}, 2, 3)
    rows = [
        Outcome(task.task, f"i{i}", s, "", Status.PASSED if ok else Status.FAILED, ok, f"answer {i} {s}")
        for i, verdicts in enumerate(((True, True), (True, False), (False, False)))
        for s, ok in enumerate(verdicts)
    ]
    return str(write_score_dir(tmp_path / "scores", Run(model="org/m", tasks={task.task: task}), rows))


def test_eval_arena_lines_count_samples(scores: str):
    """One line an item with its share and counts."""
    lines = list(_example("to_eval_arena").lines(scores))
    assert [(1.0, 2, 2), (0.5, 1, 2), (0.0, 0, 2)] == [(x["pass1"], x["correct"], x["count"]) for x in lines]
    assert {"itax_hand_infilling"} == {line["benchmark_id"] for line in lines}


def test_bigcode_results_hold_the_rate(scores: str):
    """The mean over items."""
    found = _example("to_bigcode").community_results(scores)
    assert {"results": [{"task": "itax_hand_infilling", "pass@1": 0.5}], "meta": {"model": "org/m"}} == found


def test_an_inspect_log_is_read_back_by_inspect(scores: str, tmp_path: Path):
    """Written and read by inspect_ai: epochs, verdicts, accuracy."""
    log = pytest.importorskip("inspect_ai.log", reason="pip install inspect_ai")
    written = tmp_path / "log.eval"
    log.write_eval_log(_example("to_inspect_log").to_log(scores, "itax_hand_infilling"), str(written))
    found = log.read_eval_log(str(written))
    assert "success" == found.status
    verdicts = {(sample.id, sample.epoch): sample.scores["verdict"].value for sample in found.samples}
    expected = zip([(f"i{i}", epoch) for i in range(3) for epoch in (1, 2)], "CCCIII", strict=True)
    assert dict(expected) == verdicts
    assert 0.5 == found.results.scores[0].metrics["accuracy"].value
