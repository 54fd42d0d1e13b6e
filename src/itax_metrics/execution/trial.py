"""One program in its own forked process: limits on, run to its end, one message with what happened.

Covered: whatever a program does to its own process (exit, signals, recursion, exceptions of any kind, output without
end) ends in a verdict that is not a pass.
Not covered: a program and its tests share this process, so one that searches the stack finds the verdict channel and
can claim to have passed; the one-time mark makes that deliberate work, not impossible. Writes to the file
descriptors 1 and 2 themselves go to the null device and are not counted.
"""

from __future__ import annotations

import io
import os
import resource
import sys
from types import CodeType
from typing import Any, NoReturn

OUTPUT_LIMIT_EXIT = 79
"""Exit status of a program that wrote too much. It needs no mark: nobody gains by claiming it."""

MARK_BYTES = 16
LONGEST_DETAIL = 200


class CountingSink(io.StringIO):
    """Stands in for stdin, stdout and stderr: writing is counted and forgotten, reading fails."""

    _left = 1 << 62

    @staticmethod
    def allow(count: int) -> None:
        """From here on, `count` characters through all sinks together."""
        CountingSink._left = count

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):
            raise TypeError(f"string argument expected, got {type(text).__name__!r}")
        CountingSink._left -= len(text)
        if CountingSink._left < 0:
            os._exit(OUTPUT_LIMIT_EXIT)
        return len(text)

    def writelines(self, lines: Any, /) -> None:
        for line in lines:
            self.write(line)

    def _refuse(self, *_: object) -> NoReturn:
        raise OSError("reading is not possible: programs get no input")

    read = readline = readlines = _refuse

    def readable(self) -> bool:
        return False


def one_line(error: BaseException) -> str:
    """`Type: message` of an exception, printable and short, whatever its `__str__` does."""
    try:
        text = str(error)
    except BaseException as second:
        text = f"(no message: {type(second).__name__})"
    text = " ".join(text[: 4 * LONGEST_DETAIL].split())
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    name = type(error).__name__
    return (f"{name}: {text}" if text else name)[:LONGEST_DETAIL]


def set_limits(limits: dict[str, Any], *, count_processes: bool) -> None:
    """Hard limits of this process and its descendants."""
    _lower(resource.RLIMIT_AS, limits["memory_bytes"])
    _lower(resource.RLIMIT_FSIZE, limits["file_bytes"])
    _lower(resource.RLIMIT_NOFILE, limits["open_files"])
    _lower(resource.RLIMIT_CORE, 0)
    if count_processes:
        # The worker and its launcher run under the same user id.
        _lower(resource.RLIMIT_NPROC, limits["processes"] + 3)


def _lower(which: int, value: int) -> None:
    held = resource.getrlimit(which)[1]
    if held != resource.RLIM_INFINITY:
        value = min(value, held)
    resource.setrlimit(which, (value, value))


def run(program: CodeType | str, filename: str, channel: int, mark: bytes) -> NoReturn:
    """Execute as the official scorers do, in an empty namespace; report on `channel`; never return."""
    # Local names: the program may rebind anything in os and builtins.
    write, leave, describe = os.write, os._exit, one_line
    assertion, memory, anything = AssertionError, MemoryError, BaseException
    letter, detail = b"E", ""
    try:
        if isinstance(program, str):
            letter = b"C"
            program = compile(program, filename, "exec", dont_inherit=True)
            letter = b"E"
        exec(program, {})
        letter = b"P"
    except assertion as error:
        letter = b"F"
        detail = describe(error)
    except memory as error:
        letter = b"C" if letter == b"C" else b"M"
        detail = describe(error)
    except anything as error:
        detail = describe(error)
    finally:
        # Reached with a letter other than P unless the program ran to its end, even if describing failed.
        try:
            write(channel, mark + letter + detail.encode("utf-8", "replace"))
        finally:
            leave(0)


_STATUSES = {
    b"P": "passed",
    b"F": "failed",
    b"M": "out_of_memory",
    b"E": "error",
    b"C": "compile_error",
    b"X": "harness_error",
}


def report(channel: int, mark: bytes, letter: bytes, detail: str) -> NoReturn:
    """Send the one message and end this process."""
    try:
        os.write(channel, mark + letter + detail.encode("utf-8", "replace"))
    finally:
        os._exit(0)


def read_report(received: bytes, mark: bytes) -> tuple[str, str, bool] | None:
    """(status, detail, tampered) from what came through the channel; None when nothing came.

    Anything beside the one message with the right mark means that the program wrote to a channel it was never given.
    """
    if not received:
        return None
    before, found, rest = received.partition(mark)
    status = _STATUSES.get(rest[:1]) if found else None
    if status is None:
        return "error", "something other than the verdict was written to the verdict channel", True
    detail, extra, _ = rest[1:].partition(mark)
    return status, detail.decode("utf-8", "replace")[:LONGEST_DETAIL], bool(before or extra)


def silence() -> None:
    """Give programs counting sinks for standard streams; the numbers 0 to 2 are the null device."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    if null > 2:
        os.close(null)
    for name in ("stdin", "stdout", "stderr"):
        sink = CountingSink()
        setattr(sys, name, sink)
        setattr(sys, f"__{name}__", sink)
