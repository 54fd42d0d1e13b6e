"""ClassEval's published, changed and recorded answers through the tasks: counts, and every miss with its cause.

    python -m benchmarks.classeval_controls rows
    python -m benchmarks.classeval_controls lines --state FOLDER
    python -m benchmarks.classeval_controls methods|classes|changed|recorded --state FOLDER

`rows` counts the items and puts each back together; the others execute, in the pinned environment below `--state`
(`ITAX_STATE_DIR=FOLDER itax env create classeval`). `--time-scale` stretches the limits, for machines that are busy:
with 6, what still fails does so for another reason than time. `recorded` compares verdicts on stored answers of two
models, test class by test class, with those of the official runner. Needs ITAX_DATA_DIR, `recorded` ITAX_RECORDED_DIR.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tests.official.mutations import mutate_line

from itax_metrics.records import Item, Outcome
from itax_tasks.answers import read_answers
from itax_tasks.benchmarks.classeval import environment, infilling, judging
from itax_tasks.executors import make_executor
from itax_tasks.scoring import Answer, score
from itax_tasks.settings import Settings, read_settings
from itax_tasks.spec import Measure, TaskSpec
from itax_tasks.tasks import task

MODELS = ("GPT-4", "Llama3.1-8b")
"""Whose recorded answers there are."""
LATE = "ClassEval_35/solve"
"""Needs 2 to 20 s by machine and load: whether it ends within the official 5 says nothing about the scorer."""
RENAMED = "ClassEval_37/vigenere_cipher"
"""Its parameter has another name in the skeleton than in the published body."""
IMPORTING = "ClassEval_61/shuffle"
"""Its published body imports a module, where the artifact's clean-up stops."""
NO_LIBRARY = {"ClassEval_28", "ClassEval_38", "ClassEval_44", "ClassEval_52", "ClassEval_93"}
"""Classes of whose module the recorded runs could test nothing, where the libraries they import are here."""
SHARED_FOLDER = {
    ("ClassEval_25", "CookiesUtilTestLoadCookies"),
    ("ClassEval_98", "XMLProcessorTestFindElement"),
}
"""Decided in the recorded runs by what the test class before it left, or took, in the folder all share."""
CUT_OFF = ("ClassEval_35", "EightPuzzleTestSolve")
"""A search of 2 to 20 s, by machine and load: the recorded run of GPT-4's answer ended at 5 s, with no test run."""
SET_ORDER = {"ClassEval_22"}
"""Recorded answers that return the elements of a set as a list: right or wrong by the hash seed of the process."""

Recorded = Mapping[str, Mapping[str, Mapping[str, Mapping[str, int]]]]
"""The official runner's own file: class, `<class>_0`, test class, then `testsRun`, `errors` and `failures`."""


def truths(spec: TaskSpec, settings: Settings) -> list[Answer]:
    """The published answers."""
    return [Answer(item.task_id, 0, item.truth) for item in spec.load(settings).items]


def executed_lines(spec: TaskSpec) -> TaskSpec:
    """Line infilling judged by execution alone: no file passes because it equals the published one."""
    return replace(spec, measures={"pass@1": Measure("raw", judging.by_method, infilling.complete)})


def changed_lines(items: Iterable[Item]) -> list[Answer]:
    """The published lines with one operator or constant changed, where the file still parses."""
    found = []
    for item in items:
        line = mutate_line(item.truth)
        if line is not None and _parses(item.prefix + line + item.suffix):
            found.append(Answer(item.task_id, 0, line))
    return found


@dataclass(frozen=True, slots=True)
class Agreement:
    """Test classes of one model's recorded answers: the official runner's verdict beside ours."""

    test_classes: int
    official: int
    """Passed, by the official runner."""
    ours: int
    agree: int
    causes: Mapping[str, int]
    """Why the others differ, and how many for each reason."""
    unexplained: tuple[tuple[str, str], ...]
    """Those without a reason: (class, test class)."""


def agreement(outcomes: Iterable[Outcome], theirs: Recorded) -> Agreement:
    """Compare test class by test class."""
    total = official = ours = agree = 0
    causes: Counter[str] = Counter()
    unexplained = []
    for outcome in outcomes:
        entries = theirs[outcome.task_id][f"{outcome.task_id}_0"]
        nothing_ran = all(entry["testsRun"] == 0 for entry in entries.values())
        for name, passed in (outcome.test_classes or {}).items():
            entry = entries[name]
            expected = entry["testsRun"] > 0 and entry["errors"] + entry["failures"] == 0
            total, official, ours = total + 1, official + expected, ours + passed
            agree += passed == expected
            if passed == expected:
                continue
            if outcome.task_id in NO_LIBRARY and nothing_ran and not expected:
                causes["the recorded run lacked a library"] += 1
            elif (outcome.task_id, name) in SHARED_FOLDER:
                causes["the recorded runs shared one folder"] += 1
            elif (outcome.task_id, name) == CUT_OFF and not entry["testsRun"]:
                causes["the recorded run was cut off at its limit"] += 1
            elif outcome.task_id in SET_ORDER:
                causes["the order of a set"] += 1
            else:
                unexplained.append((outcome.task_id, name))
    return Agreement(total, official, ours, agree, causes, tuple(unexplained))


def recorded_answers(model: str, folder: Path) -> tuple[list[Answer], Recorded]:
    """A model's stored classes, and the official runner's verdicts on them."""
    stored = read_answers(folder / "classeval" / f"{model}_greedy.json.gz")
    verdicts = gzip.decompress((folder / "classeval" / f"{model}_greedy_class_result.json.gz").read_bytes())
    return list(stored.answers), json.loads(verdicts)


