"""`itax fim probe --backend vllm`: log-probabilities through `prompt_logprobs` rank the orders as hf's do."""

from __future__ import annotations

import json
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra `hf` is not installed")

from click.testing import CliRunner
from tests.probe_model import document, make_tokenizer, train
from tests.vllm.backends import VLLM_ARGUMENTS, in_vllm

from itax_tasks.cli import cli

pytestmark = [pytest.mark.vllm, pytest.mark.xdist_group("vllm")]

ORDER = "SPM-b"


def test_vllm_ranks_the_orders_as_hf_does(vllm_python: Path, tmp_path: Path) -> None:
    """The order of training leads, and all figures agree to a thousandth of a nat."""
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(tmp_path / "model")
    train(tokenizer, ORDER).save_pretrained(tmp_path / "model")
    draw = random.Random(1)
    holes = tmp_path / "holes.jsonl"
    holes.write_text("".join(json.dumps(asdict(document(draw))) + "\n" for _ in range(24)), "utf-8")
    command = ["fim", "probe", str(tmp_path / "model"), "--holes", str(holes), "--json"]
    told = CliRunner().invoke(cli, [*command, "--model-args", "dtype=float32", "--device", "cpu"])
    assert 0 == told.exit_code, told.output
    run = "import sys; from itax_tasks.cli import main; sys.argv[0] = 'itax'; main()"
    printed = in_vllm(
        vllm_python, "-c", run, *command, "--backend", "vllm", "--model-args", VLLM_ARGUMENTS, folder=tmp_path
    )
    hf, vllm = _json(told.stdout), _json(printed)
    assert ORDER == vllm["ranking"][0]["order"]
    assert [row["order"] for row in hf["ranking"]] == [row["order"] for row in vllm["ranking"]]
    assert ("yes", hf["trained"]) == (vllm["trained"], vllm["trained"])
    for one, other in zip(hf["ranking"], vllm["ranking"], strict=True):
        for name in ("with_suffix", "empty_suffix"):
            assert one[name] == pytest.approx(other[name], abs=1e-3)
    assert hf["left_to_right"] == pytest.approx(vllm["left_to_right"], abs=1e-3)


def _json(printed: str) -> dict[str, Any]:
    """The object at the end of what a command printed; vLLM's engine prints lines of its own before it."""
    found: dict[str, Any] = json.loads(printed[printed.index("{\n") :])
    return found
