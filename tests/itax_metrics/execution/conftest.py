"""A contained executor for the whole session, or a skip that says why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from itax_metrics.execution import Limits, LocalExecutor, Program, probe
from itax_metrics.records import Verdict

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
