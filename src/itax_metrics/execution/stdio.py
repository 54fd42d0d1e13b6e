"""The supervisor's side of stdin/stdout programs: what a worker is told, and what its answer means.

Covered: expected outputs stay in this process; a pass needs exit status 0 and an accepted output in every case.
Not covered: a program that knows a benchmark's inputs can print the right outputs without computing them.
"""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import Any

from ..records import Status, Verdict
from . import languages
from .comparison import accepted, difference, unix_lines
from .languages.base import COMPILE_SECONDS
from .programs import Program, StdioJudge

_LONGEST_DETAIL = 200
_MEMORY_WORDS = ("out of memory", "outofmemory", "bad_alloc", "bad alloc", "memoryerror")
"""ExecEval's words for it, in whatever a failed program complained."""
_ENDS = {
    "timeout": Status.TIMEOUT,
    "output_limit": Status.OUTPUT_LIMIT,
    "out_of_memory": Status.OUT_OF_MEMORY,
    "compile_error": Status.COMPILE_ERROR,
    "harness_error": Status.HARNESS_ERROR,
}


def request(program: Program) -> dict[str, Any]:
    """The request beyond its kind and limits: source or recipe, and the inputs of the cases."""
    judge = _judge(program)
    inputs = [unix_lines(given) for given, _ in judge.cases]
    source = unix_lines(program.source)
    if program.language == "python":
        return {"inputs": inputs, "source": source}
    return {
        "inputs": inputs,
        "language": program.language,
        "files": {"program": source},
        "limits": asdict(program.limits),
    }


def longest_seconds(program: Program) -> float:
    """One compilation and every case at its limit, with the time it takes to start them."""
    cases = len(_judge(program).cases)
    return COMPILE_SECONDS * (program.language in languages.PROCESSES) + cases * (program.limits.wall_seconds + 1.0)


def verdict(program: Program, reply: dict[str, Any]) -> Verdict:
    """What the runs of a program mean."""
    if reply["status"] != "ran":
        return Verdict(Status(reply["status"]), detail=str(reply.get("detail", ""))[:_LONGEST_DETAIL])
    cases, runs = _judge(program).cases, reply["runs"]
    seconds = sum(float(run["seconds"]) for run in runs)
    for number, ((_, outputs), run) in enumerate(zip(cases, runs, strict=False), start=1):
        status, detail = _decide(outputs, run)
        if status is not Status.PASSED:
            return Verdict(status, seconds, detail=f"case {number} of {len(cases)}: {detail}"[:_LONGEST_DETAIL])
    if len(runs) < len(cases):
        return Verdict(Status.HARNESS_ERROR, seconds, detail=f"{len(runs)} of {len(cases)} cases were run")
    return Verdict(Status.PASSED, seconds)


def _decide(outputs: tuple[str, ...], run: dict[str, Any]) -> tuple[Status, str]:
    if run["end"] in _ENDS:
        return _ENDS[run["end"]], str(run["detail"])
    if run["code"] != 0:
        complaint = base64.b64decode(run["complaint"]).decode("utf-8", "ignore")
        lowered = complaint.lower()
        ran_out = any(word in lowered for word in _MEMORY_WORDS) or run["how"] == "SIGKILL"
        lines = [" ".join(line.split()) for line in complaint.splitlines() if line.strip()]
        detail = f"{run['how']}; {_telling(lines)}" if lines else str(run["how"])
        return (Status.OUT_OF_MEMORY if ran_out else Status.ERROR), detail
    printed = base64.b64decode(run["out"]).decode("utf-8", "ignore")
    if accepted(printed, outputs):
        return Status.PASSED, ""
    return Status.FAILED, difference(outputs[0], printed) if outputs else "no output is accepted"


def _telling(lines: list[str]) -> str:
    """The line that names the exception: the first one for virtual machines, the last one for Python."""
    named = [line for line in lines if ("Exception" in line or "Error" in line) and not line.endswith(":")]
    chosen = named[-1] if lines[0].startswith("Traceback") and named else named[0] if named else lines[-1]
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in chosen)


def _judge(program: Program) -> StdioJudge:
    judge = program.judge
    assert isinstance(judge, StdioJudge)
    return judge
