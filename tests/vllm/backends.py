"""One lm_eval command in two environments: `--model hf` in this one, `--model vllm` in its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HF_ARGUMENTS = "dtype=float32"
# A small fixed cache of keys and values: by default vLLM claims nearly all memory of the machine.
VLLM_ARGUMENTS = "dtype=float32,enforce_eager=True,kv_cache_memory_bytes=67108864,max_num_seqs=32"

REPOSITORY = Path(__file__).resolve().parents[2]

THIS_CHECKOUT = os.pathsep.join((str(REPOSITORY / "src"), str(REPOSITORY)))
"""Comes before whatever the vLLM environment's own editable installation points to."""

QUIET = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    # One process, nothing compiled: neither changes what is computed, both save a minute.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "TORCHDYNAMO_DISABLE": "1",
}


def in_vllm(python: Path, *arguments: str, folder: Path, timeout: int = 600, **variables: str) -> str:
    """Run Python in the environment of vLLM with the source of this checkout; returns standard output."""
    done = subprocess.run(
        [str(python), *arguments],
        env={**os.environ, "PYTHONPATH": THIS_CHECKOUT, **QUIET, **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert 0 == done.returncode, f"{' '.join(arguments)}\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    return done.stdout


@dataclass(frozen=True)
class Run:
    """What one lm_eval run wrote."""

    python: Path
    """The interpreter of its environment."""
    results: Mapping[str, Any]
    samples: Mapping[str, list[dict[str, Any]]]
    """Rows by task, in the order of the documents."""

    def prompts(self, task: str) -> list[str]:
        return [row["arguments"]["gen_args_0"]["arg_0"] for row in self.samples[task]]

    def answers(self, task: str) -> list[str]:
        return [row["resps"][0][0] for row in self.samples[task]]


def both_backends(
    vllm_python: Path,
    tasks: tuple[str, ...],
    model: Path,
    folder: Path,
    *,
    limit: int | None = None,
    hf_batch: int = 1,
) -> dict[str, Run]:
    """The two runs; they differ in the interpreter and in --model and its arguments, in nothing else."""
    here = Path(sys.executable)
    if not (here.parent / "lm_eval").exists():
        pytest.skip("lm_eval has no console script beside this interpreter")
    hf, vllm = ["--device", "cpu", "--batch_size", str(hf_batch)], ["--batch_size", "auto"]
    return {
        "hf": _lm_eval(here, "hf", HF_ARGUMENTS, hf, tasks, model, folder, limit),
        "vllm": _lm_eval(vllm_python, "vllm", VLLM_ARGUMENTS, vllm, tasks, model, folder, limit),
    }


def _lm_eval(
    python: Path,
    backend: str,
    model_args: str,
    options: list[str],
    tasks: tuple[str, ...],
    model: Path,
    folder: Path,
    limit: int | None,
) -> Run:
    output = folder / backend
    command = [
        *(str(python.parent / "lm_eval"), "--model", backend),
        *("--model_args", f"pretrained={model},{model_args}", *options),
        *("--tasks", ",".join(tasks), "--confirm_run_unsafe_code", *(["--limit", str(limit)] if limit else [])),
        *("--output_path", str(output), "--log_samples"),
    ]
    environment = {
        **{key: value for key, value in os.environ.items() if key != "ITAX_NO_AUTOLOAD"},
        **QUIET,
        "PYTHONPATH": THIS_CHECKOUT,
        "HF_DATASETS_OFFLINE": "1",
        "ITAX_STATE_DIR": str(folder / "state"),
    }
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=2700)
    assert 0 == done.returncode, f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    (results,) = output.rglob("results_*.json")
    samples = {}
    for task in tasks:
        (path,) = output.rglob(f"samples_{task}_*.jsonl")
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        samples[task] = sorted(rows, key=lambda row: int(row["doc_id"]))
    return Run(python, json.loads(results.read_text("utf-8")), samples)
