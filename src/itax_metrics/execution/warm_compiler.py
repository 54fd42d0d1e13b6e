"""A compiler that stays up between programs: one process behind the same fence, spoken to over two pipes.

Covered: it has the limits of a compilation and is killed when it is late; one that dies, or has compiled enough, is
replaced. It compiles and never runs what it is given.
Not covered: a source that takes the compiler over could spoil what it compiles for later programs of this worker.
"""

from __future__ import annotations

import contextlib
import os
import select
import struct
import time
from typing import TYPE_CHECKING, Any, NoReturn

from . import captured, trial

if TYPE_CHECKING:
    from .serving import Server

_COUNT = struct.Struct(">I")
_RETIRE_AFTER = 400
_LARGEST = 64 << 20


class CompilerDied(Exception):
    """The process ended, or spoke nonsense, before it had answered."""


class CompilerLate(Exception):
    """No answer within the time limit."""


class WarmCompiler:
    """One running compiler process.

    The protocol: two byte strings to it (file name, source), each after its length in four bytes; back come a
    byte, 1 or 0, and either the number of files and for each its name and content, or one string of complaints.
    """

    def __init__(self, server: Server, command: list[str], environment: dict[str, str], limits: dict[str, Any]) -> None:
        self._server = server
        self._answers = 0
        given, self._to = os.pipe()
        self._from, result = os.pipe()
        given, result = captured.kept(given), captured.kept(result)
        reader, writer = os.pipe()

        def become(channel: int) -> NoReturn:
            try:
                null = os.open(os.devnull, os.O_RDWR)
                for place, number in enumerate((given, result, null)):
                    os.dup2(number, place)
                os.execve(command[0], command, environment)
            except BaseException as error:
                trial.report(channel, b"", b"X", trial.one_line(error))

        try:
            self._process = server.processes.fork(limits, writer, become, is_program=False)
        except BaseException:
            os.close(self._to)
            os.close(self._from)
            raise
        finally:
            for number in (given, result, reader, writer):
                os.close(number)
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)

    @property
    def is_worn(self) -> bool:
        """True when a fresh one should take over: compilers keep memory."""
        return self._answers >= _RETIRE_AFTER

    def compile(self, name: str, source: str, seconds: float) -> dict[str, bytes] | str:
        """The files a compilation makes, or the compiler's complaint.

        Raises:
            CompilerDied, CompilerLate: this one is of no use any more; `close` it.
        """
        deadline = time.monotonic() + seconds
        rest = b"".join(_COUNT.pack(len(part)) + part for part in (name.encode(), source.encode("utf-8", "replace")))
        while rest:
            self._wait(self._to, select.POLLOUT, deadline)
            try:
                rest = rest[os.write(self._to, rest) :]
            except OSError as error:
                raise CompilerDied(f"the compiler ended: {error}") from error
        self._answers += 1
        if self._read(1, deadline) == b"\0":
            return captured.last_line(self._string(deadline), "error")
        files = {}
        for _ in range(self._count(deadline)):
            path = self._string(deadline).decode()
            files[path] = self._string(deadline)
        return files

    def close(self) -> None:
        """End the process."""
        os.close(self._to)
        os.close(self._from)
        with contextlib.suppress(ChildProcessError, ProcessLookupError):
            self._server.processes.end(self._process)

    def _string(self, deadline: float) -> bytes:
        return self._read(self._count(deadline), deadline)

    def _count(self, deadline: float) -> int:
        count: int = _COUNT.unpack(self._read(4, deadline))[0]
        if count > _LARGEST:
            raise CompilerDied("the compiler's answer makes no sense")
        return count

    def _read(self, size: int, deadline: float) -> bytes:
        received = bytearray()
        while len(received) < size:
            self._wait(self._from, select.POLLIN, deadline)
            more = os.read(self._from, size - len(received))
            if not more:
                raise CompilerDied("the compiler ended")
            received += more
        return bytes(received)

    def _wait(self, number: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(number, event)
        poll.register(self._server.connection_number, 0)
        happened = [each for each, _ in poll.poll(max(0.0, deadline - time.monotonic()) * 1000)]
        if self._server.connection_number in happened:
            self.close()
            os._exit(0)
        if not happened:
            raise CompilerLate("the compiler did not answer in time")
