"""Memory of a program's whole process tree, looked at from the worker while the program runs.

Covered: many processes that together use more than one may; the worker looks every twentieth of a second once a
program is older than that, and programs that end sooner cost nothing. Pages that several processes share count once
where the kernel tells the proportional size to this worker, else for each process beyond what it was forked with.
Not covered: what is allocated between two looks, which `memory_group` is for; files in the scratch directories, which
have their own limit; kernel memory; workers without a /proc, `missing` then names `memory_of_all`.
"""

from __future__ import annotations

import contextlib
import os

SECONDS = 0.05
"""Time between two looks."""

_PAGE = os.sysconf("SC_PAGESIZE")


class Watch:
    """Reads the sizes below one process; `proc` is an open directory of a proc file system that shows it."""

    def __init__(self, proc: int) -> None:
        self._proc = proc
        self._own = self._resident(os.readlink("self", dir_fd=proc))

    def exceeds(self, root: int, limit: int) -> bool:
        """True when `root` and all its descendants hold more than `limit` bytes together."""
        tree = self._tree(str(root))
        if sum(self._resident(pid) for pid in tree) <= limit:
            return False
        shares = [self._proportional(pid) for pid in tree]
        if None in shares:
            return sum(max(0, self._resident(pid) - self._own) for pid in tree) > limit
        return sum(share for share in shares if share is not None) > limit

    def _tree(self, root: str) -> list[str]:
        below: dict[str, list[str]] = {}
        for pid in os.listdir(self._proc):
            if pid.isdigit():
                # The name in parentheses is the program's choice, the fields behind the last one are not.
                fields = self._read(f"{pid}/stat").rpartition(b")")[2].split()
                if len(fields) > 1:
                    below.setdefault(fields[1].decode(), []).append(pid)
        found = [root]
        for pid in found:
            found.extend(below.get(pid, ()))
        return found

    def _resident(self, pid: str) -> int:
        fields = self._read(f"{pid}/statm").split()
        return int(fields[1]) * _PAGE if len(fields) > 1 else 0

    def _proportional(self, pid: str) -> int | None:
        for line in self._read(f"{pid}/smaps_rollup").splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
        # A process that has just ended has no size; one that is there and cannot be read has an unknown one.
        return 0 if self._resident(pid) == 0 else None

    def _read(self, name: str) -> bytes:
        with contextlib.suppress(OSError):
            descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._proc)
            try:
                return os.read(descriptor, 1 << 16)
            finally:
                os.close(descriptor)
        return b""
