"""Pinned virtual environments for benchmarks that need old or many libraries: the pins, and what was made of them.

The pins stand in `environments.toml`, each list with where it was published. `environment_creation` makes an
environment and leaves a manifest in it; its digest over everything that is installed is part of every cache key.

Covered: an environment that was changed afterwards is noticed before it is used; the same pins on another Python are
another environment.
Not covered: system libraries that packages look for at run time. Data sets are put into an environment by
`environment_data`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
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

MANIFEST = "itax-environment.json"
HOME = "itax-home"
"""What packages write into a home folder when they are first imported (matplotlib's list of fonts), kept in the
environment and lent to each worker: behind the fence there is no time, and no thread, to make it again."""
DATA = "itax-data"
"""Data that programs would otherwise fetch at run time; see `environment_data`."""
DATA_MANIFEST = "itax-data.json"


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
    """sha256 over the names, digests and places of the data in an environment's folder; empty where there are none."""
    try:
        return str(json.loads((environment / DATA / DATA_MANIFEST).read_text("utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def is_outdated(environment: Environment) -> bool:
    """True when the pins of this release differ from those it was made with."""
    manifest = json.loads((environment.folder / MANIFEST).read_text("utf-8"))
    pins = pinned().get(environment.name)
    return pins is None or manifest.get("pins_sha256") != pins.sha256


def installed(folder: Path) -> tuple[str, ...]:
    """`name==version` of everything installed, normalised and sorted, but pip and setuptools, which Python brings."""
    libraries = [str(path) for path in sorted((folder / "lib").glob("python*/site-packages"))]
    found = {
        normalised(f"{distribution.metadata['Name']}=={distribution.version}")
        for distribution in metadata.distributions(path=libraries)
        if distribution.metadata["Name"]
    }
    return tuple(sorted(pin for pin in found if not pin.startswith(("pip==", "setuptools=="))))


def normalised(pin: str) -> str:
    """`name==version` with the name as PEP 503 writes it."""
    name, _, version = pin.partition("==")
    return f"{re.sub(r'[-_.]+', '-', name).lower()}=={version}"


def digest(distributions: Sequence[str]) -> str:
    """sha256 over the sorted list."""
    return hashlib.sha256("\n".join(sorted(distributions)).encode()).hexdigest()


def differences(noted: Sequence[str], found: Sequence[str]) -> list[str]:
    """What is there and was not, and what was there and is not."""
    more, less = sorted(set(found) - set(noted)), sorted(set(noted) - set(found))
    return [f"{pin} is missing" for pin in less] + [f"{pin} was added" for pin in more]


def record(environment: Environment) -> dict[str, Any]:
    """What the record of a run keeps of an environment."""
    kept = {"python": environment.python, "sha256": environment.sha256}
    return {**kept, "data": environment.data} if environment.data else kept
