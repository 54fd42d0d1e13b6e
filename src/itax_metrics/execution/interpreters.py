"""A Python of a given version on this machine: this one's, pyenv's, on PATH, or uv's.

Covered: each candidate is asked for its version, so a name that promises another is passed over.
Not covered: nothing is installed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ..errors import ExecutionError

ASK_VERSION = "import platform, sys; print(sys.implementation.name, platform.python_version())"
"""Program that prints implementation and full version of the Python that runs it."""


def find_python(version: str, *, remedy: str) -> Path:
    """An interpreter of that major and minor version.

    Raises:
        ExecutionError: none was found, naming where was looked and what installs one.
    """
    for candidate in _candidates(version):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            asked = subprocess.run([candidate, "-c", ASK_VERSION], capture_output=True, text=True, timeout=30)
            if asked.returncode == 0 and asked.stdout.split()[-1].startswith(f"{version}."):
                return Path(candidate)
    raise ExecutionError(
        f"No Python {version} was found: not as python{version} on PATH, not among pyenv's versions, not by uv. "
        f"Install one (`uv python install {version}`, `pyenv install {version}`, or your system's packages) and run "
        f"`{remedy}` again."
    )


def _candidates(version: str) -> Iterator[str]:
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == version:
        # The interpreter below, where this one is a virtual environment's own.
        yield str(Path(sys.base_prefix) / "bin" / f"python{version}")
        yield sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for folder in sorted((pyenv / "versions").glob(f"{version}.*"), reverse=True):
        yield str(folder / "bin" / "python")
    on_path = shutil.which(f"python{version}")
    if on_path is not None:
        yield on_path
    uv = shutil.which("uv")
    if uv is not None:
        asked = subprocess.run([uv, "python", "find", version], capture_output=True, text=True)
        if asked.returncode == 0:
            yield asked.stdout.strip()
