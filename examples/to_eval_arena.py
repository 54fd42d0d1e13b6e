"""One score directory as the lines that eval-arena reads (crux-eval/eval-arena), for its noise analysis.

python examples/to_eval_arena.py SCORES > lines.jsonl
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import groupby

from itax_metrics import read_score_dir


def lines(folder: str) -> Iterator[dict[str, object]]:
    """One line an item: how many of its samples passed."""
    run, outcomes = read_score_dir(folder)
    ordered = sorted(outcomes, key=lambda row: row.key)
    for (task, task_id), rows in groupby(ordered, key=lambda row: (row.task, row.task_id)):
        passed = [row.passed for row in rows]
        yield {
            "benchmark_id": task,
            "model": run.model,
            "example_id": task_id,
            "pass1": sum(passed) / len(passed),
            "correct": sum(passed),
            "count": len(passed),
        }


if __name__ == "__main__":
    for line in lines(sys.argv[1]):
        print(json.dumps(line))
