"""Two processes on a CPU: each rank executes its own documents, and each once.

`accelerate launch --cpu` starts several local processes through MPI only, so torchrun starts them here; what reads the
ranks is accelerate's own state, as under `accelerate launch` on GPUs.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("accelerate", reason="comes with the hf extra")

LIMIT = 5


def test_two_ranks_share_the_documents(tiny_model: Path, tmp_path: Path) -> None:
    """The journals of the ranks are disjoint and hold every document; the padding of the shorter one is gone."""
    state, output = tmp_path / "state", tmp_path / "out"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", str(port)),
        *("-m", "lm_eval", "run", "--model", "itax-hf", "--model_args", f"pretrained={tiny_model},dtype=float32"),
        *("--device", "cpu", "--batch_size", "2", "--tasks", "itax_hand_infilling", "--limit", str(LIMIT)),
        *("--gen_kwargs", "max_gen_toks=8", "--confirm_run_unsafe_code", "--log_samples", "--output_path", str(output)),
    ]
    environment = {
        **{key: value for key, value in os.environ.items() if key != "ITAX_NO_AUTOLOAD"},
        "ACCELERATE_USE_CPU": "true",
        "ITAX_STATE_DIR": str(state),
        "ITAX_WORKERS": "2",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert 0 == done.returncode, done.stderr[-4000:]
    assert output.is_dir(), done.stderr[-4000:]
    by_rank = {}
    for rank in (0, 1):
        (journal,) = (state / "journal").glob(f"*-itax_hand_infilling-rank{rank}-*.jsonl")
        rows = [json.loads(line) for line in journal.read_text("utf-8").splitlines()]
        by_rank[rank] = [row["task_id"] for row in rows]
    assert [3, 2] == [len(names) for names in by_rank.values()]
    assert LIMIT == len({*by_rank[0], *by_rank[1]})
    (samples,) = output.rglob("samples_itax_hand_infilling_*.jsonl")
    assert {*by_rank[0], *by_rank[1]} == {
        json.loads(line)["doc"]["task_id"] for line in samples.read_text("utf-8").splitlines()
    }
