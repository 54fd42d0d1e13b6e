"""What happens to programs whose workers do not come up."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from itax_metrics.execution import Limits, LocalExecutor, Program, pool, probe
from itax_metrics.execution.worker import StartFailed, Worker
from itax_metrics.records import Status, Verdict

pytestmark = pytest.mark.skipif(not probe().contained, reason=probe().summary())

LIMITS = Limits(wall_seconds=20.0)


class Reluctant(Worker):
    """Comes up as a worker does, but of the profile numpy only so often."""

    left = 0

    def wait_until_ready(self) -> None:
        """Ready, or refused."""
        if self.config.profile == "numpy":
            if Reluctant.left == 0:
                self.kill()
                raise StartFailed("numpy took too long to import")
            Reluctant.left -= 1
        super().wait_until_ready()


@pytest.fixture
def reluctant(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Reluctant]]:
    """The pool starts these workers."""
    monkeypatch.setattr(pool, "Worker", Reluctant)
    yield Reluctant
    Reluctant.left = 0


@pytest.mark.usefixtures("reluctant")
def test_one_profile_without_workers_does_not_hold_up_the_others() -> None:
    """Its programs are the harness's fault, also where the others take longer than its three starts."""
    slow = [Program(f"import time; time.sleep({seconds})", limits=LIMITS) for seconds in (0.1, 0.5, 1, 1.5)]
    lost = [Program(f"x = {number}", profile="numpy", limits=LIMITS) for number in range(2)]
    with LocalExecutor(workers=4) as executor:
        verdicts = executor.run([*slow, *lost])
    assert [Status.PASSED] * 4 + [Status.HARNESS_ERROR] * 2 == [verdict.status for verdict in verdicts]
    assert "numpy took too long to import" in verdicts[-1].detail


def test_the_last_worker_of_a_profile_that_dies_leaves_no_program_waiting(reluctant: type[Reluctant]) -> None:
    """No further one comes up: what it had not run yet is decided too."""
    reluctant.left = 1
    programs = [Program(f"x = {number}", profile="numpy", limits=LIMITS) for number in range(40)]
    shot: list[int] = []

    with LocalExecutor(workers=2) as executor:

        def shoot(_: int, __: Verdict) -> None:
            if not shot:
                shot.extend(executor.worker_pids)
                for pid in shot:
                    os.kill(pid, signal.SIGKILL)

        verdicts = executor.run(programs, on_verdict=shoot)
    found = {verdict.status for verdict in verdicts}
    assert {Status.PASSED, Status.HARNESS_ERROR} == found


def test_a_lost_program_is_tried_again_by_a_worker_of_its_own_profile_only(reluctant: type[Reluctant]) -> None:
    """Where no fresh worker of its profile comes up, none of another profile takes it."""
    reluctant.left = 1
    killer = Program("import os, time\ntime.sleep(1.5)", profile="numpy", slow=True, limits=LIMITS)
    others = [Program(f"import time; time.sleep(0.3); {number}", limits=LIMITS) for number in range(12)]
    with LocalExecutor(workers=2) as executor:
        shot: list[int] = []

        def shoot(_: int, __: Verdict) -> None:
            lone = [each.pid for each in executor._pool._workers if each.config.profile == "numpy"]
            if lone and not shot:
                shot.extend(lone)
                os.kill(lone[0], signal.SIGKILL)

        verdicts = executor.run([killer, *others], on_verdict=shoot)
    assert shot
    assert Status.HARNESS_ERROR is verdicts[0].status
    assert [Status.PASSED] * 12 == [verdict.status for verdict in verdicts[1:]]
