"""Call tests: who is right, by EvalPlus's rules, and what a program cannot do about it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from itax_metrics.errors import ExecutionError
from itax_metrics.execution import Limits, LocalExecutor, Program
from itax_metrics.execution.calls import RESULT_BYTES, Call, CallJudge, Comparison, Following, frame
from itax_metrics.execution.codec import encode
from itax_metrics.execution.references import Reference, expected_values
from itax_metrics.records import Status, Verdict

NAN, INF = float("nan"), float("inf")


def value(result: object) -> bytes:
    """A result as a worker sends it."""
    return b"V" + encode(result)


def judge_of(
    pairs: Sequence[tuple[list[Any], Any]], *, comparison: Comparison = "close", atol: float = 0.0, **more: Any
) -> CallJudge:
    """A judge from argument lists and expected results."""
    calls = tuple(
        Call(encode(arguments), value(expected), comparison=comparison, **more) for arguments, expected in pairs
    )
    return CallJudge("f", calls, atol)


def heard(judge: CallJudge, *results: object) -> Verdict | None:
    """What a stream of these results comes to."""
    following = Following(judge)
    for result in results:
        following.feed(frame(value(result)))
    return following.settled


def agrees(expected: object, got: object, **more: Any) -> bool:
    """Whether one result is right."""
    verdict = heard(judge_of([([1], expected)], **more), got)
    assert verdict is not None
    return verdict.passed


@pytest.mark.parametrize(
    ("expected", "got", "right"),
    [
        (1, 1, True),
        (1, 1.0, True),
        (1, True, True),
        ([1, 2], [1, 2], True),
        ([1, 2], (1, 2), False),
        ({1: 2, 3: 4}, {3: 4, 1: 2}, True),
        ({1, 2}, {2, 1}, True),
        (0.0, -0.0, True),
        (INF, INF, True),
        (NAN, NAN, False),
        ([NAN], [NAN], False),
        (None, None, True),
        ("a", "b", False),
        (0.3, 0.1 + 0.2, True),
        (1.0, 1.0 + 9e-7, True),
        (1.0, 1.0 + 2e-6, False),
        (1e9, 1e9 + 99, True),
        (1.0, 1, True),
        (1.5, "1.5", False),
        ([0.1, 0.2], [0.1 + 1e-9, 0.2], True),
        ([0.1, 0.2], [0.1], False),
        ([0.1, 0.2], [0.1 + 1e-9, "x"], False),
        ([1, 0.5], [1, 0.5 + 1e-9], False),
        (10**9, 10**9 + 1, False),
    ],
)
def test_close_without_a_tolerance_of_its_own(expected: object, got: object, right: bool) -> None:
    """`==`, and 1e-6 beside rtol 1e-7 only where floats are expected."""
    assert right is agrees(expected, got)


@pytest.mark.parametrize(
    ("expected", "got", "right"),
    [
        ([1, 0.5], [1, 0.5 + 1e-9], True),
        (10**9, 10**9 + 1, True),
        (2.0, 2 + 1e-9, True),
        (2.0, 2, True),
        ("a", "b", False),
        (None, 0, False),
        ([[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0 + 1e-9], [3.0, 4.0]], True),
        ([[1.0], [3.0, 4.0]], [[1.0 + 1e-9], [3.0, 4.0]], False),
        ({"a": 1.0}, {"a": 1.0 + 1e-9}, False),
    ],
)
def test_close_with_a_tolerance(expected: object, got: object, right: bool) -> None:
    """Types and lengths must match, then numpy's allclose decides, about ints as well."""
    assert right is agrees(expected, got, atol=1e-6)


def test_tolerance_sticks() -> None:
    """Once floats were expected, later calls have the tolerance too; earlier ones have not."""
    judge = judge_of([([1], 10**9), ([2], 0.5), ([3], 10**9)])
    assert heard(judge, 10**9 + 1) == Verdict(Status.FAILED, detail="call 1 of 3: not the expected result")
    assert heard(judge, 10**9, 0.5, 10**9 + 1) == Verdict(Status.PASSED)


