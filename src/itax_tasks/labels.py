"""Writes the YAML label of every task from the table: `python -m itax_tasks.labels`.

A label holds what the host must know before the task class exists: name, metrics, version, room for the answer.
Groups are written by hand, because which tasks belong together is a decision, not a fact of the table.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from itax_tasks.paths import task_path
from itax_tasks.spec import GREEDY, TaskSpec
from itax_tasks.tasks import TASKS

DEFAULT_LENGTH = 512
"""What `_base_yaml` says; other figures stand in the task's own label."""


def label(spec: TaskSpec) -> str:
    """The YAML text of one task."""
    lines = ["include: ../_base_yaml", f"task: {spec.name}"]
    if spec.max_gen_toks != DEFAULT_LENGTH or dict(spec.sampling) != dict(GREEDY):
        lines += ["generation_kwargs:", "  until: []"]
        lines += [f"  {key}: {_scalar(value)}" for key, value in spec.sampling.items()]
        lines.append(f"  max_gen_toks: {spec.max_gen_toks}")
    if spec.repeats != 1:
        lines.append(f"repeats: {spec.repeats}")
    lines.append("metric_list:")
    for metric in spec.measures:
        lines += [f"  - metric: {metric}", "    aggregation: mean", "    higher_is_better: true"]
    lines += ["metadata:", f"  version: {spec.version}"]
    return "\n".join(lines) + "\n"


def write(folder: Path) -> list[Path]:
    """Write every label under `folder`, one folder a benchmark; returns the files that changed."""
    changed = []
    for spec in TASKS.values():
        path = folder / spec.family / f"{spec.name}.yaml"
        text = label(spec)
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        changed.append(path)
    return changed


def _scalar(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    for written in write(Path(task_path())):
        sys.stdout.write(f"{written}\n")
