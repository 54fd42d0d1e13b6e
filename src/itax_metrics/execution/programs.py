"""What to run, how a pass is decided, and the limits it runs under."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use. Defaults are generous; each benchmark states its official figures."""

    wall_seconds: float = 3.0
    """Wall time of the whole program, tests included."""
    memory_bytes: int = 4096 * MIB
    """Address space of one process."""
    output_bytes: int = 64 * MIB
    """Bytes written to stdout and stderr together."""
    file_bytes: int = 256 * MIB
    """Largest file, and size of the scratch directory."""
    processes: int = 64
    open_files: int = 256

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
class Program:
    """One complete program with its judge and its limits; equal programs are executed once."""

    source: str
    language: str = "python"
    judge: Judge = field(default_factory=Judge)
    limits: Limits = field(default_factory=Limits)
    profile: str = "bare"
    """Import profile of the worker: which libraries are already loaded when the program starts."""

    def key(self, runtime: str) -> str:
        """sha256 over program, judge, limits and `runtime` (interpreter and sandbox policy), hex."""
        record: dict[str, Any] = asdict(self)
        record["runtime"] = runtime
        canonical = json.dumps(record, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()
