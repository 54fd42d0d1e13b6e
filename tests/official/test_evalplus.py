"""HumanEval+ and MBPP+ against their own solutions and the official evaluator's verdicts.

Recorded: answers of Llama-3-8B (August 2024) and Qwen2.5-Coder-7B (September 2024) with the verdicts of EvalPlus.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from itax_tasks.answers import Stored, read_answers
from itax_tasks.scoring import Answer, make_executor, score
from itax_tasks.settings import Settings, read_settings
from itax_tasks.tasks import task

pytestmark = [pytest.mark.xdist_group("official")]

SOME = {f"HumanEval/{number}" for number in (0, 1, 2, 5, 13, 18, 23, 27, 32, 38, 45, 50, 53, 79, 92, 124, 137, 162)}
SOME |= {f"Mbpp/{number}" for number in (2, 3, 7, 63, 75, 106, 124, 164, 252, 259, 278, 295, 307, 558, 581, 737, 793)}
"""Quick problems, with every special one among them."""

Passes = dict[str, tuple[float | None, float | None]]
"""Problem to base and plus."""


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    """The real data, a private state folder."""
    return read_settings({"data_dir": str(data_dir)})


def judged(name: str, settings: Settings, answers: Collection[Answer]) -> Passes:
    """Base and plus of every answer; all of them are decided."""
    spec = task(name)
    with make_executor(settings) as executor:
        outcomes = score(spec, spec.load(settings).by_id(), list(answers), executor)
    assert [] == [outcome.detail for outcome in outcomes if not outcome.decided]
    return {outcome.task_id: (outcome.metrics["pass@1"], outcome.metrics["plus_pass@1"]) for outcome in outcomes}


def solutions(name: str, settings: Settings, some: Collection[str] | None = None) -> list[Answer]:
    """The canonical solutions, as finished programs."""
    items = [item for item in task(name).load(settings).items if some is None or item.task_id in some]
    return [Answer(item.task_id, 0, item.prefix + item.truth, "program") for item in items]


def missed(passes: Passes) -> set[tuple[str, str]]:
    """(problem, tests) that are not passed."""
    return {(name, kind) for name, both in passes.items() for kind, value in zip(KINDS, both, strict=True) if not value}


KINDS = ("base", "plus")


def version_of(settings: Settings, version: str) -> Settings:
    """The same with another version of the data."""
    return read_settings({"data_dir": str(settings.data_dir), "data_version": version})


@pytest.mark.parametrize(("name", "count"), [("itax_humaneval_evalplus", 18), ("itax_mbpp_evalplus", 14)])
def test_some_canonical_solutions_pass_today(name: str, count: int, settings: Settings) -> None:
    """The special ones among them."""
    passes = judged(name, settings, solutions(name, settings, SOME))
    assert (count, set()) == (len(passes), missed(passes))


def test_the_rules_of_2023_fail_one_canonical_solution(settings: Settings) -> None:
    """HumanEval/32, whose check raises; on a machine this slow or slower the others get more time."""
    slow = read_settings({"data_dir": str(settings.data_dir), "time_scale": 20})
    passes = judged("itax_humaneval", slow, solutions("itax_humaneval", slow, SOME))
    assert {("HumanEval/32", "base"), ("HumanEval/32", "plus")} == missed(passes)


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
    """All of them, base and plus, under today's rules and limits."""
    chosen = version_of(settings, version)
    passes = judged(name, chosen, solutions(name, chosen))
    assert (count, set()) == (len(passes), missed(passes))


@pytest.mark.data
def test_every_canonical_continuation_survives_the_sanitizer(settings: Settings) -> None:
    """What a base model that writes the reference would get."""
    name = "itax_humaneval_evalplus_direct"
    answers = [Answer(item.task_id, 0, item.truth) for item in task(name).load(settings).items]
    assert set() == missed(judged(name, settings, answers))


def recorded(recorded_dir: Path, model: str, family: str) -> Stored:
    """Answers and verdicts of one file of results."""
    return read_answers(recorded_dir / "evalplus" / f"{model}_{family}_eval_results.json.gz")


def differing(passes: Passes, stored: Stored) -> set[tuple[str, str]]:
    """(problem, tests) where the stored verdict is another."""
    plus = stored.recorded_metrics["plus_pass@1"]
    found = set()
    for name, (base, both) in passes.items():
        if bool(base) != stored.recorded[(name, 0)]:
            found.add((name, "base"))
        if bool(both) != plus[(name, 0)]:
            found.add((name, "plus"))
    return found


@pytest.mark.parametrize("model", ["llama-3-8b-base", "llama-3-8b-instruct"])
@pytest.mark.parametrize("family", ["humaneval", "mbpp"])
def test_some_recorded_verdicts(model: str, family: str, settings: Settings, recorded_dir: Path) -> None:
    """Base and plus, answer by answer."""
    stored = recorded(recorded_dir, model, family)
    answers = [answer for answer in stored.answers if answer.task_id in SOME]
    assert set() == differing(judged(f"itax_{family}_evalplus", settings, answers), stored)


EXPLAINED: dict[tuple[str, str], set[tuple[str, str]]] = {
    # 566: a disturbance of that machine; the very same function passes in the later results of Qwen.
    # 583: takes 4.1 times what the reference does; the floor was 1 s then and is 4 s now.
    ("llama-3-8b-base", "mbpp"): {("Mbpp/566", "plus"), ("Mbpp/583", "plus")},
    # 2, 111, 232, 249, 579: judged before EvalPlus compared them as sets (12 April 2024).
    # 160: a search of some seconds; it has 4 s now.
    ("qwen2.5-coder-7b-base", "mbpp"): {
        *((f"Mbpp/{number}", kind) for number in (2, 111, 232) for kind in KINDS),
        *((f"Mbpp/{number}", "plus") for number in (160, 249, 579)),
    },
}
"""Recorded verdicts that today's rules do not give, with the reason."""


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
    passes = judged(f"itax_{family}_evalplus", version_of(settings, version), stored.answers)
    assert len(stored.answers) == len(passes)
    assert differing(passes, stored) <= EXPLAINED.get((model, family), set())