def judged(spec: TaskSpec, answers: list[Answer], settings: Settings) -> list[Outcome]:
    """Executed anew, nothing out of the cache.

    Raises:
        SystemExit: an answer has no verdict, as where the environment is missing.
    """
    with make_executor(settings, use_cache=False) as executor:
        outcomes = score(spec, spec.load(settings).by_id(), answers, executor, time_scale=settings.time_scale)
    open_ = [outcome for outcome in outcomes if not outcome.decided]
    if open_:
        raise SystemExit(f"{len(open_)} answers have no verdict, the first: {open_[0].task_id}: {open_[0].detail}")
    return outcomes


def cause(task_id: str) -> str:
    """Why a published method fails, in words."""
    unavailable = {f"{problem}/{method}": why for (problem, method), why in environment.UNAVAILABLE.items()}
    failing = {**unavailable, LATE: "may need more than 5 s"}
    known = {
        **failing,
        RENAMED: "another parameter name in the skeleton than in the body",
        IMPORTING: "its body imports a module, where the artifact's clean-up stops",
    }
    if task_id in known:
        return known[task_id]
    problem = task_id.partition("/")[0]
    others = [method for owner, _, method in (name.partition("/") for name in failing) if owner == problem]
    return f"the whole module is run, {' and '.join(others)} included" if others else "UNEXPLAINED"


def rows(settings: Settings) -> None:
    """Print how many items each task has, and how many are the published file when put back together."""
    put_back: Mapping[str, Callable[[Item], str] | None] = {
        "infilling": lambda item: item.prefix + item.truth + item.suffix,
        "completion": method_put_back,
        "completion_full": method_put_back,
        "holistic": None,
    }
    for name, whole in put_back.items():
        items = task(f"itax_classeval_{name}").load(settings).items
        print(f"itax_classeval_{name}: {len(items)} rows", end="")
        equal = whole and sum(whole(item) == item.payload["problem"].solution for item in items)
        print(f", prefix + target + suffix is the published file in {equal}" if whole else "")


def lines(settings: Settings) -> None:
    """Print what the published lines score, and what they score when all of them are executed."""
    spec = task("itax_classeval_infilling")
    answers = truths(spec, settings)
    outcomes = judged(spec, answers, settings)
    for metric in spec.measures:
        print(f"{metric}: {sum(outcome.metrics[metric] or 0 for outcome in outcomes):.0f}/{len(outcomes)}")
    _misses("all executed", judged(executed_lines(spec), answers, settings), "pass@1")


def methods(settings: Settings) -> None:
    """Print what the published methods score, and each that fails."""
    spec = task("itax_classeval_completion")
    outcomes = judged(spec, truths(spec, settings), settings)
    for metric in spec.measures:
        _misses(metric, outcomes, metric)


def classes(settings: Settings) -> None:
    """Print what the published classes score, test class by test class."""
    spec = task("itax_classeval_holistic")
    outcomes = judged(spec, truths(spec, settings), settings)
    verdicts = {(o.task_id, name): passed for o in outcomes for name, passed in (o.test_classes or {}).items()}
    print(f"test classes: {sum(verdicts.values())}/{len(verdicts)}; classes: {sum(o.passed for o in outcomes)}/100")
    for (problem, name), passed in verdicts.items():
        if not passed:
            print(f"  {problem}\t{name}")


def changed(settings: Settings) -> None:
    """Print how many lines still pass with one operator or constant changed."""
    spec = task("itax_classeval_infilling")
    answers = changed_lines(spec.load(settings).items)
    outcomes = judged(spec, answers, settings)
    passed = sum(outcome.metrics["pass@1"] or 0 for outcome in outcomes)
    matched = sum(outcome.passed for outcome in outcomes)
    print(f"one operator or constant changed: {passed:.0f} of {len(answers)} pass, {matched} match exactly")


def recorded(settings: Settings) -> None:
    """Print the agreement with the official runner on the stored answers of each model."""
    folder = os.environ.get("ITAX_RECORDED_DIR")
    if folder is None:
        raise SystemExit("Set ITAX_RECORDED_DIR to the folder that holds `classeval`.")
    for model in MODELS:
        answers, theirs = recorded_answers(model, Path(folder))
        found = agreement(judged(task("itax_classeval_holistic"), answers, settings), theirs)
        print(
            f"{model}: {found.agree} of {found.test_classes} test classes agree (official {found.official} passed, "
            f"ours {found.ours}); {dict(found.causes)}; {len(found.unexplained)} unexplained",
            *found.unexplained,
        )


def _misses(title: str, outcomes: list[Outcome], metric: str) -> None:
    failed = [outcome.task_id for outcome in outcomes if not outcome.metrics[metric]]
    print(f"{title}: {len(outcomes) - len(failed)}/{len(outcomes)}")
    owners = Counter("/".join(name.split("/")[:2]) for name in failed)
    for name, count in owners.items():
        print(f"  {name}{f' ({count} lines)' if count > 1 else ''}\t{cause(name)}")


def method_put_back(item: Item) -> str:
    """Prefix, target and suffix with the published `def` line, in whose place the prompt shows the skeleton's."""
    problem = item.payload["problem"]
    method = next(method for method in problem.methods if method.name == item.payload["method"])
    above = "".join(problem.lines[: method.definition + 1])
    return above + item.truth + str(item.payload["around"][1])


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


PARTS: Mapping[str, Callable[[Settings], None]] = {
    part.__name__: part for part in (rows, lines, methods, classes, changed, recorded)
}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--state", type=Path, help="state folder with the environment `classeval`")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--time-scale", type=float, default=1.0)
    options = parser.parse_args()
    settings = replace(read_settings(), workers=options.workers, time_scale=options.time_scale)
    if options.state is not None:
        settings = replace(settings, state_dir=options.state)
    PARTS[options.part](settings)


if __name__ == "__main__":
    main()
