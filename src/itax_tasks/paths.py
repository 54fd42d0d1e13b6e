"""Where the package keeps the files other programs read."""

from __future__ import annotations

from pathlib import Path


def task_path() -> str:
    """The folder of task YAML files, for lm-eval's `--include_path` and `TaskManager(include_path=...)`.

    The folder `task_yamls/` of the source tree, linked into the package in an editable installation and
    copied into it by the wheel.
    """
    return str(Path(__file__).resolve().parent / "task_yamls")
