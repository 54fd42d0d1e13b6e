"""BigCodeBench beside its official tool: clean-up of recorded answers, and CPU of canonical programs.

    python -m benchmarks.bigcodebench --official FOLDER [--tasks 60] [--seed 0]

FOLDER holds the unpacked package `bigcodebench` (`pip download --no-deps bigcodebench==0.2.5`, unzipped) and, beside it
or in this interpreter, `tree_sitter`, `tree_sitter_python`, `tqdm`, `termcolor`. Needs ITAX_DATA_DIR,
ITAX_RECORDED_DIR and the environment `bigcodebench` (`itax env create bigcodebench`).

Clean-up: every recorded raw program through our rule and through `bigcodebench.sanitize.sanitize`, one process each,
CPU seconds, how many texts are identical. Programs: a seeded sample of canonical solutions through our engine and
through `bigcodebench.eval.untrusted_check` run by the environment's own interpreter, one program at a time on both
sides, CPU of the whole process tree, imports included on both sides. Compare nothing across runs or machines.
Exit status 1 when a text or a verdict differs.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from itax_metrics.execution import LocalExecutor
from itax_metrics.execution.environments import find
from itax_tasks.benchmarks import bigcodebench
from itax_tasks.extraction.bigcodebench import bigcodebench_calibrate, sanitized
from itax_tasks.settings import read_settings
from itax_tasks.spec import TaskSpec
from itax_tasks.tasks import task

FILES = (
    ("qwen2.5-coder-7b-base_completion.jsonl.gz", "solution"),
    ("qwen2.5-coder-7b-instruct_complete_sanitized-calibrated.jsonl.gz", "raw_solution"),
)

_STAND_INS = """
import sys, types
for name, values in {
    "bigcodebench.data": ("get_bigcodebench", "load_solutions", "write_directory", "write_jsonl"),
    "pqdm": (), "pqdm.processes": ("pqdm",),
}.items():
    module = types.ModuleType(name)
    module.__dict__.update(dict.fromkeys(values))
    sys.modules[name] = module
"""
"""The official module imports its loaders and a process pool, which cleaning up a text does not use."""

_CLEAN = (
    _STAND_INS
    + """
import json, time
from bigcodebench.sanitize import sanitize
texts = json.load(open(sys.argv[1]))
began = time.process_time()
cleaned = [sanitize(text, "task_func") for text in texts]
json.dump([time.process_time() - began, cleaned], open(sys.argv[2], "w"))
"""
)

_CHECK = """
import json, resource, sys, time
from bigcodebench.eval import untrusted_check
rows = json.load(open(sys.argv[1]))
def cpu():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
began, clock, verdicts = cpu(), time.time(), []
for code, test in rows:
    status, _ = untrusted_check(code, test, "task_func", 30 * 1024, 30 * 1024, 10, 1.0, 20.0)
    verdicts.append(status == "pass")
json.dump([cpu() - began, time.time() - clock, verdicts], open(sys.argv[2], "w"))
"""


def _official(script: str, given: Any, folder: Path, interpreter: str) -> Any:
    """What a script that uses the official package makes of `given`."""
    with tempfile.TemporaryDirectory() as scratch:
        source, result = Path(scratch) / "in.json", Path(scratch) / "out.json"
        source.write_text(json.dumps(given))
        environment = {**os.environ, "PYTHONPATH": str(folder), "HOME": scratch}
        subprocess.run([interpreter, "-c", script, str(source), str(result)], check=True, env=environment)
        return json.loads(result.read_text())


def _recorded() -> list[str]:
    folder = Path(os.environ.get("ITAX_RECORDED_DIR", "")) / "bigcodebench"
    texts = []
    for name, field in FILES:
        with gzip.open(folder / name, "rt", encoding="utf-8") as handle:
            texts += [json.loads(line)[field] for line in handle]
    return texts


def clean_up(folder: Path) -> bool:
    """Print the comparison of the two clean-ups; True when every text is the same."""
    texts = _recorded()
    began = time.process_time()
    ours = [sanitized(text, "task_func") for text in texts]
    seconds = time.process_time() - began
    theirs_seconds, theirs = _official(_CLEAN, texts, folder, sys.executable)
    same = sum(a == b for a, b in zip(ours, theirs, strict=True))
    print(f"clean-up of {len(texts)} recorded programs: {same} identical")
    print(f"  CPU s: itax {seconds:.2f}, official {theirs_seconds:.2f}: {theirs_seconds / seconds:.1f}x")
    return same == len(texts)


def programs(spec: TaskSpec, folder: Path, count: int, seed: int) -> bool:
    """Print the comparison of the two checkers; True when every verdict is the same."""
    settings = read_settings()
    items = random.Random(seed).sample(spec.load(settings).items, count)
    bodies = [spec.body(item, spec.headline, item.truth) for item in items]
    made = [spec.decision(item, spec.headline, body) for item, body in zip(items, bodies, strict=True)]
    envs = settings.state_dir.absolute() / "envs"

    def cpu() -> float:
        return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

    began, clock = cpu(), time.time()
    with LocalExecutor(workers=1, policy=settings.sandbox, environments_folder=envs) as executor:
        verdicts = executor.run(made)  # type: ignore[arg-type]  # every decision of this benchmark is one program
    ours, ours_wall = cpu() - began, time.time() - clock
    rows = [
        (bigcodebench_calibrate(item, body), item.payload["test"]) for item, body in zip(items, bodies, strict=True)
    ]
    interpreter = str(find(bigcodebench.ENVIRONMENT, envs).interpreter)
    theirs, theirs_wall, passed = _official(_CHECK, rows, folder, interpreter)
    differ = [item.task_id for item, a, b in zip(items, verdicts, passed, strict=True) if a.passed != b]
    print(f"{count} canonical programs: {sum(v.passed for v in verdicts)} pass with itax, {sum(passed)} officially")
    for task_id in differ:
        print(f"  differs: {task_id}")
    print(f"  CPU s: itax {ours:.1f}, official {theirs:.1f}: {theirs / ours:.1f}x")
    print(f"  wall s: itax {ours_wall:.1f}, official {theirs_wall:.1f}: {theirs_wall / ours_wall:.1f}x")
    return not differ


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", type=Path, required=True)
    parser.add_argument("--tasks", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clean-up-only", action="store_true")
    options = parser.parse_args()
    same = clean_up(options.official)
    if not options.clean_up_only:
        same = programs(task("itax_bigcodebench_complete"), options.official, options.tasks, options.seed) and same
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
