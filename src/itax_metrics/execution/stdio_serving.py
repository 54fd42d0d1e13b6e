"""The worker's side of stdin/stdout programs: compile behind the fence, run once per input, pass the output on.

Covered: compiler and program run behind every layer, each with its own limits; every run finds an empty scratch with
nothing but a fresh copy of its own files; expected outputs are not here to be found.
Not covered: a Python program can find the inputs of its later cases in the memory it was forked from.
"""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import stat
from typing import TYPE_CHECKING, Any, NoReturn

from . import captured, stdio_python, trial
from .sandbox import landlock, syscalls, tree
from .warm_compiler import CompilerDied, CompilerLate, WarmCompiler

if TYPE_CHECKING:
    from types import CodeType

    from .serving import Server

COMPILE_IN_WORKER = 100_000
_LARGEST_FILE = 64 << 20
_LARGEST_REPLY = 256 << 20
"""Bytes of output in all cases of a program together: one message holds them all."""

Files = dict[str, bytes]


class StdioServing:
    """Answers requests of kind `stdio` for one worker."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._warm: dict[str, WarmCompiler] = {}
        server.at_end.append(self._close_warm)
        self._domain: landlock.Ruleset | None = None
        self._has_proc = server.fence.pid_namespace is not None and os.path.isdir("/proc/self")
        if self._has_proc:
            # Programs of the same user id find this process in /proc; with this they may not look into it.
            syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
            with contextlib.suppress(OSError):
                devices = [f"/dev/{name}" for name in tree.DEVICES]
                domain = landlock.build(["/"], [os.getcwd(), "/dev/shm"], devices, alone=False)
                self._domain = domain._replace(descriptor=captured.kept(domain.descriptor))

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run one program on its inputs until one run is not clean; how each of them went."""
        try:
            return self._python(request) if "source" in request else self._process(request)
        except OSError as error:
            return {"status": "harness_error", "detail": f"the worker could not start a process: {error}"}

    def _python(self, request: dict[str, Any]) -> dict[str, Any]:
        source: str = request["source"]
        program: CodeType | str = source
        if not request["compile_in_fork"] and len(source) <= COMPILE_IN_WORKER:
            trial.CountingSink.allow(1 << 62)
            try:
                program = stdio_python.compiled(source)
            except Exception as error:
                return {"status": "compile_error", "detail": trial.one_line(error)}

        def become(channel: int) -> NoReturn:
            stdio_python.run(program, channel)

        return self._run_all(request["inputs"], request["limits"], become, {})

    def _process(self, request: dict[str, Any]) -> dict[str, Any]:
        if "refused" in request:
            return {"status": "compile_error", "detail": request["refused"]}
        kept = request["artifact"]
        recipe = request.get("compile")
        made: Files | str
        if kept is not None:
            made = {name: base64.b64decode(content) for name, content in kept.items()}
        elif recipe is None:
            made = {name: text.encode("utf-8", "surrogatepass") for name, text in request["files"].items()}
        elif "warm" in recipe:
            made = self._compile_warm(recipe, request["files"])
        else:
            made = self._compile_cold(recipe, request["files"])
        if isinstance(made, str):
            return {"status": "compile_error", "detail": made}
        if self._server.fence.pid_namespace is None or (self._has_proc and self._domain is None):
            # What ends a program would end the compiler too, or the program could reach it through /proc.
            self._close_warm()
        how = request["run"]
        reply = self._run_all(request["inputs"], how["limits"], _execution(how, self._domain), made)
        if request["keep"] and kept is None and recipe is not None:
            reply["artifact"] = {name: base64.b64encode(content).decode("ascii") for name, content in made.items()}
        return reply

    def _run_all(self, inputs: list[str], limits: dict[str, Any], become: Any, files: Files) -> dict[str, Any]:
        runs: list[dict[str, Any]] = []
        room = _LARGEST_REPLY
        for text in inputs:
            if runs or files:
                self._server._clean()
            _put(files)
            run = captured.run(self._server, limits, text.encode("utf-8", "surrogatepass"), become)
            if run.end in ("harness_error", "compile_error"):
                return {"status": run.end, "detail": run.detail}
            room -= len(run.out)
            if room < 0:
                return {"status": "output_limit", "detail": f"over {_LARGEST_REPLY} bytes of output in all cases"}
            runs.append(_reported(run))
            if not run.clean:
                break
        return {"status": "ran", "runs": runs}

    def _compile_cold(self, recipe: dict[str, Any], files: dict[str, str]) -> Files | str:
        """One compiler process; what it made, or why it did not."""
        _put({name: text.encode("utf-8", "surrogatepass") for name, text in files.items()})
        command = recipe["command"] if self._can_use(recipe.get("needs")) else recipe["otherwise"]
        how = {"command": command, "environment": recipe["environment"]}
        run = captured.run(self._server, recipe["limits"], b"", _execution(how))
        if run.end == "harness_error":
            raise OSError(run.detail)
        if not run.clean:
            complaint = captured.last_line(run.complaint, "error") or captured.last_line(run.out, "error")
            return run.detail or complaint or f"the compiler ended with {_how(run.code)}"
        made = {name: _taken(name) for name in recipe["collect"]}
        absent = [name for name, content in made.items() if content is None]
        return f"the compiler made no {absent[0]}" if absent else {n: c for n, c in made.items() if c is not None}

    def _can_use(self, path: str | None) -> bool:
        """True when programs' own user id can read a file of the toolbox for sure."""
        fence = self._server.fence
        return path is None or (os.access(path, os.R_OK) and (fence.pid_namespace is not None or fence.drop_to is None))

    def _close_warm(self) -> None:
        while self._warm:
            self._warm.popitem()[1].close()

    def _compile_warm(self, recipe: dict[str, Any], files: dict[str, str]) -> Files | str:
        """By the compiler that is up; by a fresh one if that one dies."""
        kind: str = recipe["warm"]
        ((name, source),) = files.items()
        for fresh in (False, True):
            compiler = self._warm.pop(kind, None)
            if compiler is not None and (fresh or compiler.is_worn):
                compiler.close()
                compiler = None
            if compiler is None:
                environment = {**recipe["environment"], "HOME": os.getcwd(), "TMPDIR": os.getcwd()}
                compiler = WarmCompiler(self._server, recipe["command"], environment, recipe["limits"])
            try:
                made = compiler.compile(name, source, recipe["limits"]["wall_seconds"])
            except CompilerDied:
                compiler.close()
            except CompilerLate:
                compiler.close()
                return f"over {recipe['limits']['wall_seconds']:g} s of compilation"
            else:
                self._warm[kind] = compiler
                return made
        return "the compiler died of it, twice"


