"""C#: compiled by Roslyn's `csc` where it is installed, else by mono's `mcs` kept warm in one process; run by mono.

ExecEval compiles with `csc -o -nologo`. `mcs` knows most of C# 7 and little beyond: newer syntax is a compile error
there, which about one published SAFIM answer in five meets.
"""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from ...errors import ExecutionError
from ..programs import MIB
from .base import COMPILE_LIMITS, Language, box_name, build_once, environment, first_line, found

FLAGS = ("-optimize", "-langversion:latest")
"""For `mcs`, whose default is older than what it knows."""
_MCS = "/usr/lib/mono/4.5/mcs.exe"
_COMPILER_THREADS = 24


def version() -> str:
    """What verdicts depend on: compiler and machine."""
    mono = first_line("mono", "--version").partition(" (")[0]
    if found("csc") is not None:
        return f"csc {first_line('csc', '-version')}; {mono}"
    return f"mcs {first_line('mcs', '--version').rpartition(' ')[2]}; {mono}"


def readable() -> tuple[str, ...]:
    """Mono's configuration."""
    return ("/etc/mono",) if os.path.isdir("/etc/mono") else ()


def recipe(source: str, limits: Mapping[str, Any], toolbox: str) -> dict[str, Any]:
    """Compile to `test.exe`, run that."""
    mono = found("mono") or "mono"
    settings = environment()
    compiling: dict[str, Any] = {"environment": settings, "limits": {**COMPILE_LIMITS, "memory_bytes": 4096 * MIB}}
    if found("csc") is not None:
        command = [found("csc"), "-o", "-nologo", "-out:test.exe", "test.cs"]
        compiling |= {"command": command, "collect": ["test.exe"]}
    elif os.path.exists(_MCS):
        compiling |= {"warm": "csharp", "command": [mono, f"{toolbox}/{_box()}/Compiler.exe", _MCS, *FLAGS]}
    else:
        compiling |= {"command": [found("mcs"), *FLAGS, "-out:test.exe", "test.cs"], "collect": ["test.exe"]}
    return {
        "files": {"test.cs": source},
        "compile": compiling,
        "run": {
            "command": [mono, "test.exe"],
            "environment": settings,
            # The compiler's threads are counted with the program's.
            "limits": {**limits, "processes": limits["processes"] + _COMPILER_THREADS},
        },
    }


def prepare(toolbox: Path) -> None:
    """Compile the compiler's host, once per mono."""
    if found("csc") is None and os.path.exists(_MCS):
        build_once(toolbox / _box(), _build_host)


def _box() -> str:
    return box_name("csharp", version(), _host())


@functools.lru_cache(maxsize=1)
def _host() -> str:
    return resources.files(__package__).joinpath("Compiler.cs").read_text("utf-8")


def _build_host(directory: Path) -> None:
    source = directory / "Compiler.cs"
    source.write_text(_host(), "utf-8")
    done = subprocess.run(
        [found("mcs") or "mcs", "-optimize", f"-out:{directory / 'Compiler.exe'}", str(source)],
        env=environment(HOME=str(directory)),
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        why = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[:200]
        raise ExecutionError(f"mcs does not compile itax's own Compiler.cs: {why}. Check the installation of mono-mcs.")


LANGUAGE = Language(
    name="csharp",
    commands=("csc or mcs", "mono"),
    package="mono-mcs mono-runtime",
    version=version,
    recipe=recipe,
    prepare=prepare,
    readable=readable,
    needs_proc=True,
    proof=("class Proof { static void Main() { System.Console.WriteLine(6 * 7); } }\n", "42"),
)
