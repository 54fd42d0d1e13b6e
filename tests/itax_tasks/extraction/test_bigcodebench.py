"""BigCodeBench's clean-up, by example and against the official tool's output on recorded answers."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from itax_metrics.records import Item
from itax_tasks.extraction import RULES
from itax_tasks.extraction.bigcodebench import sanitized

RECORDED = {
    "qwen2.5-coder-7b-base_completion": 1140,
    "qwen2.5-coder-7b-instruct_complete": 1140,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import os\n\ndef task_func(a):\n    return os.sep\n", "import os\ndef task_func(a):\n    return os.sep"),
        ("def task_func():\n    return 1\n\nprint(task_func())\n", "def task_func():\n    return 1"),
        ("def other():\n    pass\n\ndef task_func():\n    pass\n", "def task_func():\n    pass"),
        (
            "A = 1\ndef help(x):\n    return A\ndef task_func():\n    return help(2)\n",
            "A = 1\ndef help(x):\n    return A\ndef task_func():\n    return help(2)",
        ),
        ("def task_func():\n    return 1\ndef task_func():\n    return 2\n", "def task_func():\n    return 1"),
        ("@cache\ndef task_func():\n    return 1\n", "@cache\ndef task_func():\n    return 1"),
        ("def task_func():\n    x = 1  # one\n    # two\n", "def task_func():\n    x = 1  # one\n    # two"),
        ("Sure.\n```python\ndef task_func():\n    return 1\n```\n", "def task_func():\n    return 1"),
        ("def task_func(\n", "def task_func("),
        ("", ""),
    ],
)
def test_what_is_kept(text: str, expected: str) -> None:
    """Imports, what the entry point reaches, first definitions; a decorated one alone falls back to the run."""
    assert expected == sanitized(text, "task_func")


def test_f_strings_reach_what_they_mention() -> None:
    """Names inside of replacement fields count."""
    code = "A = 1\nB = 2\ndef task_func():\n    return f'{A}'"
    assert "A = 1\ndef task_func():\n    return f'{A}'" == sanitized(code, "task_func")


def test_the_three_rules_start_from_different_texts() -> None:
    """The answer alone, behind its prompt, and a stored program whose tabs stay."""
    item = Item("t", "def task_func(x):\n", payload={"entry_point": "task_func"})
    whole = "def task_func(x):\n\treturn 1"
    assert whole.replace("\t", "    ") == RULES["bigcodebench_chat"](item, whole)
    assert whole.replace("\t", "    ") == RULES["bigcodebench_direct"](item, "\treturn 1")
    assert whole == RULES["bigcodebench_program"](item, whole)


def test_a_calibrated_solution_stays_as_it_is() -> None:
    """The head of the prompt stands in front once; results of the official evaluator have it already."""
    item = Item("t", "", payload={"code_prompt": "import math\ndef task_func(r):\n"})
    once = RULES["bigcodebench_calibrate"](item, "def task_func(r):\n    return r")
    assert "import math\ndef task_func(r):\n\n    pass\ndef task_func(r):\n    return r" == once
    assert once == RULES["bigcodebench_calibrate"](item, once)


HEAD = 'def task_func(x):\n    """Doc."""\n'
WHOLE = f"{HEAD}    return x"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("    return x\n", WHOLE),
        ("```python\n    return x\n```\nDone.", WHOLE),
        ("\treturn x\n", WHOLE),
        (f"{HEAD}    return x\n", WHOLE),
        (f"```\n{HEAD}    return x\n```", WHOLE),
        ("Here:\ndef task_func(x):\n    return x\n", "def task_func(x):\n    return x"),
        ('    """Doc."""\n    return x\n', WHOLE),
        ("```\npip install y\n```\n```python\ndef task_func(x):\n    return x\n```", "def task_func(x):\n    return x"),
        ("    return x\n\ndef task_func(x):\n    return 2\n", WHOLE),
        ("", HEAD.rstrip("\n")),
    ],
)
def test_a_lenient_reading_takes_an_answer_however_it_is_put(answer: str, expected: str) -> None:
    """A program by itself, anything else behind the prompt, without fence and echo; an indented start is no program."""
    item = Item("t", HEAD, payload={"entry_point": "task_func"})
    assert expected == RULES["bigcodebench_lenient"](item, answer)


@pytest.mark.parametrize(
    "text", ["\ud800 = 1\nx = 2", "a\x00b\n" * 3, "(" * 5000 + "\nx = 1\ny = 2", "x = 1\r\ny = 2\r"]
)
def test_odd_text_is_cleaned_up_without_an_error(text: str) -> None:
    """Lone surrogates, null bytes, endless nesting and old line ends."""
    assert isinstance(sanitized(text, "task_func"), str)


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_answers_come_out_as_the_official_tool_left_them(name: str, recorded_dir: Path) -> None:
    """Character by character, for every recorded raw program."""
    folder = recorded_dir / "bigcodebench"

    def rows(ending: str) -> dict[str, dict[str, str]]:
        with gzip.open(folder / f"{name}{ending}.jsonl.gz", "rt", encoding="utf-8") as handle:
            return {row["task_id"]: row for row in map(json.loads, handle)}

    if name.endswith("base_completion"):
        raw = {key: row["solution"] for key, row in rows("").items()}
        official = {key: row["solution"] for key, row in rows("-sanitized-calibrated").items()}
    else:
        both = rows("_sanitized-calibrated")
        raw = {key: row["raw_solution"] for key, row in both.items()}
        official = {key: row["solution"] for key, row in both.items()}
    assert RECORDED[name] == len(raw)
    assert [] == [key for key, text in raw.items() if sanitized(text, "task_func") != official[key]]
