"""Behaviour measures over whole benchmarks: what they cost, what they say of canonical answers, on whatever Python.

    python -m benchmarks.behaviors [--digest] [--set core|all|NAMES] [--rounds 3]

Reads the official files (ITAX_DATA_DIR): HumanEval-Infilling, SAFIM, BigCodeBench, and the lines and methods of
ClassEval, 22,846 answers in all (1033 + 310 + 8781 + 8629 + 2557 + 396 + 1140). Takes the canonical answers, and the
same made noisy as models do (prose, fences, running on, a lost bracket; seeded), and prints MB/s of CPU time on one
core for the standard library's tokenizer alone and for the measures, with their ratio, on the same text in one run;
`nl` of canonical answers in percent; and a sha256 over `ctr`, `nl` and `def_cls` of all of them, which must not depend
on the interpreter. Needs nothing but the standard library:

    PYTHONPATH=src python3.13 -m benchmarks.behaviors --digest
"""

from __future__ import annotations

import argparse
import ast
import gzip
import hashlib
import io
import json
import os
import platform
import random
import time
import tokenize
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from itax_metrics.behavior import Reply, measure, select
from itax_metrics.behavior.code_to_token import ctr
from itax_metrics.behavior.declarations import def_cls
from itax_metrics.behavior.natural_language import nl
from itax_metrics.records import Item, Status

DATA = Path(os.environ.get("ITAX_DATA_DIR", ""))


def rows(file: str) -> Iterator[dict[str, Any]]:
    """The rows of a JSON lines file."""
    with gzip.open(DATA / file, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def items() -> Iterator[tuple[str, Item]]:
    """(benchmark, item) in the official order."""
    for row in rows("hefim/HumanEval-SingleLineInfilling.jsonl.gz"):
        yield "hefim", Item(row["task_id"], row["prompt"], row["suffix"], row["canonical_solution"])
    for kind in ("api", "block", "control"):
        for row in rows(f"safim/{kind}_completion.jsonl.gz"):
            # No hole has a fixed mark in every file; the place is not needed for what is measured here.
            yield f"safim_{kind}", Item(row["task_id"], row["prompt"], "", row["ground_truth"], language=row["lang"])
    with gzip.open(DATA / "classeval/ClassEval_data.json.gz", "rt", encoding="utf-8") as file:
        classes = json.load(file)
    for row in classes:
        yield from _lines(row["task_id"], row["solution_code"])
    for row in classes:
        yield from _methods(row)
    for row in rows("bigcodebench/BigCodeBench.jsonl.gz"):
        yield "bigcodebench", Item(row["task_id"], row["complete_prompt"], "", row["canonical_solution"])


def _functions(source: str) -> Iterator[ast.FunctionDef]:
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            yield from (f for f in node.body if isinstance(f, ast.FunctionDef) and f.name != "__init__")


def _lines(name: str, source: str) -> Iterator[tuple[str, Item]]:
    lines = source.split("\n")
    for function in _functions(source):
        for at in range(function.lineno, function.end_lineno or 0):
            if lines[at].strip():
                before, after = "\n".join(lines[:at]) + "\n", "\n" + "\n".join(lines[at + 1 :])
                yield "classeval_lines", Item(f"{name}/{at}", before, after, lines[at])


def _methods(row: dict[str, Any]) -> Iterator[tuple[str, Item]]:
    """Methods that the skeleton has too; skeletons that do not parse are left out, as the paper's 396 do."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # escapes in the classes' own strings
            asked = {function.name for function in _functions(row["skeleton"])}
    except SyntaxError:
        return
    lines = row["solution_code"].split("\n")
    for function in _functions(row["solution_code"]):
        if function.name in asked:
            body = "\n".join(lines[function.lineno : function.end_lineno])
            before = "\n".join(lines[: function.lineno]) + "\n"
            yield "classeval_methods", Item(f"{row['task_id']}/{function.name}", before, "", body)


def noisy(number: int, item: Item, rng: random.Random) -> str:
    """An answer as models give them; every fifth is canonical."""
    truth = item.truth
    if number % 5 == 1:
        return f"Here is the code you asked for, with an explanation below:\n\n```python\n{truth}\n```\nIt's done."
    if number % 5 == 2:
        return truth + item.suffix[:400] + f"\n\ndef helper_{number}(value):\n    return value + {number}\n"
    if number % 5 == 3:
        cut = rng.randrange(len(truth) + 1)
        return truth[:cut] + "(" + truth[cut:] + " # note that this may fail"
    return truth.replace("self.", "this->") + "\n" + truth if number % 5 == 4 else truth


def standard(text: str) -> None:
    """The standard library's tokenizer alone."""
    try:
        for _ in tokenize.generate_tokens(io.StringIO(text).readline):
            pass
    except (tokenize.TokenError, SyntaxError):
        pass


def throughput(label: str, answers: list[tuple[Item, str]], names: list[str], rounds: int) -> None:
    """MB/s of both, the best of their rounds, alternating."""
    chosen = select(names)
    size = sum(len(text.encode("utf-8", "surrogatepass")) for _, text in answers) / 1e6
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        start = time.process_time()
        for _, text in answers:
            standard(text)
        middle = time.process_time()
        for item, text in answers:
            measure(Reply(text, item, lambda text=text: text, None, Status.FAILED, None), chosen)  # type: ignore[misc]
        best = [min(best[0], middle - start), min(best[1], time.process_time() - middle)]
    print(
        f"{label}: {len(answers)} answers, {size:.2f} MB; tokenizer alone {size / best[0]:.2f} MB/s, "
        f"{len(chosen)} measures {size / best[1]:.2f} MB/s; ratio of CPU times {best[1] / best[0]:.2f}"
    )


def main() -> None:
    """See the head of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--digest", action="store_true", help="no timing")
    parser.add_argument("--set", default="all", help="names of measures, with commas")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many")
    options = parser.parse_args()
    found = list(items())
    digest = hashlib.sha256()
    flagged: dict[str, list[float]] = {}
    for name, item in found:
        reply = Reply(item.truth, item)
        values = (ctr(reply), nl(reply), def_cls(reply))
        digest.update(json.dumps(values).encode())
        flagged.setdefault(name, []).append(values[1])
    shown = ", ".join(f"{name} {100 * sum(v) / len(v):.2f}" for name, v in flagged.items())
    print(f"CPython {platform.python_version()}: {len(found)} canonical answers, nl in percent: {shown}")
    print(f"sha256 of ctr, nl, def_cls: {digest.hexdigest()[:16]}")
    if options.digest:
        return
    names = options.set.split(",")
    throughput("canonical", [(item, item.truth) for _, item in found], names, options.rounds)
    rng = random.Random(0)
    throughput("noisy", [(item, noisy(n, item, rng)) for n, (_, item) in enumerate(found)], names, options.rounds)


if __name__ == "__main__":
    main()
