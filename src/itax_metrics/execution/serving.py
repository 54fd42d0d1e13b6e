"""A worker's loop: receive a program, compile it, fork, wait, judge, reply; one program at a time.

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
import resource
import select
import signal
import sys
import time
import types
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from . import trial
from .sandbox import cleaning, memory, namespaces, syscalls
from .sandbox.confine import Confinement, LayerFailed, become, confine
from .wire import Decoder, encode

FILENAME = "<program>"
COMPILE_IN_WORKER = 100_000
"""Longer sources are compiled in the forked process: the parser's memory then dies with it."""

# Loaded before the first fork. Each module here costs every program page tables (one in C five mappings, some 10 us),
# one that is not here costs its users an import: the list holds pure Python that many programs use, and math.
_COMMON = "collections contextlib copy enum functools io itertools math operator os re string sys time typing"

_SERVANTS = {"calls": "call_serving", "stdio": "stdio_serving"}
"""Modules of the kinds of request that need more; loaded only where such requests are to come."""

_CHANNEL_SLOT = 200

_LENT_HOME = "itax-home"
"""`environments.HOME`, which cannot be imported behind the fence."""


def main(argument: str) -> None:
    """Serve until the supervisor closes the connection; `argument` is the configuration as JSON."""
    config: dict[str, Any] = json.loads(argument)
    connection = os.dup(0)
    os.set_blocking(connection, True)
    _volunteer_for_the_oom_killer()
    # Behind the fence this package's own files do not exist.
    servants = {kind: importlib.import_module(f"{__package__}.{_SERVANTS[kind]}") for kind in config["judges"]}
    try:
        confinement = confine(config)
    except LayerFailed as failure:
        _send(connection, {"failed": failure.layer, "reason": failure.reason})
        os._exit(1)
    _set_environment(confinement.scratch)
    with _borrowed_home(confinement.scratch):
        loaded = _preload(config["imports"])
    trial.silence()
    _hide_engine()
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
    Server(connection, confinement, servants, plain=not config["imports"]).serve()
    os._exit(0)


def _send(connection: int, message: dict[str, Any]) -> None:
    rest = encode(message)
    while rest:
        rest = rest[os.write(connection, rest) :]


def _volunteer_for_the_oom_killer() -> None:
    # When the machine runs out of memory, a test program goes before the process that holds the model.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as adjust:
        adjust.write("1000")


def _set_environment(scratch: str) -> None:
    os.environ.update(HOME=scratch, TMPDIR=scratch)
    # The loader has used them; programs have no business with them.
    for name in ("LD_LIBRARY_PATH", "LD_BIND_NOW"):
        os.environ.pop(name, None)


@contextlib.contextmanager
def _borrowed_home(scratch: str) -> Iterator[None]:
    """What the packages of a pinned environment expect to find in a home folder, while they are imported."""
    lent = os.path.join(sys.prefix, _LENT_HOME)
    if not os.path.isdir(lent):
        yield
        return
    import shutil

    # Entry by entry: the mode of the scratch directory itself must stay.
    names = [entry.name for entry in os.scandir(lent) if entry.is_dir()]
    for name in names:
        shutil.copytree(os.path.join(lent, name), os.path.join(scratch, name))
    yield
    for name in names:
        shutil.rmtree(os.path.join(scratch, name))


def _preload(extra: list[str]) -> list[str]:
    loaded = []
    for name in [*_COMMON.split(), *extra]:
        # A broken package is the program's problem when it imports it, not the worker's.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
            loaded.append(name)
    return [name for name in loaded if name in extra]


def _hide_engine() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "itax_metrics"]:
        del sys.modules[name]
    sys.modules["__main__"] = types.ModuleType("__main__")
    sys.argv = [""]


