"""The environment that vLLM needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def vllm_python() -> Path:
    """The interpreter of the vLLM environment."""
    folder = Path(os.environ.get("ITAX_VLLM_VENV") or REPOSITORY / ".venv-vllm")
    python = folder / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no vLLM environment in {folder} (make test-vllm makes one, or set ITAX_VLLM_VENV)")
    return python
