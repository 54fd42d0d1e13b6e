"""HumanEval+ and MBPP+ against their own solutions and the official evaluator's verdicts.

Recorded: answers of Llama-3-8B (August 2024) and Qwen2.5-Coder-7B (September 2024) with the verdicts of EvalPlus.

Everything is judged at the official limits first. These are wall time, so what a busy machine does not get done in time
says nothing about the rules: an answer that met a limit and is not what it should be is judged once more, alone, with
`AGAIN` times the limits, and a warning names it in pytest's summary. Nothing else gets a second time.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from itax_metrics.execution import Program
from itax_metrics.execution.executor import Executor, OnVerdict
from itax_metrics.records import Status, Verdict
from itax_tasks.answers import Stored, read_answers
from itax_tasks.benchmarks.evalplus.expected import KINDS, Expected
from itax_tasks.deciding import decisions
from itax_tasks.executors import make_executor
from itax_tasks.scoring import Answer, score
from itax_tasks.settings import Settings, read_settings
from itax_tasks.tasks import task

pytestmark = [pytest.mark.xdist_group("official")]

SOME = {f"HumanEval/{number}" for number in (0, 1, 2, 5, 13, 18, 23, 27, 32, 38, 45, 50, 53, 79, 92, 124, 137, 162)}
SOME |= {f"Mbpp/{number}" for number in (2, 3, 7, 63, 75, 106, 124, 164, 252, 259, 278, 295, 307, 558, 581, 737, 793)}
"""Quick problems, with every special one among them."""

AGAIN = {"evalplus": 10.0, "paper": 50.0}
"""Protocol to the time scale of a second judgement: a call then has 40 s or more, and 10 s or more."""

Passes = dict[str, tuple[float | None, float | None]]
"""Problem to base and plus."""


@dataclass
class Watched:
    """An executor that remembers the verdict on each program, of base and plus tests apart."""

    executor: Executor
    seen: dict[Program, Verdict] = field(default_factory=dict)

    def run(self, programs: Sequence[Program], *, on_verdict: OnVerdict | None = None) -> list[Verdict]:
        """As the executor does."""
        verdicts = self.executor.run(programs, on_verdict=on_verdict)
        self.seen.update(zip(programs, verdicts, strict=True))
        return verdicts


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder in which the reference solutions of these tests run once."""
    return tmp_path_factory.mktemp("references")


@pytest.fixture
def settings(data_dir: Path, references: Path) -> Settings:
    """The real data and official limits, whatever the environment says."""
    return read_settings({"data_dir": str(data_dir), "state_dir": str(references)}, {})


def judged(name: str, settings: Settings, answers: Collection[Answer]) -> tuple[Passes, set[str]]:
    """Base and plus of every answer, all of them decided; and the problems of which any tests met a limit of time."""
    spec, items = task(name), task(name).load(settings).by_id()
    with make_executor(settings, use_cache=False) as executor:
        watched = Watched(executor)
        outcomes = score(spec, items, list(answers), watched, time_scale=settings.time_scale)
    assert [] == [outcome.detail for outcome in outcomes if not outcome.decided]
    late = set()
    for answer in answers:
        for programs in decisions(spec, items[answer.task_id], answer, settings.time_scale).values():
            assert isinstance(programs, dict)
            if any(watched.seen[program].status is Status.TIMEOUT for program in programs.values()):
                late.add(answer.task_id)
    return {one.task_id: (one.metrics["pass@1"], one.metrics["plus_pass@1"]) for one in outcomes}, late


def judged_for(wanted: Mapping[str, Sequence[bool]], name: str, settings: Settings, answers: list[Answer]) -> Passes:
    """Base and plus at the official limits; what met one and is not as wanted, alone and with `AGAIN` times as much."""
    passes, late = judged(name, settings, answers)
    again = [
        answer
        for answer in answers
        if answer.task_id in late and tuple(map(bool, passes[answer.task_id])) != tuple(wanted[answer.task_id])
    ]
    if again:
        scale = AGAIN[task(name).protocol]
        named = ", ".join(answer.task_id for answer in again)
        warnings.warn(
            f"{name}: over the official time here, judged again with {scale:g} times it: {named}", stacklevel=2
        )
        passes |= judged(name, replace(settings, workers=1, time_scale=scale), again)[0]
    return passes


