"""Containment does not depend on being root."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import itax_metrics.execution

USER = 4001
CHECK = """
import subprocess, sys
sys.exit(sys.version_info < (3, 10) or subprocess.run([sys.executable, "-I", "-c", "import json"]).returncode)
"""
CODE = """
import json
from itax_metrics.execution import Limits, LocalExecutor, Program, probe
attacks = [
    "import os\\nfor path in ('.', '/dev/shm'): os.chmod(path, 0)",
    "open('left', 'w').close()",
    "import os\\nassert os.listdir('.') == []\\nopen('left', 'w').close()",
    "import os\\nos.kill(-1, 9)",
    "open('/etc/hostname').read()",
    "import os\\nfor n in range(200):\\n    if os.fork() == 0:\\n        while True: pass",
    "assert True",
]
with LocalExecutor(workers=1, policy="prefer") as executor:
    verdicts = executor.run([Program(source, limits=Limits(wall_seconds=20.0)) for source in attacks])
print(json.dumps([probe().contained, probe().summary(), [verdict.status.value for verdict in verdicts]]))
"""


@pytest.fixture
def sources() -> Iterator[Path]:
    """A copy of the engine that every user can read."""
    engine = Path(itax_metrics.execution.__file__).parent
    with tempfile.TemporaryDirectory(prefix="itax-user-") as folder:
        root = Path(folder)
        shutil.copytree(engine, root / "itax_metrics" / "execution", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("errors.py", "records.py"):
            shutil.copy(engine.parent / name, root / "itax_metrics" / name)
        for path in [root, *root.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield root


def test_ordinary_user_is_contained(sources: Path) -> None:
    """An ordinary user's programs are judged and contained like root's."""
    if os.geteuid() != 0:
        pytest.skip("these tests run as an ordinary user already")
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv to become an ordinary user")
    become = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    for interpreter in (sys.executable, "/usr/bin/python3"):
        check = [*become, interpreter, "-c", CHECK]
        try:
            usable = subprocess.run(check, capture_output=True, check=False).returncode == 0
        except OSError:
            usable = False
        if usable:
            break
    else:
        pytest.skip("an ordinary user can run no Python 3.10 or newer here: this interpreter lies in a private folder")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(sources), "PYTHONDONTWRITEBYTECODE": "1"}
    out = subprocess.run(
        [*become, interpreter, "-c", CODE], capture_output=True, text=True, env=environment, check=True
    )
    contained, summary, statuses = json.loads(out.stdout)
    if not contained:
        pytest.skip(summary)
    assert statuses == ["passed", "passed", "passed", "error", "error", "error", "passed"]
