"""BigCodeBench: rows, prompts, programs. Whole runs in its environment are in tests/official."""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from itax_metrics.decompose import decompose
from itax_metrics.errors import ConfigError, DataError, PairingError
from itax_metrics.execution import LocalExecutor, Program, environment_creation, environments
from itax_metrics.pairing import pair
from itax_metrics.records import Item, Outcome, Run, Status
from itax_tasks import data
from itax_tasks.answer import Answer, Stage
from itax_tasks.benchmarks import bigcodebench as bench
from itax_tasks.deciding import decisions
from itax_tasks.executors import make_executor
from itax_tasks.extraction.bigcodebench import bigcodebench_calibrate
from itax_tasks.scoring import rates, score, task_run
from itax_tasks.settings import Settings
from itax_tasks.spec import Dialogue
from itax_tasks.tasks import task

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
    with pytest.raises(ConfigError, match=r"bigcodebench has v0\.1\.0, v0\.1\.1, .*v0\.1\.4\. Name one of them"):
        bench.load("full", replace(settings, data_version="v0.2.0"))


@pytest.fixture
def later(settings: Settings, tmp_path: Path) -> Settings:
    """A folder with a later version of the data: the rows of the first with one test changed, in the official form."""
    rows = [dict(row) for row in data.load("bigcodebench", bench.FILES[bench.VERSION], settings).rows]
    rows[0]["test"] += "# later\n"
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    folder = tmp_path / "later" / "bigcodebench"
    folder.mkdir(parents=True)
    (folder / "BigCodeBench-v0.1.4.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    assert settings.data_dir is not None
    shutil.copy(settings.data_dir / "bigcodebench" / bench.HARD_FILE, folder)
    return replace(settings, data_dir=tmp_path / "later", state_dir=tmp_path / "state", data_version="v0.1.4")


@pytest.mark.parametrize(("subset", "rows"), [("full", 1140), ("hard", 148)])
def test_a_later_version_is_read_by_name_and_recorded_as_not_pinned(
    subset: bench.Subset, rows: int, later: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Version, digest of its rows and `pinned: false` stand in the record; one warning names the file."""
    loaded = bench.load(subset, later)
    assert rows == len(loaded.items) == loaded.data["rows"]
    assert ("v0.1.4", False) == (loaded.data["version"], loaded.data["pinned"])
    assert ("BigCodeBench-v0.1.4.jsonl.gz", False) == tuple(loaded.data["files"][0][key] for key in ("name", "pinned"))
    assert bench.load(subset, later).items == loaded.items
    (said,) = [record.getMessage() for record in caplog.records]
    assert str(later.data_dir) in said
    assert loaded.data["sha256"] in said


def test_runs_on_two_versions_are_not_compared(settings: Settings, later: Settings) -> None:
    """Their digests differ; the task of a pinned version says nothing about pins."""
    sides = []
    for chosen in (settings, later):
        found = bench.load("full", replace(chosen, state_dir=later.state_dir))
        run = task_run(task(COMPLETE[0]), found.data, n_items=1, samples_per_item=1, time_scale=1.0)
        row = Outcome(run.task, "a", 0, "a", Status.PASSED, True, "x", {"pass@1": 1.0})
        sides.append((Run(model="m", tasks={run.task: run}), [row]))
        assert ("pinned" in found.data) is (chosen is later)
    with pytest.raises(PairingError, match="data differs"):
        pair(*sides)


def test_a_later_version_that_is_not_here_is_named_with_its_places(
    later: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Path, columns and where else it is published."""

    def unreachable(name: str, split: str, settings: Settings) -> NoReturn:
        raise DataError(f"{name} cannot be reached here.")

    monkeypatch.setattr(data, "hub_rows", unreachable)
    with pytest.raises(DataError, match=r"v0\.1\.3 of the hub set bigcode/bigcodebench cannot be read") as no:
        bench.load("full", replace(later, data_version="bigcodebench=v0.1.3"))
    assert later.data_dir is not None
    assert str(later.data_dir / "bigcodebench" / "BigCodeBench-v0.1.3.jsonl.gz") in str(no.value)
    assert "complete_prompt" in str(no.value)


def test_canonical_solutions_and_calibrated_ones_parse(settings: Settings) -> None:
    """Prompt and answer are Python, and so is what calibration makes of them."""
    for item in bench.load("full", settings).items:
        whole = item.prefix + item.truth
        compile(whole, item.task_id, "exec")
        compile(bigcodebench_calibrate(item, whole), item.task_id, "exec")


def test_the_complete_split_asks_with_the_prompt_in_a_fence() -> None:
    """The official sentence, the stripped prompt between fences, a final newline."""
    expected = f"{bench.REQUEST}\n```\n{ITEM.prefix.strip()}\n```\n"
    assert Dialogue((("user", expected),)) == bench.complete_dialogue(ITEM)


def test_the_instruct_split_asks_with_the_instruction() -> None:
    """The official sentence and the stripped instruction, without a fence; the prefill opens one."""
    asked = bench.instruct_dialogue(ITEM, bench.PREFILL)
    assert f"{bench.REQUEST}\nCompute an area.\n" == asked.turns[0][1]
    assert asked.prefill.endswith("corresponding tests:\n```python\n")


NETWORK = {101, 176, 314, 590, 1005, 1006, 1012, 1038, 1040}
NLTK = {177, 290, 332, 334, 376, 383, 633, 635, 655, 658, 726, 734, 806, 808, 849, 940, 1109}


def flagged(settings: Settings) -> set[int]:
    """Numbers of the tasks with the flag; the others are the group `env_ok`."""
    items = bench.load("full", settings).items
    assert all((bench.flags(item) == ("env_unavailable",)) is (bench.groups(item) == ()) for item in items)
    assert {("env_ok",)} == {bench.groups(item) for item in items if not bench.flags(item)}
    return {int(item.task_id.rpartition("/")[2]) for item in items if bench.flags(item)}


def test_tasks_that_want_the_network_or_missing_resources_are_flagged(settings: Settings, tmp_path: Path) -> None:
    """Nine and seventeen, and the rate without them is a group; whatever the split or the condition."""
    assert NETWORK | NLTK == flagged(replace(settings, state_dir=tmp_path))
    assert all(spec.flags is bench.flags and spec.groups is bench.groups for spec in bench.TASKS)


def test_resources_put_into_the_environment_take_the_flag_off(settings: Settings, tmp_path: Path) -> None:
    """Those tasks are judged like the others; the network stays out of reach."""
    resources = tmp_path / "envs" / bench.ENVIRONMENT / environments.DATA
    resources.mkdir(parents=True)
    (resources / environments.DATA_MANIFEST).write_text('{"sha256": "ab"}')
    assert NETWORK == flagged(replace(settings, state_dir=tmp_path))


def test_the_resources_of_half_the_flagged_tasks_are_read_before_any_answer(settings: Settings) -> None:
    """By lines of the prompt's own head, which calibration puts in front."""
    heads = {item.task_id: item.payload["code_prompt"] for item in bench.load("full", settings).items}
    reads = ("stopwords.words(", " set(words.words(")
    early = {number for number in NLTK if any(read in heads[f"BigCodeBench/{number}"] for read in reads)}
    assert {290, 376, 655, 658, 726, 806, 808, 849} == early


def test_the_rate_without_flagged_tasks_stands_beside_the_whole(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two published answers that need the standard library alone; the one that looks up a host fails and is flagged."""
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    pins = environments.Pins("toy", here, (), "this test", True, ("json",))
    monkeypatch.setattr(environments, "pinned", lambda: {"toy": pins})
    monkeypatch.setattr(environment_creation, "_VENV", ("-m", "venv", "--without-pip"))
    monkeypatch.setattr(bench, "ENVIRONMENT", "toy")
    environment_creation.create("toy", tmp_path / "envs")
    chosen = replace(settings, state_dir=tmp_path)
    spec, items = task(COMPLETE[0]), task(COMPLETE[0]).load(chosen).by_id()
    answers = [Answer(name, 0, items[name].truth) for name in ("BigCodeBench/1", "BigCodeBench/176")]
    with make_executor(chosen) as executor:
        outcomes = score(spec, items, answers, executor)
    assert [(), ("env_unavailable",)] == [outcome.flags for outcome in outcomes]
    expected = {"pass@1": 0.5, "pass@1_uncalibrated": 0.5, "pass@1_strict": 0.5, "pass@1_lenient": 0.5}
    assert {**expected, "pass@1_env_ok": 1.0} == rates(spec, outcomes)


COMPLETE = ("itax_bigcodebench_complete", "itax_bigcodebench_complete_chat", "itax_bigcodebench_complete_prefill")
BODY = "    return math.pi * r * r\n"
METRICS = ("pass@1_strict", "pass@1_uncalibrated", "pass@1", "pass@1_lenient")


def passes(executor: LocalExecutor, name: str, answer: str) -> str:
    """One digit for each of `METRICS`, least mending first."""
    found = []
    for metric in METRICS:
        program = task(name).decision(ITEM, metric, task(name).body(ITEM, metric, answer))
        assert isinstance(program, Program)
        found.append(replace(program, environment=None))
    return "".join(str(int(verdict.passed)) for verdict in executor.run(found))


@pytest.mark.parametrize(
    ("name", "answer", "expected"),
    [
        (COMPLETE[0], BODY, "1111"),
        (COMPLETE[0], f"{BODY}\nand so on", "0111"),
        (COMPLETE[0], f"```python\n{BODY}```\n", "0001"),
        # The official sanitizer keeps the first definition, which is the prompt's, without a body.
        (COMPLETE[0], f"def task_func(r):\n{BODY}", "1001"),
        (COMPLETE[0], "    return r\n", "0000"),
        (COMPLETE[1], f"Sure:\n```python\nimport math\ndef task_func(r):\n{BODY}```\nDone.", "1111"),
        (COMPLETE[1], f"import math\ndef task_func(r):\n{BODY}\nThat is it.", "0111"),
        (COMPLETE[1], f"```python\ndef task_func(r):\n{BODY}```", "0011"),
        (COMPLETE[1], f"```python\n{BODY}```", "0001"),
        (COMPLETE[2], f"import math\ndef task_func(r):\n{BODY}```\nThat is it.", "1111"),
        (COMPLETE[2], f"import math\ndef task_func(r):\n{BODY}```", "1111"),
        (COMPLETE[2], f"{BODY}```", "0001"),
    ],
)
def test_mending_goes_from_none_to_all(executor: LocalExecutor, name: str, answer: str, expected: str) -> None:
    """To the letter; sanitized; calibrated too, which is the official default; and taken however it is put."""
    assert expected == passes(executor, name, answer)


def test_only_the_complete_split_has_a_lenient_twin() -> None:
    """An instruct answer is a program or none."""
    lenient = {spec.name for spec in bench.TASKS if "pass@1_lenient" in spec.measures}
    assert {spec.name for spec in bench.TASKS if "_complete" in spec.name} == lenient
    assert all({"pass@1_uncalibrated", "pass@1_strict"} < set(spec.measures) for spec in bench.TASKS)


@pytest.mark.parametrize("stage", ["program", "program-raw"])
def test_a_program_of_the_official_tool_is_calibrated_too(executor: LocalExecutor, stage: Stage) -> None:
    """The official sanitizer stores programs without the head, and the official evaluator puts it there."""
    answer = Answer(ITEM.task_id, 0, f"def task_func(r):\n{BODY}", stage)
    parts = decisions(task(COMPLETE[0]), ITEM, answer)["pass@1"]
    assert isinstance(parts, dict)
    assert executor.run([replace(parts[""], environment=None)])[0].passed


def test_the_format_tax_is_counted_from_the_strict_answer(settings: Settings) -> None:
    """Between `pass@1_lenient` and `pass@1_strict`, because the headline mends already."""
    sides = []
    for model, strict in (("b", 1.0), ("i", 0.0)):
        spec = task(COMPLETE[0])
        run = task_run(spec, {"sha256": "0"}, n_items=2, samples_per_item=1, time_scale=1.0)
        metrics = {"pass@1": 1.0, "pass@1_uncalibrated": 1.0, "pass@1_strict": strict, "pass@1_lenient": 1.0}
        rows = [Outcome(spec.name, name, 0, name, Status.PASSED, True, "x", metrics) for name in ("a", "b")]
        sides.append((Run(model=model, tasks={spec.name: run}), rows))
    parts = {(part.name, part.of): part.points for part in decompose(*sides, resamples=100)}
    assert {
        ("weights tax", ""): 0.0,
        ("format tax", "base direct"): 0.0,
        ("format tax", "instruct direct"): 100.0,
    } == parts


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
