"""Making a pinned environment: built aside, checked, and renamed into place with a manifest.

Covered: an interrupted creation leaves nothing that could be taken for an environment; an environment counts as made
once everything pinned is installed and what it is for can be imported.
Not covered: what a list leaves open (`complete = false`) is resolved on the day of creation, so two such environments
may differ; their digests then do as well.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..errors import ExecutionError
from .command import call
from .environments import (
    DATA,
    HOME,
    MANIFEST,
    Environment,
    Pins,
    digest_of,
    find,
    installed,
    normalised,
    pins_of,
)
from .interpreters import ASK_VERSION, find_python

_VENV = ("-m", "venv")
_PIN = re.compile(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.+!]+)")


def create(
    name: str, folder: Path, *, force: bool = False, on_line: Callable[[str], None] = lambda _: None
) -> Environment:
    """Build the environment aside, check it, and move it into place.

    Args:
        name: one of `pinned()`.
        folder: where environments live.
        force: replace one that is there. Its data stay, unless it was made with other pins: libraries convert some.
        on_line: gets every line the installer prints.

    Raises:
        ConfigError: no pins of that name.
        ExecutionError: no suitable Python, an installer that fails, or a result that is not as pinned.
    """
    pins = pins_of(name)
    target = folder / name
    if target.exists() and not force:
        return find(name, folder)
    python = find_python(pins.python, remedy=f"itax env create {name}")
    folder.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".building-{name}-", dir=folder))
    try:
        os.chmod(building, 0o755)
        call(
            [str(python), *_VENV, "--prompt", name, str(building)],
            on_line,
            f"{name}: cannot make a virtual environment",
        )
        _install(pins, building, on_line)
        environment = _checked(pins, building)
        _readdress(building, target)
        manifest = {
            "name": name,
            "python": environment.python,
            "pins": list(pins.requirements),
            "pins_sha256": pins.sha256,
            "source": pins.source,
            "distributions": list(environment.distributions),
            "sha256": environment.sha256,
        }
        (building / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
        if digest_of(target) and _pins_sha256(target) == pins.sha256:
            shutil.copytree(target / DATA, building / DATA)
        _put_in_place(building, target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return find(name, folder)


def _install(pins: Pins, building: Path, on_line: Callable[[str], None]) -> None:
    if not pins.requirements:
        return
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as listed:
        listed.write("\n".join(pins.requirements) + "\n")
        listed.flush()
        command = [str(building / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
        command += ["--no-input", "--prefer-binary", "--progress-bar", "off", *(["--no-deps"] if pins.complete else [])]
        call([*command, "-r", listed.name], on_line, f"{pins.name}: the packages could not be installed")


def _checked(pins: Pins, building: Path) -> Environment:
    found = installed(building)
    lacking = [pin for pin in pins.requirements if _PIN.fullmatch(pin) and normalised(pin) not in found]
    if lacking:
        raise ExecutionError(f"{pins.name}: the installer left out {', '.join(lacking[:5])}. Try again.")
    interpreter = building / "bin" / "python"
    for module in pins.imports:
        call(
            [str(interpreter), "-c", f"import {module}"],
            lambda _: None,
            f"{pins.name}: {module} does not work",
            environment=_at_home(building / HOME),
        )
    version = subprocess.run([str(interpreter), "-c", ASK_VERSION], capture_output=True, text=True, check=True)
    return Environment(pins.name, building, version.stdout.strip(), found)


def _readdress(building: Path, target: Path) -> None:
    """Scripts of an environment name its interpreter by its full path: the one it will have."""
    for script in (building / "bin").iterdir():
        if script.is_file() and not script.is_symlink():
            content = script.read_bytes()
            script.write_bytes(content.replace(os.fsencode(building), os.fsencode(target)))


def _pins_sha256(folder: Path) -> str:
    """The digest of the pins an environment was made with; empty where its manifest cannot be read."""
    try:
        return str(json.loads((folder / MANIFEST).read_text("utf-8"))["pins_sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _put_in_place(building: Path, target: Path) -> None:
    if target.exists():
        retired = Path(tempfile.mkdtemp(prefix=f".retired-{target.name}-", dir=target.parent))
        os.replace(target, retired / target.name)
        os.replace(building, target)
        shutil.rmtree(retired, ignore_errors=True)
    else:
        os.replace(building, target)


def _at_home(home: Path) -> dict[str, str]:
    """This process's environment with another home."""
    home.mkdir(exist_ok=True)
    moved = ("MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
    return {**{name: value for name, value in os.environ.items() if name not in moved}, "HOME": str(home)}
