"""`itax demo`: the whole path, offline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("lm_eval")

from itax_tasks.cli import cli


def test_the_demo_ends_in_a_comparison_and_says_what_it_is_not(tmp_path: Path) -> None:
    """Both sides are run and scored, the table is printed, and nobody is told that this is a model."""
    out = tmp_path / "demo"
    result = CliRunner().invoke(cli, ["demo", "--out", str(out)])
    assert 0 == result.exit_code, result.output
    assert "They are not a\nmodel's" in result.output
    comparison = json.loads((out / "comparison.json").read_text("utf-8"))
    taxes = {row["task"]: row["tax_points"] for row in comparison["benchmarks"]}
    assert taxes["itax_hand_infilling"] > 0 > taxes["itax_hand_instruct"]
    assert 80 == sum(1 for side in ("base",) for _ in (out / side / "outcomes.jsonl").open())
