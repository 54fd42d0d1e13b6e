"""Data that programs of a pinned environment would fetch at run time, put into it beforehand.

The list stands in `environments.toml`, each entry with its published address. What is fetched goes into one folder of
the environment, is shown to programs by the variables the libraries themselves look at, and its digest is part of every
cache key and of the record of a run.

Covered: all of it or nothing; a mirror (a folder or an address) in the place of the published addresses.
Not covered: most publishers pin nothing, so two such folders may differ, and their digests then do as well; a folder
that was changed by hand afterwards is not noticed.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path, PurePosixPath

from ..errors import ConfigError, ExecutionError
from .command import call
from .environments import DATA as FOLDER
from .environments import DATA_MANIFEST, Environment, find

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_TIMEOUT_SECONDS = 60

_CALIFORNIA = """
import shutil, sys
from sklearn.datasets import _california_housing as housing
archive, home = sys.argv[1:]
housing._fetch_remote = lambda remote, dirname: shutil.copy(archive, dirname + "/archive.tgz")
housing.fetch_california_housing(data_home=home)
"""
"""scikit-learn keeps the set in a form of its own, which only the version of the environment knows how to write."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing to fetch."""

    address: str
    place: str
    """Where it belongs below the folder: a file; or a folder, where it is unpacked or converted."""
    form: str = "file"
    """`file`, `zip` (unpacked), or `california` (converted by scikit-learn)."""
    sha256: str | None = None
    """Where the publisher or the library that reads it pins it."""

    @property
    def name(self) -> str:
        """What a mirror calls it."""
        own = PurePosixPath(self.address).name
        return "cal_housing.tgz" if self.form == "california" else own


@lru_cache(maxsize=1)
def listed() -> Mapping[str, tuple[Resource, ...]]:
    """What there is to fetch, by environment."""
    text = (resources.files(__package__) / "environments.toml").read_text("utf-8")
    return {
        name: tuple(Resource(**resource) for resource in entry["data"])
        for name, entry in tomllib.loads(text).items()
        if "data" in entry
    }


def seed(
    name: str, folder: Path, *, source: str | None = None, on_line: Callable[[str], None] = lambda _: None
) -> Environment:
    """Fetch an environment's data and put them into it; what was there before is replaced.

    Args:
        name: a created environment.
        folder: where environments live.
        source: a folder, or the address of one, that holds all files under their own names; the published addresses
            when None.
        on_line: told of each file.

    Raises:
        ConfigError: that environment has no list of data.
        ExecutionError: something cannot be fetched (all of it named), or is not what it should be; nothing has changed.
    """
    if name not in listed():
        raise ConfigError(f"{name} has no data to fetch. Environments that have: {', '.join(listed())}.")
    environment = find(name, folder)
    making = Path(tempfile.mkdtemp(prefix=f".{FOLDER}-", dir=environment.folder))
    try:
        os.chmod(making, 0o755)
        fetched, failed = {}, {}
        with tempfile.TemporaryDirectory() as scratch:
            for resource in listed()[name]:
                on_line(resource.name)
                copy = Path(scratch) / resource.name
                address = resource.address if source is None else _in(source, resource.name)
                try:
                    _download(address, copy)
                except (OSError, http.client.HTTPException, ValueError) as error:
                    failed[resource.name] = f"{address}: {error}"
                    continue
                fetched[resource.name] = _checked(resource, copy, address)
                if not failed:
                    _unfold(environment, resource, copy, making)
        if failed:
            first = next(iter(failed.values()))
            raise ExecutionError(
                f"{len(failed)} of {len(listed()[name])} data files of {name} could not be fetched: "
                f"{', '.join(failed)} (first: {first}). Nothing was changed, and the rows that need them stay flagged "
                "env_unavailable or fail. Run it where these addresses can be reached, or fetch the files elsewhere "
                f"and name their folder: `itax env create {name} --with-data --data-from FOLDER`."
            )
        digest = hashlib.sha256(json.dumps(fetched, sort_keys=True).encode()).hexdigest()
        (making / DATA_MANIFEST).write_text(json.dumps({"sha256": digest, "files": fetched}, indent=1) + "\n", "utf-8")
        shutil.rmtree(environment.folder / FOLDER, ignore_errors=True)
        os.replace(making, environment.folder / FOLDER)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return find(name, folder)


def _in(source: str, name: str) -> str:
    if "://" in source:
        return f"{source.rstrip('/')}/{name}"
    return (Path(source).expanduser().absolute() / name).as_uri()


def _download(address: str, target: Path) -> None:
    with urllib.request.urlopen(address, timeout=_TIMEOUT_SECONDS) as answer, target.open("wb") as out:
        shutil.copyfileobj(answer, out)


def _checked(resource: Resource, copy: Path, address: str) -> str:
    found = hashlib.sha256(copy.read_bytes()).hexdigest()
    if resource.sha256 is not None and found != resource.sha256:
        raise ExecutionError(
            f"{address} is not {resource.name} as published: sha256 {found[:12]}..., expected "
            f"{resource.sha256[:12]}.... Nothing was changed. Fetch it again."
        )
    return found


def _unfold(environment: Environment, resource: Resource, copy: Path, making: Path) -> None:
    place = making / resource.place
    place.parent.mkdir(parents=True, exist_ok=True)
    if resource.form == "zip":
        try:
            with zipfile.ZipFile(copy) as archive:
                archive.extractall(place)
        except zipfile.BadZipFile as error:
            raise ExecutionError(f"{resource.name} is no zip archive ({error}). Nothing was changed.") from error
    elif resource.form == "california":
        place.mkdir(exist_ok=True)
        command = [str(environment.interpreter), "-c", _CALIFORNIA, str(copy), str(place)]
        call(command, lambda _: None, f"{resource.name} could not be read by scikit-learn")
    else:
        shutil.copyfile(copy, place)
