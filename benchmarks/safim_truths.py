"""Executes the published answers of SAFIM (block and control completion) and lists those that do not pass.

    python -m benchmarks.safim_truths --language python
    python -m benchmarks.safim_truths --language java --sample 400 --seed 0 --state /var/tmp/truths

The official scorer counts an answer equal to the published one as passed without running it; here all of them run,
under ExecEval's limits, so the list shows what this machine's compilers and speed cost. Verdicts are kept below
`--state`: a second call runs only what is new. Needs ITAX_DATA_DIR.
"""

from __future__ import annotations

import argparse
import ast
import collections
import gzip
import json
import os
import random
import resource
import time
from pathlib import Path
from typing import Any

from itax_metrics.errors import DataError
from itax_metrics.execution import Limits, LocalExecutor, Program, VerdictCache
from itax_metrics.execution.languages import EXECEVAL
from itax_metrics.execution.programs import StdioJudge
from itax_metrics.records import Verdict

PARTS = ("block_completion", "control_completion")
LANGUAGES = ("python", "pypy", "cpp", "java", "csharp")


def rows(directory: Path, language: str) -> list[dict[str, Any]]:
    """The block and control rows of one language, in the order of the files."""
    wanted = "python" if language == "pypy" else language
    found = []
    for part in PARTS:
        path = directory / "safim" / f"{part}.jsonl.gz"
        if not path.is_file():
            raise DataError(f"{path} is missing. Set ITAX_DATA_DIR to the directory that holds `safim`.")
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            found += [row for row in map(json.loads, lines) if row["lang"] == wanted]
    return found


def truth(row: dict[str, Any], language: str, time_scale: float = 1.0) -> Program:
    """The published answer in its place, with the row's tests and ExecEval's limits."""
    tests = row["unit_tests"]
    cases = ast.literal_eval(tests) if isinstance(tests, str) else tests
    judge = StdioJudge(tuple((case["input"], tuple(case["output"])) for case in cases))
    source = row["eval_prompt"].replace("{{completion}}", row["ground_truth"])
    return Program(source, language, judge, execeval_limits(language).scaled(time_scale))


def execeval_limits(language: str) -> Limits:
    """ExecEval's figures as limits of one case."""
    figures = EXECEVAL[language]
    return Limits(
        wall_seconds=figures.wall_seconds,
        memory_bytes=figures.memory_bytes,
        file_bytes=figures.file_bytes,
        processes=figures.processes,
        open_files=figures.open_files,
    )


def cpu_seconds() -> float:
    """CPU time of this process and of all its ended children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", choices=LANGUAGES, required=True)
    parser.add_argument("--sample", type=int, default=0, help="rows drawn; 0 for all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--time-scale", type=float, default=1.0)
    parser.add_argument("--state", type=Path, help="directory for verdicts and compiled programs")
    options = parser.parse_args()
    directory = os.environ.get("ITAX_DATA_DIR")
    if directory is None:
        raise SystemExit("Set ITAX_DATA_DIR to the directory that holds `safim`.")
    chosen = rows(Path(directory), options.language)
    if options.sample:
        chosen = random.Random(options.seed).sample(chosen, options.sample)
    programs = [truth(row, options.language, options.time_scale) for row in chosen]
    cache = None if options.state is None else VerdictCache(options.state / "verdicts.sqlite3")
    artifacts = None if options.state is None else options.state / "compiled"
    start, before = time.perf_counter(), cpu_seconds()
    with LocalExecutor(
        workers=options.workers, cache=cache, artifacts=artifacts, progress=options.language
    ) as executor:
        verdicts = executor.run(programs)
    report(chosen, verdicts)
    used, wall = cpu_seconds() - before, time.perf_counter() - start
    print(f"{wall:.0f} s wall, {used:.0f} s CPU, {1000 * used / len(programs):.0f} ms CPU per program")


def report(chosen: list[dict[str, Any]], verdicts: list[Verdict]) -> None:
    """Counts, and a line for each answer that did not pass."""
    counts = collections.Counter(verdict.status.value for verdict in verdicts)
    print(f"{counts['passed']}/{len(verdicts)} passed; {dict(counts)}")
    for row, verdict in zip(chosen, verdicts, strict=True):
        if not verdict.passed:
            print(f"{row['task_id']}\t{verdict.status}\t{verdict.seconds:.2f} s\t{verdict.detail}")


if __name__ == "__main__":
    main()
