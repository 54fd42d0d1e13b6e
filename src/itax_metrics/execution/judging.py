"""One program to one request for a worker, one reply to one verdict: the seam every form of test plugs into.

The supervisor side of a judge. What a program must not know (expected answers) stays on this side: it is never put
into a request, because whatever reaches a worker can be read by the process forked from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from ..records import Status, Verdict
from . import calls, stdio
from .programs import Limits, Program

Request = dict[str, Any]
Reply = dict[str, Any]


def request(program: Program, *, compile_in_fork: bool) -> Request:
    """What a worker is told: the form of the run, the source, the limits; never what the right answer is."""
    made = {"kind": program.judge.kind, "limits": _limits(program.limits), "compile_in_fork": compile_in_fork}
    return {**made, **_REQUESTS[program.judge.kind](program)}


def verdict(program: Program, reply: Reply) -> Verdict:
    """What the reply of a worker means for this program."""
    return _VERDICTS[program.judge.kind](program, reply)


def follow(program: Program, memory: dict[str, Any], reply: Reply) -> Request | None:
    """Take in a reply that is not the last about its program; what its worker is told: to stop, to go on, or nothing.

    `memory` is kept between the replies about one run, and handed to `verdict` in its last reply.
    """
    return _FOLLOWERS[program.judge.kind](program, memory, reply)


def longest_seconds(program: Program) -> float:
    """The most wall time a worker may need for this program when nothing is wrong with the worker."""
    return _SECONDS.get(program.judge.kind, _wall_seconds)(program)


def known_judges() -> tuple[str, ...]:
    """The kinds of judge this engine can decide by."""
    return tuple(_REQUESTS)


def as_reported(program: Program, reply: Reply) -> Verdict:
    """The verdict as the worker states it."""
    del program
    return Verdict(
        Status(reply["status"]),
        float(reply.get("seconds", 0.0)),
        tuple(reply.get("flags", ())),
        str(reply.get("detail", "")),
    )


def _wall_seconds(program: Program) -> float:
    return program.limits.wall_seconds


def _source(program: Program) -> Request:
    return {"source": program.source}


@lru_cache(maxsize=64)
def _limits(limits: Limits) -> dict[str, Any]:
    return asdict(limits)


def _calls(program: Program) -> Request:
    assert isinstance(program.judge, calls.CallJudge)
    return calls.request(program.judge, program.source)


def _follow_calls(program: Program, memory: dict[str, Any], reply: Reply) -> Request | None:
    assert isinstance(program.judge, calls.CallJudge)
    if "calls" not in memory:
        memory["calls"] = calls.Following(program.judge)
    following: calls.Following = memory["calls"]
    following.feed(reply.get("results", b""))
    if following.settled is not None:
        return {"kind": "stop", "run": reply.get("run")}
    return {"kind": "go", "run": reply.get("run")} if reply.get("waits") else None


def _call_verdict(program: Program, reply: Reply) -> Verdict:
    memory = reply.get("memory", {})
    _follow_calls(program, memory, reply)
    return calls.verdict(memory["calls"], reply)


_REQUESTS: dict[str, Callable[[Program], Request]] = {"clean_exit": _source, "calls": _calls, "stdio": stdio.request}
_VERDICTS: dict[str, Callable[[Program, Reply], Verdict]] = {
    "clean_exit": as_reported,
    "calls": _call_verdict,
    "stdio": stdio.verdict,
}
_FOLLOWERS: dict[str, Callable[[Program, dict[str, Any], Reply], Request | None]] = {"calls": _follow_calls}
_SECONDS: dict[str, Callable[[Program], float]] = {"stdio": stdio.longest_seconds}
