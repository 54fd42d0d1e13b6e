"""`itax path` prints the folder that lm_eval needs, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from itax_tasks.cli import cli
from itax_tasks.paths import task_path


def test_the_folder_is_printed_alone() -> None:
    """`--include_path "$(itax path)"` works because there is one line."""
    assert f"{task_path()}\n" == CliRunner().invoke(cli, ["path"], catch_exceptions=False).stdout


def test_the_folder_holds_task_files() -> None:
    """An absolute path to YAML files, in a source tree as in an installation."""
    folder = Path(task_path())
    assert folder.is_absolute()
    assert [] != list(folder.rglob("*.yaml"))


def test_printing_the_folder_loads_no_heavy_module() -> None:
    """Neither the host nor numerics are imported for one line of text."""
    program = (
        "import sys; from itax_tasks.cli import cli; cli(['path'], standalone_mode=False); "
        "print([name for name in ('lm_eval', 'torch', 'numpy', 'scipy', 'datasets') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert [task_path(), "[]"] == shown.stdout.splitlines()
