"""The score directory: `run.json` and `outcomes.jsonl`, in and out.

Writing is all or nothing: both files are completed under temporary names in the same folder and then renamed,
`run.json` last, and it records how many rows belong to it, so that a half-copied folder is noticed. Reading trusts
nothing: every refusal names the file, the line and what to do.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import IO, Any, cast

from itax_metrics.errors import DataError
from itax_metrics.records import Outcome, Run, Status, TaskRun

SCHEMA_VERSION = 1
RUN_FILE = "run.json"
OUTCOMES_FILE = "outcomes.jsonl"

_OPTIONAL = ("detail", "plus_passed", "test_classes", "groups", "generation")
"""Written, and expected, only where there is something to say."""


def write_score_dir(path: str | Path, run: Run, outcomes: Iterable[Outcome], *, compress: bool = False) -> Path:
    """Write one run and its outcomes; an existing score directory is replaced only once everything is on disk.

    Args:
        path: The folder; made where it is missing.
        run: What was run.
        outcomes: Rows in the order they are to be stored; may be a generator.
        compress: Store the rows as `outcomes.jsonl.gz`.

    Returns:
        The folder.

    Raises:
        DataError: Two rows share (task, task_id, sample), or a row's task is not among the run's. Nothing is written.
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    rows_file = folder / (OUTCOMES_FILE + ".gz" if compress else OUTCOMES_FILE)
    seen: set[tuple[str, str, int]] = set()
    digest = hashlib.sha256()
    with _staged(folder / RUN_FILE) as head, _staged(rows_file, compress) as rows:
        for number, outcome in enumerate(outcomes, start=1):
            _check_key(outcome, run, seen, f"row {number} for {rows_file}")
            line = json.dumps(_row(outcome), allow_nan=False).encode() + b"\n"
            digest.update(line)
            rows.write(line)
        about = {"rows": len(seen), "sha256": digest.hexdigest()}
        settings = {"schema_version": SCHEMA_VERSION, "outcomes": about, **jsonable(run)}
        head.write(json.dumps(settings, indent=2, allow_nan=False).encode() + b"\n")
    stale = folder / (OUTCOMES_FILE if compress else OUTCOMES_FILE + ".gz")
    stale.unlink(missing_ok=True)
    return folder


def read_score_dir(path: str | Path) -> tuple[Run, list[Outcome]]:
    """Read a score directory back: the run and its outcomes in stored order.

    `outcomes.jsonl.gz` is taken where it stands instead of `outcomes.jsonl`. NaN and infinite values become None.

    Raises:
        DataError: The folder is no score directory, or a file in it is not what it should be; the message names
            file and line.
    """
    folder = Path(path)
    run_file = folder / RUN_FILE
    if not run_file.is_file():
        raise DataError(_why_no_run(folder))
    settings = _parse(_bytes(run_file), str(run_file))
    run = _run(settings, str(run_file))
    rows_file = _rows_file(folder)
    outcomes: list[Outcome] = []
    seen: set[tuple[str, str, int]] = set()
    content = _bytes(rows_file)
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{rows_file}, line {number}"
        outcome = _outcome(_parse(line, where), where)
        _check_key(outcome, run, seen, where)
        outcomes.append(outcome)
    if not outcomes:
        raise DataError(f"{rows_file} holds no outcomes. Run `itax score` again.")
    expected = settings.get("outcomes", {}).get("rows", len(outcomes))
    if expected != len(outcomes):
        raise DataError(
            f"{rows_file} holds {len(outcomes)} rows, {RUN_FILE} beside it speaks of {expected}: the file is cut off "
            "or belongs to another run. Copy the whole folder again, or run `itax score` again."
        )
    stated = settings.get("outcomes", {}).get("sha256")
    if stated is not None and stated != hashlib.sha256(content).hexdigest():
        raise DataError(
            f"{rows_file} is not the file {RUN_FILE} beside it was written with: it was altered or belongs to another "
            "run. Copy the whole folder again, or run `itax score` again."
        )
    return run, outcomes


def write_atomic(path: str | Path, content: str | bytes) -> None:
    """Write a file (text as UTF-8) so that readers see the old content or all of the new one."""
    with _staged(Path(path), False) as out:
        out.write(content.encode() if isinstance(content, str) else content)


def jsonable(value: Any) -> Any:
    """Turn records, tuples and read-only mappings into what JSON can say; NaN and infinity become None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return {field.name: jsonable(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    return value


@contextmanager
def _staged(target: Path, compress: bool = False) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `target` that takes its place when the block ends well."""
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with open(draft, "wb") as raw:
            if compress:
                # No name and no time inside: equal rows give equal bytes.
                with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
                    yield cast(IO[bytes], packed)
            else:
                yield raw
            raw.flush()
            os.fsync(raw.fileno())
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def _row(outcome: Outcome) -> dict[str, Any]:
    row: dict[str, Any] = jsonable(outcome)
    return {key: value for key, value in row.items() if key not in _OPTIONAL or value not in (None, "", [])}