@pytest.mark.parametrize(
    ("comparison", "expected", "got", "right"),
    [
        ("exact", 0.3, 0.1 + 0.2, False),
        ("set", [1, 2], {2, 1}, True),
        ("set", [1, 2], {2.0, True}, True),
        ("set", [1, 2], {3}, False),
        ("set", "ab", {"a", "b"}, True),
        ("not_none", True, object(), True),
        ("not_none", True, None, False),
        ("not_none", False, None, True),
        ("not_none", True, False, False),
        ("not_none", False, False, True),
        ("always", 1, object(), True),
        ("present", True, False, True),
        ("present", True, None, False),
        ("present", False, None, True),
        ("never", 1, 1, False),
        ("allclose", 1, 1, True),
        ("allclose", 1, 2, False),
        ("allclose", [0.5], (0.5 + 1e-9,), True),
        ("allclose", [0.5], [0.5 + 1e-3], False),
        ("allclose", 2.0, 2 + 1e-9, True),
        ("allclose", [], (), True),
        ("allclose", [], 3, True),
        ("allclose", [1, 2], (1, 2), False),
        ("allclose", [], "", False),
    ],
)
def test_comparisons(comparison: Comparison, expected: object, got: object, right: bool) -> None:
    """Each comparison by its rule."""
    assert right is agrees(expected, got, comparison=comparison)


@pytest.mark.parametrize(
    ("root", "right"), [(2.0, True), (2.1, False), (2, True), ("2", False), (None, False), (NAN, False)]
)
def test_polynomial(root: object, right: bool) -> None:
    """A root is right wherever it lies, none else is."""
    judge = judge_of([([[-4.0, 0.0, 1.0]], -2.0)], comparison="polynomial", atol=1e-4)
    verdict = heard(judge, root)
    assert verdict is not None
    assert right is verdict.passed


def test_several_accepted_values() -> None:
    """Any of them will do."""
    assert agrees(6, 0, accepted=(value(0),))
    assert agrees(6, 6, accepted=(value(0),))
    assert not agrees(6, 1, accepted=(value(0),))


def test_stream_in_pieces() -> None:
    """It does not matter where the stream is cut."""
    judge = judge_of([([number], [number, "x" * number]) for number in range(5)])
    stream = b"".join(frame(value([float(number), "x" * number])) for number in range(5))
    following = Following(judge)
    for at in range(len(stream)):
        assert following.settled is None
        following.feed(stream[at : at + 1])
    assert Verdict(Status.PASSED) == following.settled


@pytest.mark.parametrize("noise", [b"?\0\0\0\0", b"V\xff\xff\xff\xff", b"V\x01\0\0\0!", b"V\0\0\0\0", b"D\x01\0\0\0!"])
def test_noise_is_never_right(noise: bytes) -> None:
    """What is no result ends the run without a pass."""
    following = Following(judge_of([([1], 1)]))
    following.feed(noise)
    assert following.settled is not None
    assert not following.settled.passed


def test_equal_judges_are_one() -> None:
    """Judges are equal by content, and any difference of it makes another key."""
    one, same = judge_of([([1], 2)]), judge_of([([1], 2)])
    assert one == same
    assert hash(one) == hash(same)
    keys = {
        Program("", judge=judge).key("r")
        for judge in (
            one,
            same,
            judge_of([([1], 3)]),
            judge_of([([2], 2)]),
            judge_of([([1], 2)], atol=1.0),
            judge_of([([1], 2)], comparison="exact"),
            judge_of([([1], 2)], accepted=(value(1),)),
            one.scaled(2.0),
            replace(one, entry_point="g"),
        )
    }
    assert 8 == len(keys)


def test_an_empty_list_brings_the_tolerance_of_2023() -> None:
    """Only under `allclose`, and for the calls after it too."""
    pairs: list[tuple[list[Any], Any]] = [([1], []), ([2], [1, 2])]
    loose = heard(judge_of(pairs, comparison="allclose"), [], (1, 2))
    assert loose == Verdict(Status.PASSED)
    strict = heard(judge_of(pairs), [], (1, 2))
    assert strict == Verdict(Status.FAILED, detail="call 2 of 2: not the expected result")


@pytest.mark.parametrize(
    ("source", "status"),
    [("def f(): ...", Status.PASSED), ("def g(): ...", Status.ERROR), ("def f(", Status.COMPILE_ERROR)],
)
def test_without_calls_the_function_has_to_exist(executor: LocalExecutor, source: str, status: Status) -> None:
    """One official problem has no further inputs."""
    (verdict,) = executor.run([Program(source, judge=CallJudge("f", ()))])
    assert status is verdict.status


