"""Wall and CPU of scoring a model's answers, beside EvalPlus's own command: same answers, same limits, two workers.

    python -m benchmarks.evalplus --official PYTHON [--family humaneval] [--answers FILE] [--workers 2]

PYTHON is an interpreter that has evalplus (`pip install evalplus==0.3.1` into an environment of its own). The answers
are those of a file of EvalPlus results; by default of Llama-3-8B-Instruct (ITAX_RECORDED_DIR). Both sides score twice:
`first` with nothing known, so that the expected results are computed, `again` with these at hand; verdicts are never
taken from a cache. Start-up of either command is counted. Release 0.3.1 is told today's limit of 4 s for a call. It
fails every answer to HumanEval/32, because it does not count that problem's results; HEAD does. Prints times, their
ratios in this one run, and every verdict that differs; compare nothing across runs or machines. Exit status 1 when
verdicts other than those of HumanEval/32 differ.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DATA = {
    "humaneval": ("humaneval_plus", "HumanEvalPlus-v0.1.10.jsonl.gz", "HUMANEVAL_OVERRIDE_PATH"),
    "mbpp": ("mbpp_plus", "MbppPlus-v0.2.0.jsonl.gz", "MBPP_OVERRIDE_PATH"),
}
HEADS = ("itax wall s", "itax CPU s", "evalplus wall s", "evalplus CPU s", "wall ratio", "CPU ratio")
Verdicts = dict[tuple[str, str], bool]
"""(problem, base or plus) to whether it passes."""


def measured(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a command and everything it started and waited for."""
    began = time.perf_counter()
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(command, env={**os.environ, **environment}, cwd=folder, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{(folder / 'log.txt').read_text('utf-8', 'replace')[-2000:]}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime


def ours(family: str, answers: Path, folder: Path, workers: int) -> tuple[tuple[float, float], Verdicts]:
    """`itax score`, contained."""
    command = [str(Path(sys.executable).with_name("itax")), "score", "--task", f"itax_{family}_evalplus", "--fresh"]
    data = Path(os.environ["ITAX_DATA_DIR"]).absolute()
    environment = {"ITAX_STATE_DIR": str(folder / "state"), "ITAX_WORKERS": str(workers), "ITAX_DATA_DIR": str(data)}
    times = measured(
        [*command, "--completions", str(answers), "--format", "evalplus", "--out", str(folder / "out")],
        environment,
        folder,
    )
    verdicts: Verdicts = {}
    for line in (folder / "out" / "outcomes.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        for kind, metric in (("base", "pass@1"), ("plus", "plus_pass@1")):
            verdicts[row["task_id"], kind] = row["metrics"][metric] == 1.0
    return times, verdicts


def theirs(
    python: str, family: str, samples: Path, data: Path, folder: Path, workers: int
) -> tuple[tuple[float, float], Verdicts]:
    """`evalplus.evaluate` on the same answers."""
    result = samples.with_name(samples.name.replace(".jsonl", "_eval_results.json"))
    result.unlink(missing_ok=True)
    environment = {DATA[family][2]: str(data), "XDG_CACHE_HOME": str(folder / "cache")}
    command = [python, "-m", "evalplus.evaluate", "--dataset", family, "--samples", str(samples)]
    times = measured([*command, "--parallel", str(workers), "--min_time_limit", "4.0"], environment, folder)
    verdicts: Verdicts = {}
    for task_id, rows in json.loads(result.read_text("utf-8"))["eval"].items():
        base = rows[0]["base_status"] == "pass"
        verdicts[task_id, "base"] = base
        verdicts[task_id, "plus"] = base and rows[0]["plus_status"] == "pass"
    return times, verdicts


def _read(path: Path) -> str:
    raw = path.read_bytes()
    return (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", required=True, metavar="PYTHON")
    parser.add_argument("--family", choices=sorted(DATA), default="humaneval")
    parser.add_argument("--answers", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    family: str = options.family
    recorded = Path(os.environ.get("ITAX_RECORDED_DIR", "")) / "evalplus"
    answers = options.answers or recorded / f"llama-3-8b-instruct_{family}_eval_results.json.gz"
    benchmark, name, _ = DATA[family]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        data = folder / name.removesuffix(".gz")
        data.write_text(_read(Path(os.environ["ITAX_DATA_DIR"]) / benchmark / name), "utf-8")
        results: dict[str, list[dict[str, Any]]] = json.loads(_read(answers))["eval"]
        samples = folder / "samples.jsonl"
        rows = ({"task_id": task_id, "solution": found[0]["solution"]} for task_id, found in results.items())
        samples.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        print(f"{len(results)} answers, {options.workers} workers, {answers.name}")
        print(" " * 10 + "".join(f"{head:>17}" for head in HEADS))
        differing: dict[tuple[str, str], str] = {}
        for when in ("first", "again"):
            (wall, cpu), mine = ours(family, samples, folder, options.workers)
            (other_wall, other_cpu), official = theirs(options.official, family, samples, data, folder, options.workers)
            figures = (wall, cpu, other_wall, other_cpu, other_wall / wall, other_cpu / cpu)
            print(f"{when:10}" + "".join(f"{figure:>17.2f}" for figure in figures), flush=True)
            apart = [key for key in official if mine.get(key) != official[key]]
            differing |= dict.fromkeys(apart, when)
            print(f"{'':10}{len(official) - len(apart)} of {len(official)} verdicts agree", flush=True)
    print(f"differing: {differing}")
    sys.exit(1 if any(task_id != "HumanEval/32" for task_id, _ in differing) else 0)


if __name__ == "__main__":
    main()
