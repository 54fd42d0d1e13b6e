"""Which layers this machine allows, found by starting a worker and asking it; once per process."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..worker import CONTAINED, StartFailed, Worker, WorkerConfig

HUGE_PAGES = "huge_pages"
"""No layer, but tried by each worker like one: the interpreter's code is moved while it runs."""


@dataclass(frozen=True, slots=True)
class SandboxReport:
    """What holds programs back here."""

    layers: tuple[str, ...]
    """Active layers, sorted."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Layer to the reason why it is not active."""
    contains: frozenset[str] = frozenset()
    """Which of `files`, `network` and `processes` a program cannot reach beyond its own."""
    usable: bool = True
    """False where no worker can be started at all."""

    @property
    def contained(self) -> bool:
        """True when files, network and processes are contained, by whatever mechanism."""
        return self.contains >= CONTAINED

    def summary(self) -> str:
        """One line for people."""
        if self.contained:
            return f"contained: files, network, processes ({', '.join(self.layers)})"
        lacking = ", ".join(sorted(CONTAINED - self.contains))
        reasons = "; ".join(f"{layer}: {reason}" for layer, reason in sorted(self.missing.items()))
        return f"not contained: {lacking} ({reasons or 'no reason known'})"


@functools.lru_cache(maxsize=1)
def probe() -> SandboxReport:
    """Start one worker with every layer the machine allows and report what it got."""
    if sys.platform != "linux":
        return SandboxReport(
            (), {"platform": f"programs are executed on Linux only, this is {sys.platform}"}, usable=False
        )
    skip: dict[str, str] = {}
    while True:
        try:
            worker = Worker(WorkerConfig(policy="prefer", skip=tuple(sorted(skip.items()))))
            worker.wait_until_ready()
        except StartFailed as failure:
            if failure.crashed and HUGE_PAGES not in skip:
                skip[HUGE_PAGES] = f"given up after a crash: {failure}"
                continue
            if failure.layer is None or failure.layer in skip:
                return SandboxReport((), {**skip, "worker": str(failure)}, usable=False)
            skip[failure.layer] = str(failure).partition(": ")[2]
            continue
        ready = worker.ready
        worker.kill(patience=2.0)
        return SandboxReport(tuple(ready["layers"]), dict(ready["missing"]), frozenset(ready["contains"]))
