"""The examples run as they stand, on the tiny model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

pytest.importorskip("lm_eval")


def test_the_task_pack_runs_inside_another_program(tiny_model: Path) -> None:
    """`simple_evaluate` with our folder gives a rate for the tiny model."""
    spec = spec_from_file_location("simple_evaluate_example", EXAMPLES / "simple_evaluate.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    values = module.evaluate(
        str(tiny_model), ["itax_hand_infilling"], device="cpu", limit=1, gen_kwargs={"max_gen_toks": 4}
    )
    assert 0.0 <= values["itax_hand_infilling"]["pass@1,none"] <= 1.0


def test_the_pair_script_ends_in_a_comparison(tiny_model: Path, tmp_path: Path) -> None:
    """Generation, scoring and comparison of a model with itself: no answer differs, the tax is zero."""
    command = Path(sys.executable).with_name("lm_eval")
    if not command.exists() or not Path(sys.executable).with_name("itax").exists():
        pytest.skip("itax is not installed beside this interpreter")
    environment = {**os.environ, "TASKS": "itax_hand_infilling", "PATH": f"{command.parent}:{os.environ['PATH']}"}
    arguments = ["--device", "cpu", "--limit", "3", "--gen_kwargs", "max_gen_toks=4"]
    done = subprocess.run(
        [str(EXAMPLES / "measure_pair.sh"), str(tiny_model), str(tiny_model), str(tmp_path), *arguments],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert 0 == done.returncode, done.stderr[-2000:]
    (row,) = json.loads((tmp_path / "comparison.json").read_text("utf-8"))["benchmarks"]
    assert (3, 0.0, 1.0) == (row["n_items"], row["tax_points"], row["p_primary"])
