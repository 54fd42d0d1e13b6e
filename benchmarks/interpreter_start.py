"""What the import hook costs every Python process of the environment: `python -m benchmarks.interpreter_start`.

Two comparisons, each of CPU time, each side started in turn so that a busy machine favours neither:

- a plain start, against one with ITAX_NO_AUTOLOAD=1: what switching the hook off saves;
- a start without site-packages that imports the hook's file, against one that does not: what its being there costs.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HOOK = "_itax_lm_eval_hook"


@dataclass(frozen=True, slots=True)
class Start:
    """One way to start the interpreter."""

    what: str
    options: Sequence[str]
    environment: Mapping[str, str]

    def run(self) -> float:
        """CPU milliseconds of one start, user and system."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *self.options], env=dict(self.environment), check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    """Print the median CPU time of each side, and the median of the paired differences."""
    parser = argparse.ArgumentParser(description="CPU time of an interpreter start, with and without the hook.")
    parser.add_argument("--starts", type=int, default=100, help="starts on each side (default 100, at least 30)")
    starts = max(30, parser.parse_args().starts)

    on = {key: value for key, value in os.environ.items() if key != "ITAX_NO_AUTOLOAD"}
    where = subprocess.run(
        [sys.executable, "-c", f"import os, {HOOK} as hook; print(os.path.dirname(hook.__file__))"],
        env=on,
        capture_output=True,
        text=True,
    )
    if where.returncode != 0:
        sys.exit("The hook is not installed in this environment: pip install itax-tasks, or pip install -e .")
    alone = {**on, "PYTHONPATH": where.stdout.strip()}

    print(f"Python {sys.version.split()[0]}, {starts} starts on each side, CPU milliseconds a start")
    compare(
        Start("plain start", ("-c", "pass"), on),
        Start("ITAX_NO_AUTOLOAD=1", ("-c", "pass"), {**on, "ITAX_NO_AUTOLOAD": "1"}),
        starts,
    )
    compare(
        Start("hook's file imported", ("-S", "-c", f"import {HOOK}"), alone),
        Start("no hook's file", ("-S", "-c", "pass"), alone),
        starts,
    )


def compare(with_hook: Start, without: Start, starts: int) -> None:
    """Time the two in turn, and print the comparison."""
    for side in (with_hook, without):
        side.run()  # byte code is compiled and files are in memory
    pairs = [(with_hook.run(), without.run()) for _ in range(starts)]
    differences = [a - b for a, b in pairs]
    low, middle, high = statistics.quantiles(differences, n=4)
    print(f"  {with_hook.what:<22}{statistics.median(a for a, _ in pairs):7.2f}")
    print(f"  {without.what:<22}{statistics.median(b for _, b in pairs):7.2f}")
    print(f"  {'difference':<22}{middle:7.2f}   (quartiles {low:.2f} and {high:.2f})")


if __name__ == "__main__":
    main()
