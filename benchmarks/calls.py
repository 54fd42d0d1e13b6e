"""CPU of call tests, beside EvalPlus's own checker: same tasks, same solutions, same limits, same interpreter.

    python -m benchmarks.calls [--tasks 60] [--seed 0] [--rounds 2]

Takes a seeded sample of HumanEval+ v0.1.10 (ITAX_DATA_DIR), and for every task the canonical solution and some wrong
ones made from it, each on the base and on the plus inputs. Runs them with our engine (one worker) and, where the
package is importable (`pip install evalplus==0.3.1` into an environment of its own), with
`evalplus.evaluate.check_correctness`. Expected results are computed beforehand on both sides and not counted; neither
are imports. Wrong solutions that never end are run by both and compared, but left out of the times, where they would
weigh their whole limit on either side. `calls` is the calls alone, in one process, without isolation or comparison;
what a checker takes beside them is its own cost. Tasks whose calls are short are shown apart from those whose calls,
or results of millions of elements, weigh more than any checker. Prints the verdicts that differ and the ratios of CPU
times of one run, in all and beside the calls; compare nothing across runs or machines. Exit status 1 when verdicts
differ.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import json
import multiprocessing
import os
import random
import re
import resource
import statistics
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from itax_metrics.execution import Limits, LocalExecutor, Program, probe
from itax_metrics.execution.calls import Call, CallJudge
from itax_metrics.execution.codec import encode
from itax_metrics.execution.references import Reference, Returned, expected_values
from itax_metrics.records import Status, Verdict

FILE = "HumanEvalPlus-v0.1.10.jsonl.gz"
SHORTEST_LIMIT, FACTOR = 4.0, 4.0
LIGHT_SECONDS = 0.1
SETS = ("base", "plus")
Rows = list[dict[str, Any]]
Answers = list[tuple[int, str]]
"""(position of the task, source)"""
Measured = tuple[float, float, list[bool]]
"""(CPU seconds of the process tree, wall seconds, passes)"""


def rows_of(count: int, seed: int) -> Rows:
    """A seeded sample of the tasks."""
    folder = Path(os.environ.get("ITAX_DATA_DIR", ""))
    path = next((p for p in (folder / "humaneval_plus" / FILE, folder / FILE) if p.is_file()), None)
    if path is None:
        sys.exit(f"{FILE} was not found: set ITAX_DATA_DIR to the folder that holds it.")
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    return random.Random(seed).sample(rows, min(count, len(rows)))


def solutions(row: dict[str, Any], seed: int) -> list[str]:
    """The canonical solution and wrong ones: a number moved, a comparison turned, a result dropped, an error."""
    whole = row["prompt"] + row["canonical_solution"]
    chance = random.Random(f"{seed} {row['task_id']}")
    spoiled = [whole]
    for kind in chance.sample(("number", "comparison"), 1):
        tree = ast.parse(whole)
        places = [
            node
            for node in ast.walk(tree)
            if (kind == "number" and isinstance(node, ast.Constant) and type(node.value) is int)
            or (kind == "comparison" and isinstance(node, ast.Compare))
        ]
        if places:
            node = chance.choice(places)
            if isinstance(node, ast.Constant):
                node.value += 1  # type: ignore[operator]
            elif isinstance(node, ast.Compare):
                node.ops[0] = chance.choice([ast.Lt(), ast.GtE(), ast.Eq(), ast.NotEq()])
            spoiled.append(ast.unparse(tree))
    if chance.random() < 0.3:
        last = chance.choice(["return None", "raise ValueError", "import os; os._exit(0)", "return {}", "return 0.5"])
        spoiled.append(f"{row['prompt']}    {last}\n")
    return spoiled


def references_of(rows: Rows) -> list[tuple[Returned, ...]]:
    """What the canonical solutions return, from contained workers."""
    references = [
        Reference(
            row["task_id"],
            row["prompt"] + row["canonical_solution"],
            row["entry_point"],
            tuple(encode(values) for kind in SETS for values in row[f"{kind}_input"]),
        )
        for row in rows
    ]
    return expected_values(references)


def judges_of(row: dict[str, Any], returned: tuple[Returned, ...]) -> list[CallJudge]:
    """One judge for the base and one for the plus inputs."""
    made, start = [], 0
    for kind in SETS:
        inputs = row[f"{kind}_input"]
        judged = returned[start : start + len(inputs)]
        start += len(inputs)
        comparison: Any = "polynomial" if row["entry_point"] == "find_zero" else "close"
        calls = tuple(
            Call(encode(values), one.result, max(SHORTEST_LIMIT, FACTOR * one.seconds), comparison)
            for values, one in zip(inputs, judged, strict=True)
        )
        made.append(CallJudge(row["entry_point"], calls, row["atol"]))
    return made


def programs_of(answers: Answers, judges: list[list[CallJudge]]) -> list[Program]:
    """Two programs for each answer, with EvalPlus's limit for the whole."""
    return [
        Program(source, judge=judge, limits=Limits(wall_seconds=min(60.0, sum(c.seconds for c in judge.calls)) + 1))
        for at, source in answers
        for judge in judges[at]
    ]


def calls_of(verdict: Verdict) -> int | None:
    """How many calls it took to decide; None for all of them, 0 where there was none to make."""
    found = re.match(r"call (\d+) of", verdict.detail)
    return int(found[1]) if found else None if verdict.passed else 0


