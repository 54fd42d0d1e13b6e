"""What decides about a SAFIM answer: calls as syntax, the shortcut, and execution in four languages."""

from __future__ import annotations

from typing import Any

import pytest

from itax_metrics.execution import LocalExecutor, languages
from itax_metrics.execution.languages import EXECEVAL
from itax_metrics.execution.programs import Program
from itax_metrics.records import Item, Status, Verdict
from itax_tasks.benchmarks.safim.judging import (
    LIMITS,
    complete,
    decide,
    decide_call,
    limits_in,
    same_arguments,
    same_call,
)
from itax_tasks.scoring import Answer, score
from itax_tasks.tasks import task

TESTS = [{"input": "2 3\n", "output": ["5"]}, {"input": "1 1\n", "output": ["3", "2.0"]}]

SUMS = {
    "cpython": ("a, b = map(int, input().split())\nprint(", ")\n", "a + b", "python"),
    "pypy": ("a, b = map(int, input().split())\nprint(", ")\n", "a + b", "python"),
    "cpp": ("#include <iostream>\nint main() { int a, b; std::cin >> a >> b; std::cout << (", "); }\n", "a + b", "cpp"),
    "java": (
        "import java.util.*;\npublic class Main { public static void main(String[] x) {"
        " Scanner s = new Scanner(System.in); int a = s.nextInt(), b = s.nextInt(); System.out.println(",
        "); } }\n",
        "a + b",
        "java",
    ),
    "csharp": (
        "using System;\nclass A { static void Main() { var p = Console.ReadLine().Split(' ');"
        " int a = int.Parse(p[0]), b = int.Parse(p[1]); Console.WriteLine(",
        "); } }\n",
        "a + b",
        "csharp",
    ),
}


def item(kind: str = "cpp", **payload: Any) -> Item:
    """A control hole that adds two numbers."""
    before, after, truth, language = SUMS[kind]
    runs_in = "python" if kind == "cpython" else kind
    made = {"subset": "control", "before": before, "after": after, "tests": TESTS, "runs_in": runs_in, "shortcut": True}
    return Item("one", before, after, truth, "file", language, {**made, **payload})


def judged(of: Item, answer: str) -> Program | Verdict:
    """What decides about an answer."""
    return decide(of, complete(of, answer), LIMITS)


def test_the_published_answer_passes_without_a_run() -> None:
    """The official shortcut; the detail says that nothing ran."""
    found = judged(item(), "a + b")
    assert isinstance(found, Verdict)
    assert found.passed
    assert "not executed" in found.detail


def test_the_shortcut_can_be_switched_off() -> None:
    """Then the published answer is executed like any other."""
    assert isinstance(judged(item(shortcut=False), "a + b"), Program)


@pytest.mark.parametrize("answer", ["a +  b", "a + b ", "b + a", ""])
def test_any_other_answer_is_executed(answer: str) -> None:
    """Letter by letter equal, or run; an empty hole too."""
    assert isinstance(judged(item(), answer), Program)


@pytest.mark.parametrize("kind", SUMS)
def test_a_program_has_its_language_s_limits(kind: str) -> None:
    """ExecEval's, the time stretched like the task's."""
    of = item(kind, shortcut=False)
    found = decide(of, complete(of, "b"), LIMITS.scaled(2.0))
    assert isinstance(found, Program)
    figures = EXECEVAL[found.language]
    assert (2 * figures.wall_seconds, figures.memory_bytes, figures.processes) == (
        found.limits.wall_seconds,
        found.limits.memory_bytes,
        found.limits.processes,
    )
    assert limits_in("cpp") == LIMITS


@pytest.mark.parametrize("kind", SUMS)
def test_right_and_wrong_answers_are_told_apart_by_running_them(kind: str, executor: LocalExecutor) -> None:
    """In every language: one right in other words, one wrong, one that does not compile."""
    of = item(kind)
    missing = languages.missing(of.payload["runs_in"])
    if missing is not None:
        pytest.skip(missing)
    answers = [Answer("one", number, text) for number, text in enumerate(("b + a", "a - b", "a +* b"))]
    outcomes = score(task("itax_safim"), {"one": of}, answers, executor, time_scale=10)
    assert [Status.PASSED, Status.FAILED, Status.COMPILE_ERROR] == [outcome.verdict for outcome in outcomes]


@pytest.mark.parametrize(
    ("arguments", "callee", "language", "answer", "truth"),
    [
        (True, True, "python", "foo.bar(1, x = 2)", "foo.bar(1,x=2)"),
        (True, False, "python", "baz(1, x=2)", "foo.bar(1,x=2)"),
        (True, True, "python", "f(x=1, y=2)", "f(y=2, x=1)"),
        (True, True, "python", "f('a')", 'f("a")'),
        (False, False, "python", "f(1)", "f(2)"),
        (False, False, "python", "f(1", "f(1)"),
        (True, True, "python", "a + b", "a+b"),
        (True, True, "java", "foo.bar( 1 )", "foo.bar(1)"),
        (False, False, "java", "baz(1)", "foo.bar(1)"),
        (False, False, "python", "-" * 100_000, "f(1)"),
        (False, False, "python", "f(\0)", "f(1)"),
    ],
)
def test_calls_match_by_their_arguments_and_ours_by_their_callee_too(
    arguments: bool, callee: bool, language: str, answer: str, truth: str
) -> None:
    """White space counts nowhere; what does not parse is compared as text."""
    assert (arguments, callee) == (same_arguments(language, answer, truth), same_call(language, answer, truth))


def test_a_call_is_judged_inside_its_file() -> None:
    """The code around the hole is taken off again; a finished program of another file fails."""
    of = item("cpython", subset="api", tests=[], runs_in=None)
    assert [Status.PASSED, Status.FAILED, Status.FAILED] == [
        decide_call(of, body, LIMITS).status for body in (complete(of, "a  +b"), complete(of, "a"), "print(a + b)")
    ]
