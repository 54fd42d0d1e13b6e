"""Running untrusted programs: contained, in parallel, each verdict once.

with LocalExecutor() as executor:
    verdicts = executor.run([Program("assert 1 + 1 == 2")])
"""

from __future__ import annotations

from .cache import VerdictCache
from .executor import Executor, LocalExecutor
from .programs import Judge, Limits, Program
from .sandbox.probe import SandboxReport, probe

__all__ = ["Executor", "Judge", "Limits", "LocalExecutor", "Program", "SandboxReport", "VerdictCache", "probe"]
