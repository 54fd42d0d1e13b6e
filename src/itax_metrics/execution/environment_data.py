"""Data that programs of a pinned environment would fetch at run time, put into it beforehand.

The list stands in `environments.toml`, each entry with its published address. What is fetched goes into one folder of
the environment, is shown to programs by the variables the libraries themselves look at, and its digest is part of every
cache key and of the record of a run.

Covered: all of it or nothing, whenever it is interrupted: data that were moved out of the way by a call that was
killed are put back by the next one; a download that was cut off; a mirror (a folder or an address) in the place of the
published addresses.
Not covered: most publishers pin nothing, so two such folders may differ, and their digests then do as well; a folder
that was changed by hand afterwards is not noticed; two calls at once on a file system without locks.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import shutil
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping
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
if sys.platform != "win32":
    import fcntl

_TIMEOUT_SECONDS = 60

_ASIDE = f".{FOLDER}-"
_NEW, _OLD = "new", "old"

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
        ExecutionError: something cannot be fetched (all of it named), is not what it should be, or cannot be written;
            or another call is at it. Nothing has changed.
    """
    if name not in listed():
        raise ConfigError(f"{name} has no data to fetch. Environments that have: {', '.join(listed())}.")
    environment = find(name, folder)
    try:
        with _workplace(environment) as aside:
            making = aside / _NEW
            making.mkdir()
            noted = _fetch(environment, source, making, on_line)
            digest = hashlib.sha256(json.dumps(noted, sort_keys=True).encode()).hexdigest()
            manifest = {"sha256": digest, "files": noted}
            (making / DATA_MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
            _open_to_readers(making)
            place = environment.folder / FOLDER
            if place.is_dir():
                os.replace(place, aside / _OLD)
            os.replace(making, place)
    except OSError as error:
        raise ExecutionError(
            f"The data of {name} cannot be put into {environment.folder} ({error}). Nothing was changed."
        ) from error
    return find(name, folder)


@contextlib.contextmanager
def _workplace(environment: Environment) -> Iterator[Path]:
    """A folder for one call, gone afterwards; what killed calls left is cleared before."""
    place = environment.folder / FOLDER
    with _alone(environment) as alone:
        # Without a lock, what looks left may be another call's.
        for left in sorted(environment.folder.glob(f"{_ASIDE}*")) if alone else ():
            _clear(left, place)
        aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=environment.folder))
        try:
            yield aside
        finally:
            _clear(aside, place)


@contextlib.contextmanager
def _alone(environment: Environment) -> Iterator[bool]:
    """Hold the environment's lock; False where there are no locks."""
    if sys.platform == "win32":
        yield False
        return
    held = os.open(environment.folder, os.O_RDONLY)
    try:
        locked = True
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ExecutionError(
                f"Data are being put into {environment.folder} by another process. Wait for it. Nothing was changed."
            ) from error
        except OSError:
            locked = False
        yield locked
    finally:
        os.close(held)


def _clear(aside: Path, place: Path) -> None:
    """Remove a call's folder; data it had moved out of the way go back unless new ones took their place."""
    if (aside / _OLD).is_dir() and not place.exists():
        os.replace(aside / _OLD, place)
    shutil.rmtree(aside, ignore_errors=True)


def _fetch(
    environment: Environment, source: str | None, making: Path, on_line: Callable[[str], None]
) -> dict[str, dict[str, str]]:
    """Put all there is to fetch into `making`; by name its sha256, place and form."""
    name = environment.name
    noted, failed = {}, {}
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
            # Where a file lies, and how it was unfolded, is what programs see of it, too.
            found = _checked(resource, copy, address)
            noted[resource.name] = {"sha256": found, "place": resource.place, "form": resource.form}
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
    return noted


def _open_to_readers(folder: Path) -> None:
    """Programs may run as another user; whatever the umask was, they read what is there."""
    os.chmod(folder, 0o755)
    for where, folders, files in os.walk(folder):
        for each in folders:
            os.chmod(os.path.join(where, each), 0o755)
        for each in files:
            os.chmod(os.path.join(where, each), 0o644)


def _in(source: str, name: str) -> str:
    if "://" in source:
        return f"{source.rstrip('/')}/{name}"
    return (Path(source).expanduser().absolute() / name).as_uri()


def _download(address: str, target: Path) -> None:
    with urllib.request.urlopen(address, timeout=_TIMEOUT_SECONDS) as answer, target.open("wb") as out:
        shutil.copyfileobj(answer, out)
        announced = answer.headers.get("Content-Length")
        # urllib takes a connection that closes early for the end of the file.
        if announced is not None and out.tell() != int(announced):
            raise OSError(f"cut off after {out.tell()} of {announced} bytes")


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
