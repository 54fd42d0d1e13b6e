"""EvalPlus's sanitizer beside ours: the same text for how many recorded raw answers, and at what cost.

    python -m benchmarks.evalplus_sanitizer --official PYTHON

PYTHON is an interpreter that has evalplus (docs/development.md). The answers are the raw ones of Qwen2.5-Coder-7B to
HumanEval+ and MBPP+ (ITAX_RECORDED_DIR; ITAX_DATA_DIR for the functions asked for). CPU seconds are those of the calls
alone, one process on either side, without start-up. Prints texts that are equal, CPU and its ratio in this one run.
Exit status 1 where a text differs.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from itax_tasks.extraction.evalplus import sanitized
from itax_tasks.settings import read_settings
from itax_tasks.tasks import task

FAMILIES = ("humaneval", "mbpp")

_OFFICIAL = """
import json, sys, time
from evalplus.sanitize import sanitize
pairs = json.load(sys.stdin)
sanitize(*pairs[0])
began = time.process_time()
texts = [sanitize(text, entry_point) for text, entry_point in pairs]
json.dump([texts, time.process_time() - began], sys.stdout)
"""


def raw_answers(family: str, data_dir: Path, recorded_dir: Path) -> list[tuple[str, str, str]]:
    """(task_id, answer, function asked for) of the recorded raw answers."""
    items = task(f"itax_{family}").load(read_settings({"data_dir": str(data_dir)})).by_id()
    path = recorded_dir / "evalplus" / f"qwen2.5-coder-7b-base_{family}_generated.jsonl.gz"
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode("utf-8").split("\n") if line.strip()]
    return [(row["task_id"], row["completion"], items[row["task_id"]].payload["entry_point"]) for row in rows]


def official(python: str, pairs: Sequence[tuple[str, str]]) -> tuple[list[str], float]:
    """What evalplus makes of (text, function asked for), and the CPU seconds of its calls.

    Raises:
        subprocess.CalledProcessError: the interpreter has no evalplus; it says so on standard error.
    """
    ran = subprocess.run(
        [python, "-c", _OFFICIAL], input=json.dumps(pairs), stdout=subprocess.PIPE, text=True, check=True
    )
    texts, seconds = json.loads(ran.stdout)
    return texts, seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", required=True, metavar="PYTHON")
    options = parser.parse_args()
    differing: list[str] = []
    print(f"{'':10}{'equal':>12}{'itax CPU s':>14}{'evalplus CPU s':>17}{'ratio':>10}")
    for family in FAMILIES:
        answers = raw_answers(family, Path(os.environ["ITAX_DATA_DIR"]), Path(os.environ["ITAX_RECORDED_DIR"]))
        pairs = [(text, entry_point) for _, text, entry_point in answers]
        sanitized(*pairs[0])
        began = time.process_time()
        mine = [sanitized(*pair) for pair in pairs]
        seconds = time.process_time() - began
        theirs, other = official(options.official, pairs)
        apart = [name for (name, _, _), one, two in zip(answers, mine, theirs, strict=True) if one != two]
        differing += apart
        equal = f"{len(pairs) - len(apart)} of {len(pairs)}"
        print(f"{family:10}{equal:>12}{seconds:>14.2f}{other:>17.2f}{other / seconds:>10.1f}", flush=True)
    print(f"differing: {differing}")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