def _execution(how: dict[str, Any], domain: landlock.Ruleset | None = None) -> Any:
    """What a forked process does to become a command, in a Landlock domain below the worker's if one is given."""
    command: list[str] = how["command"]

    def become(channel: int) -> NoReturn:
        try:
            place = os.getcwd()
            if domain is not None:
                domain.apply()
            os.execve(command[0], command, {**how["environment"], "HOME": place, "TMPDIR": place})
        except BaseException as error:
            trial.report(channel, b"", b"X", f"{command[0]}: {trial.one_line(error)}")

    return become


def _put(files: Files) -> None:
    """Write files into the (empty) working directory, readable and executable for programs."""
    for name, content in files.items():
        number = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o700)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(number, rest) :]
            os.fchmod(number, 0o755)
        finally:
            os.close(number)


def _taken(name: str) -> bytes | None:
    """The content of a regular file of the working directory."""
    try:
        number = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        about = os.fstat(number)
        if not stat.S_ISREG(about.st_mode) or about.st_size > _LARGEST_FILE:
            return None
        content = bytearray()
        while more := os.read(number, 1 << 20):
            content += more
        return bytes(content)
    finally:
        os.close(number)


def _reported(run: captured.Captured) -> dict[str, Any]:
    """One run as the supervisor is told."""
    return {
        "end": run.end,
        "code": run.code,
        "how": _how(run.code),
        "out": base64.b64encode(run.out).decode("ascii"),
        "complaint": base64.b64encode(run.complaint).decode("ascii"),
        "detail": run.detail,
        "seconds": run.seconds,
    }


def _how(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
