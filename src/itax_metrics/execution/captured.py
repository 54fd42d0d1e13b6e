"""One contained process with given input, its output collected up to a cap, its wall time watched.

Covered: a process that floods, hangs, closes or ignores its streams; whatever it leaves running; its input cannot be
altered. Nothing it writes means anything here but bytes.
Not covered: the clock is wall time, as the official scorers' is; a loaded machine makes programs late.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import select
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from . import trial

if TYPE_CHECKING:
    from .serving import Server

_F_ADD_SEALS, _ALL_SEALS = 1033, 1 | 2 | 4 | 8
_LONGEST_COMPLAINT = 1 << 14
_READ_BYTES = 1 << 16
_LOOK_SECONDS = 0.1
"""Time between two looks at the memory of all its processes."""
_PAUSE_SECONDS = 0.002
_ROOM_FOR_FILES = 256
_FIRST_KEPT = 201
"""From this number on a fork keeps descriptors; the fence closes those below (the verdict channel is 200)."""


class Captured:
    """How a process ended: `end` is exited, timeout, output_limit, out_of_memory, compile_error or harness_error."""

    def __init__(self) -> None:
        self.end = "exited"
        self.code = 0
        self.out = bytearray()
        self.complaint = bytearray()
        """The end of what it wrote to stderr."""
        self.detail = ""
        self.seconds = 0.0

    @property
    def clean(self) -> bool:
        """True when it ended by itself with status 0."""
        return self.end == "exited" and self.code == 0

    def note_memory(self, limits: dict[str, Any]) -> None:
        """Its processes were more than the kernel let them be together."""
        self.end, self.detail = "out_of_memory", f"its processes use over {limits['memory_bytes']} bytes together"

    def note_cpu_limit(self, limits: dict[str, Any], used: float) -> None:
        """A process killed with its CPU time used up was late."""
        allowed = limits.get("cpu_seconds")
        killed = self.end == "exited" and self.code in (-signal.SIGXCPU, -signal.SIGKILL)
        if allowed is not None and killed and used >= allowed:
            self.end, self.detail = "timeout", f"over {allowed:g} s of CPU time"


def run(server: Server, limits: dict[str, Any], given: bytes, become: Callable[[int], NoReturn]) -> Captured:
    """Fork behind the fence, with `given` as standard input, and do `become(channel)` there; wait for its end.

    `become` may write one letter and a line to the channel: `X` the engine failed, `C` the source does not compile. It
    closes the channel before it runs anything untrusted.

    Raises:
        OSError: no process can be started.
    """
    captured = Captured()
    opened: list[int] = []

    def pipe(*, keep_writer: bool = False) -> tuple[int, int]:
        reader, writer = os.pipe()
        opened.append(reader)
        writer = kept(writer) if keep_writer else writer
        opened.append(writer)
        return reader, writer

    def close(number: int) -> None:
        opened.remove(number)
        os.close(number)

    def child(channel: int) -> NoReturn:
        try:
            for place, number in enumerate((source, out_writer, err_writer)):
                os.dup2(number, place)
            for number in (source, out_writer, err_writer):
                os.close(number)
            # The duplicates above needed room that the program is not to have.
            resource.setrlimit(resource.RLIMIT_NOFILE, (limits["open_files"], limits["open_files"]))
        except BaseException as error:
            trial.report(channel, b"", b"X", trial.one_line(error))
        become(channel)

    try:
        source = kept(input_file(given))
        opened.append(source)
        out_reader, out_writer = pipe(keep_writer=True)
        err_reader, err_writer = pipe(keep_writer=True)
        reader, writer = pipe()
        began = time.monotonic()
        process = server.processes.fork({**limits, "open_files": _ROOM_FOR_FILES}, writer, child)
        for number in (source, out_writer, err_writer, writer):
            close(number)
        watch = _Watch(server, process, captured, out_reader, err_reader, limits)
        try:
            watch.until_end(began + limits["wall_seconds"])
        finally:
            captured.code = server.processes.end(process)
            captured.seconds = time.monotonic() - began
        captured.note_cpu_limit(limits, server.processes.cpu_seconds)
        if server.processes.over_memory:
            captured.note_memory(limits)
        elif server.processes.was_starved:
            captured.end, captured.detail = server.processes.starvation
        watch.drain()
        _hear(captured, reader)
    finally:
        for number in opened:
            os.close(number)
    return captured


def kept(number: int) -> int:
    """The same open file under a number that outlives the fence's fork; closes the first one."""
    try:
        return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, _FIRST_KEPT)
    finally:
        os.close(number)