def _check_key(outcome: Outcome, run: Run, seen: set[tuple[str, str, int]], where: str) -> None:
    if outcome.task not in run.tasks:
        known = ", ".join(run.tasks) or "none"
        raise DataError(f"{where}: task {outcome.task!r} is not among the run's tasks ({known}).")
    if outcome.key in seen:
        raise DataError(f"{where}: a second row for sample {outcome.sample} of {outcome.task_id!r} in {outcome.task}.")
    seen.add(outcome.key)


def _why_no_run(folder: Path) -> str:
    if folder.is_file():
        return f"{folder} is a file. Name the score directory that holds {RUN_FILE} and {OUTCOMES_FILE}."
    if not folder.is_dir():
        return f"{folder} does not exist. Name a score directory, as `itax score` writes it."
    if any(folder.rglob("results_*.json")) or any(folder.rglob("samples_*.jsonl")):
        return f"{folder} holds lm-eval's output, not scores. Run `itax score {folder}` and compare what it writes."
    return f"{folder} holds no {RUN_FILE}, so it is no score directory. `itax score` writes one from lm-eval's output."


def _rows_file(folder: Path) -> Path:
    plain, packed = folder / OUTCOMES_FILE, folder / (OUTCOMES_FILE + ".gz")
    if plain.is_file() and packed.is_file():
        raise DataError(f"{folder} holds both {plain.name} and {packed.name}. Remove the one that is out of date.")
    if packed.is_file():
        return packed
    if plain.is_file():
        return plain
    raise DataError(f"{folder} holds {RUN_FILE} but no {OUTCOMES_FILE}. Copy the whole folder, or run `itax score`.")


def _bytes(file: Path) -> bytes:
    try:
        return gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{file} is no complete gzip file ({error}). Copy it again.") from None
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}.") from None


def _parse(text: bytes, where: str) -> dict[str, Any]:
    if not text.strip():
        raise DataError(f"{where}: the file is empty. Run `itax score` again.")
    try:
        value = json.loads(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: not text (byte {text[error.start]:#04x} is not UTF-8).") from None
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise DataError(f"{where}: not complete JSON ({reason}); the file may be cut off or damaged.") from None
    if not isinstance(value, dict):
        raise DataError(f"{where}: expected a JSON object, found {type(value).__name__}.")
    return value


_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "Mapping": (dict,),
    "tuple": (list,),
    "Status": (str,),
}
_WORDS = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "Mapping": "an object"}


def _typed(record: type, source: dict[str, Any], where: str, optional: tuple[str, ...]) -> dict[str, Any]:
    """Take a record's fields out of JSON, each checked against the kind that the record declares."""
    taken: dict[str, Any] = {}
    for field in fields(record):
        if field.name not in source:
            if field.name in optional:
                continue
            raise DataError(f"{where}: field {field.name!r} is missing. Was this file written by `itax score`?")
        value = source[field.name]
        kind, _, alternative = str(field.type).partition(" | ")
        if value is None and alternative == "None":
            taken[field.name] = None
            continue
        kind = kind.partition("[")[0]
        if not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "bool"):
            expected = _WORDS.get(kind, "a list")
            raise DataError(f"{where}: field {field.name!r} should be {expected}, found {type(value).__name__}.")
        if isinstance(value, list) and not all(isinstance(entry, str) for entry in value):
            raise DataError(f"{where}: field {field.name!r} should hold text only.")
        taken[field.name] = tuple(value) if isinstance(value, list) else value
    return taken


def _outcome(row: dict[str, Any], where: str) -> Outcome:
    taken = _typed(Outcome, row, where, _OPTIONAL)
    try:
        taken["verdict"] = Status(row["verdict"])
    except ValueError:
        known = ", ".join(status.value for status in Status)
        raise DataError(f"{where}: unknown verdict {row['verdict']!r} (known: {known}).") from None
    if taken["sample"] < 0:
        raise DataError(f"{where}: sample {taken['sample']} is negative.")
    for name in ("metrics", "behaviors"):
        taken[name] = {key: _number(value, f"{where}: {name} {key!r}") for key, value in taken[name].items()}
    if taken["seconds"] is not None:
        taken["seconds"] = _number(taken["seconds"], f"{where}: seconds")
    return Outcome(**taken)


def _number(value: Any, where: str) -> float | None:
    if value is None:
        return None
    if not isinstance(value, (int, float)):
        raise DataError(f"{where} should be a number or null, found {type(value).__name__}.")
    return float(value) if math.isfinite(value) else None


def _run(settings: dict[str, Any], where: str) -> Run:
    version = settings.get("schema_version")
    if version != SCHEMA_VERSION:
        raise DataError(
            f"{where}: schema_version is {version!r}, this itax reads {SCHEMA_VERSION}. "
            "Run `itax score` again with this version, or compare with the version that wrote it."
        )
    if not isinstance(settings.get("outcomes", {}), dict):
        raise DataError(f"{where}: field 'outcomes' should be an object.")
    defaulted = tuple(field.name for field in fields(Run) if field.name not in ("model", "tasks"))
    taken = _typed(Run, settings, where, defaulted)
    tasks = {}
    for name, task in taken["tasks"].items():
        if not isinstance(task, dict):
            raise DataError(f"{where}: task {name!r} should be an object.")
        tasks[name] = TaskRun(**_typed(TaskRun, task, f"{where}: task {name!r}", ("fim", "metrics", "generation")))
    return Run(**{**taken, "tasks": tasks})
