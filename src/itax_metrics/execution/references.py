"""Reference solutions run once, contained like any program: what they return, encoded, and how long each call takes.

Covered: several workers; results in the form that `calls.Call.expected` takes, long ones as digests.
Not covered: a reference that fails is an error here, not a verdict: nothing can be judged against it.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from queue import Empty, SimpleQueue
from struct import pack, unpack
from typing import Any

from ..errors import ExecutionError
from .calls import HEADER, RESULT_BYTES
from .programs import Limits
from .sandbox.probe import probe
from .worker import Worker, WorkerConfig


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference solution and the inputs it is called on."""

    name: str
    """For messages, such as the task id."""
    source: str
    entry_point: str
    arguments: tuple[bytes, ...]
    """Encoded argument lists."""
    limits: Limits = field(default_factory=lambda: Limits(wall_seconds=600.0))
    """The wall time holds for all calls together."""
    profile: str = "bare"


@dataclass(frozen=True, slots=True)
class Returned:
    """What one call returned."""

    result: bytes
    """`V` and the encoded value, or `D` and its digest."""
    seconds: float


def expected_values(
    references: Sequence[Reference],
    *,
    workers: int = 1,
    policy: str = "require",
    on_done: Callable[[int], None] | None = None,
) -> list[tuple[Returned, ...]]:
    """Run the references, each in a process of its own, and return what every call gave.

    Args:
        references: the solutions with their inputs.
        workers: solutions at a time; times are only worth something with no more of them than free cores.
        policy: the sandbox policy, as for programs.
        on_done: called with the position of each reference that is through.

    Raises:
        ExecutionError: a reference failed, naming it and the call; or no worker could be started.
    """
    found: list[tuple[Returned, ...]] = [()] * len(references)
    waiting: SimpleQueue[int] = SimpleQueue()
    for number in sorted(range(len(references)), key=lambda number: references[number].profile):
        waiting.put(number)
    failures: list[ExecutionError] = []

    def work() -> None:
        worker: Worker | None = None
        try:
            while not failures:
                number = waiting.get_nowait()
                reference = references[number]
                if worker is None or worker.config != _config(reference, policy):
                    if worker is not None:
                        worker.kill()
                    worker = Worker(_config(reference, policy))
                    worker.wait_until_ready()
                found[number] = _returned(reference, _stream(worker, reference))
                if on_done is not None:
                    on_done(number)
        except Empty:
            pass
        except ExecutionError as error:
            failures.append(error)
        finally:
            if worker is not None:
                worker.kill()

    threads = [threading.Thread(target=work) for _ in range(max(1, min(workers, len(references))))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return found


def _config(reference: Reference, policy: str) -> WorkerConfig:
    skip = () if policy == "off" else tuple(sorted(probe().missing.items()))
    return WorkerConfig(policy, reference.profile, reference.limits.file_bytes, skip)


def _stream(worker: Worker, reference: Reference) -> bytes:
    limits = asdict(reference.limits)
    blob = b"".join(pack("<I", len(arguments)) + arguments for arguments in reference.arguments)
    request = {
        "kind": "calls",
        "limits": limits,
        "compile_in_fork": True,
        "source": reference.source,
        "entry_point": reference.entry_point,
        "arguments": blob,
        "seconds": [reference.limits.wall_seconds] * len(reference.arguments),
        "as_set": [],
        "result_bytes": RESULT_BYTES,
        "timed": True,
    }
    worker.send(request)
    give_up = time.monotonic() + reference.limits.wall_seconds + 10
    stream = b""
    while time.monotonic() < give_up:
        select.select([worker], [worker] if worker.wants_to_write else [], [], 1.0)
        worker.flush()
        replies = worker.receive()
        if replies is None:
            break
        for reply in replies:
            stream += bytes(reply.get("results", b""))
            if "partial" not in reply:
                return stream + _frame_of(reply)
    raise ExecutionError(f"{reference.name}: the worker that ran its reference solution was lost. Try again.")


def _frame_of(reply: dict[str, Any]) -> bytes:
    """How the run ended, as one more message of the stream."""
    body = f"{reply['status']}: {reply.get('detail', '')}".encode()
    return HEADER.pack(b"E", len(body)) + body


def _returned(reference: Reference, stream: bytes) -> tuple[Returned, ...]:
    found: list[Returned] = []
    at, seconds = 0, 0.0
    while len(found) < len(reference.arguments):
        kind, length = HEADER.unpack_from(stream, at)
        body = stream[at + HEADER.size : at + HEADER.size + length]
        at += HEADER.size + length
        if kind == b"T":
            (seconds,) = unpack("<d", body)
        elif kind in (b"V", b"D"):
            found.append(Returned(kind + body, seconds))
        elif kind not in (b"s", b"b"):
            raise ExecutionError(
                f"{reference.name}: its reference solution failed at call {len(found) + 1} of "
                f"{len(reference.arguments)} ({body.decode('utf-8', 'replace')}). Check the data and the environment."
            )
    return tuple(found)
