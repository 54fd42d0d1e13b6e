"""itax-vllm on the scripted checkpoint gives the very answers of itax-hf."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra `hf` is not installed")

from tests.scripted_model import make_scripted
from tests.scripted_run import answers

pytestmark = [pytest.mark.vllm, pytest.mark.xdist_group("vllm")]

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("special", [False, True])
def test_itax_vllm_answers_as_itax_hf_does(tmp_path: Path, special: bool) -> None:
    """Text, tokens, finish, ending and leaks are equal, float32 on a CPU, whether or not FIM tokens are special."""
    folder = Path(os.environ.get("ITAX_VLLM_VENV") or REPOSITORY / ".venv-vllm")
    if not (folder / "bin" / "python").exists():
        pytest.skip(f"no vLLM environment in {folder} (make test-vllm makes one, or set ITAX_VLLM_VENV)")
    checkpoint = make_scripted(tmp_path / "scripted", special=special)
    done = subprocess.run(
        [str(folder / "bin" / "python"), "-m", "tests.scripted_run", "itax-vllm", str(checkpoint), "8"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(REPOSITORY / "src"), str(REPOSITORY))),
            "VLLM_NO_USAGE_STATS": "1",
            "VLLM_LOGGING_LEVEL": "ERROR",
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
            "TORCHDYNAMO_DISABLE": "1",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert 0 == done.returncode, done.stderr[-4000:]
    assert answers("itax-hf", str(checkpoint), 8) == json.loads(done.stdout.splitlines()[-1])
