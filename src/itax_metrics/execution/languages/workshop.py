"""What one executor keeps for the languages: their toolbox, their compiled programs, the proof that they work.

Covered: a toolbox nobody named a place for is removed with its executor, by the process that made it only.
Not covered: a process that is killed leaves such a toolbox in the temporary directory.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...errors import ExecutionError
from ...records import Verdict
from ..programs import Limits, Program, StdioJudge
from . import EXECEVAL, PROCESSES, prepare

_REMEDY = "check the installation, or run `itax score` on another machine."
_NEEDS_PROC = " Its runtime needs a /proc of its own, which workers have only where namespaces are allowed."
_PROOF_SECONDS = 60.0


class Workshop:
    """Directory and state; `directory` is kept between runs, without one a temporary one is made when needed."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = None if directory is None else Path(directory).absolute()
        self._own: Path | None = None
        self._proven: set[str] = set()

    @property
    def toolbox(self) -> Path:
        """Where precompiled headers and compiler hosts are."""
        if self._directory is not None:
            return self._directory / "toolbox"
        if self._own is None:
            self._own = Path(tempfile.mkdtemp(prefix="itax-toolbox-")).absolute()
            self._own.chmod(0o755)
            weakref.finalize(self, _remove, self._own, os.getpid())
        return self._own

    def settings(self, language: str) -> dict[str, Any]:
        """The fields of a worker's configuration that make it one for this language."""
        known = PROCESSES[language]
        return {
            "readable": (*known.readable(), str(self.toolbox)),
            "proc": known.needs_proc,
            "toolbox": str(self.toolbox),
            "artifacts": "" if self._directory is None else str(self._directory / "programs"),
        }

    def prove(self, language: str, run: Callable[[Program], Verdict]) -> None:
        """Build what a language needs, and `run` one right program in it; once.

        Raises:
            ExecutionError: it did not pass, so nothing that follows would mean anything.
        """
        if language in self._proven or language not in PROCESSES:
            return
        prepare(language, self.toolbox)
        source, output = PROCESSES[language].proof
        limits = Limits(wall_seconds=_PROOF_SECONDS, memory_bytes=EXECEVAL[language].memory_bytes)
        verdict = run(Program(source, language, StdioJudge((("", (output,)),)), limits))
        if not verdict.passed:
            raise ExecutionError(
                f"{language} does not work inside the sandbox here: a program that prints {output} ended as "
                f"{verdict.status} ({verdict.detail}). Nothing was executed; {_REMEDY}"
                + (_NEEDS_PROC if PROCESSES[language].needs_proc else "")
            )
        self._proven.add(language)

    def close(self) -> None:
        """Remove what was made for this executor alone."""
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)
            self._own, self._proven = None, set()


def _remove(directory: Path, owner: int) -> None:
    # A forked copy of the process that made it leaves it alone.
    if os.getpid() == owner:
        shutil.rmtree(directory, ignore_errors=True)
