"""BigCodeBench: functions over 139 libraries, completed from a docstring or written from an instruction.

Source: Zhuo et al. 2024, https://github.com/bigcode-project/bigcodebench (`bigcodebench/{generate,provider/utility,
sanitize,evaluate,eval/__init__}.py`), restated. The official default is kept: the answer is sanitized and calibrated
(the imports and the signature of the prompt stand in front of it), and the suite of the task runs on it in one process.

Covered: module name, working directory, time zone and limits of the official evaluator.
Not covered: its remote execution; a limit on the test run alone (ours, 241 s, covers imports too).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

from itax_metrics.execution.programs import MIB, Limits, Program
from itax_metrics.records import Item
from itax_tasks import data
from itax_tasks.benchmarks.base import Loaded
from itax_tasks.settings import Settings
from itax_tasks.spec import Condition, Dialogue, Measure, TaskSpec, answer_alone

Subset = Literal["full", "hard"]

VERSION = "v0.1.0"
FILES: Mapping[str, str] = {VERSION: "BigCodeBench.jsonl.gz"}
"""Version of the data -> file; later ones can be added once the digest of their rows is known."""
HARD_FILE = "hard_task_ids.json"

ENVIRONMENT = "bigcodebench"

LIMITS = Limits(wall_seconds=241.0, memory_bytes=30 * 1024 * MIB, processes=256, open_files=1024)
"""Official: 240 s for every task whose reference takes less, one second of grace, 30 GiB of address space."""

REQUEST = "Please provide a self-contained Python script that solves the following problem in a markdown code block:"
PREFILL = (
    "Below is a Python script with a self-contained function that solves the problem and passes corresponding tests:"
    "\n```python\n"
)

STOPS = ("<|endoftext|>", "<|endofmask|>", "</s>", "\nif __name__", "\ndef main(", "\nprint(")
DIRECT_STOPS = (*STOPS, "\ndef ", "\nclass ", "\nimport ", "\nfrom ", "\nassert ")
CHAT_STOPS = (*STOPS, "\n```\n")

_PROFILES: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"tensorflow", "keras"}), "bare"),
    (frozenset({"sklearn"}), "learning"),
    (frozenset({"matplotlib", "seaborn"}), "plots"),
    (frozenset({"pandas"}), "pandas"),
    (frozenset({"numpy", "scipy"}), "numpy"),
)
"""Libraries a task names -> what its worker has loaded; the first match counts. TensorFlow starts threads when it is
imported, and a process with threads must not be forked, so its tasks import it themselves."""

_SLOW = ("tensorflow", "keras")
"""Libraries whose import alone takes seconds."""
_LONG = frozenset(f"BigCodeBench/{number}" for number in (0, 17, 99, 102, 195, 220, 227, 428, 821, 1105))
"""Tasks whose reference took over 12 s of wall time on a loaded machine of two cores."""


def load(subset: Subset, settings: Settings) -> Loaded:
    """The items of the whole benchmark, or of its hard subset; `settings.data_version` names a version.

    Raises:
        ConfigError: a version that is not in the table.
    """
    version = settings.version_of("bigcodebench", VERSION, FILES)
    found = data.load("bigcodebench", FILES[version], settings)
    records = [dict(found.record)]
    rows = found.rows
    if subset == "hard":
        hard = data.load("bigcodebench", HARD_FILE, settings)
        records.append(dict(hard.record))
        wanted = {str(task_id) for task_id in hard.rows}
        rows = tuple(row for row in rows if row["task_id"] in wanted)
    items = tuple(_item(row) for row in rows)
    record = {"source": found.record["source"], "sha256": found.record["sha256"], "rows": len(items), "files": records}
    return Loaded(items, {**record, "version": version})


def _item(row: Mapping[str, str]) -> Item:
    return Item(
        task_id=row["task_id"],
        prefix=row["complete_prompt"],
        truth=row["canonical_solution"],
        cluster=row["task_id"],
        payload={
            "code_prompt": row["code_prompt"],
            "instruct_prompt": row["instruct_prompt"],
            "test": row["test"],
            "entry_point": row["entry_point"],
            "libs": row["libs"],
        },
    )


def complete_dialogue(item: Item, prefill: str = "") -> Dialogue:
    """The official user text of the complete split: the prompt in a fence."""
    return Dialogue((("user", f"{REQUEST}\n```\n{item.prefix.strip()}\n```\n"),), prefill)


def instruct_dialogue(item: Item, prefill: str = "") -> Dialogue:
    """The official user text of the instruct split: the instruction as it stands."""
    return Dialogue((("user", f"{REQUEST}\n{item.payload['instruct_prompt'].strip()}\n"),), prefill)


def calibrated(item: Item, solution: str) -> str:
    """Imports and signature of the prompt with an empty body, then the solution, which defines the function again.

    A solution that has them already, as in the official file of results, stays as it is.
    """
    head = f"{item.payload['code_prompt']}\n    pass\n"
    return solution if solution.startswith(head) else head + solution


_RUNNER = """\
import builtins, os, sys, time, types, unittest
os.environ["TZ"] = "UTC"
time.tzset()
_code = {code!r}
_module = types.ModuleType("__test__")
_module.__dict__.update(
    __builtins__=builtins, __file__="__test__.py", __package__=None, __doc__=None, sys=sys, os=os, environ=os.environ
)
_code = compile(_code, "__test__.py", "exec")
sys.modules["__test__"] = _module
exec(_code, _module.__dict__)
_result = unittest.TestResult()
unittest.defaultTestLoader.loadTestsFromTestCase(_module.TestCases).run(_result)
_bad = [*_result.failures, *_result.errors]
if _bad:
    raise AssertionError(
        f"{{len(_bad)}} of {{_result.testsRun}} tests, first {{_bad[0][0]}}: {{_bad[0][1].strip().splitlines()[-1]}}"
    )
