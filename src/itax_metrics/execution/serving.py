"""A worker's loop: receive a program, compile it, fork, wait, judge, reply; one program at a time.

Covered: a program that hangs, floods or dies; descendants it leaves behind; files it leaves behind.
Not covered: a source that crashes or hangs `compile` itself ends the worker; the supervisor then has it compiled in
the forked process of a fresh one.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import sys
import time
import types
from typing import Any

from . import trial
from .sandbox import cleaning, namespaces, syscalls
from .sandbox.confine import Confinement, LayerFailed, become, confine
from .wire import Decoder, encode

FILENAME = "<program>"
COMPILE_IN_WORKER = 100_000
"""Longer sources are compiled in the forked process: the parser's memory then dies with it."""

# Loaded before the first fork. A module in this list costs every program some page table, one that is not costs its
# users an import; the list holds what more than about one program in a hundred uses.
_COMMON = (
    "array bisect cmath collections contextlib copy datetime enum functools hashlib heapq io itertools json math "
    "numbers operator os random re string struct sys time typing"
)
_CHANNEL_SLOT = 200


def main(argument: str) -> None:
    """Serve until the supervisor closes the connection; `argument` is the configuration as JSON."""
    config: dict[str, Any] = json.loads(argument)
    connection = socket.socket(fileno=os.dup(0))
    connection.setblocking(True)
    os.set_inheritable(connection.fileno(), False)
    _volunteer_for_the_oom_killer()
    try:
        confinement = confine(config)
    except LayerFailed as failure:
        connection.sendall(encode({"failed": failure.layer, "reason": failure.reason}))
        os._exit(1)
    _set_environment(confinement.scratch)
    loaded = _preload(config["imports"])
    trial.silence()
    _hide_engine()
    gc.collect()
    gc.freeze()
    ready = {
        "layers": sorted(confinement.layers),
        "missing": confinement.missing,
        "contains": confinement.contains,
        "loaded": loaded,
    }
    connection.sendall(encode({"ready": ready}))
    Server(connection, confinement, plain=not config["imports"]).serve()
    os._exit(0)


def _volunteer_for_the_oom_killer() -> None:
    # When the machine runs out of memory, a test program goes before the process that holds the model.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as adjust:
        adjust.write("1000")


