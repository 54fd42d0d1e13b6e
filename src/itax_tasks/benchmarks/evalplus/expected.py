"""What the reference solutions return, and how long they take: computed once for each problem, then kept on disk.

EvalPlus does the same (`get_groundtruth` in `evalplus/evaluate.py`): it runs prompt and canonical solution on all
inputs, times every call, and keeps both by the digest of the data. Here the references run contained like any program,
each problem has a file of its own, and the key holds the interpreter too.

Covered: only problems that were answered are computed; several processes may do it at once; an interrupted run goes on
where it stopped; once known, times stay as they are, so that every later scoring has the same limits.
Not covered: times measured on a busy machine are longer, and so are the limits that follow from them. Delete the folder
to measure again.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import platform
import sys
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from itax_metrics.errors import ExecutionError
from itax_metrics.execution import LocalExecutor
from itax_metrics.execution.calls import CallJudge
from itax_metrics.execution.codec import encode
from itax_metrics.execution.cores import usable_cores
from itax_metrics.execution.progress import Progress
from itax_metrics.execution.references import Reference, Returned, expected_values
from itax_metrics.records import Item
from itax_tasks.benchmarks.evalplus.inputs import as_called

Kind = Literal["base", "plus"]
KINDS: tuple[Kind, ...] = ("base", "plus")

_LAYOUT = 1


@dataclass(frozen=True, slots=True)
class Known:
    """One problem: encoded arguments, and what the reference returned for them, by kind of test."""

    arguments: dict[Kind, tuple[bytes, ...]]
    returned: dict[Kind, tuple[Returned, ...]]


class Pending(Exception):
    """References cannot be run here; the message says why and what to do."""


class Expected:
    """The expected results of one data file.

    Args:
        folder: where they are kept.
        policy: the sandbox policy that references run under.
        workers: references at a time; default the cores this process may use.
    """

    def __init__(self, folder: Path, policy: str, workers: int | None) -> None:
        self._folder, self._policy, self._workers = folder, policy, workers
        self._known: dict[str, Known] = {}
        self._failed: dict[str, Exception] = {}
        self.judges: dict[tuple[str, Kind, str, float], CallJudge] = {}
        """Judges made from these results, by (protocol, kind, task_id, time scale)."""

    def prepare(self, items: Sequence[Item]) -> None:
        """Have the results of these items, from disk or by running their references; `of` says what failed."""
        missing = []
        for item in items:
            if item.task_id in self._known:
                continue
            arguments = _arguments(item)
            returned = self._read(item, arguments)
            if returned is None:
                missing.append((item, arguments))
            else:
                self._known[item.task_id] = Known(arguments, returned)
        if missing:
            self._compute(missing)

    def of(self, item: Item) -> Known:
        """What is known about one problem, computed now if it was not prepared.

        Raises:
            ExecutionError: its reference failed.
            Pending: nothing may be executed here.
        """
        if item.task_id not in self._known and item.task_id not in self._failed:
            self.prepare([item])
        if item.task_id in self._failed:
            raise self._failed[item.task_id]
        return self._known[item.task_id]

    def _compute(self, missing: Sequence[tuple[Item, dict[Kind, tuple[bytes, ...]]]]) -> None:
        obstacle = LocalExecutor(workers=1, policy=self._policy).obstacle()  # type: ignore[arg-type]
        if obstacle is not None:
            self._failed |= {item.task_id: Pending(obstacle) for item, _ in missing}
            return
        progress = Progress("reference solutions", len(missing))
        try:
            for at in range(0, len(missing), _AT_ONCE):
                self._compute_some(missing[at : at + _AT_ONCE], progress)
        finally:
            progress.close()

    def _compute_some(self, missing: Sequence[tuple[Item, dict[Kind, tuple[bytes, ...]]]], progress: Progress) -> None:
        references = [
            Reference(item.task_id, _source(item), item.payload["entry_point"], arguments["base"] + arguments["plus"])
            for item, arguments in missing
        ]
        try:
            found = expected_values(
                references,
                workers=self._workers or usable_cores(),
                policy=self._policy,
                on_done=lambda _: progress.advance(),
            )
        except ExecutionError as error:
            if len(missing) == 1:
                self._failed[missing[0][0].task_id] = error
                return
            # Which of them it was is found out one by one; the others keep their results.
            for one in missing:
                self._compute_some([one], progress)
            return
        for (item, arguments), values in zip(missing, found, strict=True):
            cut = len(arguments["base"])
            returned: dict[Kind, tuple[Returned, ...]] = {"base": values[:cut], "plus": values[cut:]}
            self._known[item.task_id] = Known(arguments, returned)
            self._write(item, arguments, returned)

    def _path(self, item: Item) -> Path:
        return self._folder / f"{item.task_id.replace('/', '_')}.json.gz"

    def _read(self, item: Item, arguments: dict[Kind, tuple[bytes, ...]]) -> dict[Kind, tuple[Returned, ...]] | None:
        try:
            record = json.loads(gzip.decompress(self._path(item).read_bytes()))
            if record["digest"] != _digest(item, arguments):
                return None
            return {kind: tuple(_returned(entry) for entry in record[kind]) for kind in KINDS}
        except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError):
            # Not there, or not as it was written: it is computed again.
            return None

    def _write(
        self, item: Item, arguments: dict[Kind, tuple[bytes, ...]], returned: dict[Kind, tuple[Returned, ...]]
    ) -> None:
        record: dict[str, Any] = {"digest": _digest(item, arguments)}
        for kind in KINDS:
            record[kind] = [[base64.b64encode(one.result).decode("ascii"), one.seconds] for one in returned[kind]]
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, scratch = tempfile.mkstemp(dir=self._folder, prefix=".write-")
            with os.fdopen(handle, "wb") as out:
                out.write(gzip.compress(json.dumps(record).encode("ascii"), 1, mtime=0))
            os.replace(scratch, self._path(item))
        except OSError as error:
            sys.stderr.write(f"itax: {self._folder} cannot be written ({error}); expected results are not kept.\n")


_AT_ONCE = 50
"""References between two looks at the disk; what is through is not lost."""


@lru_cache(maxsize=8)
def expected_of(state_dir: Path, data_sha256: str, policy: str, workers: int | None) -> Expected:
    """The expected results of one data file under this interpreter; tasks on the same data share them."""
    interpreter = f"{sys.implementation.name}-{platform.python_version()}-{platform.machine()}"
    return Expected(state_dir / "references" / f"{data_sha256[:16]}-{interpreter}", policy, workers)


def _arguments(item: Item) -> dict[Kind, tuple[bytes, ...]]:
    return {
        kind: tuple(encode(values) for values in as_called(item.task_id, item.payload[f"{kind}_input"]))
        for kind in KINDS
    }


def _source(item: Item) -> str:
    return item.prefix + item.truth


def _digest(item: Item, arguments: dict[Kind, tuple[bytes, ...]]) -> str:
    whole = hashlib.sha256(f"{_LAYOUT} {item.payload['entry_point']} {len(arguments['base'])}\n".encode())
    for part in (_source(item).encode("utf-8", "surrogatepass"), *arguments["base"], *arguments["plus"]):
        whole.update(len(part).to_bytes(8, "little") + part)
    return whole.hexdigest()


def _returned(entry: Sequence[Any]) -> Returned:
    encoded, seconds = entry
    return Returned(base64.b64decode(encoded), float(seconds))