"""
"""The code of the answer and its suite as the module `__test__`, then the suite. As in the official evaluator, a suite
in which nothing fails passes, even if nothing ran."""


def decide(item: Item, body: str, limits: Limits) -> Program:
    """The suite of the task on a calibrated solution."""
    return Program(
        _RUNNER.format(code=f"{calibrated(item, body)}\n{item.payload['test']}"),
        limits=limits,
        profile=_profile(item, body),
        environment=ENVIRONMENT,
        slow=any(library in item.payload["libs"] for library in _SLOW) or item.task_id in _LONG,
    )


def _profile(item: Item, body: str) -> str:
    """What the worker should have loaded: by the libraries the task names, and by what the answer imports."""
    text = f"{body}\n{item.payload['test']}"
    for libraries, profile in _PROFILES:
        if any(library in item.payload["libs"] or f"import {library}" in text for library in libraries):
            return profile
    return "bare"


def _measures(rule: str) -> dict[str, Measure]:
    headline = Measure(rule, decide, answer_alone, whole="bigcodebench_program")
    return {"pass@1": headline}


def _spec(
    name: str,
    subset: Subset,
    condition: Condition,
    dialogue: Callable[[Item], Dialogue] = complete_dialogue,
    protocol: str = "official",
) -> TaskSpec:
    direct = condition == "direct"
    return TaskSpec(
        name=name,
        version=1.0,
        benchmark=f"bigcodebench/{subset}",
        condition=condition,
        protocol=protocol,
        load=partial(load, subset),
        measures=_measures("bigcodebench_direct" if direct else "bigcodebench_chat"),
        limits=LIMITS,
        max_gen_toks=1280,
        stops=DIRECT_STOPS if direct else CHAT_STOPS,
        dialogue=dialogue,
    )


def _specs() -> tuple[TaskSpec, ...]:
    made = []
    subsets: tuple[tuple[Subset, str], ...] = (("full", ""), ("hard", "_hard"))
    for subset, ending in subsets:
        whole, asked = f"itax_bigcodebench_complete{ending}", f"itax_bigcodebench_instruct{ending}"
        made += [
            _spec(whole, subset, "direct"),
            _spec(f"{whole}_chat", subset, "chat"),
            _spec(f"{whole}_prefill", subset, "prefill", partial(complete_dialogue, prefill=PREFILL)),
            _spec(asked, subset, "chat", instruct_dialogue),
            _spec(f"{asked}_prefill", subset, "prefill", partial(instruct_dialogue, prefill=PREFILL)),
        ]
    return tuple(made)


TASKS = _specs()
