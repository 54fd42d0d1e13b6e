"""A process that does nothing but fork: programs start as copies of it, not of the worker that watches them.

After a fork both sides pay for every page they write to, so the one that is copied should write little. The template
hears that a program is there, forks with CLONE_VFORK, and stands still until the copy is gone: it then finds its pages
as they were. The copy reads its order, the compiled program and what belongs to it, from a file in memory.
CLONE_PARENT makes it a child of the worker, which reads its number from a page that both share, and waits, watches and
kills as for its own.

Covered: the template's end is the worker's end. It never holds a program itself, so none finds another's. The shared
page is left out of what either of them forks from then on, so no program can write to it. Open files are one table of
both: what the worker opens needs no passing on. A template that cannot do its work says so, and leaves nothing behind.
Not covered: workers without a pid namespace of their own, or with libraries that may have started threads; those fork
themselves. A program that replaces its process by another (exec) frees the template before its end.
"""

from __future__ import annotations

import contextlib
import gc
import marshal
import os
import select
import signal
import struct
import time
import types
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from . import trial
from .processes import FILENAME, Processes
from .sandbox import memory, syscalls

_READ_BYTES = 1 << 16
_COMMAND = struct.Struct(f"<QI{trial.MARK_BYTES}s")
"""Length of the order, channel and mark: enough to report that the order could not be read."""
_LONG_ORDER = 1 << 20
"""The memory of a longer one is given back before the next is written."""
_MOMENT_SECONDS = 0.005
_STARTED, _REFUSED = b".", b"!"


class Refused(OSError):
    """The kernel does not let the template fork; the worker itself may still."""


Runner = Callable[[Any, str, int, Any], NoReturn]
"""Runs a program in its process: its code or source, its file name, the channel, and what its form of test needs."""


