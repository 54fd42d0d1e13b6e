"""One worker process as the supervisor sees it: started fresh by exec, spoken to over one socket.

Covered: the environment is made here, so no token and no locale of the host process reaches a program; descriptors are
closed; the host process is never forked, whatever it holds (a model, threads, a GPU).
Not covered: Linux only; elsewhere nothing is started.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ExecutionError
from . import languages
from .sandbox import cgroup
from .wire import Decoder, encode

START_SECONDS = 60.0
CONTAINED = frozenset({"files", "network", "processes"})
_OF_THE_INTERPRETER = frozenset({"nobody", "process_count"})
_THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM", "BLIS")

_SKLEARN = ["cluster", "decomposition", "ensemble", "feature_extraction", "linear_model", "metrics", "model_selection"]

PROFILES: dict[str, tuple[str, ...]] = {
    "bare": (),
    "numpy": ("numpy",),
    "pandas": ("numpy", "pandas"),
    "plots": ("numpy", "pandas", "matplotlib.pyplot", "seaborn"),
    "learning": (
        "numpy",
        "pandas",
        "scipy.stats",
        "matplotlib.pyplot",
        "seaborn",
        *(f"sklearn.{part}" for part in _SKLEARN),
    ),
    "torch": ("numpy", "pandas", "torch"),
    **dict.fromkeys(languages.PROCESSES, ()),
}
"""Libraries a worker has loaded already when a program starts, by profile; languages that run in processes of their own
have a profile each."""


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """How to start a worker; equal configurations give interchangeable workers."""

    policy: str
    profile: str = "bare"
    scratch_bytes: int = 256 * 1024 * 1024
    skip: tuple[tuple[str, str], ...] = ()
    """Layers not to try, with the reason found earlier."""
    readable: tuple[str, ...] = ()
    """What programs may read beside the interpreter and the system directories."""
    proc: bool = False
    """Programs find a /proc, with nobody but themselves in it."""
    interpreter: str = ""
    """Python of a pinned environment; empty for this one."""
    judges: tuple[str, ...] = ("calls", "stdio")
    """Kinds of judge it will serve; what those need is loaded, and weighs on every fork."""
    toolbox: str = ""
    """Directory of precompiled headers and compiler hosts."""
    artifacts: str = ""
    """Directory of compiled programs, or nothing."""
    layers: tuple[str, ...] = ()
    """Those that verdicts are kept under; a worker that gets others is refused. Empty: whatever it gets."""


class StartFailed(ExecutionError):
    """A worker that did not come up; `layer` names the sandbox layer to leave out, if that was it.

    `crashed` is True when a signal ended it.
    """

    def __init__(self, message: str, layer: str | None = None, *, crashed: bool = False) -> None:
        super().__init__(message)
        self.layer = layer
        self.crashed = crashed


class Worker:
    """A running worker process with its queue of requests."""

    def __init__(self, config: WorkerConfig) -> None:
        self.config = config
        self.waiting: deque[Any] = deque()
        """What was sent and not answered yet, in order; the first one is running."""
        self.deadline = 0.0
        """When the first one counts as hung in the engine itself (monotonic)."""
        self.ready: dict[str, Any] = {}
        self._scratch = tempfile.TemporaryDirectory(prefix="itax-scratch-", ignore_cleanup_errors=True)
        ours, theirs = socket.socketpair()
        self._decoder = Decoder()
        self._out = bytearray()
        self._artifacts = languages.ArtifactCache(Path(config.artifacts)) if config.artifacts else None
        self._artifact_keys: deque[str] = deque()
        """Where the compiled programs of the waiting requests belong; no key, no compiled program."""
        self.connection = ours
        self._group, self._no_group = self._found_group()
        try:
            self._process = self._launch(theirs)
        except OSError as error:
            ours.close()
            self._scratch.cleanup()
            self._leave_group()
            raise StartFailed(f"cannot start {self.config.interpreter or sys.executable}: {error}") from error
        finally:
            theirs.close()

    def wait_until_ready(self) -> None:
        """Block until the worker has built its fence; several may be starting meanwhile.

        Raises:
            StartFailed: it did not come up; the process is gone.
        """
        try:
            self.ready = self._greet()
            if self.config.policy == "require" and set(self.ready["contains"]) != CONTAINED:
                lacking = ", ".join(sorted(CONTAINED - set(self.ready["contains"])))
                raise StartFailed(f"this worker does not contain: {lacking}")
            self._compare_layers()
        except BaseException:
            self.kill()
            raise
        if "private_tree" in self.ready["layers"]:
            # Its scratch lives inside; nothing of it is left on the host, even if this process is killed.
            self._scratch.cleanup()
        self.connection.setblocking(False)

    @property
    def pid(self) -> int:
        """Process id of the launcher: killing it kills everything in the worker."""
        return self._process.pid

    def fileno(self) -> int:
        """For selectors."""
        return self.connection.fileno()

    def _found_group(self) -> tuple[cgroup.Group | None, str]:
        """The control group its programs are to join, or why there is none."""
        if self.config.policy == "off":
            return None, "switched off"
        skipped = dict(self.config.skip).get("memory_group")
        if skipped is not None:
            return None, skipped
        try:
            return cgroup.Group(), ""
        except cgroup.Unavailable as reason:
            return None, str(reason)

    def _leave_group(self) -> None:
        if self._group is not None:
            self._group.close()

    def _launch(self, theirs: socket.socket) -> subprocess.Popen[bytes]:
        scratch = self._scratch.name
        config = {
            "policy": self.config.policy,
            "imports": list(PROFILES[self.config.profile.partition("@")[0]]),
            "scratch": scratch,
            "scratch_bytes": self.config.scratch_bytes,
            "judges": [kind for kind in self.config.judges if kind != "clean_exit"],
            "clean_exit": "clean_exit" in self.config.judges,
            "skip": dict(self.config.skip),
            "readable": list(self.config.readable),
            "proc": self.config.proc,
            "memory_group": None if self._group is None else str(self._group.path),
            "no_memory_group": self._no_group,
        }
        script = str(Path(__file__).with_name("zygote.py"))
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed once the worker is ready
        return subprocess.Popen(
            [self.config.interpreter or sys.executable or "python3", "-I", script, json.dumps(config)],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=self._complaints,
            env=environment(scratch, self.config.interpreter),
            cwd=scratch,
            close_fds=True,
            start_new_session=True,
        )

    def _greet(self) -> dict[str, Any]:
        self.connection.settimeout(1.0)
        give_up = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up:
            try:
                received = self.connection.recv(1 << 16)
            except TimeoutError:
                continue
            except OSError:
                received = b""
            if not received:
                words = self._last_words()
                raise StartFailed(f"the worker process ended at its start: {words}", crashed=self._has_crashed())
            self._decoder.feed(received)
            message = self._decoder.next()
            if message is None:
                continue
            if "failed" in message:
                raise StartFailed(f"{message['failed']}: {message['reason']}", layer=message["failed"])
            self._complaints.close()
            ready: dict[str, Any] = message["ready"]
            return ready
        raise StartFailed(f"the worker process was not ready within {START_SECONDS:g} s")

    def _last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        self._complaints.seek(0)
        lines = self._complaints.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"exit status {self._process.returncode}"

    def _compare_layers(self) -> None:
        differ = set(self.ready["layers"]).symmetric_difference(self.config.layers) if self.config.layers else set()
        if self.config.interpreter:
            # Whether another user may read that interpreter's files decides about these.
            differ -= _OF_THE_INTERPRETER
        if differ:
            missing = self.ready["missing"]
            reasons = ", ".join(f"{layer} ({missing.get(layer, 'not there before')})" for layer in sorted(differ))
            raise StartFailed(f"this worker's layers are not those found before: {reasons}")

    def _has_crashed(self) -> bool:
        code = self._process.returncode
        # The launcher passes a signal that ended pid 1 on as a status: 256 less its number.
        return code is not None and (code < 0 or code >= 256 - signal.NSIG)

    def send(self, request: dict[str, Any]) -> None:
        """Queue a request and write what the socket takes now; never blocks."""
        self.queue(request)
        self.flush()

    def queue(self, request: dict[str, Any]) -> None:
        """Keep a request for the next `flush`."""
        self._out += encode(self._completed(request) if "language" in request else request)

    def _completed(self, request: dict[str, Any]) -> dict[str, Any]:
        """The request with its recipe, and with the compiled program if there is one."""
        made, key = languages.complete(request, self.config.toolbox)
        self._artifact_keys.append(key)
        kept = self._artifacts.get(key) if key and self._artifacts is not None else None
        return {**made, "artifact": kept, "keep": self._artifacts is not None}

    def _keep_artifact(self, reply: dict[str, Any]) -> None:
        key = self._artifact_keys.popleft()
        artifact = reply.pop("artifact", None)
        if artifact and key and self._artifacts is not None:
            self._artifacts.put(key, artifact)

    def flush(self) -> None:
        """Write what the socket takes now; a dead worker shows when it is read from."""
        while self._out:
            try:
                sent = self.connection.send(self._out)
            except BlockingIOError:
                return
            except OSError:
                self._out.clear()
                return
            del self._out[:sent]

    @property
    def wants_to_write(self) -> bool:
        """True while bytes are queued."""
        return bool(self._out)

    def receive(self) -> list[dict[str, Any]] | None:
        """Complete replies, or None when the worker is gone or speaks nonsense."""
        try:
            received = self.connection.recv(1 << 16)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not received:
            return None
        self._decoder.feed(received)
        replies = []
        try:
            while (message := self._decoder.next()) is not None:
                if self._artifact_keys:
                    self._keep_artifact(message)
                replies.append(message)
        except ValueError:
            return None
        return replies

    def hang_up(self) -> None:
        """Close the connection: the worker kills its program, if one is running, and ends by itself."""
        self.connection.close()

    def kill(self, patience: float = 1.0) -> None:
        """End the worker, its running program and all descendants; by force after `patience` seconds."""
        self.hang_up()
        try:
            self._process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=10)
        self._complaints.close()
        self._scratch.cleanup()
        self._leave_group()


def environment(scratch: str, interpreter: str = "") -> dict[str, str]:
    """The whole environment of a worker: fixed, so no verdict depends on the caller's; its Python is first on PATH."""
    kept = languages.environment()
    kept["PATH"] = os.pathsep.join(filter(None, (os.path.dirname(interpreter or sys.executable), kept["PATH"])))
    # The loader may need it; it is gone before the first program.
    if "LD_LIBRARY_PATH" in os.environ:
        kept["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    kept.update({f"{name}_NUM_THREADS": "1" for name in _THREADS})
    # Bound at the start, symbols are not looked up again in every forked process.
    kept.update(HOME=scratch, TMPDIR=scratch, ITAX_NO_AUTOLOAD="1", LD_BIND_NOW="1")
    return kept
