"""The sanitizer against the official one, text for text, on answers that real models gave."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import random
import sys
from pathlib import Path

import pytest
from benchmarks.evalplus_sanitizer import official, raw_answers

from itax_tasks.extraction.evalplus import sanitized

REPOSITORY = Path(__file__).resolve().parents[2]

OFFICIAL = {
    "humaneval": "05d06b9485bdd074e0e7e268dfae657f257b3c3dff85de352b20198382e7f52a",
    "mbpp": "2a93004dc24cdab1ac0a67cf75bd815ea7cc709b082de6afe788a77940fe8680",
}
"""sha256 over what evalplus 0.3.1 (with tree-sitter-python 0.25.0) makes of the raw answers of Qwen2.5-Coder-7B: the
JSON of [task_id, text] for each, in the order of the file."""

PROSE = ("Here is the code:", "```python", "```", "    # note", "print(f(1))", "import math", "N = 3", "@cache", "'''")


@pytest.fixture(scope="session")
def evalplus_python() -> str:
    """An interpreter that has evalplus: the one named, that of `.venv-evalplus`, or this one."""
    named = os.environ.get("ITAX_EVALPLUS_PYTHON")
    if named:
        return named
    made = REPOSITORY / ".venv-evalplus" / "bin" / "python"
    if made.exists():
        return str(made)
    if importlib.util.find_spec("evalplus") is None:
        pytest.skip("no evalplus (set ITAX_EVALPLUS_PYTHON to an interpreter that has it; see docs/development.md)")
    return sys.executable


@pytest.mark.parametrize("family", OFFICIAL)
def test_every_recorded_raw_answer_becomes_the_official_text(family: str, data_dir: Path, recorded_dir: Path) -> None:
    """By digest, so that it is checked where the official tool is not installed as well."""
    whole = hashlib.sha256()
    for task_id, answer, entry_point in raw_answers(family, data_dir, recorded_dir):
        whole.update(json.dumps([task_id, sanitized(answer, entry_point)]).encode())
    assert OFFICIAL[family] == whole.hexdigest()


@pytest.mark.parametrize("family", OFFICIAL)
def test_the_official_tool_says_the_same(family: str, evalplus_python: str, data_dir: Path, recorded_dir: Path) -> None:
    """Text for text, on the answers as they are and on answers with other lines put between theirs."""
    rng = random.Random(0)
    names, pairs = [], []
    for task_id, answer, entry_point in raw_answers(family, data_dir, recorded_dir):
        lines = answer.split("\n")[:30]
        for _ in range(rng.randint(1, 4)):
            lines.insert(rng.randint(0, len(lines)), rng.choice(PROSE))
        names += [task_id, f"{task_id}, disturbed"]
        pairs += [(answer, entry_point), ("\n".join(lines), entry_point)]
    texts, _ = official(evalplus_python, pairs)
    mine = [sanitized(*pair) for pair in pairs]
    assert [] == [name for name, one, two in zip(names, texts, mine, strict=True) if one != two]
