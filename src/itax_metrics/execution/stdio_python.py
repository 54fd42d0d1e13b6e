"""A Python program run as a script in a forked process: real standard streams, `__main__`, no asserts, no warnings.

As `python -W ignore -OO -s -S` would run it: assert statements and docstrings are gone, `exit` and `quit` are not
defined, threads are waited for and exit handlers run, and the exit status is the interpreter's.
Not covered: `sys.flags` are the worker's; what the worker has imported already costs the program nothing.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import io
import os
import sys
import types
import warnings
from typing import Any, NoReturn

from . import trial

FILENAME = "<program>"
_SITE_NAMES = ("exit", "quit", "copyright", "credits", "license", "help")


def compiled(source: str) -> types.CodeType:
    """The code object; raises whatever `compile` raises."""
    return compile(source, FILENAME, "exec", dont_inherit=True, optimize=2)


def run(program: types.CodeType | str, channel: int) -> NoReturn:
    """Become the program; never returns."""
    # Local names: the program may rebind anything in os.
    leave = os._exit
    status = 1
    try:
        if isinstance(program, str):
            try:
                program = compiled(program)
            except Exception as error:
                trial.report(channel, b"", b"C", trial.one_line(error))
        os.close(channel)
        main = types.ModuleType("__main__")
        main.__dict__.update(__builtins__=builtins, __file__=FILENAME)
        _dress_up(main)
        status = _status_of(program, main.__dict__)
        status = _finish(status)
    finally:
        leave(status)


def _dress_up(main: types.ModuleType) -> None:
    for name in _SITE_NAMES:
        builtins.__dict__.pop(name, None)
    sys.modules["__main__"] = main
    sys.argv = [FILENAME]
    warnings.simplefilter("ignore")
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        raw = io.FileIO(number, mode, closefd=False)
        raw.name = f"<{name}>"
        buffer = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
        errors = "backslashreplace" if name == "stderr" else "surrogateescape"
        stream = io.TextIOWrapper(
            buffer, encoding="utf-8", errors=errors, newline=None if mode == "r" else "\n", line_buffering=number == 2
        )
        stream.mode = mode  # type: ignore[misc]
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _status_of(program: types.CodeType, namespace: dict[str, Any]) -> int:
    try:
        exec(program, namespace)
    except SystemExit as error:
        return _exit_status(error)
    except BaseException:
        with contextlib.suppress(BaseException):
            sys.excepthook(*sys.exc_info())
        return 1
    return 0


def _exit_status(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    with contextlib.suppress(BaseException):
        print(error.code, file=sys.stderr)
    return 1


def _finish(status: int) -> int:
    """What the interpreter does at its end: wait for threads, run the exit handlers, write what is buffered."""
    threading = sys.modules.get("threading")
    with contextlib.suppress(BaseException):
        if threading is not None:
            threading._shutdown()
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    for stream in {id(each): each for each in (sys.stdout, sys.__stdout__, sys.stderr) if each is not None}.values():
        try:
            stream.flush()
        except ValueError:
            pass  # closed by the program
        except BaseException:
            status = status or 120
    return status
