"""Where benchmark rows come from: a folder of official files, the user cache, the pinned official origin.

One table (`data_files.toml`) names every file of every benchmark with its origin at a pinned revision,
the sha256 of its *uncompressed* content and its number of rows, so a score always belongs to known data.
Files keep their official names, so a user's own mirror serves as `ITAX_DATA_DIR`. Beside it stand published
versions whose digest is not known here; one of them is read only when it is asked for by name, and its digest,
with `pinned: false`, goes into the record.

Covered: altered or truncated files (refused by sha256), interrupted downloads (never seen: a file is
renamed into place only when its digest is right), recompressed mirrors (the digest is of the content).
Not covered: script-based hub data sets, which no longer load anywhere and are not used.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import logging
import os
import sys
import tempfile
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import IO, Any

from itax_metrics.errors import DataError
from itax_tasks.settings import Settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

log = logging.getLogger("lm_eval.itax")


@dataclass(frozen=True, slots=True)
class DataFile:
    """One official file: name, pinned origin, digest of its uncompressed content, number of rows."""

    benchmark: str
    name: str
    sha256: str
    rows: int
    origin: str | None
    """Address of the file at a pinned revision; None where the origin is a hub set."""
    licence: str
    hub: str | None = None
    """Hub data set that publishes the same rows; None if there is none."""
    hub_revision: str | None = None
    hub_file: str | None = None
    """File of the hub set that is fetched where there is no `origin`."""
    rows_sha256: str | None = None
    """Digest of the rows as canonical JSON, for copies that came through the hub in another encoding."""


@dataclass(frozen=True, slots=True)
class UnpinnedFile:
    """One published version whose digest is not known here: what can be checked of it instead."""

    benchmark: str
    name: str
    rows: int
    fields: tuple[str, ...]
    """Columns that every row must have, as text."""
    licence: str
    hub: str
    """Hub data set that publishes it."""
    hub_split: str


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one file and where they came from."""

    rows: tuple[Mapping[str, Any], ...]
    record: Mapping[str, Any]
    """{"name", "sha256", "rows", "source"}: what results keep; and "pinned", false, of an unpinned file."""


@lru_cache(maxsize=1)
def _table() -> Mapping[str, list[dict[str, Any]]]:
    table: dict[str, list[dict[str, Any]]]
    table = tomllib.loads((resources.files("itax_tasks") / "data_files.toml").read_text("utf-8"))
    return table


@lru_cache(maxsize=1)
def files() -> Mapping[tuple[str, str], DataFile]:
    """The table of official files, by (benchmark, name)."""
    entries = (DataFile(**{"origin": None, **entry}) for entry in _table()["file"])
    return {(file.benchmark, file.name): file for file in entries}


@lru_cache(maxsize=1)
def unpinned() -> Mapping[tuple[str, str], UnpinnedFile]:
    """The published versions whose digests are not known here, by (benchmark, name)."""
    entries = (UnpinnedFile(**{**entry, "fields": tuple(entry["fields"])}) for entry in _table()["unpinned"])
    return {(file.benchmark, file.name): file for file in entries}


def benchmarks() -> tuple[str, ...]:
    """The benchmarks that have files in the table, in its order."""
    return tuple(dict.fromkeys(file.benchmark for file in files().values()))


def load(benchmark: str, name: str, settings: Settings) -> Rows:
    """Read one official file, fetching it on first use.

    Args:
        benchmark: a folder name of the table, such as `hefim`.
        name: the official file name.
        settings: says where to look.

    Raises:
        DataError: the file is nowhere to be had (both remedies named), or its content is not the official one.
    """
    file = files()[(benchmark, name)]
    path = find(file, settings) or fetch(file, settings)
    return _read(
        file, path, path.stat().st_mtime_ns, "cache" if path.is_relative_to(settings.cache_dir) else "data_dir"
    )


def text(benchmark: str, name: str, settings: Settings) -> str:
    """Read one official file that holds no rows, fetching it on first use.

    Raises:
        DataError: as `load`.
    """
    file = files()[(benchmark, name)]
    path = find(file, settings) or fetch(file, settings)
    content = _content(path)
    _check(file, content, str(path))
    return content.decode("utf-8")


def load_unpinned(benchmark: str, name: str, settings: Settings) -> Rows:
    """Read one published version whose digest is not known here; where there is no copy, its hub set is read and kept.

    Number of rows, fields and ids are checked, and that they are not the rows of a pinned file. The record holds the
    sha256 of the rows as canonical JSON, which is the same for a file and for the hub, and says that it is not pinned;
    so does one warning.

    Args:
        benchmark: a folder name of the table, such as `bigcodebench`.
        name: the name of the file.
        settings: says where to look.

    Raises:
        DataError: it is nowhere to be had (places and remedy named), or its rows are not of that form.
    """
    file = unpinned()[(benchmark, name)]
    path = find(file, settings) or _keep_hub_split(file, settings)
    return _read_unpinned(
        file, path, path.stat().st_mtime_ns, "cache" if path.is_relative_to(settings.cache_dir) else "data_dir"
    )


