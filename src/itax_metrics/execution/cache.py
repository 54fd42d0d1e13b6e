"""Verdicts on disk, by program key: a second run executes nothing it has executed before.

Covered: several processes at once; a file that is locked, broken or not writable costs a warning and the saved time,
never a run.
Not covered: a file shared over a network file system without locks.
"""

from __future__ import annotations

import json
import sqlite3
import warnings
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from ..records import Flag, Status, Verdict

_TABLE = (
    "CREATE TABLE IF NOT EXISTS verdicts (key TEXT PRIMARY KEY, status TEXT, seconds REAL, flags TEXT, detail TEXT)"
)
_WAIT_SECONDS = 10.0
_CHUNK = 500


class VerdictCache:
    """A sqlite3 file of verdicts; `path` and its folders are made when first needed."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._broken = False

    def get_many(self, keys: Iterable[str]) -> dict[str, Verdict]:
        """The verdicts known for these keys; unknown keys are left out."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, Verdict] = {}
        if self._broken or not wanted or not self.path.exists():
            return found
        try:
            with closing(self._open()) as connection:
                for start in range(0, len(wanted), _CHUNK):
                    chunk = wanted[start : start + _CHUNK]
                    marks = ",".join("?" * len(chunk))
                    rows = connection.execute(
                        f"SELECT key, status, seconds, flags, detail FROM verdicts WHERE key IN ({marks})", chunk
                    )
                    for key, status, seconds, flags, detail in rows:
                        found[key] = Verdict(Status(status), float(seconds), tuple(json.loads(flags)), str(detail))
        except (sqlite3.Error, OSError, ValueError, TypeError) as error:
            self._give_up(error)
            return {}
        return found

    def put(self, verdicts: Mapping[str, Verdict]) -> None:
        """Store decided verdicts; what the engine could not decide is never stored."""
        rows = [
            (key, verdict.status.value, verdict.seconds, json.dumps(list(verdict.flags)), verdict.detail)
            for key, verdict in verdicts.items()
            if verdict.decided and Flag.PENDING.value not in verdict.flags
        ]
        if self._broken or not rows:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._open()) as connection, connection:
                connection.execute(_TABLE)
                connection.executemany("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?, ?)", rows)
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_WAIT_SECONDS)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(_TABLE)
        return connection

    def _give_up(self, error: Exception) -> None:
        self._broken = True
        warnings.warn(
            f"The verdict cache {self.path} cannot be used ({error}); programs are executed again, and their verdicts "
            "are not stored. Delete the file, or point ITAX_STATE_DIR to a writable place.",
            RuntimeWarning,
            stacklevel=3,
        )