DOUBLE = judge_of([([number], 2 * number) for number in range(1, 4)])


@pytest.mark.parametrize(
    ("source", "status", "detail"),
    [
        ("def f(x): return 2 * x", Status.PASSED, ""),
        ("f = lambda x: x + x", Status.PASSED, ""),
        ("def f(x): return x + 2", Status.FAILED, "call 1 of 3: not the expected result"),
        ("def f(x): return 2", Status.FAILED, "call 2 of 3: not the expected result"),
        ("def f(x): assert x > 2", Status.FAILED, "call 1 of 3: AssertionError"),
        ("def f(x): return 2 * x if x < 3 else {}[x]", Status.ERROR, "call 3 of 3: KeyError: 3"),
        ("def f(x): raise SystemExit", Status.ERROR, "call 1 of 3: SystemExit"),
        ("def f(x): raise MemoryError", Status.OUT_OF_MEMORY, "call 1 of 3: MemoryError"),
        ("def f(): return 2", Status.ERROR, "call 1 of 3: TypeError: f() takes 0 positional arguments but 1 was given"),
        ("def g(x): return 2 * x", Status.ERROR, "call 1 of 3: NameError: the program does not define f"),
        ("1 / 0", Status.ERROR, "call 1 of 3: ZeroDivisionError: division by zero"),
        ("def f(x", Status.COMPILE_ERROR, "SyntaxError: '(' was never closed (<program>, line 1)"),
        ("import os\ndef f(x): os._exit(0)", Status.ERROR, "ended by itself with exit status 0, before its last call"),
        ("def f(x): y = []; y += [y]; return y", Status.ERROR, "call 1 of 3: CodecError: a value that contains itself"),
        ("def f(x):\n while True: print('x' * 100000)", Status.OUTPUT_LIMIT, None),
        ("class Yes:\n def __eq__(self, other): return True\ndef f(x): return Yes()", Status.FAILED, None),
        ("class Yes(int): __eq__ = lambda *_: True\ndef f(x): return Yes(0)", Status.FAILED, None),
        ("def f(x):\n print('noise')\n return 2 * x", Status.PASSED, ""),
    ],
)  # fmt: skip
def test_verdict(executor: LocalExecutor, source: str, status: Status, detail: str | None) -> None:
    """Each program ends in the verdict that names what happened to it."""
    verdict = executor.run([Program(source, judge=DOUBLE, limits=Limits(wall_seconds=30.0, output_bytes=10_000_000))])[
        0
    ]
    assert status is verdict.status, verdict
    assert detail in (None, verdict.detail)


def test_inputs_are_fresh_for_each_call(executor: LocalExecutor) -> None:
    """What a call does to its arguments does not reach the next call; what it does to globals does."""
    judge = judge_of([([[1]], [1, 9]), ([[1]], [1, 9])])
    assert executor.run([Program("def f(x):\n x.append(9)\n return x", judge=judge)])[0].passed
    counting = judge_of([([], 1), ([], 2)])
    assert executor.run([Program("n = 0\ndef f():\n global n\n n += 1\n return n", judge=counting)])[0].passed


def test_time_of_one_call(executor: LocalExecutor) -> None:
    """A call over its own limit ends the program, whether or not it listens to signals."""
    source = "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\ndef f(x):\n while x == 2: pass\n return x"
    judge = judge_of([([1], 1), ([2], 2)], seconds=1.0)
    verdict = executor.run([Program(source, judge=judge, limits=Limits(wall_seconds=30.0))])[0]
    assert (Status.TIMEOUT, "call 2 of 2: over 1 s of wall time") == (verdict.status, verdict.detail)
    assert verdict.seconds < 10


def test_time_of_the_whole(executor: LocalExecutor) -> None:
    """Calls within their limits are too many for the limit of the whole."""
    judge = judge_of([([number], None) for number in range(50)])
    source = "import time\ndef f(x): time.sleep(0.2)"
    verdict = executor.run([Program(source, judge=judge, limits=Limits(wall_seconds=1.0))])[0]
    assert (Status.TIMEOUT, "over 1 s of wall time in all") == (verdict.status, verdict.detail)


