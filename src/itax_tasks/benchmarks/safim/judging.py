"""What decides about a SAFIM answer: execution in four languages, the published answer itself, or the form of a call.

Source: https://github.com/gonglinyuan/safim, `evaluate.py`, and https://github.com/ntunlp/ExecEval, restated. Rows with
tests are executed under ExecEval's limits, unless the answer equals the published one letter by letter, which counts as
passed without a run (`safim_shortcut`). Rows without tests, the API calls, are compared as syntax.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable

from itax_metrics.execution.languages import EXECEVAL
from itax_metrics.execution.programs import Limits, Program, StdioJudge
from itax_metrics.records import Item, Status, Verdict

_BASE = EXECEVAL["cpp"]

LIMITS = Limits(
    wall_seconds=_BASE.wall_seconds,
    memory_bytes=_BASE.memory_bytes,
    file_bytes=_BASE.file_bytes,
    processes=_BASE.processes,
    open_files=_BASE.open_files,
)
"""ExecEval's limits of one test case in C++; Python has twice the time, Java and C# three times (`limits_in`)."""

_SPACE = re.compile(r"\s+")
_PUBLISHED = "equals the published answer; not executed"


def complete(item: Item, middle: str) -> str:
    """The code around the hole, as it is scored, with the answer in it."""
    return str(item.payload["before"]) + middle + str(item.payload["after"])


def decide(item: Item, body: str, limits: Limits) -> Program | Verdict:
    """The official scorer's rule."""
    if not item.payload["tests"]:
        return _compared(item, body, same_arguments)
    if item.payload["shortcut"] and body == complete(item, item.truth):
        return Verdict(Status.PASSED, detail=_PUBLISHED)
    return Program(body, item.payload["runs_in"], _tests(item), limits_in(item.payload["runs_in"], limits))


def decide_call(item: Item, body: str, limits: Limits) -> Verdict:
    """Ours, for API calls: the function that is called must be the same too."""
    del limits
    return _compared(item, body, same_call)


def limits_in(language: str, limits: Limits = LIMITS) -> Limits:
    """ExecEval's limits of one test case in a language, with the wall time stretched as `limits` is."""
    figures = EXECEVAL[language]
    stretch = limits.wall_seconds / LIMITS.wall_seconds
    return Limits(
        wall_seconds=figures.wall_seconds * stretch,
        memory_bytes=figures.memory_bytes,
        file_bytes=figures.file_bytes,
        processes=figures.processes,
        open_files=figures.open_files,
    )


def runs_in(item: Item) -> str | None:
    """The engine's language of an item, None for API calls."""
    language = item.payload["runs_in"]
    return None if language is None else str(language)


def same_arguments(language: str, answer: str, truth: str) -> bool:
    """SAFIM's syntax match: equal without white space, or two Python calls with equal arguments, whatever they call.

    >>> same_arguments("python", "baz(1, x=2)", "foo.bar(1,x=2)")
    True
    """
    first, second = _SPACE.sub("", answer), _SPACE.sub("", truth)
    calls = _calls(first, second) if language == "python" else None
    if calls is not None:
        return _arguments(calls[0]) == _arguments(calls[1])
    return first == second


def same_call(language: str, answer: str, truth: str) -> bool:
    """The same with the function that is called.

    >>> same_call("python", "baz(1, x=2)", "foo.bar(1,x=2)")
    False
    """
    first, second = _SPACE.sub("", answer), _SPACE.sub("", truth)
    calls = _calls(first, second) if language == "python" else None
    if calls is not None:
        return ast.dump(calls[0].func) == ast.dump(calls[1].func) and _arguments(calls[0]) == _arguments(calls[1])
    return first == second


def _compared(item: Item, body: str, same: Callable[[str, str, str], bool]) -> Verdict:
    before, after = str(item.payload["before"]), str(item.payload["after"])
    framed = body.startswith(before) and body.endswith(after) and len(body) >= len(before) + len(after)
    if not framed:
        return Verdict(Status.FAILED, detail="the program is not the item's code around an answer")
    answer = body[len(before) : len(body) - len(after)]
    if same(item.language, answer, item.truth):
        return Verdict(Status.PASSED)
    return Verdict(Status.FAILED, detail="not the published call")


def _calls(first: str, second: str) -> tuple[ast.Call, ast.Call] | None:
    """Both texts as calls, or None where one of them is none."""
    try:
        with warnings.catch_warnings():
            # Gone white space makes numbers and words meet; what Python thinks of that is nobody's business.
            warnings.simplefilter("ignore", SyntaxWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            trees = ast.parse(first, mode="eval").body, ast.parse(second, mode="eval").body
        if isinstance(trees[0], ast.Call) and isinstance(trees[1], ast.Call):
            # Deep nesting may fail here as well as in parsing; the original then compares the texts, too.
            _arguments(trees[0])
            return trees[0], trees[1]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    return None


def _arguments(call: ast.Call) -> tuple[list[str], dict[str | None, str]]:
    named = {keyword.arg: ast.dump(keyword.value) for keyword in call.keywords}
    return [ast.dump(argument) for argument in call.args], named


def _tests(item: Item) -> StdioJudge:
    return StdioJudge(tuple((case["input"], tuple(case["output"])) for case in item.payload["tests"]))