def canonical(name: str, settings: Settings, some: Collection[str] | None = None) -> Passes:
    """What the canonical solutions get."""
    answers = solutions(name, settings, some)
    return judged_for(dict.fromkeys((answer.task_id for answer in answers), (True, True)), name, settings, answers)


def solutions(name: str, settings: Settings, some: Collection[str] | None = None) -> list[Answer]:
    """The canonical solutions, as finished programs."""
    items = [item for item in task(name).load(settings).items if some is None or item.task_id in some]
    return [Answer(item.task_id, 0, item.prefix + item.truth, "program") for item in items]


def missed(passes: Passes) -> set[tuple[str, str]]:
    """(problem, tests) that are not passed."""
    return {(name, kind) for name, both in passes.items() for kind, value in zip(KINDS, both, strict=True) if not value}


BOTH_OF_32 = {("HumanEval/32", "base"), ("HumanEval/32", "plus")}
"""The rule of 2023 for this problem is called with swapped arguments and raises on every result."""


@pytest.mark.parametrize(("name", "count"), [("itax_humaneval_evalplus", 18), ("itax_mbpp_evalplus", 14)])
def test_some_canonical_solutions_pass_today(name: str, count: int, settings: Settings) -> None:
    """The special ones among them."""
    passes = canonical(name, settings, SOME)
    assert (count, set()) == (len(passes), missed(passes))


def test_the_rules_of_2023_fail_one_of_some_canonical_solutions(settings: Settings) -> None:
    """HumanEval/32, whose check raises."""
    assert missed(canonical("itax_humaneval", settings, SOME)) == BOTH_OF_32


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "version", "count"),
    [
        ("itax_humaneval_evalplus", "v0.1.10", 164),
        ("itax_humaneval_evalplus", "v0.1.9", 164),
        ("itax_mbpp_evalplus", "v0.2.0", 378),
        ("itax_mbpp_evalplus", "v0.1.0", 399),
    ],
)
def test_every_canonical_solution_passes_today(name: str, version: str, count: int, settings: Settings) -> None:
    """All of them, base and plus, under today's rules."""
    passes = canonical(name, replace(settings, data_version=version))
    assert (count, set()) == (len(passes), missed(passes))


@pytest.mark.data
def test_the_rules_of_2023_fail_one_canonical_solution_of_humaneval(settings: Settings) -> None:
    """163 of 164, base and plus; with 0.2 s a call, others may need their second judgement."""
    passes = canonical("itax_humaneval", settings)
    assert (164, BOTH_OF_32) == (len(passes), missed(passes))


ORDER_OF_SETS = ("Mbpp/2", "Mbpp/249", "Mbpp/579", "Mbpp/769")
"""Their results are made from sets of strings, whose order is another in every process; in 2023 the order counted."""


@pytest.mark.data
def test_the_rules_of_2023_fail_canonical_solutions_of_mbpp_by_the_order_of_sets_alone(settings: Settings) -> None:
    """399 of 399 base; plus misses those of `ORDER_OF_SETS`.

    What misses at 0.2 s a call for want of time passes in the second judgement. On an idle machine that is Mbpp/255
    alone: its first result is of 128 million elements, which are freed on the clock of the call after it.
    """
    passes = canonical("itax_mbpp", settings)
    assert 399 == len(passes)
    assert missed(passes) <= {(name, "plus") for name in ORDER_OF_SETS}


def test_results_made_from_sets_of_strings_differ_between_processes(settings: Settings, tmp_path: Path) -> None:
    """Four workers, four string hashes: the references of these problems alone disagree with themselves, as lists."""
    asked = (*ORDER_OF_SETS, "Mbpp/3", "Mbpp/7", "Mbpp/581")
    items = task("itax_mbpp").load(settings).by_id()
    found: dict[str, set[tuple[bytes, ...]]] = {name: set() for name in asked}
    for number in range(4):
        expected = Expected(tmp_path / str(number), settings.sandbox, workers=1)
        expected.prepare([items[name] for name in asked])
        for name in asked:
            found[name].add(tuple(one.result for one in expected.of(items[name]).returned["plus"]))
    assert set(ORDER_OF_SETS) == {name for name, results in found.items() if len(results) > 1}


