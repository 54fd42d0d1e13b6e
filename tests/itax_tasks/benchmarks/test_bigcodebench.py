"""BigCodeBench: rows, prompts, programs. Whole runs in its environment are in tests/official."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from itax_metrics.errors import ConfigError
from itax_metrics.execution import LocalExecutor, Program
from itax_metrics.records import Item, Status
from itax_tasks.benchmarks import bigcodebench as bench
from itax_tasks.settings import Settings
from itax_tasks.spec import Dialogue

ITEM = Item(
    "BigCodeBench/x",
    "import math\ndef task_func(r):\n    '''Area.'''\n",
    truth="    return math.pi * r * r\n",
    payload={
        "code_prompt": "import math\ndef task_func(r):\n",
        "instruct_prompt": "  Compute an area.\n",
        "test": (
            "import unittest\nfrom unittest.mock import patch\n"
            "class TestCases(unittest.TestCase):\n"
            "    def test_area(self):\n        self.assertAlmostEqual(task_func(1), 3.14159265, 6)\n"
            "    def test_mocked(self):\n"
            "        with patch('__test__.math') as mocked:\n            mocked.pi = 2\n"
            "            self.assertEqual(8, task_func(2))\n"
        ),
        "entry_point": "task_func",
        "libs": "['math']",
    },
)


@pytest.fixture(scope="module")
def settings(data_dir: Path) -> Settings:
    """Where the official files are."""
    return Settings(data_dir=data_dir)


@pytest.mark.parametrize(("subset", "rows"), [("full", 1140), ("hard", 148)])
def test_every_row_is_an_item(subset: bench.Subset, rows: int, settings: Settings) -> None:
    """1,140 tasks, 148 of them hard; the record says how many and which version."""
    loaded = bench.load(subset, settings)
    assert rows == len(loaded.items) == len(loaded.by_id()) == loaded.data["rows"]
    assert "v0.1.0" == loaded.data["version"]


def test_a_version_of_the_data_that_is_not_in_the_table_is_refused(settings: Settings) -> None:
    """Instead of judging answers by other tests than were asked for; another benchmark's version is no concern here."""
    assert "v0.1.0" == bench.load("full", replace(settings, data_version="humaneval=v0.1.9")).data["version"]
    with pytest.raises(ConfigError, match=r"bigcodebench has v0\.1\.0\. Name one of them"):
        bench.load("full", replace(settings, data_version="v0.1.4"))


def test_canonical_solutions_and_calibrated_ones_parse(settings: Settings) -> None:
    """Prompt and answer are Python, and so is what calibration makes of them."""
    for item in bench.load("full", settings).items:
        whole = item.prefix + item.truth
        compile(whole, item.task_id, "exec")
        compile(bench.calibrated(item, whole), item.task_id, "exec")


def test_the_complete_split_asks_with_the_prompt_in_a_fence() -> None:
    """The official sentence, the stripped prompt between fences, a final newline."""
    expected = f"{bench.REQUEST}\n```\n{ITEM.prefix.strip()}\n```\n"
    assert Dialogue((("user", expected),)) == bench.complete_dialogue(ITEM)


def test_the_instruct_split_asks_with_the_instruction() -> None:
    """The official sentence and the stripped instruction, without a fence; the prefill opens one."""
    asked = bench.instruct_dialogue(ITEM, bench.PREFILL)
    assert f"{bench.REQUEST}\nCompute an area.\n" == asked.turns[0][1]
    assert asked.prefill.endswith("corresponding tests:\n```python\n")


def test_a_calibrated_solution_stays_as_it_is() -> None:
    """Results of the official evaluator hold such ones."""
    once = bench.calibrated(ITEM, "def task_func(r):\n    return r")
    assert "import math\ndef task_func(r):\n\n    pass\ndef task_func(r):\n    return r" == once
    assert once == bench.calibrated(ITEM, once)


def run(executor: LocalExecutor, answer: str) -> tuple[Status, str]:
    """Verdict and detail of a solution; the task needs the standard library alone."""
    program = bench.decide(ITEM, answer, bench.LIMITS)
    assert bench.ENVIRONMENT == program.environment
    verdict = executor.run([replace(program, environment=None)])[0]
    return verdict.status, verdict.detail


@pytest.mark.parametrize(
    ("answer", "status", "detail"),
    [
        ("def task_func(r):\n    return math.pi * r * r", Status.PASSED, ""),
        ("def task_func(r):\n    return r", Status.FAILED, "AssertionError: 2 of 2 tests, first test_area"),
        ("", Status.FAILED, "AssertionError: 2 of 2 tests"),
        ("def task_func(r):\n    return nothing", Status.FAILED, "name 'nothing' is not defined"),
        ("raise ValueError('no')", Status.ERROR, "ValueError: no"),
        ("def task_func(r) return", Status.ERROR, "SyntaxError"),
        ("import unittest\nclass TestCases(unittest.TestCase): pass\n", Status.FAILED, "2 of 2 tests"),
    ],
)
def test_the_suite_decides(executor: LocalExecutor, answer: str, status: Status, detail: str) -> None:
    """The suite runs on the answer as the module `__test__`; imports of the prompt are supplied."""
    found, said = run(executor, answer)
    assert status == found
    assert detail in said


@pytest.mark.parametrize(
    ("libs", "body", "profile"),
    [
        ("['sklearn', 'pandas']", "", "learning"),
        ("['pandas', 'seaborn']", "", "plots"),
        ("['pandas']", "", "pandas"),
        ("['scipy']", "", "numpy"),
        ("['random']", "import pandas as pd", "pandas"),
        ("['tensorflow', 'sklearn']", "", "bare"),
        ("['random']", "", "bare"),
    ],
)
def test_a_worker_has_loaded_what_the_task_and_its_answer_import(libs: str, body: str, profile: str) -> None:
    """The heaviest library decides; TensorFlow is never loaded ahead."""
    item = replace(ITEM, payload={**ITEM.payload, "libs": libs})
    program = bench.decide(item, body, bench.LIMITS)
    assert isinstance(program, Program)
    assert profile == program.profile


@pytest.mark.parametrize(
    ("task_id", "libs", "slow"),
    [("x", "['keras']", True), ("BigCodeBench/102", "['numpy']", True), ("x", "['numpy']", False)],
)
def test_slow_tasks_start_first(task_id: str, libs: str, slow: bool) -> None:
    """By library, and where the reference itself takes long."""
    program = bench.decide(replace(ITEM, task_id=task_id, payload={**ITEM.payload, "libs": libs}), "", bench.LIMITS)
    assert slow == program.slow
