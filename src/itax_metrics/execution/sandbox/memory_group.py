"""The worker's side of its memory control group: programs join it, and the kernel ends what takes too much in it.

Covered: memory that many processes of a program take together between two looks (`memory`), files they hold in the
scratch directories and the kernel's own for them included. The descriptors are opened before the fence is up and
closed in every program, so none can leave the group by them. What the kernel kills there because the machine or a group
around this one is full is told apart: the group has not met its own limit.
Not covered: swap, where the kernel does not count it; the kernel kills one process at a time, and the worker ends the
rest when it looks or when the program is over. What the worker itself holds is outside, and so are the pages that a
program shares with it. Version 1 does not say what a kill was for, so the highest use decides: a program that came
close to its limit makes a later kill from outside look like the group's own.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import Literal

_READ_BYTES = 4096

_NEAR = 4 << 20
"""Version 1: bytes by which use may have stayed below a limit that was met; the kernel charges pages in batches."""

Killed = Literal["by its limit", "from outside"]
"""Whether the group's own limit made the kernel end a process, or what is around the group was full."""


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
        self._held = {self._limit: sys.maxsize}
        """What each limit is, in bytes; last the one that no other may exceed."""
        # Not the count of failed charges: Linux 6.18 leaves it at 0.
        self._peaks = {self._limit: opened("memory.max_usage_in_bytes", os.O_RDWR)} if first else {}
        """Version 1: for each limit the file of the highest use. Version 2 has an event of its own."""
        self.held = 0
        """The most that the program held before the kill that `has_killed` told last, in bytes; 0: unknown."""
        self._highest = self._peaks.get(self._limit, -1)
        with contextlib.suppress(OSError):
            if first:
                # Memory and swap together.
                peak = opened("memory.memsw.max_usage_in_bytes", os.O_RDWR)
                with_swap = opened("memory.memsw.limit_in_bytes", os.O_WRONLY)
                self._held[with_swap], self._peaks[with_swap] = sys.maxsize, peak
            else:
                swap = opened("memory.swap.max", os.O_WRONLY)
                os.write(swap, b"0")
                os.close(swap)
        if not first:
            with contextlib.suppress(OSError):
                peak = opened("memory.peak", os.O_RDWR)
                # Since Linux 6.12 each reader may begin anew; before, an earlier program's use would count.
                os.write(peak, b"0")
                self._highest = peak
        self._allowed = sys.maxsize
        events = self._read_events()
        if b"oom_kill" not in events or not (first or b"oom" in events):
            raise OSError("the kernel does not count what it kills in a group (Linux 4.13 does)")
        self._kills, self._met = events[b"oom_kill"], events.get(b"oom", 0)

    def allow(self, memory_bytes: int) -> None:
        """Limit the programs that join from here on to so many bytes together.

        Raises:
            OSError: the kernel refuses that limit.
        """
        self._forget_peaks()
        if memory_bytes == self._allowed:
            return
        # Whatever happens below: only limits that are known to be in force need not be written again.
        self._allowed = -1
        files = list(self._held)
        try:
            # The limit with swap is never below the one without.
            for file in files if memory_bytes < self._held[files[-1]] else reversed(files):
                os.pwrite(file, str(memory_bytes).encode(), 0)
                self._held[file] = memory_bytes
        except OSError as error:
            # What the last program held may be on its way out: the higher limit stays, and is lowered the next time.
            if error.errno != errno.EBUSY:
                raise
        else:
            self._allowed = memory_bytes

    def join(self) -> None:
        """Move this process into the group; all it forks from here on are born there."""
        os.write(self._members, b"0")

    def try_to_join(self) -> None:
        """Let a child of this process join, so that it is known whether programs will be able to.

        Raises:
            OSError: it could not.
        """
        child = os.fork()
        if child == 0:
            refused = 255
            try:
                self.join()
                refused = 0
            except OSError as error:
                refused = error.errno or refused
            finally:
                os._exit(refused)
        refused = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if refused:
            raise OSError(refused, f"no process can join it: {os.strerror(refused)}")

    def has_killed(self) -> Killed | None:
        """Why the kernel has ended processes of the group since this was asked last; None if it has ended none."""
        events = self._read_events()
        if events[b"oom_kill"] == self._kills:
            return None
        self._kills = events[b"oom_kill"]
        self.held = int(os.pread(self._highest, _READ_BYTES, 0)) if self._highest >= 0 else 0
        return "by its limit" if self._has_met_its_limit(events) else "from outside"

    def _has_met_its_limit(self, events: dict[bytes, int]) -> bool:
        """Whether the group itself ran out of memory since the last kill, or since the last program."""
        if not self._peaks:
            # No group is below this one, so these events are its own.
            before, self._met = self._met, events[b"oom"]
            return self._met != before
        met = any(
            int(os.pread(peak, _READ_BYTES, 0)) >= self._held[limit] - _NEAR for limit, peak in self._peaks.items()
        )
        self._forget_peaks()
        return met

    def _forget_peaks(self) -> None:
        for peak in {*self._peaks.values(), self._highest} - {-1}:
            os.pwrite(peak, b"0", 0)

    def _read_events(self) -> dict[bytes, int]:
        lines = os.pread(self._events, _READ_BYTES, 0).splitlines()
        return {name: int(count) for name, _, count in (line.partition(b" ") for line in lines)}