@pytest.mark.data
def test_every_canonical_continuation_survives_the_sanitizer(settings: Settings) -> None:
    """What a base model that writes the reference would get."""
    name = "itax_humaneval_evalplus_direct"
    answers = [Answer(item.task_id, 0, item.truth) for item in task(name).load(settings).items]
    wanted = dict.fromkeys((answer.task_id for answer in answers), (True, True))
    assert set() == missed(judged_for(wanted, name, settings, answers))


def recorded(recorded_dir: Path, model: str, family: str) -> Stored:
    """Answers and verdicts of one file of results."""
    return read_answers(recorded_dir / "evalplus" / f"{model}_{family}_eval_results.json.gz")


def verdicts(stored: Stored) -> dict[str, tuple[bool, bool]]:
    """Problem to what is recorded for base and plus."""
    plus = stored.recorded_metrics["plus_pass@1"]
    return {name: (base, plus[(name, sample)]) for (name, sample), base in stored.recorded.items()}


def differing(passes: Passes, stored: Stored) -> set[tuple[str, str]]:
    """(problem, tests) where the stored verdict is another."""
    official = verdicts(stored)
    return {
        (name, kind)
        for name, both in passes.items()
        for kind, ours, theirs in zip(KINDS, both, official[name], strict=True)
        if bool(ours) != theirs
    }


@pytest.mark.parametrize("model", ["llama-3-8b-base", "llama-3-8b-instruct"])
@pytest.mark.parametrize("family", ["humaneval", "mbpp"])
def test_some_recorded_verdicts(model: str, family: str, settings: Settings, recorded_dir: Path) -> None:
    """Base and plus, answer by answer."""
    stored = recorded(recorded_dir, model, family)
    answers = [answer for answer in stored.answers if answer.task_id in SOME]
    passes = judged_for(verdicts(stored), f"itax_{family}_evalplus", settings, answers)
    assert set() == differing(passes, stored)


EXPLAINED: dict[tuple[str, str], set[tuple[str, str]]] = {
    # 566: a disturbance of that machine; the very same function passes in the later results of Qwen.
    # 583: takes 4.1 times what the reference does; the floor was 1 s then and is 4 s now.
    ("llama-3-8b-base", "mbpp"): {("Mbpp/566", "plus"), ("Mbpp/583", "plus")},
    # 2, 111, 232, 249, 579: judged before EvalPlus compared them as sets (12 April 2024).
    # 160, 392: a search and a recursion of some seconds a call; they have 4 s now, which is enough on an idle machine.
    ("qwen2.5-coder-7b-base", "mbpp"): {
        *((f"Mbpp/{number}", kind) for number in (2, 111, 232) for kind in KINDS),
        *((f"Mbpp/{number}", "plus") for number in (160, 249, 392, 579)),
    },
}
"""Recorded failures that pass under today's rules, with the reason."""


@pytest.mark.data
@pytest.mark.parametrize(
    ("model", "family", "version", "passed"),
    [
        ("llama-3-8b-base", "humaneval", "v0.1.10", (45, 39)),
        ("llama-3-8b-base", "mbpp", "v0.2.0", (228, 184)),
        ("llama-3-8b-instruct", "humaneval", "v0.1.10", (105, 94)),
        ("llama-3-8b-instruct", "mbpp", "v0.2.0", (249, 211)),
        ("qwen2.5-coder-7b-base", "humaneval", "v0.1.9", (101, 87)),
        ("qwen2.5-coder-7b-base", "mbpp", "v0.1.0", (307, 251)),
    ],
)
def test_every_recorded_verdict(
    model: str, family: str, version: str, passed: tuple[int, int], settings: Settings, recorded_dir: Path
) -> None:
    """Base and plus of every answer; what differs is explained."""
    stored = recorded(recorded_dir, model, family)
    assert passed == (sum(stored.recorded.values()), sum(stored.recorded_metrics["plus_pass@1"].values()))
    chosen = replace(settings, data_version=version)
    passes = judged_for(verdicts(stored), f"itax_{family}_evalplus", chosen, list(stored.answers))
    assert len(stored.answers) == len(passes)
    apart = differing(passes, stored)
    assert apart <= EXPLAINED.get((model, family), set())
    assert not apart & missed(passes)
