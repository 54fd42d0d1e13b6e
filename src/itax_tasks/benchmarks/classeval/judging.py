"""A class and its unittest classes as one program that runs to its end if, and only if, the tests pass.

Source: `test_pipeline.py` of FudanSELab/ClassEval, restated: code and the whole test module are one module, imported
under the name `<task_id>_0`; one test class of it is run; it passes when at least one test ran and none failed. The
official runner does so in its own process and folder, one class after the other; here each test class has a process
and a folder of its own, so no file that a test leaves behind meets another. `random` starts from seed 0, which the
official runner leaves open: of twelve seeds tried, two fail a test of the published ClassEval_58.

Covered: what the code or its tests print is no part of the verdict (unittest's report goes nowhere, printed text is
counted against the output limit and forgotten); `SystemExit` inside a test is an error of that test.
Not covered: code and tests share a process, so a class that looks for unittest's own objects can alter them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from itax_metrics.execution.programs import Limits, Program
from itax_metrics.records import Flag, Item, Status, Verdict

ENVIRONMENT = "classeval"

LIMITS = Limits(wall_seconds=5.0)
"""The official 5 s for each test class, the import of its libraries included; there is no official memory limit."""

PAPER_SECONDS = 15.0
"""The default `--per-task-timeout` of the paper's artifact, for the whole test module."""

_RUNNER = """\
import importlib, io, os, random, sys, unittest
sys.dont_write_bytecode = True
sys.path.insert(0, os.getcwd())
random.seed(0)
with open({module!r} + ".py", "w", encoding="utf-8", errors="surrogatepass") as file:
    file.write({source!r})
module = importlib.import_module({module!r})
class TestsFailed(AssertionError):
    pass
class TestsRaised(Exception):
    pass
suite = unittest.TestSuite()
for name in {classes!r}:
    suite.addTest(unittest.TestLoader().loadTestsFromTestCase(getattr(module, name)))
result = unittest.TextTestRunner(stream=io.StringIO()).run(suite)
if result.errors or result.failures:
    case, report = (result.errors or result.failures)[0]
    count = len(result.errors) + len(result.failures)
    text = "%d of %d: %s: %s" % (count, result.testsRun, str(case).split(" ")[0], report.strip().split("\\n")[-1])
    raise (TestsRaised if result.errors else TestsFailed)(text)
if not result.testsRun:
    raise TestsRaised("no test ran")
"""


def module_of(code: str, tests: str) -> str:
    """Code and test module as the official runner writes them into one file."""
    return f"{code}\n{tests}"


def program(item: Item, code: str, classes: Sequence[str], limits: Limits) -> Program:
    """The program that passes if the named test classes of the item's class pass on `code`."""
    problem = item.payload["problem"]
    source = _RUNNER.format(
        module=f"{problem.task_id}_0", source=module_of(code, problem.tests), classes=tuple(classes)
    )
    return Program(source, limits=limits, environment=ENVIRONMENT)


def by_method(item: Item, code: str, limits: Limits) -> Program | Verdict:
    """The test class of the item's method; where the benchmark has none for it, all of the class's."""
    return pending(item) or program(item, code, item.payload["test_classes"], limits)


def by_method_or_equality(item: Item, code: str, limits: Limits) -> Program | Verdict:
    """As `by_method`, but the published code itself passes without running.

    Some tests fail whatever the code is (see `environment`), and a line that equals the published one is right.
    """
    if code == item.payload["problem"].solution:
        return Verdict(Status.PASSED)
    return by_method(item, code, limits)


def by_whole_module(item: Item, code: str, limits: Limits) -> Program | Verdict:
    """All test classes together within the artifact's 15 s."""
    longer = replace(limits, wall_seconds=limits.wall_seconds * PAPER_SECONDS / LIMITS.wall_seconds)
    return pending(item) or program(item, code, _runnable(item), longer)


def by_class(item: Item, code: str, limits: Limits) -> Mapping[str, Program] | Verdict:
    """Each test class by itself, under its official name."""
    problem = item.payload["problem"]
    return pending(item) or {name: program(item, code, (name,), limits) for name in problem.test_classes}


def pending(item: Item) -> Verdict | None:
    """The verdict of a program that may not run because its environment is not there."""
    lacking = item.payload["lacking"]
    return Verdict(Status.HARNESS_ERROR, flags=(Flag.PENDING.value,), detail=lacking) if lacking else None


def same_text(item: Item, answer: str, limits: Limits) -> Verdict:
    """Equality of answer and truth, both without the white space at their ends; nothing runs."""
    del limits
    return Verdict(Status.PASSED if answer.strip() == item.truth.strip() else Status.FAILED)


def _runnable(item: Item) -> tuple[str, ...]:
    """The test classes as a loader of the module finds them: one official name carries a blank of its own."""
    return tuple(name.strip() for name in item.payload["problem"].test_classes)
