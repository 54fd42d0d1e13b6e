"""One program in its own forked process: limits on, run to its end, one message with what happened.

Covered: whatever a program does to its own process (exit, signals, recursion, exceptions of any kind, output without
end) ends in a verdict that is not a pass.
Not covered: a program and its tests share this process, so one that searches the stack finds the verdict channel and
can claim to have passed; the one-time mark makes that deliberate work, not impossible. Writes to the file
descriptors 1 and 2 themselves go to the null device and are not counted.
"""

from __future__ import annotations

import io
import math
import os
import resource
import signal
import sys
from types import CodeType
from typing import Any, Literal, NoReturn

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


Lowered = tuple[int, tuple[int, int]]
"""Arguments of one setrlimit call."""

Ending = Literal["itself", "late", "too large", "beyond its room", "starved"]
"""Whether a program ended by itself, at its wall limit, with too much memory in all its processes, or because the
kernel ended one of them when the machine was full: of what this program itself took, or of what others hold."""

STARVED = "the kernel ended a process of it because memory outside its own limit ran out"
BEYOND_ITS_ROOM = "took what this machine had left, more than is kept free for a program, though less than its limit"


def lowered(limits: dict[str, Any], *, count_processes: bool) -> list[Lowered]:
    """The hard limits of a program's process and its descendants, for a process with this one's own limits."""
    found = [
        _lowered(resource.RLIMIT_AS, limits["memory_bytes"]),
        _lowered(resource.RLIMIT_FSIZE, limits["file_bytes"]),
        _lowered(resource.RLIMIT_NOFILE, limits["open_files"]),
        _lowered(resource.RLIMIT_CORE, 0),
    ]
    if count_processes:
        # The worker, its launcher and its template run under the same user id.
        found.append(_lowered(resource.RLIMIT_NPROC, limits["processes"] + 3))
    if limits.get("cpu_seconds") is not None:
        seconds = max(1, math.ceil(limits["cpu_seconds"]))
        # One second apart: SIGXCPU first, which tells the reason, then SIGKILL for those that ignore it.
        limit, (_, hard) = _lowered(resource.RLIMIT_CPU, seconds + 1)
        found.append((limit, (min(seconds, hard), hard)))
    return found


def _lowered(which: int, value: int) -> Lowered:
    held = resource.getrlimit(which)[1]
    if held != resource.RLIM_INFINITY:
        value = min(value, held)
    return which, (value, value)


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


def judged(
    ending: Ending, code: int, cpu_seconds: float, received: bytes, mark: bytes, limits: dict[str, Any]
) -> dict[str, Any]:
    """The reply about a program of which nothing runs any more."""
    report = read_report(received, mark)
    flags = ["tampered"] if report is not None and report[2] else []
    if ending == "late":
        return {"status": "timeout", "flags": flags, "detail": f"over {limits['wall_seconds']:g} s of wall time"}
    if ending == "starved":
        return {"status": "harness_error", "flags": flags, "detail": STARVED}
    if ending == "beyond its room":
        return {"status": "out_of_memory", "flags": flags, "detail": BEYOND_ITS_ROOM}
    if ending == "too large":
        return {
            "status": "out_of_memory",
            "flags": flags,
            "detail": f"over {limits['memory_bytes']} bytes in all its processes together",
        }
    if report is not None:
        if report[0] == "passed" and code != 0:
            # Whoever reports a pass ends with status 0 in the next instruction.
            flags = ["tampered"]
        return {"status": report[0], "flags": flags, "detail": report[1]}
    if code == OUTPUT_LIMIT_EXIT:
        return {"status": "output_limit", "detail": f"over {limits['output_bytes']} bytes of output"}
    allowed = limits.get("cpu_seconds")
    if allowed is not None and code in (-signal.SIGXCPU, -signal.SIGKILL) and cpu_seconds >= allowed:
        return {"status": "timeout", "detail": f"over {allowed:g} s of CPU time"}
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
