"""itax: the instruction-tuning tax of code LLMs, measured through lm-evaluation-harness.

The public door. Importing it does no work; what needs more than the standard library loads on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from itax_tasks.paths import task_path

if TYPE_CHECKING:
    from itax_tasks.answer import Answer
    from itax_tasks.fim import FimFormat, detect, fim_format, render
    from itax_tasks.scoring import score
    from itax_tasks.spec import TaskSpec
    from itax_tasks.tasks import TASKS, task

__version__ = "0.1.0"

__all__ = ["TASKS", "Answer", "FimFormat", "TaskSpec", "detect", "fim_format", "render", "score", "task", "task_path"]

_LAZY = {
    "TASKS": "itax_tasks.tasks",
    "TaskSpec": "itax_tasks.spec",
    "task": "itax_tasks.tasks",
    "Answer": "itax_tasks.answer",
    "score": "itax_tasks.scoring",
    "FimFormat": "itax_tasks.fim",
    "detect": "itax_tasks.fim",
    "fim_format": "itax_tasks.fim",
    "render": "itax_tasks.fim",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
