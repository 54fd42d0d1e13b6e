"""Compiled programs on disk: the same source is compiled once, whatever it is tested with.

Covered: several processes at once (a file appears whole or not at all); a directory that is full or not writable costs
the saved time, never a run; the oldest files make room.
Not covered: whoever can write to the directory decides what later runs execute, inside the sandbox.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

LARGEST_BYTES = 2 << 30
_KEPT_SHARE = 0.8

Artifact = dict[str, str]
"""File name to content in base64, as it travels to a worker."""


def artifact_key(*parts: str) -> str:
    """sha256 over everything a compilation depends on."""
    return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()


class ArtifactCache:
    """A directory of compiled programs, made when first needed."""

    def __init__(self, directory: Path, *, largest_bytes: int = LARGEST_BYTES) -> None:
        self.directory = Path(directory)
        self._largest = largest_bytes
        self._held: int | None = None

    def get(self, key: str) -> Artifact | None:
        """What was stored under this key, or None."""
        try:
            stored = self._path(key).read_bytes()
            heading, _, body = stored.partition(b"\n")
            files: Artifact = {}
            for name, size in json.loads(heading):
                if len(body) < size:
                    return None
                files[str(name)] = base64.b64encode(body[:size]).decode("ascii")
                body = body[size:]
        except (OSError, ValueError, TypeError):
            return None
        return files

    def put(self, key: str, artifact: Mapping[str, str]) -> None:
        """Keep a compiled program."""
        with contextlib.suppress(OSError):
            contents = {name: base64.b64decode(content) for name, content in artifact.items()}
            heading = json.dumps([[name, len(content)] for name, content in contents.items()])
            stored = heading.encode("ascii") + b"\n" + b"".join(contents.values())
            path = self._path(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
            draft.write_bytes(stored)
            draft.replace(path)
            self._make_room(len(stored))

    def _path(self, key: str) -> Path:
        return self.directory / key[:2] / key

    def _make_room(self, added: int) -> None:
        if self._held is None:
            self._held = sum(path.stat().st_size for path in self.directory.glob("??/*"))
        else:
            self._held += added
        if self._held <= self._largest:
            return
        by_age = sorted(
            (about.st_mtime, about.st_size, path)
            for path, about in ((path, path.stat()) for path in self.directory.glob("??/*"))
        )
        self._held = sum(size for _, size, _ in by_age)
        for _, size, path in by_age:
            if self._held <= self._largest * _KEPT_SHARE:
                break
            path.unlink(missing_ok=True)
            self._held -= size
