"""The languages that run in processes of their own, their toolchains, and ExecEval's limits for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import cpp, csharp, java, python
from .base import COMPILE_SECONDS, EXECEVAL, ExecEvalLimits, Language, environment
from .cache import ArtifactCache, artifact_key

__all__ = [
    "COMPILE_SECONDS",
    "EXECEVAL",
    "PROCESSES",
    "ArtifactCache",
    "ExecEvalLimits",
    "Language",
    "complete",
    "environment",
    "missing",
    "prepare",
    "toolchains",
    "version",
]

PROCESSES: dict[str, Language] = {
    language.name: language for language in (cpp.LANGUAGE, java.LANGUAGE, csharp.LANGUAGE, python.LANGUAGE)
}
"""By the name a `Program` gives; `python` is not among them: those programs are forked from the worker itself."""


def missing(language: str) -> str | None:
    """What to install before programs in this language can run, in one sentence; None when all is there."""
    return PROCESSES[language].missing() if language in PROCESSES else None


def version(language: str) -> str | None:
    """Compiler and runtime of an installed language; None for Python itself and for what is not installed."""
    if language not in PROCESSES or missing(language) is not None:
        return None
    return PROCESSES[language].version()


def toolchains() -> dict[str, str]:
    """Versions of the compilers and runtimes installed here, by language."""
    versions = {name: version(name) for name in PROCESSES}
    return {name: text for name, text in versions.items() if text is not None}


def prepare(language: str, toolbox: Path) -> None:
    """Build what compilation in a language needs once, into `toolbox`."""
    PROCESSES[language].prepare(toolbox)


def complete(request: dict[str, Any], toolbox: str) -> tuple[dict[str, Any], str]:
    """A request for a worker with its recipe, and the key its compiled program is kept under ('' for none)."""
    name = request["language"]
    recipe = PROCESSES[name].recipe(request["files"]["program"], request["limits"], toolbox)
    made = {key: value for key, value in request.items() if key not in ("files", "language")}
    if "compile" not in recipe:
        return {**made, **recipe}, ""
    (text,) = recipe["files"].values()
    command = [part.replace(toolbox, "") for part in recipe["compile"]["command"]]
    return {**made, **recipe}, artifact_key(name, version(name) or "", *command, *recipe["files"], text)
