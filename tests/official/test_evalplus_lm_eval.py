"""The paper's tasks inside the real lm-eval: one stored answer a problem, both metrics in the table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("lm_eval")

from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager
from lm_eval.utils import make_table

from itax_metrics.records import Item
from itax_tasks import task_path
from itax_tasks.models.replay import ReplayLM
from itax_tasks.settings import read_settings
from itax_tasks.tasks import task

pytestmark = [pytest.mark.xdist_group("official")]

LIMIT = 8


def _base_alone(item: Item) -> str:
    """A continuation that is right on the base inputs and returns nothing on all others."""
    return f"    if list(locals().values()) not in {item.payload['base_input']!r}:\n        return None\n{item.truth}"


def test_one_generation_gives_base_and_plus(data_dir: Path, tmp_path: Path) -> None:
    """HumanEval: one problem wrong, one right on the base tests alone; MBPP: one wrong. Whatever follows is cut off."""
    rows = []
    for family, wrong in (("humaneval", "    return None\n"), ("mbpp", "def other():\n    return 1\n")):
        items = task(f"itax_{family}").load(read_settings({"data_dir": str(data_dir)})).items[:LIMIT]
        texts = [wrong, *(item.truth for item in items[1:])]
        if family == "humaneval":
            texts[1] = _base_alone(items[1])
        rows += [
            {"task_id": item.task_id, "completion": f"\n{text}\n```\nThis solves it."}
            for item, text in zip(items, texts, strict=True)
        ]
    answers = tmp_path / "answers.jsonl"
    answers.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    # 0.2 s a call is a matter of the machine; nothing of these is slow.
    settings = {"data_dir": str(data_dir), "time_scale": 50}
    found = simple_evaluate(
        model=ReplayLM(completions=str(answers)),
        tasks=["itax_humaneval", "itax_mbpp"],
        task_manager=TaskManager(include_path=task_path(), include_defaults=False, metadata=settings),
        limit=LIMIT,
        confirm_run_unsafe_code=True,
    )
    rates = {name: (row["pass@1,none"], row["plus_pass@1,none"]) for name, row in found["results"].items()}
    assert rates == {"itax_humaneval": (7 / 8, 6 / 8), "itax_mbpp": (7 / 8, 7 / 8)}
    table = make_table(found)
    assert (2, 2) == (table.count("|pass@1 "), table.count("|plus_pass@1 "))