def _set_environment(scratch: str) -> None:
    os.environ.update(HOME=scratch, TMPDIR=scratch)
    # The loader has used it; programs have no business with it.
    os.environ.pop("LD_LIBRARY_PATH", None)


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

    def __init__(self, connection: socket.socket, confinement: Confinement, *, plain: bool) -> None:
        self._connection = connection
        self._fence = confinement
        self._decoder = Decoder()
        self._writable = [cleaning.Directory(confinement.scratch)]
        if confinement.shared is not None:
            self._writable.append(cleaning.Directory(confinement.shared))
        # The hooks that os.fork runs in the child have nothing to do in a process with one thread, and cost as much as
        # a short program. Libraries may have started threads; then they are needed.
        self._fork = syscalls.fork if plain and sys.implementation.name == "cpython" else os.fork
        self._answers = {"clean_exit": self._answer}
        self._private = [connection.fileno()]
        if confinement.pid_namespace is not None:
            self._private.append(confinement.pid_namespace)

    def serve(self) -> None:
        """Answer requests until the connection closes."""
        while True:
            request = self._decoder.next()
            if request is None:
                received = self._connection.recv(1 << 18)
                if not received:
                    return
                self._decoder.feed(received)
                continue
            reply = self._answers[request["kind"]](request)
            self._connection.sendall(encode(reply))
            self._clean()

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        source: str = request["source"]
        program: types.CodeType | str = source
        if not request["compile_in_fork"] and len(source) <= COMPILE_IN_WORKER:
            trial.CountingSink.allow(1 << 62)
            try:
                program = compile(source, FILENAME, "exec", dont_inherit=True)
            except Exception as error:
                return {"status": "compile_error", "detail": trial.one_line(error)}
        try:
            return self._try(program, request["limits"])
        except OSError as error:
            return {"status": "harness_error", "detail": f"the worker could not start a process: {error}"}

    def _try(self, program: types.CodeType | str, limits: dict[str, Any]) -> dict[str, Any]:
        mark = os.urandom(trial.MARK_BYTES)
        trial.CountingSink.allow(limits["output_bytes"])
        reader, writer = os.pipe()
        fence = self._fence
        try:
            if fence.pid_namespace is not None:
                namespaces.next_child_in_new_pid_namespace(fence.pid_namespace)
            began = time.monotonic()
            child = self._fork()
            if child == 0:
                self._become_program(program, limits, reader, writer, mark)
        except OSError:
            os.close(reader)
            os.close(writer)
            raise
        os.close(writer)
        try:
            in_time, code = self._wait(child, began + limits["wall_seconds"])
            seconds = time.monotonic() - began
            os.set_blocking(reader, False)
            received = b""
            with contextlib.suppress(BlockingIOError):
                received = os.read(reader, 1 << 16)
        finally:
            os.close(reader)
        reply = _judge(in_time, code, received, mark, limits)
        reply["seconds"] = seconds
        return reply

    def _become_program(
        self, program: types.CodeType | str, limits: dict[str, Any], reader: int, writer: int, mark: bytes
    ) -> None:
        """The forked side: leave every privilege and every descriptor behind, then run."""
        try:
            fence = self._fence
            original = writer
            random.seed()
            os.setsid()
            os.close(reader)
            for descriptor in self._private:
                os.close(descriptor)
            writer = os.dup2(writer, _CHANNEL_SLOT, inheritable=False)
            os.close(original)
            if fence.pid_namespace is None:
                syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
            if fence.drop_to is not None:
                become(fence.drop_to)
            trial.set_limits(limits, count_processes=fence.count_processes)
            if fence.drop_capabilities:
                syscalls.drop_capabilities()
            if fence.ruleset is not None:
                fence.ruleset.apply()
                os.close(fence.ruleset.descriptor)
        except BaseException as error:
            # Never run a program with less than the full fence.
            trial.report(writer, mark, b"X", trial.one_line(error))
        trial.run(program, FILENAME, _CHANNEL_SLOT, mark)

    def _wait(self, child: int, deadline: float) -> tuple[bool, int]:
        """(ended in time, exit code) once the child and everything it started are gone."""
        in_time = self._ends_by(child, deadline)
        return in_time, self._end(child)

    def _ends_by(self, child: int, deadline: float) -> bool:
        poll = select.poll()
        # No events asked: only the loss of the supervisor wakes this up.
        poll.register(self._connection.fileno(), 0)
        try:
            ended = os.pidfd_open(child)
        except OSError:
            # Before Linux 5.3: look every two milliseconds.
            ended = -1
        else:
            poll.register(ended, select.POLLIN)
        try:
            while True:
                left = max(0.0, deadline - time.monotonic())
                happened = [
                    descriptor for descriptor, _ in poll.poll(left * 1000 if ended >= 0 else min(left * 1000, 2))
                ]
                if ended in happened:
                    return True
                if happened:
                    self._end(child)
                    os._exit(0)
                if ended < 0 and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                    return True
                if left <= 0:
                    return False
        finally:
            if ended >= 0:
                os.close(ended)

    def _end(self, child: int) -> int:
        """Kill what still runs of the program; its exit code."""
        # Not reaped yet, so the number cannot belong to anybody else.
        os.kill(child, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
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


def _judge(in_time: bool, code: int, received: bytes, mark: bytes, limits: dict[str, Any]) -> dict[str, Any]:
    report = trial.read_report(received, mark)
    flags = ["tampered"] if report is not None and report[2] else []
    if not in_time:
        return {"status": "timeout", "flags": flags, "detail": f"over {limits['wall_seconds']:g} s of wall time"}
    if report is not None:
        if report[0] == "passed" and code != 0:
            # Whoever reports a pass ends with status 0 in the next instruction.
            flags = ["tampered"]
        return {"status": report[0], "flags": flags, "detail": report[1]}
    if code == trial.OUTPUT_LIMIT_EXIT:
        return {"status": "output_limit", "detail": f"over {limits['output_bytes']} bytes of output"}
    if code == -signal.SIGKILL:
        return {"status": "out_of_memory", "detail": "killed from outside, as the kernel does when memory runs out"}
    if code < 0:
        return {"status": "error", "detail": f"died by {_signal_name(-code)}"}
    return {"status": "error", "detail": f"ended by itself with exit status {code}, before its end was reached"}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