class Server:
    """Runs programs one after another for one supervisor."""

    def __init__(
        self, connection: int, confinement: Confinement, servants: dict[str, types.ModuleType], *, plain: bool
    ) -> None:
        self._connection = connection
        self._fence = confinement
        self._decoder = Decoder()
        self._writable = [cleaning.Directory(confinement.scratch)]
        if confinement.shared is not None:
            self._writable.append(cleaning.Directory(confinement.shared))
        # The hooks that os.fork runs in the child have nothing to do in a process with one thread, and cost as much as
        # a short program. Libraries may have started threads; then they are needed.
        self._fork = syscalls.fork if plain and sys.implementation.name == "cpython" else os.fork
        self.at_end: list[Callable[[], None]] = []
        """What is to be done once the connection is closed."""
        self._answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"clean_exit": self._answer}
        if "calls" in servants:
            self._answers["calls"] = lambda request: servants["calls"].answer(self, request)
        if "stdio" in servants:
            self._answers["stdio"] = servants["stdio"].StdioServing(self).answer
        self._ahead: deque[dict[str, Any]] = deque()
        """Requests that were read and not answered yet."""
        self._watch = None if confinement.proc is None else memory.Watch(confinement.proc)
        self._cpu_seconds = 0.0
        """Used by the last program's first process."""
        self._lowered: dict[tuple[Any, ...], list[trial.Lowered]] = {}

    def serve(self) -> None:
        """Answer requests until the connection closes."""
        while self._ahead or self._take_in():
            if not self._ahead:
                continue
            request = self._ahead.popleft()
            if request["kind"] == "stop":
                continue  # came after its program had ended
            reply = self._answers[request["kind"]](request)
            _send(self._connection, reply)
            self._clean()
        for end in self.at_end:
            end()

    def _take_in(self) -> bool:
        """Read what the supervisor sent, and compile it; False when the connection is closed."""
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
        trial.CountingSink.allow(limits["output_bytes"])
        lowered = self._limits_of(limits)
        reader, writer = os.pipe()
        fence = self._fence
        try:
            if fence.pid_namespace is not None:
                namespaces.next_child_in_new_pid_namespace(fence.pid_namespace)
            began = time.monotonic()
            child = self._fork()
            if child == 0:
                self._become_program(lowered, writer, mark, lambda channel: trial.run(program, FILENAME, channel, mark))
        except OSError:
            os.close(reader)
            os.close(writer)
            raise
        os.close(writer)
        try:
            ending, code = self._wait(child, began + limits["wall_seconds"], limits["memory_bytes"])
            seconds = time.monotonic() - began
            os.set_blocking(reader, False)
            received = b""
            with contextlib.suppress(BlockingIOError):
                received = os.read(reader, 1 << 16)
        finally:
            os.close(reader)
        reply = trial.judged(ending, code, self._cpu_seconds, received, mark, limits)
        reply["seconds"] = seconds
        return reply

    def fork_program(self, limits: dict[str, Any], reader: int, writer: int, run: Callable[[int], NoReturn]) -> int:
        """Start a process behind the full fence that does `run(channel)`; its process id.

        Raises:
            OSError: no process can be started.
        """
        lowered = self._limits_of(limits)
        if self._fence.pid_namespace is not None:
            namespaces.next_child_in_new_pid_namespace(self._fence.pid_namespace)
        child = self._fork()
        if child == 0:
            self._become_program(lowered, writer, b"", run)
        return child

    def uses_too_much(self, child: int, limits: dict[str, Any]) -> bool:
        """True when a program and its descendants together hold more memory than one of them may."""
        return self._watch is not None and self._watch.exceeds(child, limits["memory_bytes"])

    def end_program(self, child: int) -> int:
        """Kill what still runs of a program; its exit code."""
        return self._end(child)

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the first process of the program that ended last."""
        return self._cpu_seconds

    @property
    def connection_number(self) -> int:
        """The descriptor of the way to the supervisor."""
        return self._connection

    def send(self, reply: dict[str, Any]) -> None:
        """A reply beside the last one of a program."""
        _send(self._connection, reply)

    def read_ahead(self, run: str) -> bool:
        """Take in what the supervisor sent while a program runs; True when it wants that run stopped.

        Ends this process, and the program with it, when the supervisor is gone.
        """
        received = os.read(self._connection, 1 << 18)
        if not received:
            os._exit(0)
        self._decoder.feed(received)
        stop = False
        while (message := self._decoder.next()) is not None:
            if message["kind"] == "stop":
                stop = stop or message["run"] == run
            else:
                self._ahead.append(message)
        return stop

    def _limits_of(self, limits: dict[str, Any]) -> list[trial.Lowered]:
        wanted = tuple(limits.values())
        if wanted not in self._lowered:
            self._lowered[wanted] = trial.lowered(limits, count_processes=self._fence.count_processes)
        return self._lowered[wanted]

    def _become_program(
        self, lowered: list[trial.Lowered], writer: int, mark: bytes, run: Callable[[int], NoReturn]
    ) -> None:
        """The forked side: leave every privilege and every descriptor behind, then run."""
        # Each page touched here is copied for this one program: what the worker can prepare, it has prepared.
        try:
            fence = self._fence
            if "random" in sys.modules:
                sys.modules["random"].seed()
            os.setsid()
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

    def _wait(self, child: int, deadline: float, memory_bytes: int) -> tuple[trial.Ending, int]:
        """How the child ended, and its exit code, once it and everything it started are gone."""
        ending = self._ends_by(child, deadline, memory_bytes)
        return ending, self._end(child)

    def _ends_by(self, child: int, deadline: float, memory_bytes: int) -> trial.Ending:
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
        longest = 0.002 if ended < 0 else memory.SECONDS if self._watch is not None else float("inf")
        looked = time.monotonic()
        try:
            while True:
                left = max(0.0, deadline - time.monotonic())
                happened = [descriptor for descriptor, _ in poll.poll(min(left, longest) * 1000)]
                if ended in happened:
                    return "itself"
                if happened:
                    self._end(child)
                    os._exit(0)
                if ended < 0 and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                    return "itself"
                if left <= 0:
                    return "late"
                if self._watch is not None and time.monotonic() - looked >= memory.SECONDS:
                    if self._watch.exceeds(child, memory_bytes):
                        return "too large"
                    looked = time.monotonic()
        finally:
            if ended >= 0:
                os.close(ended)

    def _end(self, child: int) -> int:
        """Kill what still runs of the program; its exit code."""
        # Not reaped yet, so the number cannot belong to anybody else.
        os.kill(child, signal.SIGKILL)
        _, status, usage = os.wait4(child, 0)
        code = os.waitstatus_to_exitcode(status)
        self._cpu_seconds = usage.ru_utime + usage.ru_stime
        if self._fence.pid_namespace is None:
            try:
                cleaning.kill_stragglers(child)
            except OSError:
                os._exit(1)
        return code

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
