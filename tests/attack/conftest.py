"""Attacks by an ordinary user: the engine copied to where such a user can read it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import platformdirs
import pytest

import itax_metrics.execution

USER = 4001
CHECK = """
import subprocess, sys
sys.exit(sys.version_info < (3, 10) or subprocess.run([sys.executable, "-I", "-c", "import json"]).returncode)
"""


@pytest.fixture(scope="session")
def as_ordinary_user() -> Iterator[Callable[..., str]]:
    """Run a Python script as an ordinary user, with a copy of the engine; what it printed."""
    if os.geteuid() != 0:
        pytest.skip("these tests run as an ordinary user already")
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv to become an ordinary user")
    become = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    for interpreter in (sys.executable, "/usr/bin/python3"):
        try:
            usable = subprocess.run([*become, interpreter, "-c", CHECK], capture_output=True, check=False)
        except OSError:
            continue
        if usable.returncode == 0:
            break
    else:
        pytest.skip("an ordinary user can run no Python 3.10 or newer here: this interpreter lies in a private folder")
    engine = Path(itax_metrics.execution.__file__).parent
    with tempfile.TemporaryDirectory(prefix="itax-user-") as folder:
        root = Path(folder)
        shutil.copytree(engine, root / "itax_metrics" / "execution", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("errors.py", "records.py"):
            shutil.copy(engine.parent / name, root / "itax_metrics" / name)
        # Its one dependency, pure Python.
        shutil.copytree(Path(platformdirs.__file__).parent, root / "platformdirs")
        for path in [root, *root.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        environment = {
            "PATH": os.environ["PATH"], "HOME": folder, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip

        def run(script: str) -> str:
            command = [*become, interpreter, "-c", script]
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
            assert done.returncode == 0, done.stderr
            return done.stdout

        yield run
