"""The sanitizer against the official one, text for text, on answers that real models gave."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from itax_tasks.extraction.evalplus import sanitized
from itax_tasks.settings import read_settings
from itax_tasks.tasks import task

OFFICIAL = {
    "humaneval": "05d06b9485bdd074e0e7e268dfae657f257b3c3dff85de352b20198382e7f52a",
    "mbpp": "2a93004dc24cdab1ac0a67cf75bd815ea7cc709b082de6afe788a77940fe8680",
}
"""sha256 over what evalplus 0.3.1 (with tree-sitter-python 0.25.0) makes of the raw answers of Qwen2.5-Coder-7B: the
JSON of [task_id, text] for each, in the order of the file."""

PROSE = ("Here is the code:", "```python", "```", "    # note", "print(f(1))", "import math", "N = 3", "@cache", "'''")


def raw_answers(family: str, data_dir: Path, recorded_dir: Path) -> Iterator[tuple[str, str, str]]:
    """(task_id, answer, function asked for) of the recorded raw answers."""
    settings = read_settings({"data_dir": str(data_dir)})
    items = task(f"itax_{family}").load(settings).by_id()
    path = recorded_dir / "evalplus" / f"qwen2.5-coder-7b-base_{family}_generated.jsonl.gz"
    for line in gzip.decompress(path.read_bytes()).decode("utf-8").split("\n"):
        if line.strip():
            row = json.loads(line)
            yield row["task_id"], row["completion"], items[row["task_id"]].payload["entry_point"]


@pytest.mark.parametrize("family", OFFICIAL)
def test_every_recorded_raw_answer_becomes_the_official_text(family: str, data_dir: Path, recorded_dir: Path) -> None:
    """By digest, so that it is checked where the official tool is not installed as well."""
    whole = hashlib.sha256()
    for task_id, answer, entry_point in raw_answers(family, data_dir, recorded_dir):
        whole.update(json.dumps([task_id, sanitized(answer, entry_point)]).encode())
    assert OFFICIAL[family] == whole.hexdigest()


@pytest.mark.parametrize("family", OFFICIAL)
def test_the_official_tool_says_the_same(family: str, data_dir: Path, recorded_dir: Path) -> None:
    """Text for text, on the answers as they are and on answers with other lines put between theirs."""
    sanitize = pytest.importorskip("evalplus.sanitize", reason="evalplus is not installed").sanitize
    rng = random.Random(0)
    for task_id, answer, entry_point in raw_answers(family, data_dir, recorded_dir):
        lines = answer.split("\n")[:30]
        for _ in range(rng.randint(1, 4)):
            lines.insert(rng.randint(0, len(lines)), rng.choice(PROSE))
        for text in (answer, "\n".join(lines)):
            assert sanitize(text, entry_point) == sanitized(text, entry_point), task_id
