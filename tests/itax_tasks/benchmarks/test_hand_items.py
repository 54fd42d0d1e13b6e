"""The embedded benchmark is sound: its answers pass, and wrong answers do not.

Covered: every problem is judged the way the benchmark is judged, with the canonical answer, without
one, with a stub, with a neighbour's answer and with every one-token mutant of the answer; the stored
answers exist for every problem and cover both verdicts.
Not covered: whether a problem is hard, or whether its wording is the best one.
"""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from importlib import resources

import pytest

Item = dict[str, str]

KINDS = ("line", "block", "completion", "instruct")
SECONDS_PER_PROGRAM = 1.0

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the judge here needs interval timers")

JUDGE = """
import io, json, signal, sys, time

class TimeUp(BaseException):
    pass

def stop(*_):
    raise TimeUp

signal.signal(signal.SIGALRM, stop)
programs, seconds = json.load(sys.stdin)
results, screen = [], sys.stdout
for program in programs:
    sys.stdout = sys.stderr = io.StringIO()
    started = time.process_time()
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        exec(compile(program, "program", "exec"), {})
        verdict = "passed"
    except BaseException as error:
        verdict = type(error).__name__
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    results.append([verdict, time.process_time() - started])
screen.write(json.dumps(results))
"""


def rows(name: str) -> list[Item]:
    """Read one of the benchmark's files as an installed package would."""
    text = resources.files("itax_tasks.benchmarks").joinpath(name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@cache
def items() -> tuple[Item, ...]:
    return tuple(rows("hand_items.jsonl"))


def run(programs: list[str], hash_seed: str = "0") -> list[tuple[str, float]]:
    """Run programs one after the other in a fresh interpreter; give each verdict and its CPU seconds."""
    child = subprocess.run(
        [sys.executable, "-c", JUDGE],
        input=json.dumps([programs, SECONDS_PER_PROGRAM]),
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=25,
        check=True,
    )
    return [(verdict, seconds) for verdict, seconds in json.loads(child.stdout)]


def extract(answer: str) -> str:
    """Take the first fenced block of an answer, or all of it when there is none."""
    fence = re.search(r"```[^\n]*\n(.*?)(?:```|\Z)", answer, flags=re.DOTALL)
    return fence.group(1) if fence else answer


def program(item: Item, answer: str) -> str:
    """Build what the judge runs for one answer."""
    code = extract(answer) if item["kind"] == "instruct" else item["prompt"] + answer + item["suffix"]
    return f"{code}\n{item['test']}\ncheck({item['entry_point']})\n"


def passing(answers: list[tuple[Item, str]]) -> list[str]:
    """Return the ids of the items whose answer passes."""
    verdicts = run([program(item, answer) for item, answer in answers])
    return [item["task_id"] for (item, _), (verdict, _) in zip(answers, verdicts, strict=True) if verdict == "passed"]


def indent(text: str) -> str:
    """Return the white space the first line of a text starts with."""
    return text[: len(text) - len(text.lstrip(" "))]


def test_every_kind_has_enough_problems() -> None:
    """Each of the four kinds has at least eighteen problems."""
    counts = Counter(item["kind"] for item in items())
    assert set(KINDS) == set(counts)
    assert all(counts[kind] >= 18 for kind in KINDS)


@pytest.mark.parametrize("field", ["task_id", "entry_point", "prompt", "canonical_solution"])
def test_nothing_appears_twice(field: str) -> None:
    """No two problems share an id, a function name, a prompt or an answer."""
    values = [item[field] for item in items()]
    assert len(values) == len(set(values))


def test_task_ids_are_numbered_within_their_kind() -> None:
    """The task id is `hand/<kind>/<number>`, counted from 01."""
    for kind in KINDS:
        ids = [item["task_id"] for item in items() if item["kind"] == kind]
        assert [f"hand/{kind}/{number:02d}" for number in range(1, len(ids) + 1)] == ids


def test_prompts_end_where_the_hole_begins() -> None:
    """Prefix, answer and suffix are whole lines, and together they are one valid source text."""
    for item in items():
        if item["kind"] == "instruct":
            ast.parse(item["canonical_solution"])
            assert item["entry_point"] in item["prompt"], item["task_id"]
            continue
        assert item["prompt"].endswith("\n"), item["task_id"]
        assert item["canonical_solution"].endswith("\n"), item["task_id"]
        assert indent(item["canonical_solution"]), item["task_id"]
        ast.parse(item["prompt"] + item["canonical_solution"] + item["suffix"])


def test_holes_have_the_size_their_kind_promises() -> None:
    """A `line` hole is one line, a `block` hole two to eight; only these two kinds have a suffix."""
    for item in items():
        height = item["canonical_solution"].count("\n")
        if item["kind"] == "line":
            assert height == 1, item["task_id"]
        elif item["kind"] == "block":
            assert 2 <= height <= 8, item["task_id"]
        assert bool(item["suffix"]) == (item["kind"] in ("line", "block")), item["task_id"]


def test_every_test_asks_several_questions() -> None:
    """Each test defines `check(candidate)` with at least four assertions."""
    for item in items():
        tree = ast.parse(item["test"])
        assert [node.name for node in tree.body if isinstance(node, ast.FunctionDef)] == ["check"]
        assert sum(isinstance(node, ast.Assert) for node in ast.walk(tree)) >= 4, item["task_id"]


def test_programs_use_nothing_that_varies() -> None:
    """Nothing reads the clock, files, the network, the locale or random numbers."""
    allowed = {"bisect", "calendar", "collections", "datetime", "functools", "heapq", "itertools", "re", "typing"}
    allowed |= {"unicodedata", "urllib"}
    for item in items():
        tree = ast.parse(program(item, item["canonical_solution"]))
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names} <= allowed, item["task_id"]
            called = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
            assert called not in {"today", "now", "open", "input", "hash", "id"}, item["task_id"]