def ours(programs: list[Program]) -> Measured:
    """Our engine, contained, one worker."""
    with LocalExecutor(workers=1) as executor:
        cpu, wall = _cpu(), time.perf_counter()
        passes = [verdict.passed for verdict in executor.run(programs)]
        wall = time.perf_counter() - wall
    # The worker is counted once it has been waited for.
    return _cpu() - cpu, wall, passes


def floor(argument: tuple[Rows, Answers, list[int | None]]) -> Measured:
    """The calls themselves, as many of each program as decide it, in one process: what nobody can save."""
    rows, answers, counts = argument
    left = iter(counts)
    cpu, wall = _cpu(), time.perf_counter()
    passes = []
    for at, source in answers:
        for kind in SETS:
            count = next(left)
            try:
                namespace: dict[str, Any] = {}
                exec(source, namespace)
                function = namespace[rows[at]["entry_point"]]
                for values in rows[at][f"{kind}_input"][:count]:
                    function(*values)
                passes.append(True)
            except Exception:
                passes.append(False)
    return _cpu() - cpu, time.perf_counter() - wall, passes


def theirs(argument: tuple[Rows, Answers]) -> Measured:
    """EvalPlus's own checker, one program at a time, with fast check as its command has it."""
    multiprocessing.set_start_method("fork", force=True)
    from evalplus.evaluate import check_correctness
    from evalplus.gen.util import trusted_exec

    rows, answers = argument
    expected = []
    for row in rows:
        oracle: dict[str, Any] = {}
        for kind in SETS:
            code = row["prompt"] + row["canonical_solution"]
            oracle[kind], oracle[f"{kind}_time"] = trusted_exec(
                code, row[f"{kind}_input"], row["entry_point"], record_time=True
            )
        expected.append(oracle)
    cpu, wall = _cpu(), time.perf_counter()
    passes = []
    for at, source in answers:
        result = check_correctness(
            "humaneval", 0, rows[at], source, expected[at], fast_check=True, min_time_limit=SHORTEST_LIMIT
        )
        passes += [result[kind][0] == "pass" for kind in SETS]
    return _cpu() - cpu, time.perf_counter() - wall, passes


def _cpu() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _apart(run: Any, argument: Any) -> Measured:
    """In a fresh process, so that the CPU time is this run's and nobody else's."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(run, argument, sender))
    process.start()
    sender.close()
    result: Measured = receiver.recv()
    process.join()
    return result


def _send(run: Any, argument: Any, sender: Any) -> None:
    sender.send(run(argument))


def compare(
    rows: Rows,
    answers: Answers,
    judges: list[list[CallJudge]],
    counts: list[int | None],
    rounds: int,
    with_official: bool,
) -> None:
    """Run the same answers every way, taking turns, and print medians."""
    programs = programs_of(answers, judges)
    ways: dict[str, tuple[Any, Any]] = {"itax": (ours, programs), "calls": (floor, (rows, answers, counts))}
    if with_official:
        ways["evalplus"] = (theirs, (rows, answers))
    results: dict[str, list[Measured]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (run, argument) in ways.items():
            results[name].append(_apart(run, argument))
    cpu, wall = (
        {name: statistics.median(m[at] for m in measures) for name, measures in results.items()} for at in (0, 1)
    )
    print(f"{'':10}{'CPU ms/program':>16}{'wall ms/program':>17}{'CPU ratio':>11}{'beside the calls':>18}{'ratio':>8}")
    for name in results:
        each = 1000 / len(programs)
        beside = cpu[name] - cpu["calls"]
        print(
            f"{name:10}{cpu[name] * each:>16.2f}{wall[name] * each:>17.2f}{cpu[name] / cpu['itax']:>11.2f}"
            f"{beside * each:>18.2f}{beside / (cpu['itax'] - cpu['calls']):>8.2f}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    rows = rows_of(options.tasks, options.seed)
    references = references_of(rows)
    judges = [judges_of(row, returned) for row, returned in zip(rows, references, strict=True)]
    answers = [(at, source) for at, row in enumerate(rows) for source in solutions(row, options.seed)]
    with LocalExecutor(workers=1) as executor:
        verdicts = executor.run(programs_of(answers, judges))
    endless = {at // 2 for at, verdict in enumerate(verdicts) if verdict.status is Status.TIMEOUT}
    print(f"{len(rows)} tasks, {len(answers)} answers ({len(endless)} without end), {probe().summary()}")
    with_official = find_spec("evalplus") is not None
    if not with_official:
        print("evalplus is not importable: its checker is left out")
    light = {at for at, returned in enumerate(references) if sum(one.seconds for one in returned) < LIGHT_SECONDS}
    for name, tasks in ((f"under {LIGHT_SECONDS:g} s", light), ("longer", set(range(len(rows))) - light)):
        chosen = [at for at, (task, _) in enumerate(answers) if at not in endless and task in tasks]
        counts = [calls_of(verdict) for at, verdict in enumerate(verdicts) if at // 2 in chosen]
        print(f"tasks whose own calls take {name}: {len(tasks)}, {2 * len(chosen)} programs")
        if chosen:
            compare(rows, [answers[at] for at in chosen], judges, counts, options.rounds, with_official)
    if not with_official:
        return
    official = _apart(theirs, (rows, answers))[2]
    differing = [
        f"{rows[answers[at // 2][0]]['task_id']} answer {at // 2} {SETS[at % 2]}: {verdict.status} {verdict.detail}"
        for at, (verdict, other) in enumerate(zip(verdicts, official, strict=True))
        if verdict.passed != other
    ]
    print(f"verdicts: {sum(official)} of {len(official)} pass; {len(differing)} differ")
    print("\n".join(differing))
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
