"""Nothing is lost when scoring dies: the responses are on disk before the first program runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("lm_eval")

from itax_tasks.answers import read_answers
from itax_tasks.benchmarks import hand
from itax_tasks.settings import Settings

ITEMS = hand.load("completion", Settings()).items
COMMAND = "import sys; from itax_tasks.harness.host import run_lm_eval; run_lm_eval(sys.argv[1:], only_ours=True)"


def test_kill_9_during_execution_keeps_every_response(tmp_path: Path, state_dir: Path) -> None:
    """A run killed while its programs loop leaves a journal that `itax score` reads to the end."""
    file = tmp_path / "answers.jsonl"
    rows = [{"task_id": item.task_id, "completion": "    while True:\n        pass\n"} for item in ITEMS[:-1]]
    rows.append({"task_id": ITEMS[-1].task_id, "completion": ITEMS[-1].truth})
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    arguments = ["--model", "itax-replay", "--model_args", f"completions={file}", "--tasks", "itax_hand_completion"]
    arguments += ["--confirm_run_unsafe_code", "--log_samples", "--output_path", str(tmp_path / "out")]
    environment = {**os.environ, "ITAX_STATE_DIR": str(state_dir), "ITAX_WORKERS": "1"}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments], env=environment, stdout=log, stderr=log, start_new_session=True
        )
        deadline = time.monotonic() + 120
        while not (kept := list((state_dir / "journal").glob("*.jsonl"))):
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline, "no journal was written"
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not list((tmp_path / "out").rglob("samples_*"))
    assert [row["completion"] for row in rows] == [answer.text for answer in read_answers(kept[0]).answers]
