"""CPU and wall cost of executing HumanEval-Infilling, beside the official scorer and beside no isolation at all.

    python -m benchmarks.execution [--rounds 3] [--workers 2]

Runs the 1,033 canonical single-line programs (needs ITAX_DATA_DIR or a fetched copy) three ways, taking
turns so that load from elsewhere falls on all alike: with our engine, with
`human_eval_infilling.execution.check_correctness` where that package is importable (its `exec` line must
have been enabled, as its README says), and with plain `exec` in one process, the floor nobody can pass.
Prints medians and ratios of one run; compare nothing across runs or machines.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from itax_metrics.execution import LocalExecutor, Program, probe
from itax_tasks.settings import read_settings
from itax_tasks.tasks import task

Measure = tuple[float, float, int]
"""(CPU seconds of the whole process tree, wall seconds, programs that passed)"""


def measured(run: Callable[[Any], int], argument: Any) -> Measure:
    """Run in a fresh process, so that the CPU time is this run's and nobody else's."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(run, argument, sender))
    process.start()
    result: Measure = receiver.recv()
    process.join()
    return result


def _measure(run: Callable[[Any], int], argument: Any, sender: Any) -> None:
    before, start = _cpu(), time.perf_counter()
    passed = run(argument)
    sender.send((_cpu() - before, time.perf_counter() - start, passed))


def _cpu() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def ours(argument: tuple[list[Program], int]) -> int:
    """Our engine with every layer this machine has."""
    programs, workers = argument
    with LocalExecutor(workers=workers) as executor:
        return sum(verdict.passed for verdict in executor.run(programs))


def floor(argument: tuple[list[Program], int]) -> int:
    """Plain exec, one process, no isolation: what the programs themselves cost."""
    passed = 0
    for program in argument[0]:
        try:
            exec(program.source, {})
            passed += 1
        except BaseException:
            pass  # counted by its absence
    return passed


def official(argument: tuple[list[dict[str, Any]], int]) -> int:
    """The official scorer's own function on as many threads as we have workers."""
    from human_eval_infilling.execution import check_correctness

    # A spawned process starts its own children by spawn too; the scorer is written for the default of Linux.
    multiprocessing.set_start_method("fork", force=True)
    rows, workers = argument
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(check_correctness, row, row["answer"], 3.0) for row in rows]
        return sum(future.result()["passed"] for future in futures)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    spec = task("itax_hefim")
    items = spec.load(read_settings()).items
    # The lines of one problem give one and the same program; ours would run it once. A number keeps them apart.
    answers = [f"{item.truth}# {number}\n" for number, item in enumerate(items)]
    programs = [
        spec.decision(item, "pass@1", spec.body(item, "pass@1", text))
        for item, text in zip(items, answers, strict=True)
    ]
    rows = [
        {"task_id": item.task_id, "prompt": item.prefix, "suffix": item.suffix, "answer": text, **item.payload}
        for item, text in zip(items, answers, strict=True)
    ]
    ways: dict[str, tuple[Callable[[Any], int], Any]] = {
        "itax": (ours, (programs, options.workers)),
        "floor (no isolation)": (floor, (programs, 1)),
    }
    try:
        import human_eval_infilling.execution  # noqa: F401

        ways["official scorer"] = (official, (rows, options.workers))
    except ImportError:
        print("human_eval_infilling is not importable: the official scorer is left out")
    print(f"{len(programs)} programs, {options.workers} workers, {options.rounds} rounds; {probe().summary()}")
    results: dict[str, list[Measure]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, (run, argument) in ways.items():
            results[name].append(measured(run, argument))
    print(f"{'':22}{'passed':>8}{'CPU ms/program':>16}{'programs/s':>12}{'CPU ratio':>11}{'wall ratio':>12}")
    base_cpu, base_wall = (statistics.median(m[at] for m in results["itax"]) for at in (0, 1))
    for name, measures in results.items():
        cpu, wall = (statistics.median(m[at] for m in measures) for at in (0, 1))
        print(
            f"{name:22}{measures[0][2]:>8}{1000 * cpu / len(programs):>16.2f}{len(programs) / wall:>12.0f}"
            f"{cpu / base_cpu:>11.2f}{wall / base_wall:>12.2f}"
        )


if __name__ == "__main__":
    main()
