"""Base and plus tests of one problem as judges, and the program of an answer under either.

Covered: expected results stay with the supervisor; base and plus tests run apart from each other, as officially.
Not covered: the official evaluator takes a list of names away from a program (`open`, `os.remove`, `exit`, ...); here
the sandbox contains what they do, so a program that reads a file it wrote itself can pass here and fails there.
"""

from __future__ import annotations

from dataclasses import replace

from itax_metrics.execution.calls import Call, CallJudge
from itax_metrics.execution.codec import encode
from itax_metrics.execution.codec_reading import decode
from itax_metrics.execution.programs import Limits, Program
from itax_metrics.records import Flag, Item, Status, Verdict
from itax_tasks.benchmarks.evalplus.expected import Expected, Kind, Known, Pending
from itax_tasks.benchmarks.evalplus.rules import Rules

MEMORY_BYTES = 4 << 30
"""The official limit of address space."""
UNBOUNDED_SECONDS = 3600.0
"""Stated for the whole program where the rules know no most; the limits of the calls always bind before."""


def limits_of(rules: Rules) -> Limits:
    """The limits of a task: the most wall time a whole program may have; each call has its own beside it."""
    most = UNBOUNDED_SECONDS if rules.whole_seconds is None else rules.whole(rules.whole_seconds)
    return Limits(wall_seconds=most, memory_bytes=MEMORY_BYTES)


def decide(rules: Rules, kind: Kind, item: Item, body: str, limits: Limits) -> Program | Verdict:
    """The program of a code under test with the base or the plus tests of its problem.

    Args:
        rules: today's or those of 2023.
        kind: base or plus.
        item: the problem.
        body: the code under test.
        limits: the task's limits on this machine; the factor by which they are longer than `limits_of(rules)` holds for
            every call too.

    Raises:
        ExecutionError: the reference solution of the problem failed.
    """
    expected: Expected = item.payload["expected"]
    scale = limits.wall_seconds / limits_of(rules).wall_seconds
    key = (rules.protocol, kind, item.task_id, scale)
    judge = expected.judges.get(key)
    if judge is None:
        try:
            judge = judge_of(rules, kind, item, expected.of(item)).scaled(scale)
        except Pending as obstacle:
            return Verdict(Status.HARNESS_ERROR, flags=(Flag.PENDING.value,), detail=str(obstacle))
        expected.judges[key] = judge
    whole = rules.whole(sum(call.seconds for call in judge.calls) / scale) * scale
    return Program(body, judge=judge, limits=replace(limits, wall_seconds=min(limits.wall_seconds, whole)))


def judge_of(rules: Rules, kind: Kind, item: Item, known: Known) -> CallJudge:
    """The base or the plus tests of one problem."""
    entry_point: str = item.payload["entry_point"]
    comparison = rules.special.get(entry_point, rules.comparison)
    further = rules.accepted.get(entry_point)
    calls = []
    for arguments, returned in zip(known.arguments[kind], known.returned[kind], strict=True):
        result = returned.result
        if comparison in ("not_none", "present"):
            result = b"V" + encode(result != b"V" + encode(None))
        accepted = () if further is None else (b"V" + encode(further(*decode(arguments))),)
        calls.append(Call(arguments, result, rules.limit(returned.seconds), comparison, accepted))
    return CallJudge(entry_point, tuple(calls), item.payload["atol"])
