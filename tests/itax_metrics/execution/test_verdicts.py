"""Every way a program can end has its verdict."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from itax_metrics.records import Status, Verdict

Judge = Callable[..., Verdict]


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("assert 1 + 1 == 2", Status.PASSED),
        ("", Status.PASSED),
        ("import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()", Status.PASSED),
        ("assert 1 + 1 == 3, 'sums'", Status.FAILED),
        ("1 / 0", Status.ERROR),
        ("raise KeyboardInterrupt", Status.ERROR),
        ("import sys; sys.exit(0)", Status.ERROR),
        ("raise SystemExit", Status.ERROR),
        ("import os; os._exit(0)", Status.ERROR),
        ("import ctypes; ctypes.string_at(0)", Status.ERROR),
        ("def f(): return f()\nf()", Status.ERROR),
        ("input()", Status.ERROR),
        ("import sys; sys.stdin.read()", Status.ERROR),
        ("def broken(:", Status.COMPILE_ERROR),
        ("x = '\ud800'", Status.COMPILE_ERROR),
        ("x = 1\0", Status.COMPILE_ERROR),
        ("return 1", Status.COMPILE_ERROR),
        ("raise MemoryError", Status.OUT_OF_MEMORY),
        ("x = bytearray(5 << 30)", Status.OUT_OF_MEMORY),
    ],
)
def test_verdict(judge: Judge, source: str, status: Status) -> None:
    """Each program ends in the verdict that names what happened to it."""
    verdict = judge(source)
    assert status is verdict.status, verdict
    assert verdict.flags == ()


def test_timeout(judge: Judge) -> None:
    """A program over its wall time is killed."""
    verdict = judge("while True: pass", wall_seconds=1.0)
    assert Status.TIMEOUT is verdict.status
    assert verdict.seconds >= 1.0


def test_output_limit(judge: Judge) -> None:
    """Endless printing ends at the limit."""
    assert Status.OUTPUT_LIMIT is judge("while True: print('x' * 1000)", output_bytes=100_000).status


def test_output_below_the_limit(judge: Judge) -> None:
    """Output below the limit is forgotten, to whichever stream it goes."""
    source = "import sys\nprint('x' * 1000)\nprint('y', file=sys.stderr)\nsys.stdout.writelines(['a', 'b'])"
    assert Status.PASSED is judge(source, output_bytes=100_000).status


def test_namespace_is_empty(judge: Judge) -> None:
    """As in the official scorers the program's globals start empty and its name is not `__main__`."""
    assert Status.PASSED is judge("assert set(globals()) == {'__builtins__'}\nassert __name__ != '__main__'").status


def test_future_imports_do_not_leak(judge: Judge) -> None:
    """The engine's own `from __future__` lines do not change how a program is compiled."""
    assert Status.PASSED is judge("def f(x: int): pass\nassert f.__annotations__['x'] is int").status


def test_detail_is_one_printable_line(judge: Judge) -> None:
    """Details never carry control characters or more than 200 characters."""
    verdict = judge(r"raise ValueError('a\n\x1b[31mb' + 'c' * 10_000)")
    assert verdict.detail.startswith(r"ValueError: a \x1b[31mbccc")
    assert len(verdict.detail) == 200


def test_exception_that_cannot_be_described(judge: Judge) -> None:
    """An exception whose message raises is still an error, never a pass."""
    source = "class E(Exception):\n    def __str__(self): raise SystemExit\nraise E"
    assert Status.ERROR is judge(source).status


def test_exception_whose_type_cannot_be_named(judge: Judge) -> None:
    """Even a hostile metaclass does not turn an exception into a pass."""
    source = (
        "class M(type):\n    @property\n    def __name__(cls): raise SystemExit\n"
        "class E(Exception, metaclass=M): pass\nraise E"
    )
    assert Status.ERROR is judge(source).status


def test_large_source(judge: Judge) -> None:
    """A program of a million characters, not all ASCII, is run like any other."""
    source = "words = [\n" + "    'größer als 東京',\n" * 50_000 + "]\nassert len(words) == 50_000"
    assert len(source) > 1_000_000
    assert Status.PASSED is judge(source).status


def test_large_broken_source(judge: Judge) -> None:
    """A syntax error is one also where the compiling happens in the program's own process."""
    assert Status.COMPILE_ERROR is judge("x = 1\n" * 100_000 + "def").status


def test_threads_and_subprocesses_work(judge: Judge) -> None:
    """Honest programs may use threads, processes, temporary files and their own loopback."""
    source = """
import multiprocessing, os, socket, subprocess, sys, tempfile, threading
done = []
thread = threading.Thread(target=done.append, args=(1,)); thread.start(); thread.join()
assert done == [1]
assert subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True).stdout == b"42\\n"
with tempfile.TemporaryDirectory() as folder:
    open(os.path.join(folder, "a"), "w").write("b")
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(abs, [-1, -2]) == [1, 2]
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
"""
    verdict = judge(source)
    assert Status.PASSED is verdict.status, verdict


def test_randomness_differs(executor_draws: list[str]) -> None:
    """Two programs forked from one worker do not see the same random numbers."""
    assert len(set(executor_draws)) == len(executor_draws)


@pytest.fixture
def executor_draws(judge: Judge) -> list[str]:
    """What four programs drew, told through their error messages."""
    return [judge(f"import random\nraise ValueError(random.random())  # {place}").detail for place in range(4)]
