"""The worker's side of call tests: fork, execute the solution, call its function on each input, pass the results on.

Covered: every call has its own wall limit and the program as a whole another, both watched from outside the program;
results are relayed while the program runs, so that the supervisor can stop it at the first wrong one; a program of many
calls waits after the first few until the supervisor lets it go on, which no clock counts; expected answers are not here
to be found.
Not covered: the clock of a call starts when this side reads that the one before has ended, up to 20 ms late.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import sys
import time
from collections.abc import Iterator
from types import CodeType
from typing import TYPE_CHECKING, Any, NoReturn

from . import codec, codec_reading, trial
from .captured import kept
from .running import Copied, Forked, Running
from .sandbox import memory
from .template import Refused, Template

if TYPE_CHECKING:
    from .serving import Server

HEADER = struct.Struct("<cI")
COMPILE_IN_WORKER = 100_000
FILENAME = "<program>"
_PIPE_BYTES = 1 << 20
_FIRST_RELAY_SECONDS, _RELAY_SECONDS = 0.0005, 0.05
"""Most wrong programs are wrong in one of their first results: the first relay is early, later ones ever less so."""
_SLOWING = 4
_PAUSE_SECONDS = 0.002
_RELAY_BYTES = 1 << 22
_TOO_LARGE = {"status": "out_of_memory", "detail": "its processes together use more than one may"}


def answer(server: Server, request: dict[str, Any]) -> dict[str, Any]:
    """Run one program of calls; the last reply about it, which says how it ended."""
    source: str = request["source"]
    program: CodeType | str = source
    if not request["compile_in_fork"] and len(source) <= COMPILE_IN_WORKER:
        trial.CountingSink.allow(1 << 62)
        try:
            program = compile(source, FILENAME, "exec", dont_inherit=True)
        except Exception as error:
            return {"status": "compile_error", "detail": trial.one_line(error)}
    with contextlib.suppress(Refused), server.template_in_use() as template:
        return _followed(server, request, program, template)
    return _followed(server, request, program, None)


def _followed(
    server: Server, request: dict[str, Any], program: CodeType | str, template: Template | None
) -> dict[str, Any]:
    limits = request["limits"]
    detail = {
        "entry_point": request["entry_point"],
        "arguments": request["arguments"],
        "as_set": request["as_set"],
        "result_bytes": request["result_bytes"],
        "timed": request.get("timed", False),
        "pause_after": request.get("pause_after", 0),
        "go": -1,
    }
    opened: list[int] = []
    if detail["pause_after"]:
        word, go = os.pipe()
        detail["go"] = kept(word)
        opened = [detail["go"], go]

    def become(channel: int) -> NoReturn:
        run(program, FILENAME, channel, detail)

    mark = os.urandom(trial.MARK_BYTES)
    reader, writer = os.pipe()
    with contextlib.suppress(OSError):
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    running: Running
    try:
        began = time.monotonic()
        try:
            if template is not None:
                template.order("calls", program, detail, writer, limits, mark)
                running = Copied(server.processes, template, limits["memory_bytes"])
            else:
                trial.CountingSink.allow(limits["output_bytes"])
                running = Forked(server.processes, server.processes.fork(limits, writer, become, mark))
        except OSError as error:
            return {"status": "harness_error", "detail": f"the worker could not start a process: {error}"}
        finally:
            # The template has no other table of open files than this process, and copies it when it forks.
            if template is None:
                os.close(writer)
        os.set_blocking(reader, False)
        return _Watch(server, running, reader, request, began, mark, opened[-1:]).follow()
    finally:
        if template is not None:
            opened.append(writer)
        for number in (reader, *opened):
            os.close(number)


class _Watch:
    """One running program: its clock, its stream, and the way to the supervisor."""

    def __init__(
        self,
        server: Server,
        running: Running,
        reader: int,
        request: dict[str, Any],
        began: float,
        mark: bytes,
        go: list[int],
    ) -> None:
        self._server, self._running, self._reader, self._request, self._began = server, running, reader, request, began
        self._mark = mark
        self._refusal: dict[str, Any] | None = None
        """Why the program was not even started."""
        self._run = os.urandom(8).hex()
        self._unsent = bytearray()
        self._sent_at = began
        self._patience = _FIRST_RELAY_SECONDS
        self._skip = 0
        self._header = b""
        self._calls_done = -1
        """Results seen; -1 until the function exists."""
        self._call_began = began
        self._digesting = False
        self._closed = False
        self._go = go
        """Where the program is let go on after its first calls; nowhere once it was, or if it does not wait."""
        self._waits_since: float | None = None
        """When the supervisor was asked whether it may (monotonic)."""

    def follow(self) -> dict[str, Any]:
        """Watch until the program has ended, one way or another."""
        try:
            outcome = self._until_end()
        except Refused:
            raise
        except BaseException:
            self._running.end()
            raise
        code = self._running.end()
        while self._read():
            pass
        if self._refusal is not None:
            outcome = self._refusal
        elif self._server.processes.over_memory:
            outcome = dict(_TOO_LARGE)
        elif self._server.processes.was_starved:
            outcome = dict(zip(("status", "detail"), self._server.processes.starvation, strict=True))
        reply = {**(outcome or self._how_it_ended(code)), "seconds": time.monotonic() - self._began}
        return {**reply, "results": bytes(self._unsent)}

    def _until_end(self) -> dict[str, Any] | None:
        """None when the program ended by itself."""
        running = self._running
        poll = select.poll()
        running.register(poll)
        poll.register(self._server.connection_number, select.POLLIN)
        listening, looked = False, self._began
        while True:
            arrived = self._read()
            now = time.monotonic()
            late = self._late(now)
            if late is not None and running.has_begun:
                return {"status": "timeout", "detail": late}
            if now - looked > memory.SECONDS and running.has_begun:
                looked = now
                if running.uses_too_much(self._request["limits"]["memory_bytes"]):
                    return dict(_TOO_LARGE)
            if self._go and self._waits_since is None and self._calls_done >= self._request["pause_after"]:
                self._waits_since = now
                self._relay(now)
            elif self._unsent and (now - self._sent_at > self._patience or len(self._unsent) > _RELAY_BYTES):
                self._relay(now)
            # While results flow they are collected every two milliseconds, not one by one; but for the first few, after
            # which the program waits.
            flows = arrived and not self._go
            if listening is not (not flows and not self._closed):
                listening = not listening
                poll.register(self._reader, select.POLLIN) if listening else poll.unregister(self._reader)
            wait = _PAUSE_SECONDS if flows or running.must_be_asked else self._longest_wait(now)
            happened = [number for number, _ in poll.poll(1000 * wait + 1)]
            state = running.state(happened, poll)
            if state == "ended":
                return None
            if state == "too large":
                return dict(_TOO_LARGE)
            if self._server.connection_number in happened:
                words = self._server.read_ahead(self._run)
                if "stop" in words:
                    return {"status": "failed", "detail": "stopped at the first wrong result"}
                if "go" in words and self._waits_since is not None:
                    self._let_go(self._waits_since)

    def _let_go(self, since: float) -> None:
        now = time.monotonic()
        self._began += now - since
        self._call_began = now
        self._waits_since = None
        os.write(self._go.pop(), b".")

    def _longest_wait(self, now: float) -> float:
        if self._waits_since is not None:
            return memory.SECONDS
        waits = [self._began + self._request["limits"]["wall_seconds"] - now, memory.SECONDS]
        if self._unsent:
            waits.append(self._sent_at + self._patience - now)
        if self._is_timed:
            waits.append(self._call_began + self._request["seconds"][self._calls_done] - now)
        return float(max(0.0, min(waits)))

    @property
    def _is_timed(self) -> bool:
        """Whether a call runs whose limit holds."""
        return 0 <= self._calls_done < len(self._request["seconds"]) and not self._digesting

    def _late(self, now: float) -> str | None:
        limit = self._request["limits"]["wall_seconds"]
        if self._waits_since is not None:
            return None
        if now - self._began > limit:
            return f"over {limit:g} s of wall time in all"
        done, limits = self._calls_done, self._request["seconds"]
        if self._is_timed and now - self._call_began > limits[done]:
            return f"call {done + 1} of {len(limits)}: over {limits[done]:g} s of wall time"
        return None

    def _relay(self, now: float) -> None:
        waits = self._waits_since is not None
        self._server.send({"partial": True, "run": self._run, "results": bytes(self._unsent), "waits": waits})
        self._unsent.clear()
        self._sent_at = now
        self._patience = min(self._patience * _SLOWING, _RELAY_SECONDS)

    def _read(self) -> bool:
        """Take what the pipe holds; True when there was something."""
        try:
            more = os.read(self._reader, _PIPE_BYTES)
        except BlockingIOError:
            return False
        self._closed = not more
        if more.startswith(self._mark):
            _, detail, _ = trial.read_report(more, self._mark) or ("", "", False)
            self._refusal = {"status": "harness_error", "detail": detail}
            return True
        self._unsent += more
        for kind in self._messages(more):
            self._digesting = kind == b"b"
            if kind in (b"s", b"V", b"D"):
                self._calls_done += 1
                self._call_began = time.monotonic()
        return bool(more)

    def _messages(self, more: bytes) -> Iterator[bytes]:
        """The kinds of the messages that begin in `more`; their bodies are somebody else's business."""
        at = 0
        while at < len(more):
            skipped = min(self._skip, len(more) - at)
            self._skip -= skipped
            at += skipped
            wanted = HEADER.size - len(self._header)
            self._header += more[at : at + wanted]
            at += wanted
            if len(self._header) == HEADER.size:
                kind, self._skip = HEADER.unpack(self._header)
                self._header = b""
                yield kind

    def _how_it_ended(self, code: int) -> dict[str, Any]:
        if code == trial.OUTPUT_LIMIT_EXIT:
            return {
                "status": "output_limit",
                "detail": f"over {self._request['limits']['output_bytes']} bytes of output",
            }
        if code == -signal.SIGKILL:
            return {"status": "out_of_memory", "detail": "killed from outside, as the kernel does without memory"}
        if code < 0:
            with contextlib.suppress(ValueError):
                return {"status": "error", "detail": f"died by {signal.Signals(-code).name}"}
        return {"status": "error", "detail": f"ended by itself with exit status {code}, before its last call"}


