"""What a task and a model are in the paper's terms: the kind of task, its column; the family and size of a model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Kind = Literal["infilling", "completion", "instruction"]
KINDS: tuple[Kind, ...] = ("infilling", "completion", "instruction")

COLUMNS: Mapping[str, tuple[Kind, str]] = MappingProxyType(
    {
        "itax_hefim": ("infilling", "HEFIM"),
        "itax_safim": ("infilling", "SAFIM"),
        "itax_safim_api": ("infilling", "SAFIM api"),
        "itax_safim_block": ("infilling", "SAFIM block"),
        "itax_safim_control": ("infilling", "SAFIM control"),
        "itax_classeval_infilling": ("infilling", "ClassEval-Infilling"),
        "itax_bigcodebench_complete": ("completion", "BigCodeBench"),
        "itax_classeval_completion": ("completion", "ClassEval-Completion"),
        "itax_ds1000": ("instruction", "DS-1000"),
        "itax_bigcodebench_instruct": ("instruction", "BigCodeBench-Instruct"),
        "itax_humaneval": ("instruction", "HumanEval"),
        "itax_mbpp": ("instruction", "MBPP"),
    }
)
"""The paper's columns; a part of SAFIM is a benchmark of its own and carries its name."""

_WORDS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("completion", ("l2r",)),
    ("infilling", ("infilling", "hefim", "safim")),
    ("completion", ("completion", "complete")),
    ("instruction", ("instruct", "ds1000", "canitedit", "editeval", "humaneval", "mbpp", "livecodebench", "holistic")),
    ("infilling", ("fim",)),
)
"""Words of names; the first row that has one decides."""

_CONDITIONS: Mapping[str, Kind] = MappingProxyType(
    {"raw": "infilling", "fimchat": "infilling", "l2r": "completion", "direct": "completion"}
)
"""What a condition says where the name says nothing; every other one is a conversation."""


def kind(task: str, condition: str) -> Kind:
    """The kind of a task: the paper's for its columns, else read off its name, else off its condition.

    A hole shown without its suffix (`_l2r`) is completion. Infilling, completion and instruction stay what they are
    under other conditions: in a chat, or with the request put to the model as it stands.

    >>> kind("itax_safim_block", "raw"), kind("itax_hefim_l2r", "l2r"), kind("itax_humaneval_evalplus_direct", "direct")
    ('infilling', 'completion', 'instruction')
    >>> kind("itax_classeval_completion_chat", "chat"), kind("mine", "raw"), kind("mine", "chat")
    ('completion', 'infilling', 'instruction')
    """
    if task in COLUMNS:
        return COLUMNS[task][0]
    words = set(re.split(r"[_\W]+", task.lower()))
    named = next((name for name, known in _WORDS if words & set(known)), None)
    return named or _CONDITIONS.get(condition, "instruction")


def column(task: str) -> str:
    """The paper's column that a task answers, else the task's own name."""
    return COLUMNS[task][1] if task in COLUMNS else task


_SIZE = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\s?([bm])(?![a-z])", re.IGNORECASE)
_TUNED = re.compile(r"[-_. ](?:instruct|base|chat|it|hf|v\d+(?:\.\d+)*)(?=[-_. ]|$)", re.IGNORECASE)


def size(model: str) -> float | None:
    """Billions of parameters, read off a model's name; None where it names none.

    >>> size("Qwen/Qwen2.5-Coder-7B-Instruct"), size("deepseek-coder-1.3b-base"), size("tiny-300M"), size("gpt-4")
    (7.0, 1.3, 0.3, None)
    """
    found = _SIZE.search(model.replace("_", "-"))
    return float(found[1]) / (1000 if found[2] in "mM" else 1) if found else None


def family(model: str) -> str:
    """A model's name without owner, size and tuning: what the siblings of a family share.

    >>> family("Qwen/Qwen2.5-Coder-7B-Instruct"), family("deepseek-ai/deepseek-coder-33b-base")
    ('Qwen2.5-Coder', 'deepseek-coder')
    """
    name = model.rstrip("/").rpartition("/")[2]
    bare = _TUNED.sub("", _SIZE.sub("", name.replace("_", "-")))
    return re.sub(r"[-. ]{2,}", "-", bare).strip("-. ") or name
