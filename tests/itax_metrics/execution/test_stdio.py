"""Python programs that read standard input and print: what they find, how they end, what counts as a pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from itax_metrics.errors import ExecutionError
from itax_metrics.execution import Judge, Limits, LocalExecutor, Program
from itax_metrics.execution.judging import request
from itax_metrics.execution.languages import EXECEVAL
from itax_metrics.execution.programs import StdioJudge
from itax_metrics.records import Status, Verdict

PATIENT = 30.0
MIB = 1024 * 1024

Run = Callable[..., Verdict]


@pytest.fixture(scope="module")
def run(executor: LocalExecutor) -> Run:
    """Run one Python source on inputs and accepted outputs."""

    def once(source: str, *cases: tuple[str, str], **limits: Any) -> Verdict:
        judge = StdioJudge(tuple((given, (wanted,)) for given, wanted in cases or (("", ""),)))
        return executor.run([Program(source, judge=judge, limits=Limits(**{"wall_seconds": PATIENT, **limits}))])[0]

    return once


@pytest.mark.parametrize(
    "source",
    [
        "print(int(input()) * 2)",
        "import sys\nprint(int(sys.stdin.readline()) * 2)",
        "import sys\nfor line in sys.stdin: sys.stdout.write(str(int(line) * 2))",
        "print(int(open(0).read()) * 2)",
        "import os\nos.write(1, b'%d' % (int(os.read(0, os.fstat(0).st_size)) * 2))",
        "import sys\nsys.stdout.buffer.write(b'%d' % (int(sys.stdin.buffer.read()) * 2))",
        "import io, os, sys\nsys.stdin = io.BytesIO(os.read(0, 99))\nprint(int(sys.stdin.readline()) * 2)",
        "import sys\nassert sys.stdin.mode == 'r' and sys.stdin.fileno() == 0\nprint(int(sys.__stdin__.read()) * 2)",
        "def main():\n    print(int(input()) * 2)\nif __name__ == '__main__':\n    main()",
        "import sys\nprint(int(input()) * 2)\nsys.exit()",
        "import threading\nt = threading.Thread(target=lambda: print(int(input()) * 2))\nt.start()",
        "import atexit\nn = int(input())\natexit.register(lambda: print(n * 2))",
        "import __main__\nx = 2\nprint(int(input()) * __main__.x)",
        "import sys\nprint(int(input()) * 2)\nsys.stdout.close()",
        "import sys\nprint(int(input()) * 2, file=open(1, 'w'))",
        "assert False, 'gone with -OO'\nprint(int(input()) * 2)",
        "import warnings\nwarnings.warn('x')\nprint(int(input()) * 2)",
    ],
)
def test_every_way_to_read_and_print(run: Run, source: str) -> None:
    """All the ways contest programs talk to the world lead to a pass."""
    assert Verdict(Status.PASSED) == _bare(run(source, ("21\n", "42"), ("4\n", "8")))


@pytest.mark.parametrize(
    ("source", "status", "detail"),
    [
        ("print(1)", Status.FAILED, "case 1 of 1: token 1 is '1' instead of '42'"),
        ("def", Status.COMPILE_ERROR, "SyntaxError"),
        ("print(42)\n1 / 0", Status.ERROR, "ZeroDivisionError"),
        ("print(42)\nimport sys; sys.exit(3)", Status.ERROR, "exit status 3"),
        ("print(42)\nimport sys; sys.exit('why')", Status.ERROR, "why"),
        ("print(42)\nimport os; os.abort()", Status.ERROR, "SIG"),
        ("print(42)\nexit()", Status.ERROR, "NameError"),
        ("x = bytearray(1 << 40)", Status.OUT_OF_MEMORY, "MemoryError"),
        ("import sys\nsys.stderr.write('x' * 100000)", Status.FAILED, "0 tokens instead of 1"),
        ("input(); input()", Status.ERROR, "EOFError"),
    ],
)
def test_every_other_end(run: Run, source: str, status: Status, detail: str) -> None:
    """What is not a pass is told apart, and said in a line."""
    verdict = run(source, ("21\n", "42"))
    assert status is verdict.status
    assert detail in verdict.detail


def test_a_slow_program_is_late(run: Run) -> None:
    """The limit is wall time, and holds for each case by itself."""
    verdict = run("import time\ntime.sleep(float(input()))", ("1", ""), ("1", ""), ("60", ""), wall_seconds=3.0)
    assert Status.TIMEOUT is verdict.status
    assert "case 3 of 3: over 3 s of wall time" == verdict.detail


@pytest.mark.parametrize("number", [1, 2])
def test_a_flood_is_stopped(run: Run, number: int) -> None:
    """Bytes to stdout and stderr count, however they are written."""
    verdict = run(f"import os\nwhile True: os.write({number}, b'x' * 65536)", output_bytes=MIB)
    assert Status.OUTPUT_LIMIT is verdict.status


def test_a_flood_below_the_limit_is_kept(run: Run) -> None:
    """More than a pipe holds arrives whole."""
    assert Status.PASSED is run("print('x' * 3000000)", ("", "x" * 3000000)).status


def test_a_large_input_arrives(run: Run) -> None:
    """More than a pipe holds is there to be read, and cannot be altered."""
    source = "import os\ntry: os.write(0, b'y')\nexcept OSError: print(len(open(0).read()))"
    assert Status.PASSED is run(source, ("x" * 3000000, "3000000")).status


def test_the_first_case_that_fails_decides(run: Run) -> None:
    """A wrong answer before a crash is a wrong answer."""
    source = "n = int(input())\nprint(n)\nassert n < 2\nif n > 1: raise ValueError"
    assert Status.FAILED is run(source, ("1", "2"), ("2", "2")).status
    assert Status.ERROR is run(source, ("1", "1"), ("2", "2")).status


def test_cases_do_not_meet(run: Run) -> None:
    """Neither files nor variables of one case are there in the next one."""
    source = (
        "import os, sys\nprint(os.listdir('.'), hasattr(sys, 'mark'))\nopen('left', 'w').close()\nsys.mark = 1\n"
        "import collections\ncollections.mark = 1"
    )
    assert Status.PASSED is run(source, ("", "[] False"), ("", "[] False")).status


def test_what_it_starts_ends_with_it(run: Run) -> None:
    """A child that keeps the pipe open neither delays the verdict nor adds to the output."""
    source = "import os, time\nprint(1, flush=True)\nif os.fork() == 0:\n    time.sleep(60)\n    print(2)"
    assert Status.PASSED is run(source, ("", "1")).status


def test_line_ends_are_unix(run: Run) -> None:
    """CRLF in source, input and expected output counts as LF."""
    assert Status.PASSED is run("print(len(open(0, newline='').read()))\r\n", ("a\r\nb\r\n", "4\r\n")).status


def test_execeval_limits_leave_room_to_run(run: Run) -> None:
    """ExecEval's figures for files and processes do not hinder an ordinary program."""
    figures = EXECEVAL["python"]
    limits = {"processes": figures.processes, "open_files": figures.open_files, "file_bytes": figures.file_bytes}
    source = "import sys, decimal\nprint(decimal.Decimal(input()) * 2)"
    assert Status.PASSED is run(source, ("21", "42"), memory_bytes=figures.memory_bytes, **limits).status


