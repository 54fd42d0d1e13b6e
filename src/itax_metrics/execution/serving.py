"""A worker's loop: receive a program, compile it, have it run, judge, reply; one program at a time.

Covered: a program that hangs, floods or dies; descendants it leaves behind; files it leaves behind.
Not covered: a source that crashes or hangs `compile` itself ends the worker; the supervisor then has it, and those that
were read together with it, compiled in the forked processes of a fresh one.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import time
import types
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from . import huge_pages, starting, trial
from .processes import FILENAME, Processes
from .sandbox import cleaning, syscalls
from .sandbox.confine import Confinement, LayerFailed, confine
from .template import Refused, Runner, Template
from .wire import Decoder, encode

COMPILE_IN_WORKER = 100_000
"""Longer sources are compiled in the forked process: the parser's memory then dies with it."""

_SERVANTS = {"calls": "call_serving", "stdio": "stdio_serving"}
"""Modules of the kinds of request that need more; loaded only where such requests are to come."""

_TOGETHER = 8
"""Replies about short programs that are sent at once: the supervisor wakes up less often."""
_WORDS = ("stop", "go")
"""Kinds of message about a program that runs."""


def main(argument: str) -> None:
    """Serve until the supervisor closes the connection; `argument` is the configuration as JSON."""
    config: dict[str, Any] = json.loads(argument)
    connection = os.dup(0)
    os.set_blocking(connection, True)
    starting.volunteer_for_the_oom_killer()
    if "huge_pages" not in config["skip"]:
        with contextlib.suppress(OSError):
            huge_pages.move_code()
    # Behind the fence this package's own files do not exist.
    servants = {kind: importlib.import_module(f"{__package__}.{_SERVANTS[kind]}") for kind in config["judges"]}
    try:
        confinement = confine(config)
    except LayerFailed as failure:
        _send(connection, {"failed": failure.layer, "reason": failure.reason})
        os._exit(1)
    starting.set_environment(confinement.scratch)
    with starting.borrowed_home(confinement.scratch):
        loaded = starting.preload(config["imports"])
    trial.silence()
    starting.hide_engine()
    gc.collect()
    syscalls.trim_heap()
    gc.freeze()
    ready = {
        "layers": sorted(confinement.layers),
        "missing": confinement.missing,
        "contains": confinement.contains,
        "loaded": loaded,
    }
    _send(connection, {"ready": ready})
    has_template = not config["imports"] and confinement.pid_namespace is not None
    runners: dict[str, Runner] = {"clean_exit": trial.run} if config["clean_exit"] else {}
    if "calls" in servants:
        runners["calls"] = servants["calls"].run
    Server(connection, confinement, servants, runners if has_template else {}, plain=not config["imports"]).serve()
    os._exit(0)


def _send(connection: int, *messages: dict[str, Any]) -> None:
    rest = b"".join(map(encode, messages))
    while rest:
        rest = rest[os.write(connection, rest) :]


