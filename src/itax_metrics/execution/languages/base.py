"""What the engine has to know about a language: how to compile, how to run, what must be installed, ExecEval's limits.

A recipe is made of plain data: the supervisor writes it, a worker follows it (see `stdio_serving`).
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..programs import MIB

COMPILE_SECONDS = 60.0
"""ExecEval's limit for one compilation."""
COMPILE_LIMITS: dict[str, Any] = {
    "wall_seconds": COMPILE_SECONDS,
    "memory_bytes": 4096 * MIB,
    "output_bytes": 8 * MIB,
    "file_bytes": 256 * MIB,
    "processes": 64,
    "open_files": 256,
}
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class ExecEvalLimits:
    """What ExecEval grants one test case in one language."""

    wall_seconds: float
    memory_bytes: int
    processes: int
    open_files: int
    file_bytes: int
    runtime_memory_bytes: int = 0
    """Address space beside `memory_bytes` for the language's own machine."""


EXECEVAL: dict[str, ExecEvalLimits] = {
    "cpp": ExecEvalLimits(2.0, 2048 * MIB, processes=1, open_files=0, file_bytes=0),
    "python": ExecEvalLimits(4.0, 2048 * MIB, processes=1, open_files=4, file_bytes=0),
    "pypy": ExecEvalLimits(4.0, 2048 * MIB, processes=1, open_files=4, file_bytes=0),
    "java": ExecEvalLimits(6.0, 2048 * MIB, processes=23, open_files=25, file_bytes=0, runtime_memory_bytes=1024 * MIB),
    "csharp": ExecEvalLimits(6.0, 2048 * MIB, processes=4, open_files=4, file_bytes=1024 * MIB),
}
"""ExecEval's limits per test case: 2 s of wall time times the language's factor (1, 2, 2, 3, 3), and its `prlimit`."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language that runs in processes of its own."""

    name: str
    commands: tuple[str, ...]
    """Programs that must be installed; `a or b` where one of them will do."""
    package: str
    """The Debian packages that bring them."""
    version: Callable[[], str]
    """Version of compiler and runtime, part of every cache key; called only when the commands are there."""
    recipe: Callable[[str, Mapping[str, Any], str], dict[str, Any]]
    """(source, limits, toolbox directory) to what a worker is told, or {"refused": why} for a compile error."""
    prepare: Callable[[Path], None]
    """Put what compilation needs once (precompiled headers, helpers) into a directory."""
    readable: Callable[[], tuple[str, ...]] = tuple
    """Files outside the system directories that compiler and runtime read."""
    needs_proc: bool = False
    """Runs only with a /proc."""
    proof: tuple[str, str] = ("", "")
    """(source, output) of a program that shows that all of it works."""

    def missing(self) -> str | None:
        """One sentence naming what to install, or None."""
        absent = [each for each in self.commands if not any(map(found, each.split(" or ")))]
        if not absent:
            return None
        return (
            f"{TITLES[self.name]} programs need {' and '.join(absent)}: install the Debian "
            f"package{'s' if ' ' in self.package else ''} {self.package} (apt-get install {self.package})."
        )


TITLES = {"cpp": "C++", "java": "Java", "csharp": "C#", "pypy": "PyPy"}


def found(command: str) -> str | None:
    """Where a command is installed for everybody, links resolved no further than its directory."""
    return shutil.which(command, path=SEARCH_PATH)


@functools.lru_cache(maxsize=32)
def first_line(*command: str) -> str:
    """The first line a version command prints."""
    environment = {"PATH": SEARCH_PATH, "LC_ALL": "C"}
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        check=False,
    )
    lines = [line.strip() for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[0] if lines else f"exit status {done.returncode}"


def environment(**more: str) -> dict[str, str]:
    """What compilers and programs find in their environment, the same everywhere; the worker adds HOME and TMPDIR.

    Locale and time zone are those of the images the official scorers run in.
    """
    return {"PATH": SEARCH_PATH, "LANG": "C.UTF-8", "TZ": "UTC", **more}


def box_name(language: str, version: str, *contents: str) -> str:
    """The name of a toolbox directory: another one for another compiler, and for other contents."""
    digest = hashlib.sha256("\0".join(contents).encode()).hexdigest()[:12]
    return f"{language}-{re.sub('[^0-9A-Za-z.]+', '-', version).strip('-')}-{digest}"


def build_once(target: Path, build: Callable[[Path], None]) -> None:
    """Fill the directory `target` by `build` unless it is there; complete or absent, whoever else builds it too."""
    if target.is_dir():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f"{target.name}.{os.getpid()}.{os.urandom(4).hex()}")
    draft.mkdir()
    try:
        build(draft)
        for path in [draft, *draft.rglob("*")]:
            # Compilers run as nobody where the worker was started by root.
            path.chmod(0o755 if path.is_dir() else 0o644)
        try:
            draft.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