def input_file(given: bytes) -> int:
    """An anonymous file holding `given`, at its start, that nobody can write to."""
    number = os.memfd_create("stdin", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        rest = memoryview(given)
        while rest:
            rest = rest[os.write(number, rest) :]
        os.lseek(number, 0, os.SEEK_SET)
        fcntl.fcntl(number, _F_ADD_SEALS, _ALL_SEALS)
    except BaseException:
        os.close(number)
        raise
    return number


class _Watch:
    """A running process, its two streams, and the connection whose loss ends everything."""

    def __init__(
        self, server: Server, process: int, captured: Captured, out: int, err: int, limits: dict[str, Any]
    ) -> None:
        self._server, self._process, self._captured, self._limits = server, process, captured, limits
        self._left = limits["output_bytes"]
        self._open = {out: captured.out, err: captured.complaint}
        self._err = err
        for number in self._open:
            os.set_blocking(number, False)

    def until_end(self, deadline: float) -> None:
        """Collect until the process has ended or must be ended."""
        poll = select.poll()
        # No events asked: only the loss of the supervisor wakes this up.
        poll.register(self._server.connection_number, 0)
        for number in self._open:
            poll.register(number, select.POLLIN)
        try:
            ended = os.pidfd_open(self._process)
            poll.register(ended, select.POLLIN)
        except OSError:
            ended = -1  # before Linux 5.3: looked for every two milliseconds
        looked = time.monotonic()
        try:
            while True:
                left = max(0.0, deadline - time.monotonic())
                longest = _PAUSE_SECONDS if ended < 0 else _LOOK_SECONDS
                happened = [number for number, _ in poll.poll(min(left, longest) * 1000)]
                if self._server.connection_number in happened:
                    self._server.processes.end(self._process)
                    os._exit(0)
                for number in [number for number in happened if number in self._open]:
                    if not self._take(number):
                        poll.unregister(number)
                if self._captured.end != "exited" or ended in happened or (ended < 0 and self._is_over()):
                    return
                now = time.monotonic()
                if now - looked >= _LOOK_SECONDS:
                    looked = now
                    if self._server.processes.uses_too_much(self._process, self._limits["memory_bytes"]):
                        self._captured.note_memory(self._limits)
                        return
                if left <= 0:
                    self._captured.end = "timeout"
                    self._captured.detail = f"over {self._limits['wall_seconds']:g} s of wall time"
                    return
        finally:
            if ended >= 0:
                os.close(ended)

    def drain(self) -> None:
        """Take what is left in the pipes once nobody writes to them any more."""
        for number in list(self._open):
            with contextlib.suppress(BlockingIOError):
                while self._captured.end == "exited" and self._take(number):
                    pass

    def _is_over(self) -> bool:
        return os.waitid(os.P_PID, self._process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _take(self, number: int) -> bool:
        """Read once; False at the end of the stream."""
        more = os.read(number, _READ_BYTES)
        if not more:
            del self._open[number]
            return False
        self._left -= len(more)
        if self._left < 0:
            self._captured.end = "output_limit"
            self._captured.detail = f"over {self._limits['output_bytes']} bytes of output"
            return True
        self._open[number] += more
        if number == self._err and len(self._captured.complaint) > 2 * _LONGEST_COMPLAINT:
            del self._captured.complaint[:-_LONGEST_COMPLAINT]
        return True


def _hear(captured: Captured, reader: int) -> None:
    os.set_blocking(reader, False)
    try:
        message = os.read(reader, 1 << 12)
    except BlockingIOError:
        return
    if message:
        captured.end = "compile_error" if message[:1] == b"C" else "harness_error"
        captured.detail = message[1:].decode("utf-8", "replace")


def last_line(text: bytes | bytearray, marker: str = "") -> str:
    """The last line of a complaint, or the first one that holds `marker`; printable and short."""
    lines = [" ".join(line.split()) for line in text.decode("utf-8", "replace").splitlines() if line.strip()]
    marked = [line for line in lines if marker and marker in line.lower()]
    chosen = marked[0] if marked else lines[-1] if lines else ""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in chosen)[: trial.LONGEST_DETAIL]
