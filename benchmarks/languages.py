"""Programs per second for SAFIM's published answers, beside the plain command lines of the official runner.

    python -m benchmarks.languages [--language cpp --language java ...] [--programs 60] [--workers 2]

For each language the same programs run four ways, in one call: `cold` (a new executor that knows nothing; precompiled
headers and helpers are built before and timed apart), `compiled` (a new executor that finds the compiled programs),
`known` (the verdicts are known too), and `plain`, ExecEval's own command lines one after another in a temporary
directory, with no isolation at all, on as many threads as we have workers. Ratios are CPU time against `plain`; compare
nothing across calls or machines. Needs ITAX_DATA_DIR.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.safim_truths import cpu_seconds, rows, truth
from itax_metrics.execution import LocalExecutor, Program, VerdictCache, languages
from itax_metrics.execution.comparison import accepted, unix_lines
from itax_metrics.execution.languages import java
from itax_metrics.execution.programs import StdioJudge

COMPILERS = {
    "cpp": (
        "g++ -std=c++17 -s -x c++ -O2 -w -DONLINE_JUDGE -include limits.h -include math.h test.cpp -o test.out "
        "-static -lm"
    ),
    "java": "javac -nowarn NAME.java",
    "csharp": "mcs -optimize test.cs -out:test.exe",
    "pypy": "pypy3 -W ignore -m py_compile test.py",
}
RUNNERS = {
    "cpp": "./test.out",
    "java": (
        "java -DONLINE_JUDGE=true -Xmx2g -XX:ReservedCodeCacheSize=64m -XX:-UseCompressedClassPointers -Xss256k -cp . "
        "NAME"
    ),
    "csharp": "mono test.exe",
    "pypy": "pypy3 -W ignore -OO -s -S test.py",
}
FILES = {"cpp": "test.cpp", "java": "NAME.java", "csharp": "test.cs", "pypy": "test.py"}


def plainly(program: Program) -> bool:
    """True when a program passes by the official command lines."""
    assert isinstance(program.judge, StdioJudge)
    source, name = unix_lines(program.source), "test"
    if program.language == "java":
        name = java.class_name(source) or name
    compiler, runner, file = (table[program.language].replace("NAME", name) for table in (COMPILERS, RUNNERS, FILES))
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, file).write_text(source, encoding="utf-8")
        if subprocess.run(compiler.split(), cwd=directory, capture_output=True, check=False).returncode != 0:
            return False
        for given, outputs in program.judge.cases:
            done = subprocess.run(
                runner.split(), cwd=directory, input=unix_lines(given).encode(), capture_output=True, check=False
            )
            if done.returncode != 0 or not accepted(done.stdout.decode("utf-8", "ignore"), outputs):
                return False
    return True


def measured(run: Callable[[], int]) -> tuple[float, float, int]:
    """CPU seconds, wall seconds, programs that passed."""
    start, before = time.perf_counter(), cpu_seconds()
    passed = run()
    return cpu_seconds() - before, time.perf_counter() - start, passed


def compare(language: str, programs: list[Program], workers: int) -> None:
    """Run the four ways and print."""
    with tempfile.TemporaryDirectory() as directory:
        state = Path(directory)

        def ours(*, keep_verdicts: bool) -> int:
            cache = VerdictCache(state / "verdicts.sqlite3") if keep_verdicts else None
            with LocalExecutor(workers=workers, cache=cache, artifacts=state) as executor:
                return sum(verdict.passed for verdict in executor.run(programs))

        def plain() -> int:
            with ThreadPoolExecutor(workers) as threads:
                return sum(threads.map(plainly, programs))

        def prepared() -> int:
            languages.prepare(language, state / "toolbox")
            return 0

        preparation = measured(prepared)
        results = {
            "plain": measured(plain),
            "cold": measured(lambda: ours(keep_verdicts=False)),
            "compiled": measured(lambda: ours(keep_verdicts=True)),
            "known": measured(lambda: ours(keep_verdicts=True)),
        }
    print(f"\n{language}: {len(programs)} programs, {workers} workers; prepared once in {preparation[0]:.1f} s CPU")
    print(f"{'':10}{'passed':>8}{'CPU ms/program':>16}{'programs/s':>12}{'CPU ratio':>11}{'wall ratio':>12}")
    for name, (cpu, wall, passed) in results.items():
        print(
            f"{name:10}{passed:>8}{1000 * cpu / len(programs):>16.1f}{len(programs) / wall:>12.1f}"
            f"{results['plain'][0] / max(cpu, 0.01):>11.1f}{results['plain'][1] / max(wall, 0.001):>12.1f}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", action="append", choices=tuple(COMPILERS))
    parser.add_argument("--programs", type=int, default=60)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    data = os.environ.get("ITAX_DATA_DIR")
    if data is None:
        raise SystemExit("Set ITAX_DATA_DIR to the directory that holds `safim`.")
    for language in options.language or ("cpp", "java", "csharp"):
        lacking = languages.missing(language)
        if lacking is not None:
            print(f"\n{language}: left out. {lacking}")
            continue
        chosen = random.Random(0).sample(rows(Path(data), language), options.programs)
        compare(language, [truth(row, language, time_scale=5.0) for row in chosen], options.workers)


if __name__ == "__main__":
    main()
