"""The worker's side of its memory control group: programs join it, and the kernel ends what takes too much in it.

Covered: memory that many processes of a program take together between two looks (`memory`), files they hold in the
scratch directories and the kernel's own for them included. The descriptors are opened before the fence is up and
closed in every program, so none can leave the group by them.
Not covered: swap, where the kernel does not count it; the kernel kills one process at a time, and the worker ends the
rest when it looks or when the program is over. What the worker itself holds is outside, and so are the pages that a
program shares with it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys

_READ_BYTES = 4096


class MemoryGroup:
    """An open memory control group, of either version.

    Raises:
        OSError: it cannot be used from here.
    """

    def __init__(self, path: str) -> None:
        def opened(name: str, flags: int) -> int:
            return os.open(f"{path}/{name}", flags | os.O_CLOEXEC)

        first = os.path.exists(f"{path}/memory.limit_in_bytes")
        self._members = opened("cgroup.procs", os.O_WRONLY)
        self._limit = opened("memory.limit_in_bytes" if first else "memory.max", os.O_WRONLY)
        self._events = opened("memory.oom_control" if first else "memory.events", os.O_RDONLY)
        self._with_swap: int | None = None
        """Version 1 limits memory and swap together."""
        with contextlib.suppress(OSError):
            if first:
                self._with_swap = opened("memory.memsw.limit_in_bytes", os.O_WRONLY)
            else:
                swap = opened("memory.swap.max", os.O_WRONLY)
                os.write(swap, b"0")
                os.close(swap)
        self._allowed = sys.maxsize
        self._kills = self._count()
        if self._kills < 0:
            raise OSError("the kernel does not count what it kills in a group (Linux 4.13 does)")

    def allow(self, memory_bytes: int) -> None:
        """Limit the programs that join from here on to so many bytes together.

        Raises:
            OSError: the kernel refuses that limit.
        """
        if memory_bytes == self._allowed:
            return
        files = [self._limit] if self._with_swap is None else [self._limit, self._with_swap]
        try:
            # The limit with swap is never below the one without.
            for file in files if memory_bytes < self._allowed else reversed(files):
                os.pwrite(file, str(memory_bytes).encode(), 0)
        except OSError as error:
            # What the last program held may be on its way out: the higher limit stays, and is lowered the next time.
            if error.errno != errno.EBUSY:
                raise
        else:
            self._allowed = memory_bytes

    def join(self) -> None:
        """Move this process into the group; all it forks from here on are born there."""
        os.write(self._members, b"0")

    def has_killed(self) -> bool:
        """True when the kernel has ended a process of the group since this was true last."""
        before, self._kills = self._kills, self._count()
        return self._kills != before

    def _count(self) -> int:
        for line in os.pread(self._events, _READ_BYTES, 0).splitlines():
            name, _, count = line.partition(b" ")
            if name == b"oom_kill":
                return int(count)
        return -1
