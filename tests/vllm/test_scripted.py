"""itax-vllm on the scripted checkpoint gives the very answers of itax-hf, at any batch size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra `hf` is not installed")

from tests.scripted_model import make_scripted
from tests.scripted_run import answers
from tests.vllm.backends import in_vllm

pytestmark = [pytest.mark.vllm, pytest.mark.xdist_group("vllm")]


@pytest.mark.parametrize("special", [False, True])
def test_itax_vllm_answers_as_itax_hf_does(vllm_python: Path, tmp_path: Path, special: bool) -> None:
    """Text, tokens, finish, ending and leaks are equal, float32 on a CPU, whether or not FIM tokens are special."""
    checkpoint = str(make_scripted(tmp_path / "scripted", special=special))
    printed = in_vllm(vllm_python, "-m", "tests.scripted_run", "itax-vllm", checkpoint, "8", folder=tmp_path)
    from_vllm = json.loads(printed.splitlines()[-1])
    assert 1 == from_vllm[0]["leaks"]
    for batch in (1, 8):
        assert from_vllm == answers("itax-hf", checkpoint, batch)