def _keep_hub_split(file: UnpinnedFile, settings: Settings) -> Path:
    """Read the split of the hub set into the cache, whole or not at all."""
    try:
        rows = hub_rows(file.hub, file.hub_split, settings)
    except DataError as error:
        places = " or ".join(str(folder / file.name) for folder in _folders(file, settings))
        raise DataError(
            f"{file.benchmark}: {file.name} is not here, and the split {file.hub_split} of the hub set {file.hub} "
            f"cannot be read ({error}) Put it there as JSON lines, packed or not, with the columns of the hub set "
            f"({', '.join(file.fields)}): {places}. A folder named by ITAX_DATA_DIR is looked into first."
        ) from error
    _check_rows(file, rows, f"the split {file.hub_split} of {file.hub}")
    target = settings.cache_dir / file.benchmark / file.name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(dir=target.parent, prefix=".fetch-")
        os.close(handle)
    except OSError as error:
        raise DataError(
            f"{target.parent} cannot be written ({error}). Set ITAX_STATE_DIR to a writable folder."
        ) from error
    try:
        _store(b"".join(map(_canonical, rows)), Path(scratch), compress=file.name.endswith(".gz"))
        os.replace(scratch, target)
    finally:
        Path(scratch).unlink(missing_ok=True)
    return target


@lru_cache(maxsize=16)
def _read_unpinned(file: UnpinnedFile, path: Path, mtime: int, source: str) -> Rows:
    where = str(path)
    try:
        rows = tuple(_parse(file, _content(path, remedy="Delete it and put the published file there.")))
    except ValueError as error:
        raise DataError(
            f"{file.benchmark}: {where} is no file of JSON lines ({error}). Delete it and put the published one there."
        ) from error
    _check_rows(file, rows, where)
    sha256 = hashlib.sha256(b"".join(map(_canonical, rows))).hexdigest()
    for other in files().values():
        if other.rows_sha256 == sha256:
            raise DataError(
                f"{file.benchmark}: {where} holds the rows of {other.name}, which is another version. Put the "
                f"published {file.name} in its place."
            )
    log.warning(
        "itax: %s was read as %s. No digest of that version is known here, so nothing vouches for its content: its %d "
        "rows have sha256 %s, which is recorded, and only runs of equal digests are compared.",
        where,
        file.name,
        len(rows),
        sha256,
    )
    return Rows(rows, {"name": file.name, "sha256": sha256, "rows": len(rows), "source": source, "pinned": False})


def _check_rows(file: UnpinnedFile, rows: Sequence[Any], where: str) -> None:
    """Number, fields and ids of the rows."""
    wrong = None
    lacking = {field for row in rows for field in file.fields if not _has_text(row, field)}
    if len(rows) != file.rows:
        wrong = f"it has {len(rows)} rows, expected {file.rows}"
    elif lacking:
        wrong = f"some rows have no text under {', '.join(sorted(lacking))}"
    elif len({row["task_id"] for row in rows}) != len(rows):
        wrong = "some task_id occurs twice"
    if wrong:
        raise DataError(
            f"{file.benchmark}: {where} is not {file.name} as published: {wrong}. It must hold the rows of the split "
            f"{file.hub_split} of the hub set {file.hub}, under that set's column names."
        )


def _has_text(row: Any, field: str) -> bool:
    return isinstance(row, Mapping) and isinstance(row.get(field), str)


def find(file: DataFile | UnpinnedFile, settings: Settings) -> Path | None:
    """The local copy: in `ITAX_DATA_DIR` (with or without the benchmark's folder, plain or gzip), else the cache."""
    plain = file.name.removesuffix(".gz")
    for folder in _folders(file, settings):
        for name in (file.name, plain):
            if (folder / name).is_file():
                return folder / name
    return None


def _folders(file: DataFile | UnpinnedFile, settings: Settings) -> list[Path]:
    """Where a copy may lie, in the order of looking."""
    cache = settings.cache_dir / file.benchmark
    if settings.data_dir is None:
        return [cache]
    return [settings.data_dir / file.benchmark, settings.data_dir, cache]


