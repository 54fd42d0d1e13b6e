"""What to run, how a pass is decided, and the limits it runs under."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from .calls import CallJudge

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use. Defaults are generous; each benchmark states its official figures."""

    wall_seconds: float = 3.0
    """Wall time of the whole program, tests included."""
    memory_bytes: int = 4096 * MIB
    """Address space of one process, and resident memory of all its processes together where that can be watched."""
    output_bytes: int = 64 * MIB
    """Bytes written to stdout and stderr together."""
    file_bytes: int = 256 * MIB
    """Largest file, and size of the scratch directory."""
    processes: int = 64
    open_files: int = 256
    cpu_seconds: float | None = None
    """CPU time of one process, rounded up to whole seconds; no limit of its own by default."""

    def scaled(self, time_scale: float) -> Limits:
        """The same limits with the wall time multiplied, for slow machines."""
        return replace(self, wall_seconds=self.wall_seconds * time_scale)


@dataclass(frozen=True, slots=True)
class Judge:
    """How a pass is decided.

    `clean_exit`: the program carries its own tests and passes when it runs to its end without any
    exception (`SystemExit` included); the form of HumanEval-Infilling, where `exec` of program and
    tests in an empty namespace is the official rule. Test and answer share one process here, so a
    program that looks for the verdict channel can forge it (see docs/execution.md).
    """

    kind: Literal["clean_exit"] = "clean_exit"


@dataclass(frozen=True, slots=True)
class StdioJudge:
    """A pass is an accepted output, and exit status 0, for every input.

    The limits of the program hold for each case by itself; compilation has its own. Cases run in order, each in a fresh
    process, and the first one that is not passed decides. Expected outputs never reach a worker.
    """

    cases: tuple[tuple[str, tuple[str, ...]], ...]
    """Standard input, and the outputs that are accepted for it."""
    comparison: Literal["execeval"] = "execeval"
    kind: Literal["stdio"] = "stdio"

    def identity(self) -> dict[str, Any]:
        """What a verdict depends on, as plain data."""
        cases = json.dumps(self.cases, ensure_ascii=True, separators=(",", ":"))
        digest = hashlib.sha256(cases.encode("ascii")).hexdigest()
        return {"kind": self.kind, "comparison": self.comparison, "cases": digest}


@dataclass(frozen=True, slots=True)
class Program:
    """One complete program with its judge and its limits; equal programs are executed once."""

    source: str
    language: str = "python"
    judge: Judge | CallJudge | StdioJudge = field(default_factory=Judge)
    limits: Limits = field(default_factory=Limits)
    profile: str = "bare"
    """Import profile of the worker: which libraries are already loaded when the program starts. Languages that run in
    processes of their own have a profile each, which is filled in."""
    environment: str | None = None
    """Pinned environment whose interpreter runs the program, by name; None for the interpreter of this process."""
    slow: bool = field(default=False, compare=False)
    """Expected to take far longer than the others: started first, so that none is left alone at the end. Says nothing
    about the verdict, and is no part of the key."""

    def __post_init__(self) -> None:
        if self.language != "python" and self.profile == "bare":
            object.__setattr__(self, "profile", self.language)

    def key(self, runtime: str) -> str:
        """sha256 over program, judge, limits and `runtime` (interpreter and sandbox policy), hex."""
        judge = self.judge
        if isinstance(judge, Judge):
            record: dict[str, Any] = asdict(self)
        else:
            record = {**asdict(replace(self, judge=Judge())), "judge": judge.identity()}
        del record["slow"]
        record["runtime"] = runtime
        canonical = json.dumps(record, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()