@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_canonical_answers_pass(hash_seed: str) -> None:
    """Every canonical answer passes, quickly, whatever order sets have."""
    verdicts = run([program(item, item["canonical_solution"]) for item in items()], hash_seed)
    for item, (verdict, seconds) in zip(items(), verdicts, strict=True):
        assert verdict == "passed", item["task_id"]
        assert seconds < 0.1, item["task_id"]


def test_the_empty_answer_fails() -> None:
    """No problem is solved by saying nothing."""
    assert passing([(item, "") for item in items()]) == []


def test_a_stub_fails() -> None:
    """No hole can be filled with `pass`."""
    holes = [item for item in items() if item["kind"] != "instruct"]
    assert passing([(item, indent(item["canonical_solution"]) + "pass\n") for item in holes]) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_neighbours_answer_fails(kind: str) -> None:
    """The answer to the next problem, moved to the right indentation, solves nothing."""
    same = [item for item in items() if item["kind"] == kind]
    answers = []
    for item, other in zip(same, same[1:] + same[:1], strict=True):
        depth, lines = len(indent(other["canonical_solution"])), other["canonical_solution"].splitlines()
        moved = "".join(f"{indent(item['canonical_solution'])}{line[depth:]}\n" for line in lines)
        answers.append((item, moved))
    assert passing(answers) == []


