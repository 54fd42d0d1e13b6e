"""Tensor and data parallelism under itax-vllm: the arguments of lm-eval's `vllm`, and each document once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra `hf` is not installed")

from tests.vllm.backends import VLLM_ARGUMENTS, in_vllm

pytestmark = [pytest.mark.vllm, pytest.mark.xdist_group("vllm")]

CONSTRUCTED = """
import json, sys
import lm_eval.models  # noqa: F401
import lm_eval.models.vllm_causallms as theirs
from lm_eval.api.registry import get_model
from itax_tasks.harness import discovery

discovery.serve_models()
seen = []

class Reached(Exception):
    pass

def engine(**given):
    seen.append({name: str(value) for name, value in given.items()})
    raise Reached

theirs.LLM = engine
for name in ("vllm", "itax-vllm"):
    try:
        get_model(name).create_from_arg_string(sys.argv[1], {"batch_size": "auto", "device": None})
    except Reached:
        pass
print(json.dumps(seen))
"""


def test_arguments_reach_the_engine_as_lm_eval_s_own_class_hands_them_on(
    vllm_python: Path, tiny_model: Path, tmp_path: Path
) -> None:
    """The engine is constructed with the very arguments of stock `vllm`, those of parallelism among them."""
    given = f"pretrained={tiny_model},{VLLM_ARGUMENTS},tensor_parallel_size=2,pipeline_parallel_size=2,seed=7"
    given += ",distributed_executor_backend=mp,gpu_memory_utilization=0.5"
    stock, ours = json.loads(in_vllm(vllm_python, "-c", CONSTRUCTED, given, folder=tmp_path).splitlines()[-1])
    assert stock == ours
    asked = ("tensor_parallel_size", "pipeline_parallel_size", "distributed_executor_backend", "gpu_memory_utilization")
    assert ["2", "2", "mp", "0.5"] == [ours[name] for name in asked]


RUN = """
import sys
from itax_tasks.harness import host

host.run_lm_eval(sys.argv[1:], only_ours=True)
"""

REPLICAS = """
import ray

for attempt in range(4):  # Ray gives a node thirty seconds to start, which a busy machine may not manage
    try:
        # Ray hands the replicas GPUs; on a machine without any it is told of two.
        ray.init(address="local", num_cpus=2, num_gpus=2, object_store_memory=100 * 2**20, include_dashboard=False)
        break
    except Exception:
        ray.shutdown()
        if attempt == 3:
            raise
"""


def rows(python: Path, code: str, model: str, arguments: str, folder: Path) -> dict[str, str]:
    """Run five documents through lm-eval; returns what the journal says, one answer a document."""
    folder.mkdir()
    in_vllm(
        python,
        *("-c", code, "--model", model, "--model_args", arguments),
        *("--batch_size", "auto", "--tasks", "itax_hand_infilling", "--limit", "5", "--gen_kwargs", "max_gen_toks=8"),
        *("--confirm_run_unsafe_code", "--log_samples", "--output_path", str(folder)),
        folder=folder,
        ITAX_STATE_DIR=str(folder / "state"),
        ITAX_WORKERS="2",
        OMP_NUM_THREADS="1",
        # By default vLLM gives each worker a NUMA node of its own.
        VLLM_CPU_OMP_THREADS_BIND="nobind",
        RAY_AUTH_MODE="disabled",
    )
    (journal,) = (folder / "state" / "journal").glob("*.jsonl")
    found = [json.loads(line) for line in journal.read_text("utf-8").splitlines()]
    assert 5 == len(found) == len({row["task_id"] for row in found})
    return {row["task_id"]: row["completion"] for row in found}


@pytest.fixture(scope="module")
def alone(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The answers of one process, which are those of itax-hf."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    return rows(Path(sys.executable), RUN, "itax-hf", f"pretrained={tiny_model},dtype=float32", folder)


def test_tensor_parallelism_answers_each_document_once(
    vllm_python: Path, tiny_model: Path, tmp_path: Path, alone: dict[str, str]
) -> None:
    """Two processes hold half of the model each: one journal, the answers of one."""
    arguments = f"pretrained={tiny_model},{VLLM_ARGUMENTS},tensor_parallel_size=2"
    assert alone == rows(vllm_python, RUN, "itax-vllm", arguments, tmp_path / "run")


def test_data_parallelism_answers_each_document_once(
    vllm_python: Path, tiny_model: Path, tmp_path: Path, alone: dict[str, str]
) -> None:
    """Two replicas under Ray share the documents; the answers come back in their places, and one process executes."""
    if 0 != subprocess.run([str(vllm_python), "-c", "import ray"], capture_output=True).returncode:
        pytest.skip("the vLLM environment has no Ray (make_environment.py installs it)")
    arguments = f"pretrained={tiny_model},{VLLM_ARGUMENTS},data_parallel_size=2"
    assert alone == rows(vllm_python, REPLICAS + RUN, "itax-vllm", arguments, tmp_path / "run")
