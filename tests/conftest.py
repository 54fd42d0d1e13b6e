"""What tests share: a private state folder, and the real data where they lie."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from itax_metrics.execution import Limits, LocalExecutor, Program, probe
from itax_metrics.records import Verdict

os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture(autouse=True)
def state_dir(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test journals and caches into a folder of its own."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("ITAX_STATE_DIR", str(folder))
    return folder


@pytest.fixture(autouse=True)
def lm_eval_logging() -> Iterator[None]:
    """What lm-eval did to its logger in one test is undone before the next.

    A run inside this process takes the logger away from its parents, where `caplog` listens, and keeps writing to the
    stream of the test it ran in.
    """
    logger = logging.getLogger("lm_eval")
    before = logger.propagate, logger.level, logger.handlers[:]
    yield
    logger.propagate, level, logger.handlers[:] = before
    logger.setLevel(level)
    if "lm_eval.utils" in sys.modules:
        sys.modules["lm_eval.utils"]._LOGGING_CONFIGURED = False  # type: ignore[attr-defined]  # a module variable


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The official benchmark files."""
    return _folder("ITAX_DATA_DIR", "the official benchmark files")


@pytest.fixture(scope="session")
def recorded_dir() -> Path:
    """Answers of real models with the official verdicts."""
    return _folder("ITAX_RECORDED_DIR", "recorded answers with official verdicts")


def _folder(variable: str, what: str) -> Path:
    value = os.environ.get(variable)
    if not value or not Path(value).is_dir():
        pytest.skip(f"{variable} does not name a folder with {what}")
    return Path(value)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random Qwen2 with FIM tokens, made once a session."""
    pytest.importorskip("torch", reason="the extra `hf` is not installed")
    from tests.tiny_model import make_tiny_model

    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tokenizer of the tiny model alone."""
    pytest.importorskip("transformers", reason="the extra `hf` is not installed")
    from tests.tiny_model import make_tokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    make_tokenizer(folder)
    return folder


PATIENT = 30.0
"""Wall seconds no honest program of these tests comes near, on however slow a machine."""


@pytest.fixture(scope="session")
def executor() -> Iterator[LocalExecutor]:
    """Two warm workers."""
    if not probe().contained:
        pytest.skip(probe().summary())
    with LocalExecutor(workers=2) as running:
        yield running


@pytest.fixture(scope="session")
def judge(executor: LocalExecutor) -> Callable[..., Verdict]:
    """Run one source under the given limits."""

    def run(source: str, **limits: Any) -> Verdict:
        return executor.run([Program(source, limits=Limits(**{"wall_seconds": PATIENT, **limits}))])[0]

    return run