SWAPS: dict[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Add,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip


def edit(node: ast.AST) -> Callable[[], None] | None:
    """Return what mutates one node in place, or None where there is nothing to change."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        return lambda: node.ops.__setitem__(0, SWAPS[type(node.ops[0])]())
    if isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp) and type(node.op) in SWAPS:
        return lambda: setattr(node, "op", SWAPS[type(node.op)]())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return lambda: setattr(node, "op", ast.UAdd())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return lambda: setattr(node, "operand", ast.UnaryOp(ast.Not(), node.operand))
    if isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, bool):
            return lambda: setattr(node, "value", not value)
        if isinstance(value, str):
            return lambda: setattr(node, "value", f"{value}x")
        if isinstance(value, int | float):
            return lambda: setattr(node, "value", value + 1)
    return None


def targets(item: Item) -> tuple[str, list[int]]:
    """Return the judged source and the places in its syntax tree that belong to the answer's own logic."""
    answer = item["canonical_solution"]
    before = "" if item["kind"] == "instruct" else item["prompt"]
    source = before + answer + item["suffix"]
    lines = range(before.count("\n") + 1, before.count("\n") + answer.count("\n") + 1)
    nodes = list(ast.walk(ast.parse(source)))
    words = {id(inner) for node in nodes if isinstance(node, ast.Raise) for inner in ast.walk(node)}
    words |= {id(node.value) for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
    places = [
        place
        for place, node in enumerate(nodes)
        if getattr(node, "lineno", 0) in lines and id(node) not in words and edit(node)
    ]
    return source, places


def mutants(item: Item) -> list[str]:
    """Return the program once for each operator or constant of the answer, with that one changed."""
    source, places = targets(item)
    programs = []
    for place in places:
        tree = ast.parse(source)
        mutate = edit(list(ast.walk(tree))[place])
        assert mutate is not None, item["task_id"]
        mutate()
        programs.append(f"{ast.unparse(tree)}\n{item['test']}\ncheck({item['entry_point']})\n")
    return programs


def test_changed_operators_and_constants_are_noticed() -> None:
    """At least nine in ten one-token changes of an answer fail, and for each problem at least half of them."""
    by_item = {item["task_id"]: mutants(item) for item in items()}
    verdicts = iter(run([mutant for programs in by_item.values() for mutant in programs]))
    caught = {
        task_id: [next(verdicts)[0] != "passed" for _ in programs] for task_id, programs in by_item.items() if programs
    }
    everything = [was_caught for results in caught.values() for was_caught in results]
    assert sum(everything) >= 0.9 * len(everything)
    assert {task_id: results for task_id, results in caught.items() if sum(results) < 0.5 * len(results)} == {}


@cache
def pass_rates(model: str) -> dict[str, float]:
    """Return the share of stored answers of one kind of model that pass, by kind of problem."""
    answers = {row["task_id"]: row["completion"] for row in rows(f"hand_answers_{model}.jsonl")}
    passed = set(passing([(item, answers[item["task_id"]]) for item in items()]))
    rates = {}
    for kind in KINDS:
        ids = [item["task_id"] for item in items() if item["kind"] == kind]
        rates[kind] = len(passed.intersection(ids)) / len(ids)
    return rates


@pytest.mark.parametrize("model", ["base", "instruct"])
def test_stored_answers_cover_every_problem_once(model: str) -> None:
    """A file of stored answers holds exactly one answer for each problem, in the order of the problems."""
    stored = [row["task_id"] for row in rows(f"hand_answers_{model}.jsonl")]
    assert [item["task_id"] for item in items()] == stored


@pytest.mark.parametrize("model", ["base", "instruct"])
def test_stored_answers_cover_both_verdicts(model: str) -> None:
    """Of each kind some stored answers pass and some fail, so a demo shows every path."""
    assert all(0 < rate < 1 for rate in pass_rates(model).values())


def test_stored_answers_show_a_tax_and_a_gain() -> None:
    """The base answers win where code goes on, the instruct answers where a request is followed."""
    base, instruct = pass_rates("base"), pass_rates("instruct")
    assert all(base[kind] > instruct[kind] for kind in ("line", "block", "completion"))
    assert instruct["instruct"] > base["instruct"]


if __name__ == "__main__":
    for model in ("base", "instruct"):
        print(model, {kind: f"{rate:.0%}" for kind, rate in pass_rates(model).items()})
