"""PyPy, as ExecEval runs Python: a fresh interpreter per case.

CPython programs need nothing from here: they are forked from the worker (see `stdio_python`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .base import COMPILE_LIMITS, Language, environment, first_line, found

FLAGS = ("-W", "ignore", "-OO", "-s", "-S")
_CHECK = "import sys\nwith open('test.py', encoding='utf-8') as f: compile(f.read(), 'test.py', 'exec')\n"


def version() -> str:
    """What verdicts depend on; PyPy's own release stands in the second line, in brackets."""
    return first_line("pypy3", "-c", "import sys; print(' '.join(sys.version.split()))")


def recipe(source: str, limits: Mapping[str, Any], toolbox: str) -> dict[str, Any]:
    """Check the syntax, then run the source."""
    del toolbox
    pypy = found("pypy3") or "pypy3"
    return {
        "files": {"test.py": source},
        "compile": {
            "command": [pypy, "-I", "-S", "-W", "ignore", "-c", _CHECK],
            "collect": ["test.py"],
            "environment": environment(),
            "limits": COMPILE_LIMITS,
        },
        "run": {"command": [pypy, *FLAGS, "test.py"], "environment": environment(), "limits": dict(limits)},
    }


def prepare(toolbox: Path) -> None:
    """Nothing to prepare."""
    del toolbox


LANGUAGE = Language(
    name="pypy",
    commands=("pypy3",),
    package="pypy3",
    version=version,
    recipe=recipe,
    prepare=prepare,
    proof=("print(6 * 7)\n", "42"),
)
