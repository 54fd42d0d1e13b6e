"""Java: compiled by a JVM that stays up, run by a fresh one with ExecEval's flags.

ExecEval's `-XX:-UseCompressedClassPointers` is left out: it saves address space and costs the class archive, hence half
of the start. The address space it saves is granted instead; the heap limit is the same. The number of processors is
fixed, so that the machine decides neither the collector nor the number of threads.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from ...errors import ExecutionError
from ..programs import MIB
from .base import COMPILE_LIMITS, EXECEVAL, Language, box_name, build_once, environment, first_line, found

_CLASS = re.compile(r"public.* class (\w+)")
_CLASS_SPACE = 1024 * MIB
_COMPILER_THREADS = 40
_HEAP_FOR_COMPILER = "-Xmx1g"
_STEADY = ("-XX:-UsePerfData", "-XX:ActiveProcessorCount=2")


def class_name(source: str) -> str | None:
    """The class ExecEval names the file after: the first line with `public ... class X`, a brace somewhere behind it.

    >>> class_name("public final class Main {}")
    'Main'
    >>> class_name("class Main {}") is None
    True
    """
    match = _CLASS.search(source)
    return match[1] if match is not None and "{" in source[match.end() :] else None


def version() -> str:
    """What verdicts depend on."""
    return first_line("java", "-version")


def home() -> str:
    """The directory of the JDK."""
    return os.path.dirname(os.path.dirname(os.path.realpath(found("javac") or "/usr/bin/javac")))


def readable() -> tuple[str, ...]:
    """The JDK, and the configuration Debian keeps below /etc."""
    conf = os.path.realpath(f"{home()}/conf")
    etc = os.path.dirname(os.path.realpath(f"{home()}/conf/security/java.security"))
    wanted = [home(), conf, os.path.dirname(etc) if etc.endswith("/security") else etc]
    return tuple(dict.fromkeys(path for path in wanted if os.path.isdir(path)))


def recipe(source: str, limits: Mapping[str, Any], toolbox: str) -> dict[str, Any]:
    """Compile in the warm JVM; run the class the file is named after."""
    name = class_name(source)
    if name is None:
        return {"refused": "no line holds `public ... class NAME`, after which ExecEval names the file"}
    java = f"{home()}/bin/java"
    settings = environment(LD_LIBRARY_PATH=f"{home()}/lib")
    memory = limits["memory_bytes"]
    flags = [f"-Xmx{memory}", "-XX:ReservedCodeCacheSize=64m", "-Xss256k", "-DONLINE_JUDGE=true", *_STEADY]
    return {
        "files": {f"{name}.java": source},
        "compile": {
            "warm": "java",
            "command": [
                java, _HEAP_FOR_COMPILER, "-Xss16m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *_STEADY,
                "-cp", f"{toolbox}/{_box()}", "Compiler",
            ],
            "environment": settings,
            "limits": {**COMPILE_LIMITS, "memory_bytes": 8192 * MIB},
        },
        "run": {
            "command": [java, *flags, "-cp", ".", name],
            "environment": settings,
            "limits": {
                **limits,
                "memory_bytes": memory + EXECEVAL["java"].runtime_memory_bytes + _CLASS_SPACE,
                # The compiler's threads are counted with the program's.
                "processes": limits["processes"] + _COMPILER_THREADS,
            },
        },
    }  # fmt: skip


def prepare(toolbox: Path) -> None:
    """Compile the compiler's host, once per JDK."""
    build_once(toolbox / _box(), _build_host)


def _box() -> str:
    return box_name("java", version(), _host())


@functools.lru_cache(maxsize=1)
def _host() -> str:
    return resources.files(__package__).joinpath("Compiler.java").read_text("utf-8")


def _build_host(directory: Path) -> None:
    source = directory / "Compiler.java"
    source.write_text(_host(), "utf-8")
    done = subprocess.run(
        [f"{home()}/bin/javac", "-d", str(directory), str(source)],
        env=environment(),
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        why = done.stderr.decode("utf-8", "replace").strip()[:200]
        raise ExecutionError(
            f"javac does not compile itax's own Compiler.java: {why}. Install a JDK of release 11 or later."
        )


LANGUAGE = Language(
    name="java",
    commands=("javac", "java"),
    package="default-jdk-headless",
    version=version,
    recipe=recipe,
    prepare=prepare,
    readable=readable,
    proof=("public class Main { public static void main(String[] a) { System.out.println(6 * 7); } }\n", "42"),
)