class Template:
    """The worker's side: hands programs to the template and waits for them.

    Args:
        runners: what a copy does with a program, by its form of test.
        meanwhile: called once while a program runs, if that takes more than a moment.

    Raises:
        OSError: there can be none; nothing is left of it.
    """

    def __init__(
        self,
        processes: Processes,
        connection: int,
        runners: Mapping[str, Runner],
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        self._processes = processes
        self._meanwhile = meanwhile
        self._runners = runners
        self._connection = connection
        self._process = 0
        self._opened: list[int] = []
        self._is_long = False
        self.is_lost = False
        """True once it is of no use: the kernel has ended it, say, as the largest process of a full control group."""
        self._page = syscalls.SharedNumber()
        try:
            self._start()
        except BaseException:
            self.bury()
            raise

    def _start(self) -> None:
        commands, self._commands = self._pipe()
        self._ended, ended = self._pipe()
        self._orders = os.memfd_create("orders")
        self._opened.append(self._orders)
        # Here, not in the namespace that the last fork may have left for the next one.
        self._processes.fork_here()
        process = syscalls.clone(syscalls.CLONE_FILES, signal.SIGCHLD)()
        if process == 0:
            _serve(commands, ended, self._orders, self._page, self._processes, self._runners)
        self._process = process
        # Not earlier, because the template has to write to it.
        self._page.keep_from_children()
        self._poll = select.poll()
        # No events asked: only the loss of the supervisor wakes this up.
        self._poll.register(self._connection, 0)
        self._poll.register(self._ended, select.POLLIN)
        self._life = os.pidfd_open(process)
        self._opened.append(self._life)
        self._poll.register(self._life, select.POLLIN)
        self._hear_it_greet()

    def _pipe(self) -> tuple[int, int]:
        both = os.pipe()
        self._opened += both
        return both

    def _hear_it_greet(self) -> None:
        waiting = select.poll()
        for descriptor in (self._ended, self._life):
            waiting.register(descriptor, select.POLLIN)
        happened = [descriptor for descriptor, _ in waiting.poll()]
        word = os.read(self._ended, _READ_BYTES) if self._ended in happened else b"it ended at its start"
        if word != _STARTED:
            raise OSError(f"no template: {word.decode('utf-8', 'replace')}")

    def run(
        self, program: types.CodeType | str, writer: int, mark: bytes, limits: dict[str, Any]
    ) -> tuple[trial.Ending, int, float]:
        """Run one program that tests itself to its end: how it ended, its exit code, its wall time in seconds.

        Raises:
            Refused: the template cannot start processes.
            OSError: no process can be started.
        """
        self.order("clean_exit", program, mark, writer, limits, mark)
        began = time.monotonic()
        ending, told = self._ends_by(began + limits["wall_seconds"], limits["memory_bytes"])
        code = self.end(told=told)
        return self._processes.named(ending), code, time.monotonic() - began

    def order(
        self, kind: str, program: types.CodeType | str, detail: Any, writer: int, limits: dict[str, Any], mark: bytes
    ) -> None:
        """Have one program started; `wait_on` tells of its end, and `end` has to be called for each.

        Args:
            kind: which of the runners is to run it; `detail` is what that needs.
            writer: the descriptor that becomes the program's channel.
            mark: what stands before a report on the channel that the program could not be started.

        Raises:
            OSError: there is no memory for it.
        """
        self._page.value = 0
        self._processes.prepare_group(limits)
        lowered = self._processes.lowered(limits)
        body = memoryview(marshal.dumps((kind, program, detail, lowered, limits["output_bytes"])))
        if self._is_long:
            os.ftruncate(self._orders, 0)
        self._is_long = len(body) > _LONG_ORDER
        written = 0
        while written < len(body):
            written += os.pwrite(self._orders, body[written:], written)
        os.write(self._commands, _COMMAND.pack(len(body), writer, mark))

    @property
    def child(self) -> int:
        """The process of the program that was ordered last; 0 until there is one."""
        return self._page.value

    @property
    def wait_on(self) -> tuple[int, int]:
        """Descriptors that can be read once the program ordered last has ended, and once the template has."""
        return self._ended, self._life

    def end(self, *, told: bool) -> int:
        """Kill what still runs of the program ordered last; its exit code.

        Args:
            told: whether the template has been heard.
        """
        code = self._processes.end(self._page.value)
        if not told:
            self._hear_in_time()
        if self._processes.met_a_kill:
            # The kernel may have chosen the template, if no process of the program was larger.
            self.is_lost = self._processes.is_over(self._process)
        return code

    def bury(self) -> None:
        """End the template, if it has not ended, and leave nothing of it."""
        if self._process:
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
            self._process = 0
        # One table of open files: what was the template's is still open here.
        while self._opened:
            os.close(self._opened.pop())
        self._page.close()

    def _ends_by(self, deadline: float, memory_bytes: int) -> tuple[trial.Ending, bool]:
        """How the program ended or has to end, and whether the template has been heard about it."""
        longest = memory.SECONDS if self._processes.watches_memory else float("inf")
        patience = _MOMENT_SECONDS
        looked = time.monotonic()
        while True:
            left = max(0.0, deadline - time.monotonic())
            happened = [descriptor for descriptor, _ in self._poll.poll(min(left, patience) * 1000)]
            if not happened and patience < longest:
                self._meanwhile()
                patience = longest
            child = self._page.value
            if self._ended in happened:
                self.hear()
                if self._processes.is_over(self._page.value):
                    return "itself", True
                # On its last steps, or another program in the same process by now.
                return self._processes.ends_by(self._page.value, deadline, memory_bytes), True
            if self._life in happened and child and self._processes.uses_too_much(child, memory_bytes):
                return "too large", False
            if happened:
                # The supervisor is gone, or the template: pid 1 takes everything with it.
                os._exit(0 if self._connection in happened else 1)
            if child and left <= 0:
                return "late", False
            if child and time.monotonic() - looked >= memory.SECONDS:
                if self._processes.uses_too_much(child, memory_bytes):
                    return "too large", False
                looked = time.monotonic()

    def _hear_in_time(self) -> None:
        happened = [descriptor for descriptor, _ in self._poll.poll()]
        if self._ended in happened:
            self.hear()
        elif self._life not in happened or not self._processes.met_a_kill:
            os._exit(1)

    def hear(self) -> None:
        """Wait for the template's word that it goes on: the program has ended, or become another (exec).

        Raises:
            Refused: it could start none.
        """
        if os.read(self._ended, 1) != _STARTED:
            raise Refused("the template cannot fork")


def _serve(
    commands: int,
    ended: int,
    orders: int,
    page: syscalls.SharedNumber,
    processes: Processes,
    runners: Mapping[str, Runner],
) -> NoReturn:
    """The template's whole life. What it holds while a program runs, the program's process is a copy of."""
    try:
        try:
            # Once, for all its copies: to move each would cost a fiftieth of a program, and its wait a millisecond.
            processes.join_group()
            become = processes.become
            gc.disable()
            page.keep_from_children()
            fork = syscalls.clone(
                syscalls.CLONE_NEWPID | syscalls.CLONE_PARENT | syscalls.CLONE_VFORK, 0, number_to=page.address
            )
        except BaseException as error:
            os.write(ended, trial.one_line(error).encode())
            os._exit(1)
        os.write(ended, _STARTED)
        while True:
            command = os.read(commands, _COMMAND.size)
            child = 0
            with contextlib.suppress(OSError):
                child = fork() or _run(become, runners, orders, command)
            os.write(ended, _STARTED if child else _REFUSED)
    finally:
        os._exit(1)


def _run(become: Callable[..., None], runners: Mapping[str, Runner], orders: int, command: bytes) -> NoReturn:
    """The copy's side; whatever happens, it does not come back as a second template."""
    try:
        size, writer, mark = _COMMAND.unpack(command)
        try:
            kind, program, detail, lowered, allowed = marshal.loads(_read(orders, size))
            run = runners[kind]
        except BaseException as error:
            trial.report(writer, mark, b"X", trial.one_line(error))
        trial.CountingSink.allow(allowed)
        gc.enable()
        become(lowered, writer, mark, lambda channel: run(program, FILENAME, channel, detail))
    finally:
        os._exit(1)


def _read(orders: int, size: int) -> bytes:
    body = os.pread(orders, size, 0)
    while len(body) < size:
        if not (more := os.pread(orders, size - len(body), len(body))):
            raise OSError("the order is not there")
        body += more
    return body
