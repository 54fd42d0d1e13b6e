"""The processes of programs: forked behind the full fence, watched, and ended with everything they started.

Covered: a program that hangs, grows or dies; descendants it leaves behind.
Not covered: a program that forks faster than it can be killed, where there is no pid namespace; the worker then ends.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

from . import trial
from .sandbox import cleaning, memory, namespaces, syscalls
from .sandbox.confine import Confinement, become

FILENAME = "<program>"
_CHANNEL_SLOT = 200

ROOM_BYTES = 2 << 30
"""What the pool keeps free for a worker with libraries and its program (`room.LIBRARY_BYTES`)."""


class Processes:
    """Starts and ends one program after another, for the worker that answers on `connection`."""

    def __init__(self, connection: int, fence: Confinement, *, plain: bool) -> None:
        self._connection = connection
        self._fence = fence
        # The hooks that os.fork runs in the child have nothing to do in a process with one thread, and cost as much as
        # a short program. Libraries may have started threads; then they are needed.
        self._fork = syscalls.fork if plain and sys.implementation.name == "cpython" else os.fork
        self._watch = None if fence.proc is None else memory.Watch(fence.proc)
        self._lowered: dict[tuple[Any, ...], tuple[trial.Lowered, ...]] = {}
        self.cpu_seconds = 0.0
        """CPU time of the first process of the program that ended last."""
        self.over_memory = False
        """Whether the kernel ended a process of that program because all of them together took too much."""
        self.was_starved = False
        """Whether the kernel ended one because the machine was full, or a control group around the program's."""
        self._group = fence.group
        self._is_member = False

    def fork(
        self,
        limits: dict[str, Any],
        writer: int,
        run: Callable[[int], NoReturn],
        mark: bytes = b"",
        *,
        is_program: bool = True,
    ) -> int:
        """Start a process behind the full fence that does `run(channel)`; its process id.

        Args:
            is_program: False for what outlives programs, and does not count to what they use together.

        Raises:
            OSError: no process can be started.
        """
        lowered = self.lowered(limits)
        if is_program:
            self.prepare_group(limits)
        if self._fence.pid_namespace is not None:
            namespaces.next_child_in_new_pid_namespace(self._fence.pid_namespace)
        child = self._fork()
        if child == 0:
            self._is_member = self._is_member or not is_program
            self.become(lowered, writer, mark, run)
        return child

    def fork_here(self) -> None:
        """Let the next fork stay in the worker's own pid namespace."""
        assert self._fence.pid_namespace is not None
        syscalls.setns(self._fence.pid_namespace, syscalls.CLONE_NEWPID)

    def prepare_group(self, limits: dict[str, Any]) -> None:
        """Let the control group, if there is one, hold what the next program may use."""
        self.over_memory = self.was_starved = False
        if self._group is not None:
            self._group.allow(limits["memory_bytes"])

    def join_group(self) -> None:
        """Enter the control group, if there is one: what this process forks need not do so again."""
        if self._group is not None:
            self._group.join()
        self._is_member = True

    def lowered(self, limits: dict[str, Any]) -> tuple[trial.Lowered, ...]:
        """The limits as the program's process sets them."""
        wanted = tuple(limits.values())
        if wanted not in self._lowered:
            self._lowered[wanted] = tuple(trial.lowered(limits, count_processes=self._fence.count_processes))
        return self._lowered[wanted]

    def become(
        self, lowered: tuple[trial.Lowered, ...], writer: int, mark: bytes, run: Callable[[int], NoReturn]
    ) -> None:
        """The forked side: leave every privilege and every descriptor behind, then run."""
        # Each page touched here is copied for this one program: what the worker can prepare, it has prepared.
        try:
            fence = self._fence
            if "random" in sys.modules:
                sys.modules["random"].seed()
            os.setsid()
            if not self._is_member:
                self.join_group()
            writer = os.dup2(writer, _CHANNEL_SLOT, inheritable=False)
            if fence.pid_namespace is None:
                syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
            if fence.drop_to is not None:
                become(fence.drop_to)
            for limit, value in lowered:
                resource.setrlimit(limit, value)
            if fence.drop_capabilities:
                syscalls.drop_capabilities()
            if fence.ruleset is not None:
                fence.ruleset.apply()
            os.closerange(3, _CHANNEL_SLOT)
        except BaseException as error:
            # Never run a program with less than the full fence.
            trial.report(writer, mark, b"X", trial.one_line(error))
        run(_CHANNEL_SLOT)

    @property
    def watches_memory(self) -> bool:
        """Whether `uses_too_much` can tell."""
        return self._watch is not None or self._group is not None

    def uses_too_much(self, child: int, memory_bytes: int) -> bool:
        """True when a program and its descendants together hold, or held, more memory than one of them may.

        Also when the kernel ended one of them for want of memory outside: `was_starved` then tells.
        """
        self._note_kills()
        if self.met_a_kill:
            return True
        return self._watch is not None and self._watch.exceeds(child, memory_bytes)

    @property
    def met_a_kill(self) -> bool:
        """Whether the kernel ended a process of the program that ran last, or of its group."""
        return self.over_memory or self.was_starved

    def named(self, ending: trial.Ending) -> trial.Ending:
        """How the program that was ended last did end, with what the kernel did to it taken into account."""
        if self.over_memory:
            return "too large"
        if self.was_starved:
            return "beyond its room" if self._is_beyond_its_room else "starved"
        return ending

    @property
    def starvation(self) -> tuple[str, str]:
        """Status and detail of a program that `was_starved`.

        A machine may have less memory than a benchmark's limit: who took more than the pool ever keeps free for a
        program is the cause of what happened, and who took less is not.
        """
        if self._is_beyond_its_room:
            return "out_of_memory", trial.BEYOND_ITS_ROOM
        return "harness_error", trial.STARVED

    @property
    def _is_beyond_its_room(self) -> bool:
        return self._group is not None and self._group.held > ROOM_BYTES

    def _note_kills(self) -> None:
        if self._group is not None:
            killed = self._group.has_killed()
            if killed == "by its limit":
                self.over_memory = True
            elif killed is not None:
                self.was_starved = True

    def is_over(self, child: int) -> bool:
        """True when the first process of a program has ended; it stays to be waited for."""
        return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def ends_by(self, child: int, deadline: float, memory_bytes: int) -> trial.Ending:
        """Wait for a program's end, or for the moment at which it has to be ended.

        Ends this process, and the program with it, when the supervisor is gone.
        """
        poll = select.poll()
        # No events asked: only the loss of the supervisor wakes this up.
        poll.register(self._connection, 0)
        try:
            ended = os.pidfd_open(child)
        except OSError:
            # Before Linux 5.3: look every two milliseconds.
            ended = -1
        else:
            poll.register(ended, select.POLLIN)
        longest = 0.002 if ended < 0 else memory.SECONDS if self.watches_memory else float("inf")
        looked = time.monotonic()
        try:
            while True:
                left = max(0.0, deadline - time.monotonic())
                happened = [descriptor for descriptor, _ in poll.poll(min(left, longest) * 1000)]
                if ended in happened:
                    return "itself"
                if happened:
                    self.end(child)
                    os._exit(0)
                if ended < 0 and self.is_over(child):
                    return "itself"
                if left <= 0:
                    return "late"
                if time.monotonic() - looked >= memory.SECONDS:
                    if self.uses_too_much(child, memory_bytes):
                        return "too large"
                    looked = time.monotonic()
        finally:
            if ended >= 0:
                os.close(ended)

    def end(self, child: int) -> int:
        """Kill what still runs of the program; its exit code."""
        # Not reaped yet, so the number cannot belong to anybody else.
        os.kill(child, signal.SIGKILL)
        _, status, usage = os.wait4(child, 0)
        code = os.waitstatus_to_exitcode(status)
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        if self._fence.pid_namespace is None:
            try:
                cleaning.kill_stragglers(child)
            except OSError:
                os._exit(1)
        self._note_kills()
        return code
