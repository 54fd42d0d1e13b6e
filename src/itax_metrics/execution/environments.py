"""Pinned virtual environments for benchmarks that need old or many libraries.

The pins stand in `environments.toml`, each list with where it was published. An environment is built aside, checked,
and renamed into place with a manifest; its digest over everything that is installed is part of every cache key.

Covered: an interrupted creation leaves nothing that could be taken for an environment; an environment that was changed
afterwards is noticed before it is used; the same pins on another Python are another environment.
Not covered: what a list leaves open (`complete = false`) is resolved on the day of creation, so two such environments
may differ; their digests then do as well. System libraries that packages look for at run time. Data sets are put into
an environment by `environment_data`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from ..errors import ConfigError, ExecutionError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_VENV = ("-m", "venv")
MANIFEST = "itax-environment.json"
HOME = "itax-home"
"""What packages write into a home folder when they are first imported (matplotlib's list of fonts), kept in the
environment and lent to each worker: behind the fence there is no time, and no thread, to make it again."""
DATA = "itax-data"
"""Data that programs would otherwise fetch at run time; see `environment_data`."""
DATA_MANIFEST = "itax-data.json"
_PIN = re.compile(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.+!]+)")
_ASK_VERSION = "import platform, sys; print(sys.implementation.name, platform.python_version())"


@dataclass(frozen=True, slots=True)
class Pins:
    """What an environment consists of."""

    name: str
    python: str
    """Major and minor version."""
    requirements: tuple[str, ...]
    source: str
    """Who published the list, and where."""
    complete: bool
    """The list names every distribution; nothing beside it is installed."""
    imports: tuple[str, ...]
    """Modules that must be importable before the environment counts as made."""

    @property
    def sha256(self) -> str:
        """Digest of Python version and requirements."""
        return hashlib.sha256("\n".join((self.python, *self.requirements)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Environment:
    """A created environment."""

    name: str
    folder: Path
    python: str
    """Implementation and full version of its interpreter."""
    distributions: tuple[str, ...]
    """`name==version` of everything installed, sorted."""
    data: str = ""
    """Digest of the data that were put into it (`environment_data`); empty without any."""

    @property
    def interpreter(self) -> Path:
        """Its Python."""
        return self.folder / "bin" / "python"

    @property
    def sha256(self) -> str:
        """Digest of what is installed."""
        return digest(self.distributions)


@lru_cache(maxsize=1)
def pinned() -> Mapping[str, Pins]:
    """The environments that can be created, by name."""
    text = (resources.files(__package__) / "environments.toml").read_text("utf-8")
    return {
        name: Pins(
            name,
            entry["python"],
            tuple(entry["requirements"]),
            entry["source"],
            entry["complete"],
            tuple(entry["imports"]),
        )
        for name, entry in tomllib.loads(text).items()
    }


def default_folder() -> Path:
    """Where environments live: `envs` in ITAX_STATE_DIR, else in the user's cache folder."""
    state = os.environ.get("ITAX_STATE_DIR")
    if state:
        return Path(state).expanduser().absolute() / "envs"
    import platformdirs

    return Path(platformdirs.user_cache_dir("itax", appauthor=False)) / "envs"


def pins_of(name: str) -> Pins:
    """The pins of that name.

    Raises:
        ConfigError: there are none.
    """
    if name not in pinned():
        raise ConfigError(f"There is no pinned environment {name!r}. Environments: {', '.join(pinned())}.")
    return pinned()[name]


def find(name: str, folder: Path) -> Environment:
    """The created environment, checked against its manifest.

    Raises:
        ExecutionError: it was never created, or is not what it was; the command that makes it is named.
    """
    remedy = f"Make it with `itax env create {name}`" + ("" if name in pinned() else ", once itax has pins for it")
    where = folder / name
    try:
        manifest = json.loads((where / MANIFEST).read_text("utf-8"))
        installed_then = tuple(manifest["distributions"])
        environment = Environment(name, where, str(manifest["python"]), installed_then, digest_of(where))
    except FileNotFoundError:
        raise ExecutionError(f"The environment {name!r} does not exist in {folder}. {remedy}.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ExecutionError(
            f"The environment in {where} has no readable manifest ({error}). {remedy} --force."
        ) from None
    changed = differences(environment.distributions, installed(where))
    if not environment.interpreter.exists():
        changed = [f"its interpreter {environment.interpreter} is gone"]
    if changed:
        raise ExecutionError(
            f"The environment in {where} is not what it was when it was made: {'; '.join(changed[:5])}. "
            f"{remedy} --force."
        )
    return environment


def digest_of(environment: Path) -> str:
    """sha256 over the names and digests of the data in an environment's folder; empty where there are none."""
    try:
        return str(json.loads((environment / DATA / DATA_MANIFEST).read_text("utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def is_outdated(environment: Environment) -> bool:
    """True when the pins of this release differ from those it was made with."""
    manifest = json.loads((environment.folder / MANIFEST).read_text("utf-8"))
    pins = pinned().get(environment.name)
    return pins is None or manifest.get("pins_sha256") != pins.sha256


def create(
    name: str, folder: Path, *, force: bool = False, on_line: Callable[[str], None] = lambda _: None
) -> Environment:
    """Build the environment aside, check it, and move it into place.

    Args:
        name: one of `pinned()`.
        folder: where environments live.
        force: replace one that is there.
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
        _call(
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
        _call([*command, "-r", listed.name], on_line, f"{pins.name}: the packages could not be installed")


def _checked(pins: Pins, building: Path) -> Environment:
    found = installed(building)
    lacking = [pin for pin in pins.requirements if _PIN.fullmatch(pin) and _plain(pin) not in found]
    if lacking:
        raise ExecutionError(f"{pins.name}: the installer left out {', '.join(lacking[:5])}. Try again.")
    interpreter = building / "bin" / "python"
    for module in pins.imports:
        _call(
            [str(interpreter), "-c", f"import {module}"],
            lambda _: None,
            f"{pins.name}: {module} does not work",
            environment=_at_home(building / HOME),
        )
    version = subprocess.run([str(interpreter), "-c", _ASK_VERSION], capture_output=True, text=True, check=True)
    return Environment(pins.name, building, version.stdout.strip(), found)


def _readdress(building: Path, target: Path) -> None:
    """Scripts of an environment name its interpreter by its full path: the one it will have."""
    for script in (building / "bin").iterdir():
        if script.is_file() and not script.is_symlink():
            content = script.read_bytes()
            script.write_bytes(content.replace(os.fsencode(building), os.fsencode(target)))


def _put_in_place(building: Path, target: Path) -> None:
    if target.exists():
        retired = Path(tempfile.mkdtemp(prefix=f".retired-{target.name}-", dir=target.parent))
        os.replace(target, retired / target.name)
        os.replace(building, target)
        shutil.rmtree(retired, ignore_errors=True)
    else:
        os.replace(building, target)


def installed(folder: Path) -> tuple[str, ...]:
    """`name==version` of everything installed, normalised and sorted, but pip and setuptools, which Python brings."""
    libraries = [str(path) for path in sorted((folder / "lib").glob("python*/site-packages"))]
    found = {
        _plain(f"{distribution.metadata['Name']}=={distribution.version}")
        for distribution in metadata.distributions(path=libraries)
        if distribution.metadata["Name"]
    }
    return tuple(sorted(pin for pin in found if not pin.startswith(("pip==", "setuptools=="))))


def _plain(pin: str) -> str:
    name, _, version = pin.partition("==")
    return f"{re.sub(r'[-_.]+', '-', name).lower()}=={version}"


def digest(distributions: Sequence[str]) -> str:
    """sha256 over the sorted list."""
    return hashlib.sha256("\n".join(sorted(distributions)).encode()).hexdigest()


def differences(noted: Sequence[str], found: Sequence[str]) -> list[str]:
    """What is there and was not, and what was there and is not."""
    more, less = sorted(set(found) - set(noted)), sorted(set(noted) - set(found))
    return [f"{pin} is missing" for pin in less] + [f"{pin} was added" for pin in more]


def find_python(version: str, *, remedy: str) -> Path:
    """An interpreter of that major and minor version.

    Raises:
        ExecutionError: none was found, naming where was looked and what installs one.
    """
    for candidate in _candidates(version):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            asked = subprocess.run([candidate, "-c", _ASK_VERSION], capture_output=True, text=True, timeout=30)
            if asked.returncode == 0 and asked.stdout.split()[-1].startswith(f"{version}."):
                return Path(candidate)
    raise ExecutionError(
        f"No Python {version} was found: not as python{version} on PATH, not among pyenv's versions, not by uv. "
        f"Install one (`uv python install {version}`, `pyenv install {version}`, or your system's packages) and run "
        f"`{remedy}` again."
    )


def _candidates(version: str) -> Iterator[str]:
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == version:
        # The interpreter below, where this one is a virtual environment's own.
        yield str(Path(sys.base_prefix) / "bin" / f"python{version}")
        yield sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for folder in sorted((pyenv / "versions").glob(f"{version}.*"), reverse=True):
        yield str(folder / "bin" / "python")
    on_path = shutil.which(f"python{version}")
    if on_path is not None:
        yield on_path
    uv = shutil.which("uv")
    if uv is not None:
        asked = subprocess.run([uv, "python", "find", version], capture_output=True, text=True)
        if asked.returncode == 0:
            yield asked.stdout.strip()


def _at_home(home: Path) -> dict[str, str]:
    """This process's environment with another home."""
    home.mkdir(exist_ok=True)
    moved = ("MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
    return {**{name: value for name, value in os.environ.items() if name not in moved}, "HOME": str(home)}


def _call(
    command: list[str], on_line: Callable[[str], None], failure: str, environment: Mapping[str, str] | None = None
) -> None:
    last: list[str] = []
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
        )
    except OSError as error:
        raise ExecutionError(f"{failure}: {error}.") from error
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip():
                last = [*last[-2:], line.strip()]
                on_line(line.rstrip())
    if process.returncode != 0:
        raise ExecutionError(f"{failure}: {' / '.join(last) or f'exit status {process.returncode}'}.")


def record(environment: Environment) -> dict[str, Any]:
    """What the record of a run keeps of an environment."""
    kept = {"python": environment.python, "sha256": environment.sha256}
    return {**kept, "data": environment.data} if environment.data else kept