def test_long_sources_compile_in_the_fork(run: Run) -> None:
    """Sources that are not compiled in the worker itself end the same ways."""
    padding = "# " + "x" * 120_000 + "\n"
    assert Status.PASSED is run(padding + "assert False\nprint(1)", ("", "1")).status
    assert Status.COMPILE_ERROR is run(padding + "def", ("", "1")).status


def test_expected_outputs_stay_here() -> None:
    """No request to a worker holds an expected output."""
    secret = "the-right-answer"
    program = Program("print(1)", judge=StdioJudge((("given", (secret,)),)))
    assert secret not in repr(request(program, compile_in_fork=False))
    assert "given" in repr(request(program, compile_in_fork=False))


def test_the_verdict_key_knows_the_cases() -> None:
    """Programs that differ in an input or an accepted output have different keys."""
    judges = [StdioJudge(((given, outputs),)) for given in "ab" for outputs in (("x",), ("x", "y"))]
    assert 4 == len({Program("print(1)", judge=judge).key("r") for judge in judges})
    assert 4 == len({hash(Program("print(1)", judge=judge)) for judge in judges})


def test_other_languages_need_this_judge(executor: LocalExecutor) -> None:
    """A program that carries its own tests is Python; nothing runs otherwise."""
    with pytest.raises(ExecutionError, match="knows no language 'cpp'"):
        executor.run([Program("int main(){}", "cpp", Judge())])


def test_no_cases_pass(executor: LocalExecutor) -> None:
    """Without cases there is nothing to fail."""
    assert Status.PASSED is executor.run([Program("1 / 0", judge=StdioJudge(()))])[0].status


def _bare(verdict: Verdict) -> Verdict:
    return Verdict(verdict.status, flags=verdict.flags, detail=verdict.detail)