def fetch(file: DataFile, settings: Settings, progress: Callable[[int, int | None], None] | None = None) -> Path:
    """Download one file from its pinned origin into the cache and verify it.

    Raises:
        DataError: no origin, no network, or content with another digest; nothing is left behind.
    """
    what = f"{file.benchmark}: {file.name}"
    remedy = f"Put the official {file.name} into a folder and set ITAX_DATA_DIR to it (or to its parent)"
    target = settings.cache_dir / file.benchmark / file.name
    if file.origin is None and file.hub_file is None:
        published = f"; the hub set {file.hub} publishes its rows" if file.hub else ""
        raise DataError(f"{what} was not found, and it has no address to fetch it from. {remedy}{published}.")
    remedy += f", or run `itax data fetch {file.benchmark}` on a machine with network access."
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(dir=target.parent, prefix=".fetch-")
    except OSError as error:
        raise DataError(
            f"{target.parent} cannot be written ({error}). Set ITAX_STATE_DIR to a writable folder."
        ) from error
    source = file.origin or f"{file.hub} on the hub"
    try:
        with os.fdopen(handle, "wb") as out:
            try:
                if file.origin is None:
                    out.write(_hub_rows(file))
                else:
                    _download(file.origin, out, progress)
            except (http.client.HTTPException, OSError, ValueError) as error:
                raise DataError(
                    f"{what} is not here and could not be fetched from {source} ({error}). {remedy}"
                ) from error
        fetched = f"the copy fetched from {source}"
        content = _content(Path(scratch), fetched, remedy)
        _check(file, content, fetched, remedy)
        if not file.name.endswith(".gz") or not _is_gzip(Path(scratch)):
            _store(content, Path(scratch), compress=file.name.endswith(".gz"))
        os.replace(scratch, target)
    finally:
        Path(scratch).unlink(missing_ok=True)
    return target


def _download(address: str, out: IO[bytes], progress: Callable[[int, int | None], None] | None) -> None:
    with urllib.request.urlopen(address, timeout=60) as answer:
        length = answer.headers.get("Content-Length")
        done = 0
        while chunk := answer.read(1 << 16):
            out.write(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done, int(length) if length else None)


def _hub_rows(file: DataFile) -> bytes:
    """The rows of a hub file as JSON lines, each row in canonical form."""
    from datasets import load_dataset

    loaded = load_dataset(file.hub, data_files={"rows": file.hub_file}, split="rows", revision=file.hub_revision)
    return b"".join(_canonical(dict(row)) for row in loaded)


def hub_rows(name: str, split: str, settings: Settings) -> list[dict[str, Any]]:
    """The rows of a hub set as it is today: one that is only compared with, or a version without a known digest.

    A copy of its repository in the data folder, under its own name (`ITAX_DATA_DIR/<owner>/<set>`), stands for the hub.

    Raises:
        DataError: it cannot be reached or read here.
    """
    from datasets import load_dataset

    copy = settings.data_dir / name if settings.data_dir is not None else None
    try:
        return [dict(row) for row in load_dataset(str(copy) if copy and copy.is_dir() else name, split=split)]
    except Exception as error:  # whatever the hub, its client or the network says
        raise DataError(f"{name} cannot be reached here ({type(error).__name__}: {str(error)[:120]}).") from error


def _canonical(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


def verify(file: DataFile, settings: Settings) -> Path | None:
    """Check the local copy's digest; None when there is no local copy.

    Raises:
        DataError: the content is not the official one.
    """
    path = find(file, settings)
    if path is not None:
        _check(file, _content(path), str(path))
    return path


@lru_cache(maxsize=16)
def _read(file: DataFile, path: Path, mtime: int, source: str) -> Rows:
    content = _content(path)
    _check(file, content, str(path))
    rows = tuple(_parse(file, content))
    return Rows(rows, {"name": file.name, "sha256": file.sha256, "rows": len(rows), "source": source})


def _parse(file: DataFile | UnpinnedFile, content: bytes) -> Iterator[Mapping[str, Any]]:
    if ".jsonl" in file.name:
        for line in content.decode("utf-8").split("\n"):
            if line.strip():
                yield json.loads(line)
    else:
        yield from json.loads(content)


def _check(file: DataFile, content: bytes, where: str, remedy: str | None = None) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found not in (file.sha256, file.rows_sha256):
        raise DataError(
            f"{file.benchmark}: {where} is not the official {file.name}: its content has sha256 {found[:12]}..., "
            f"expected {file.sha256[:12]}.... {remedy or f'Delete it and run `itax data fetch {file.benchmark}`.'}"
        )


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(2) == b"\x1f\x8b"


def _content(path: Path, where: str = "", remedy: str = "Delete it and run `itax data fetch`.") -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{where or path} cannot be read ({error}). {remedy}") from error


def _store(content: bytes, path: Path, *, compress: bool) -> None:
    path.write_bytes(gzip.compress(content, mtime=0) if compress else content)
