"""BigCodeBench: functions over 139 libraries, completed from a docstring or written from an instruction.

Source: Zhuo et al. 2024, https://github.com/bigcode-project/bigcodebench (`bigcodebench/{generate,provider/utility,
sanitize,evaluate,eval/__init__}.py`), restated. The official default is the headline: the answer is sanitized and
calibrated (the imports and the signature of the prompt stand in front of it), and the suite of the task runs on it in
one process. Beside it stand less mending (`pass@1_uncalibrated`, `pass@1_strict`) and more (`pass@1_lenient`).

Covered: module name, working directory, time zone and limits of the official evaluator.
Not covered: its remote execution; a limit on the test run alone (ours, 241 s, covers imports too).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

from itax_metrics.execution import environments
from itax_metrics.execution.programs import MIB, Limits, Program
from itax_metrics.records import Flag, Item
from itax_tasks import data
from itax_tasks.benchmarks.base import Loaded
from itax_tasks.extraction.bigcodebench import bigcodebench_calibrate, calibration
from itax_tasks.settings import Settings
from itax_tasks.spec import Condition, Dialogue, Measure, TaskSpec, answer_alone

Subset = Literal["full", "hard"]

VERSION = "v0.1.0"
UNPINNED: Mapping[str, str] = {
    version: f"BigCodeBench-{version}.jsonl.gz" for version in ("v0.1.1", "v0.1.2", "v0.1.3", "v0.1.4")
}
"""Later versions -> file. Their digests are not known here: rows and fields are checked, what was read is recorded."""
FILES: Mapping[str, str] = {VERSION: "BigCodeBench.jsonl.gz", **UNPINNED}
"""Version of the data -> file."""
HARD_FILE = "hard_task_ids.json"

ENVIRONMENT = "bigcodebench"

NETWORK = frozenset({101, 176, 314, 590, 1005, 1006, 1012, 1038, 1040})
"""Tasks whose tests look up host names (`localhost` among them) or fetch files."""
RESOURCES = frozenset({177, 290, 332, 334, 376, 383, 633, 635, 655, 658, 726, 734, 806, 808, 849, 940, 1109})
"""Tasks that ask for NLTK's or TextBlob's resources, which are downloaded at run time; the prompts of 290, 376, 655,
658, 726, 806, 808 and 849 read them on import, so that nothing runs without them."""

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
        DataError: the data are not to be had, or not what they should be.
    """
    version = settings.version_of("bigcodebench", VERSION, FILES)
    read = data.load_unpinned if version in UNPINNED else data.load
    found = read("bigcodebench", FILES[version], settings)
    records = [dict(found.record)]
    rows = found.rows
    if subset == "hard":
        hard = data.load("bigcodebench", HARD_FILE, settings)
        records.append(dict(hard.record))
        wanted = {str(task_id) for task_id in hard.rows}
        rows = tuple(row for row in rows if row["task_id"] in wanted)
    seeded = bool(environments.digest_of(settings.state_dir / "envs" / ENVIRONMENT))
    items = tuple(_item(row, seeded) for row in rows)
    record = {"source": found.record["source"], "sha256": found.record["sha256"], "rows": len(items), "files": records}
    pinned = {"pinned": False} if version in UNPINNED else {}
    return Loaded(items, {**record, "version": version, **pinned})


def _item(row: Mapping[str, str], seeded: bool) -> Item:
    number = int(row["task_id"].rpartition("/")[2])
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
            "able": number not in NETWORK and (seeded or number not in RESOURCES),
        },
    )


def groups(item: Item) -> tuple[str, ...]:
    """`env_ok` for the tasks that have what they need: the headline is reported for them beside the whole."""
    return ("env_ok",) if item.payload["able"] else ()


def flags(item: Item) -> tuple[str, ...]:
    """`env_unavailable` for a task that wants the network, or resources that are not in the environment."""
    return () if item.payload["able"] else (Flag.ENV_UNAVAILABLE.value,)


def complete_dialogue(item: Item, prefill: str = "") -> Dialogue:
    """The official user text of the complete split: the prompt in a fence."""
    return Dialogue((("user", f"{REQUEST}\n```\n{item.prefix.strip()}\n```\n"),), prefill)


def instruct_dialogue(item: Item, prefill: str = "") -> Dialogue:
    """The official user text of the instruct split: the instruction as it stands."""
    return Dialogue((("user", f"{REQUEST}\n{item.payload['instruct_prompt'].strip()}\n"),), prefill)


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
    """The suite of the task on a calibrated solution.

    Finished programs of the official sanitizer come without the head and skip extraction, and the official evaluator
    puts it there, so it is put here too.
    """
    return decide_uncalibrated(item, bigcodebench_calibrate(item, body), limits)


def decide_uncalibrated(item: Item, body: str, limits: Limits) -> Program:
    """The suite of the task on the code as it stands."""
    return Program(
        _RUNNER.format(code=f"{body}\n{item.payload['test']}"),
        limits=limits,
        profile=_profile(item, body.removeprefix(calibration(item))),
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


def _behind_prompt(item: Item, answer: str) -> str:
    return item.prefix + answer


_STRICT: Mapping[Condition, tuple[str, Callable[[Item, str], str]]] = {
    "direct": ("raw", _behind_prompt),
    "chat": ("fenced_code", answer_alone),
    "prefill": ("begun_block", answer_alone),
}
"""Condition -> the format it asks for, to the letter: the text behind the prompt; a code block; the rest of one."""


def _measures(condition: Condition, complete: bool) -> dict[str, Measure]:
    """The official headline, and beside it less mending; of the complete split more mending, too."""
    sanitize = "bigcodebench_direct" if condition == "direct" else "bigcodebench_chat"
    strict, placed = _STRICT[condition]
    made = {
        "pass@1": _official(f"{sanitize}+bigcodebench_calibrate", whole="bigcodebench_program+bigcodebench_calibrate"),
        "pass@1_uncalibrated": Measure(sanitize, decide_uncalibrated, answer_alone, whole="bigcodebench_program"),
        "pass@1_strict": Measure(strict, decide_uncalibrated, placed, whole="raw" if condition == "direct" else strict),
    }
    if complete:
        lenient = "bigcodebench_lenient+bigcodebench_calibrate"
        made["pass@1_lenient"] = _official(lenient, whole=lenient)
    return made


def _official(rule: str, whole: str) -> Measure:
    return Measure(rule, decide, answer_alone, whole=whole)


def _spec(
    name: str,
    subset: Subset,
    condition: Condition,
    dialogue: Callable[[Item], Dialogue] = complete_dialogue,
    protocol: str = "official",
) -> TaskSpec:
    return TaskSpec(
        name=name,
        version=1.0,
        benchmark=f"bigcodebench/{subset}",
        condition=condition,
        protocol=protocol,
        load=partial(load, subset),
        measures=_measures(condition, complete=name.startswith("itax_bigcodebench_complete")),
        limits=LIMITS,
        max_gen_toks=1280,
        stops=DIRECT_STOPS if condition == "direct" else CHAT_STOPS,
        dialogue=dialogue,
        groups=groups,
        flags=flags,
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