def run(program: CodeType | str, filename: str, channel: int, request: dict[str, Any]) -> NoReturn:
    """In the program's process: execute the solution, call its function on each input, send what it returns."""
    # Local names: the program may rebind anything in os and builtins.
    put, get, leave, describe, pack = os.write, os.read, os._exit, trial.one_line, HEADER.pack
    clock = time.perf_counter
    assertion, memory, anything, decode, encode, digest = (
        AssertionError, MemoryError, BaseException, codec_reading.decode, codec.write, codec.Digest,
    )  # fmt: skip

    def send(kind: bytes, body: bytes = b"") -> None:
        message = pack(kind, len(body)) + body
        while message:
            message = message[put(channel, message) :]

    ending, detail = b"E", ""
    try:
        blob = request["arguments"]
        as_set, cap, timed = frozenset(request["as_set"]), request["result_bytes"], request["timed"]
        pause_after, go = request["pause_after"], request["go"]
        if isinstance(program, str):
            ending = b"C"
            program = compile(program, filename, "exec", dont_inherit=True)
            ending = b"E"
        namespace: dict[str, Any] = {}
        exec(program, namespace)
        function = namespace.get(request["entry_point"])
        if function is None:
            raise NameError(f"the program does not define {request['entry_point']}")
        send(b"s")
        at = number = 0
        while at < len(blob):
            (length,) = struct.unpack_from("<I", blob, at)
            at += 4 + length
            arguments = decode(blob[at - length : at])
            began = clock()
            result = function(*arguments)
            if timed:
                send(b"T", struct.pack("<d", clock() - began))
            if number in as_set:
                result = set(result)
            encoding = digest(cap, lambda: send(b"b"))
            encode(result, encoding.put)
            fits, body = encoding.result()
            send(b"V" if fits else b"D", body)
            number += 1
            del result, encoding
            if number == pause_after:
                get(go, 1)
        ending = b""
    except assertion as error:
        ending = b"F"
        detail = describe(error)
    except memory as error:
        ending = b"C" if ending == b"C" else b"M"
        detail = describe(error)
    except anything as error:
        detail = describe(error)
    finally:
        try:
            if ending:
                send(ending, detail.encode("utf-8", "replace"))
        finally:
            leave(0)
    sys.exit(1)
