"""What a worker says, and when: replies kept together, programs of many calls that wait for a word."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from typing import Any

import pytest

from itax_metrics.execution import Limits, Program, probe
from itax_metrics.execution.calls import PAUSE_AFTER, Call, CallJudge, Following
from itax_metrics.execution.codec import encode
from itax_metrics.execution.judging import request
from itax_metrics.execution.worker import Worker, WorkerConfig

CALLS = 3 * PAUSE_AFTER


@pytest.fixture
def worker() -> Iterator[Worker]:
    """A worker without a pool."""
    made = Worker(WorkerConfig("prefer", skip=tuple(probe().missing.items()), judges=("clean_exit", "calls")))
    made.wait_until_ready()
    yield made
    made.kill()


def heard(worker: Worker, seconds: float) -> list[dict[str, Any]]:
    """What comes next within so many seconds: the replies that came together, or nothing."""
    select.select([worker], [], [], seconds)
    return worker.receive() or []


def asked(program: Program) -> dict[str, Any]:
    """The request for it."""
    return request(program, compile_in_fork=False)


def judge(count: int, *, seconds: float = 4.0) -> CallJudge:
    """So many calls of a function that returns its argument."""
    return CallJudge("f", tuple(Call(encode([at]), b"V" + encode(at), seconds) for at in range(count)))


def until_it_waits(worker: Worker) -> tuple[bytes, str]:
    """The results up to the pause, and the name of the run."""
    results, give_up = b"", time.monotonic() + 10
    while time.monotonic() < give_up:
        for reply in heard(worker, 1.0):
            assert "partial" in reply
            results += reply["results"]
            if reply["waits"]:
                return results, reply["run"]
    raise AssertionError("it never waited")


def until_the_end(worker: Worker) -> tuple[bytes, dict[str, Any]]:
    """The results up to the last reply, and that reply."""
    results, give_up = b"", time.monotonic() + 10
    while time.monotonic() < give_up:
        for reply in heard(worker, 1.0):
            results += reply.get("results", b"")
            if "partial" not in reply:
                return results, reply
    raise AssertionError("it never ended")


def test_a_long_program_keeps_no_reply_back(worker: Worker) -> None:
    """What was decided before it is told while it runs."""
    for source in ("x = 1", "x = 2", "import time; time.sleep(3)"):
        worker.queue(asked(Program(source, limits=Limits(wall_seconds=10.0))))
    worker.flush()
    began, told = time.monotonic(), 0
    while told < 2:
        told += len(heard(worker, 10))
    assert (2, True) == (told, time.monotonic() - began < 2.5)
    assert ["passed"] == [reply["status"] for reply in heard(worker, 10)]


def test_a_program_of_many_calls_waits_after_the_first(worker: Worker) -> None:
    """Nothing comes until it is let go on; then the rest does."""
    following = Following(judge(CALLS))
    worker.send(asked(Program("def f(x): return x", judge=judge(CALLS))))
    first, run = until_it_waits(worker)
    assert [] == heard(worker, 0.3)
    worker.send({"kind": "go", "run": run})
    rest, _ = until_the_end(worker)
    following.feed(first)
    assert following.settled is None
    following.feed(rest)
    assert following.settled is not None
    assert following.settled.passed


def test_no_clock_counts_the_wait(worker: Worker) -> None:
    """Neither that of the call nor that of the program."""
    program = Program("def f(x): return x", judge=judge(CALLS, seconds=0.5), limits=Limits(wall_seconds=1.0))
    worker.send(asked(program))
    _, run = until_it_waits(worker)
    time.sleep(1.5)
    worker.send({"kind": "go", "run": run})
    _, reply = until_the_end(worker)
    assert reply["status"] != "timeout"
    assert reply["seconds"] < 1.0


def test_a_program_that_waits_can_be_stopped(worker: Worker) -> None:
    """It is called no more, a word about another run is none about this one, and the next program runs."""
    worker.send(asked(Program("def f(x): return -1", judge=judge(CALLS))))
    _, run = until_it_waits(worker)
    worker.send({"kind": "go", "run": "another"})
    assert [] == heard(worker, 0.3)
    worker.send({"kind": "stop", "run": run})
    results, reply = until_the_end(worker)
    assert (b"", "failed") == (results, reply["status"])
    worker.send(asked(Program("x = 1")))
    assert ["passed"] == [reply["status"] for reply in heard(worker, 10)]


def test_a_word_that_comes_too_late_is_passed_over(worker: Worker) -> None:
    """The run it is about has ended."""
    worker.send(asked(Program("x = 1")))
    worker.send({"kind": "go", "run": "ended"})
    worker.send(asked(Program("x = 2")))
    told: list[dict[str, Any]] = []
    while len(told) < 2:
        told += heard(worker, 10)
    assert ["passed", "passed"] == [reply["status"] for reply in told]


def test_a_word_that_comes_last_keeps_no_reply_back(worker: Worker) -> None:
    """Nothing is left to be answered behind it."""
    worker.queue(asked(Program("x = 1")))
    worker.queue({"kind": "go", "run": "ended"})
    worker.flush()
    assert ["passed"] == [reply["status"] for reply in heard(worker, 5)]


def test_few_calls_do_not_wait() -> None:
    """There is little to save."""
    assert [0, PAUSE_AFTER] == [
        asked(Program("", judge=judge(count)))["pause_after"] for count in (2 * PAUSE_AFTER, 2 * PAUSE_AFTER + 1)
    ]