def test_wrong_before_late(executor: LocalExecutor) -> None:
    """The first result that is wrong decides, not what comes after it."""
    judge = judge_of([([1], 2), ([2], 2)], seconds=1.0)
    source = "def f(x):\n while x == 2: pass\n return x"
    assert Status.FAILED is executor.run([Program(source, judge=judge)])[0].status


def test_stops_at_the_first_wrong_result(executor: LocalExecutor) -> None:
    """A program is not called any further once it is wrong; the programs behind it are none the worse."""
    judge = judge_of([([number], number) for number in range(60)])
    wrong = "import time\ndef f(x):\n time.sleep(0.25)\n return -1 if x == 1 else x"
    programs = [
        program
        for number in range(6)
        for program in (
            Program(f"{wrong} # {number}", judge=judge, limits=Limits(wall_seconds=30.0)),
            Program(f"def f(x): return x # {number}", judge=judge),
            Program(f"assert True # {number}"),
        )
    ]
    began = time.monotonic()
    statuses = [verdict.status for verdict in executor.run(programs)]
    assert [Status.FAILED, Status.PASSED, Status.PASSED] * 6 == statuses
    assert time.monotonic() - began < 15


LONG = "def f(n): return [['ab'] * 77 for _ in range(n)]"


def test_long_results_go_by_digest(executor: LocalExecutor) -> None:
    """A result over the cap is right when its digest is that of the expected one."""
    reference = Reference("long", LONG, "f", (encode([9000]),))
    ((returned,),) = expected_values([reference])
    assert b"D" == returned.result[:1]
    assert len(encode([["ab"] * 77 for _ in range(9000)])) > RESULT_BYTES
    judge = CallJudge("f", (Call(encode([9000]), returned.result),))
    right, wrong = executor.run(
        [Program(source, judge=judge, limits=Limits(wall_seconds=30.0)) for source in (LONG, LONG + "[:-1] + [1]")]
    )
    assert (Status.PASSED, Status.FAILED) == (right.status, wrong.status)


def test_memory_of_a_long_result_is_bounded(executor: LocalExecutor) -> None:
    """Sixty million elements are encoded in the room of the list itself and little more."""
    source = "def f(n): return [[1] * 100_000] * n"
    judge = CallJudge("f", (Call(encode([600]), b"D" + b"x" * 40),))
    verdict = executor.run([Program(source, judge=judge, limits=Limits(wall_seconds=60.0, memory_bytes=200 << 20))])[0]
    assert (Status.FAILED, "call 1 of 1: not the expected result") == (verdict.status, verdict.detail)


def test_expected_answers_never_reach_a_worker(executor: LocalExecutor) -> None:
    """A program that reads all the memory it has finds its inputs and not what is expected."""
    secret = "secret-that-is-expected"
    source = (
        "import gc\n"
        "def f(x):\n"
        "    held = [o for o in gc.get_objects() if type(o) in (dict, list, tuple)]\n"
        "    found = ' '.join(repr(o)[:10**6] for o in held)\n"
        "    return x[::-1] in found if x else 'nothing'\n"
    )
    judge = CallJudge("f", (Call(encode([secret[::-1]]), value(False)), Call(encode([""]), value(secret))))
    detail = executor.run([Program(source, judge=judge, limits=Limits(wall_seconds=30.0))])[0].detail
    assert "call 2 of 2: not the expected result" == detail


def test_expected_values_in_order() -> None:
    """Results and times of every call, several references at a time."""
    references = [
        Reference(f"r{number}", f"def f(x): return x + {number}", "f", (encode([1]), encode([2])))
        for number in range(3)
    ]
    found = expected_values(references, workers=2)
    assert [[value(1 + n), value(2 + n)] for n in range(3)] == [[one.result for one in row] for row in found]
    assert all(one.seconds >= 0 for row in found for one in row)


def test_a_reference_that_fails_is_an_error() -> None:
    """It names the reference, the call and the reason."""
    reference = Reference("Toy/1", "def f(x): return 1 / x", "f", (encode([1]), encode([0])))
    with pytest.raises(ExecutionError, match=r"Toy/1: .* at call 2 of 2 \(ZeroDivisionError"):
        expected_values([reference])
