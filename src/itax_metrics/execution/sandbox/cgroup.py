"""A memory control group for each worker's programs: found, made and removed on the supervisor's side.

Covered: version 1 below this process's own group; version 2 below its own or, where the kernel keeps groups with
processes from having children with limits, beside it. A group is locked while its owner lives; the next start removes
those that nobody holds any more.
Not covered: moving processes that are not programs; systemd is not asked for a group. Beside a version 2 group that has
a limit of its own nothing is made, because programs would leave that limit.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "itax-"
_TRIES = 1000
_LOOKS, _PAUSE_SECONDS = 20, 0.005
_numbers = itertools.count()


class Unavailable(Exception):
    """There is no memory control group to be had here; says why."""


class Group:
    """An own empty group; whoever joins it is limited by what the files in `path` say.

    Raises:
        Unavailable: none can be made here.
    """

    def __init__(self) -> None:
        refused = []
        for parent in places():
            try:
                _remove_abandoned(parent)
                self.path, self._lock = _make(parent)
                return
            except OSError as error:
                refused.append(f"{parent}: {error.strerror or error}")
        raise Unavailable("; ".join(refused))

    def close(self) -> None:
        """Remove it; one whose last processes take long to die is left to the next start."""
        if self._lock < 0:
            return
        for _ in range(_LOOKS):
            try:
                self.path.rmdir()
                break
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(_PAUSE_SECONDS)
        os.close(self._lock)
        self._lock = -1


def places(proc: Path = Path("/proc/self")) -> list[Path]:
    """Directories in which a group with a memory limit could be made for children of this process.

    Raises:
        Unavailable: the kernel, or whoever started this process, offers none.
    """
    try:
        mounts = (proc / "mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        lines = (proc / "cgroup").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError as error:
        raise Unavailable(f"control groups cannot be looked up: {error}") from error
    unified = None
    for kind, controllers, own in (line.split(":", 2) for line in lines):
        if "memory" in controllers.split(","):
            found = _mounted(mounts, "cgroup", own)
            if found is None:
                raise Unavailable("the memory control groups of version 1 are not mounted here")
            return [found[0]]
        if kind == "0" and not controllers:
            unified = _mounted(mounts, "cgroup2", own)
    # Last: where both versions are mounted, memory may belong to the other one.
    if unified is None:
        raise Unavailable("no memory control group is mounted here")
    return _delegated(*unified)


def _mounted(mounts: list[str], kind: str, own: str) -> tuple[Path, Path] | None:
    """This process's group as a path, and the mount point above it."""
    for line in mounts:
        before, _, after = line.partition(" - ")
        # By single spaces: the source of a mount may be empty.
        fields, rest = before.split(" "), after.split(" ")
        if len(fields) < 5 or len(rest) < 3:
            continue
        (root, point), system, options = fields[3:5], rest[0], rest[2]
        if system != kind or (kind == "cgroup" and "memory" not in options.split(",")):
            continue
        if own == root or own.startswith(root.rstrip("/") + "/"):
            return Path(point, own[len(root.rstrip("/")) :].lstrip("/")), Path(point)
    return None


def _delegated(own: Path, mount: Path) -> list[Path]:
    if "memory" in _words(own / "cgroup.subtree_control"):
        return [own]
    if own == mount:
        raise Unavailable(f"{own} hands no memory limits on to groups below it")
    if "memory" not in _words(own.parent / "cgroup.subtree_control"):
        raise Unavailable(f"neither {own} nor {own.parent} hands memory limits on to groups below it")
    if _words(own / "memory.max") != ["max"]:
        raise Unavailable(f"{own} has a memory limit, which a group beside it would leave")
    return [own.parent]


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except OSError:
        return []


def _make(parent: Path) -> tuple[Path, int]:
    for _ in range(_TRIES):
        path = parent / f"{_PREFIX}{os.getpid()}-{next(_numbers)}"
        try:
            path.mkdir()
        except FileExistsError:
            continue  # of an owner in another pid namespace, whose process has this one's number
        try:
            lock = _locked(path)
        except FileNotFoundError:
            continue
        if lock is None:
            continue
        # Somebody's cleaning may have been between the two.
        if path.exists():
            return path, lock
        os.close(lock)
    raise OSError(f"{_TRIES} names are taken, or removed by another process as soon as they are made")


def _locked(path: Path) -> int | None:
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except BaseException:
        os.close(lock)
        raise
    return lock


def _remove_abandoned(parent: Path) -> None:
    # The lock ends with its process, however that ended; numbers of processes would mean little across containers.
    for path in _groups(parent):
        with contextlib.suppress(OSError):
            lock = _locked(path)
            if lock is not None:
                try:
                    path.rmdir()
                finally:
                    os.close(lock)


def _groups(parent: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from parent.glob(f"{_PREFIX}*-*")