class Server:
    """Runs programs one after another for one supervisor."""

    def __init__(
        self,
        connection: int,
        confinement: Confinement,
        servants: dict[str, types.ModuleType],
        runners: dict[str, Runner],
        *,
        plain: bool,
    ) -> None:
        self._connection = connection
        self.fence = confinement
        self._decoder = Decoder()
        self._writable = [cleaning.Directory(confinement.scratch)]
        if confinement.shared is not None:
            self._writable.append(cleaning.Directory(confinement.shared))
        self.processes = Processes(connection, confinement, plain=plain)
        self._template: Template | None = None
        self._may_have_template = bool(runners)
        self._runners = runners
        self.at_end: list[Callable[[], None]] = []
        """What is to be done once the connection is closed."""
        self._answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"clean_exit": self._answer}
        if "calls" in servants:
            self._answers["calls"] = lambda request: servants["calls"].answer(self, request)
        if "stdio" in servants:
            self._answers["stdio"] = servants["stdio"].StdioServing(self).answer
        self._ahead: deque[dict[str, Any]] = deque()
        """Requests that were read and not answered yet."""
        self._replies: list[dict[str, Any]] = []
        """Last replies about programs, not sent yet."""

    def serve(self) -> None:
        """Answer requests until the connection closes."""
        while self._ahead or self._take_in_behind_a_template():
            if not self._ahead:
                continue
            request = self._ahead.popleft()
            if request["kind"] in _WORDS:
                continue  # came after its program had ended
            # Nothing waits behind a program that says more than its last word, or may end this process.
            if request["kind"] != "clean_exit" or request["compile_in_fork"]:
                self._send_replies()
            reply = self._answers[request["kind"]](request)
            self._replies.append(reply)
            if len(self._replies) >= _TOGETHER or not self._ahead:
                self._send_replies()
            self._clean()
        for end in self.at_end:
            end()
        if self._template is not None:
            # Left to the end of the namespace nobody would wait for it, and its CPU time be missing from this one's.
            self._template.bury()

    def _take_in_behind_a_template(self) -> bool:
        # Before anything is read: the template keeps for ever what this process holds when it is made, and every later
        # program could find it there. For the same reason one that was lost has no successor before all is answered.
        if self._may_have_template and self._template is None:
            try:
                self._template = Template(self.processes, self._connection, self._runners, self._send_replies)
            except OSError:
                self._may_have_template = False
        return self._take_in()

    def _take_in(self) -> bool:
        """Read what the supervisor sent, and compile it; False when the connection is closed."""
        # What was read last may have been no program: nothing is kept back while this waits.
        self._send_replies()
        received = os.read(self._connection, 1 << 18)
        self._decoder.feed(received)
        while (request := self._decoder.next()) is not None:
            self._ahead.append(request)
        # All at once: after a fork every page the compiler writes to costs a fault, as many as the rest of the loop.
        room = COMPILE_IN_WORKER
        for request in self._ahead:
            if request["kind"] == "clean_exit" and not request["compile_in_fork"]:
                room -= len(request["source"])
                if room >= 0:
                    request["compiled"] = _compiled(request["source"])
        return bool(received)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        program: types.CodeType | str | dict[str, Any] = request["source"]
        if not request["compile_in_fork"] and len(request["source"]) <= COMPILE_IN_WORKER:
            program = request.get("compiled") or _compiled(request["source"])
        if isinstance(program, dict):
            return program
        try:
            return self._try(program, request["limits"])
        except OSError as error:
            return {"status": "harness_error", "detail": f"the worker could not start a process: {error}"}

    def _try(self, program: types.CodeType | str, limits: dict[str, Any]) -> dict[str, Any]:
        mark = os.urandom(trial.MARK_BYTES)
        reader, writer = os.pipe()
        try:
            try:
                ending, code, seconds = self._run(program, writer, mark, limits)
            finally:
                os.close(writer)
            os.set_blocking(reader, False)
            received = b""
            with contextlib.suppress(BlockingIOError):
                received = os.read(reader, 1 << 16)
        finally:
            os.close(reader)
        reply = trial.judged(ending, code, self.processes.cpu_seconds, received, mark, limits)
        reply["seconds"] = seconds
        return reply

    def _run(
        self, program: types.CodeType | str, writer: int, mark: bytes, limits: dict[str, Any]
    ) -> tuple[trial.Ending, int, float]:
        """How the program ended, its exit code, its wall time."""
        with contextlib.suppress(Refused), self.template_in_use() as template:
            if template is not None:
                return template.run(program, writer, mark, limits)
        self._send_replies()
        trial.CountingSink.allow(limits["output_bytes"])
        began = time.monotonic()
        child = self.processes.fork(limits, writer, lambda channel: trial.run(program, FILENAME, channel, mark), mark)
        ending = self.processes.ends_by(child, began + limits["wall_seconds"], limits["memory_bytes"])
        code = self.processes.end(child)
        return self.processes.named(ending), code, time.monotonic() - began

    @contextlib.contextmanager
    def template_in_use(self) -> Iterator[Template | None]:
        """The template for one program, if there is one; afterwards it is gone if it is of no use any more."""
        template = self._template
        try:
            yield template
        except Refused:
            # Kernels that do not know its kind of clone, or filters that refuse it, may know this process's fork.
            self._may_have_template = False
            if template is not None:
                template.is_lost = True
            raise
        finally:
            if template is not None and template.is_lost:
                template.bury()
                self._template = None

    @property
    def connection_number(self) -> int:
        """The descriptor of the way to the supervisor."""
        return self._connection

    def _send_replies(self) -> None:
        _send(self._connection, *self._replies)
        self._replies.clear()

    def send(self, reply: dict[str, Any]) -> None:
        """A reply beside the last one of a program."""
        _send(self._connection, reply)

    def read_ahead(self, run: str) -> set[str]:
        """Take in what the supervisor sent while a program runs; what of it is about that run: `stop`, `go`.

        Ends this process, and the program with it, when the supervisor is gone.
        """
        received = os.read(self._connection, 1 << 18)
        if not received:
            os._exit(0)
        self._decoder.feed(received)
        words = set()
        while (message := self._decoder.next()) is not None:
            if message["kind"] not in _WORDS:
                self._ahead.append(message)
            elif message["run"] == run:
                words.add(message["kind"])
        return words

    def _clean(self) -> None:
        """Make the writable directories as new; a worker that cannot do so ends, and a fresh one takes over."""
        for directory in self._writable:
            try:
                directory.restore()
            except (OSError, RecursionError):
                os._exit(1)


def _compiled(source: str) -> types.CodeType | dict[str, Any]:
    """The code, or the reply that says why there is none."""
    trial.CountingSink.allow(1 << 62)
    try:
        return compile(source, FILENAME, "exec", dont_inherit=True)
    except Exception as error:
        return {"status": "compile_error", "detail": trial.one_line(error)}
