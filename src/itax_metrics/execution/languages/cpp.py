"""C++17 by g++, with ExecEval's flags and precompiled headers that change no binary.

A precompiled header stands in for headers the source includes first anyway, so every name a program sees is the one
it would see without; the binaries are equal byte for byte. What other sources start with is compiled from the plain
`limits.h` and `math.h`.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import ExecutionError
from .base import COMPILE_LIMITS, Language, box_name, build_once, environment, first_line, found

FLAGS = ("-std=c++17", "-O2", "-w", "-DONLINE_JUDGE")
_FIRST = ("limits.h", "math.h")
HEADERS: dict[str, tuple[str, ...]] = {
    "all": (*_FIRST, "bits/stdc++.h"),
    "stream": (*_FIRST, "iostream"),
    "plain": _FIRST,
}
"""Precompiled sets; a source gets the first one whose last header it includes before anything else happens."""

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_INCLUDE = re.compile(r"\s*#\s*include\s*<([\w./+]+)>\s*")


def leading_headers(source: str) -> set[str]:
    """The standard headers a source includes before its first other line; their order means nothing."""
    headers: set[str] = set()
    for line in _COMMENT.sub(" ", source[:20_000]).split("\n"):
        match = _INCLUDE.fullmatch(line)
        if match is not None:
            headers.add(match[1])
        elif line.strip():
            break
    return headers


def header_set(source: str) -> str:
    """Which precompiled set this source may use."""
    leading = leading_headers(source)
    if "bits/stdc++.h" in leading:
        return "all"
    return "stream" if "iostream" in leading else "plain"


def version() -> str:
    """What verdicts depend on."""
    return first_line("g++", "--version")


def recipe(source: str, limits: Mapping[str, Any], toolbox: str) -> dict[str, Any]:
    """Compile `test.cpp` to a static binary, run that."""
    plain = [part for name in _FIRST for part in ("-include", name)]
    ready = ["-include", f"{toolbox}/{_box()}/{header_set(source)}/first.h"]
    command = [found("g++") or "g++", "-s", "-x", "c++", *FLAGS]
    rest = ["test.cpp", "-o", "test.out", "-static", "-lm"]
    return {
        "files": {"test.cpp": source},
        "compile": {
            "command": [*command, *ready, *rest],
            "needs": ready[1],
            "otherwise": [*command, *plain, *rest],
            "collect": ["test.out"],
            "environment": environment(LC_ALL="C"),
            "limits": COMPILE_LIMITS,
        },
        "run": {"command": ["./test.out"], "environment": environment(), "limits": dict(limits)},
    }


def prepare(toolbox: Path) -> None:
    """Precompile the headers, once per compiler version."""
    build_once(toolbox / _box(), _precompile)


def _box() -> str:
    return box_name("cpp", version(), *FLAGS, *(name for headers in HEADERS.values() for name in headers))


def _precompile(directory: Path) -> None:
    for name, headers in HEADERS.items():
        header = directory / name / "first.h"
        header.parent.mkdir()
        header.write_text("".join(f"#include <{each}>\n" for each in headers), encoding="ascii")
        done = subprocess.run(
            ["g++", *FLAGS, "-x", "c++-header", str(header), "-o", f"{header}.gch"],
            env=environment(LC_ALL="C"),
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            why = done.stderr.decode("utf-8", "replace").strip()[-200:]
            raise ExecutionError(f"g++ cannot precompile <{headers[-1]}>: {why}. Check the installation of g++.")


LANGUAGE = Language(
    name="cpp",
    commands=("g++",),
    package="g++",
    version=version,
    recipe=recipe,
    prepare=prepare,
    proof=("#include <bits/stdc++.h>\nint main(){std::cout<<6*7;}\n", "42"),
)
