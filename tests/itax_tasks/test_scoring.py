"""The one scorer: every rule a metric, equal programs once, verdicts read into outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from itax_metrics.errors import ConfigError, DataError
from itax_metrics.execution import LocalExecutor, Program
from itax_metrics.execution.executor import OnVerdict
from itax_metrics.execution.pool import Pool
from itax_metrics.records import Item, Outcome, Status, Verdict
from itax_tasks import scoring
from itax_tasks.answers import read_answers
from itax_tasks.scoring import Answer, rates, score, task_run
from itax_tasks.settings import Settings
from itax_tasks.tasks import task

_HEFIM = task("itax_hefim")
SPEC = replace(_HEFIM, measures={name: _HEFIM.measures[name] for name in list(_HEFIM.measures)[:3]})
"""The headline and two siblings: as many verdicts as the scripts below hold."""
TESTS = "def check(candidate):\n    assert candidate() == 1\n"


def _item(task_id: str, prefix: str, suffix: str = "") -> Item:
    return Item(task_id, prefix, suffix, cluster=f"cluster of {task_id}", payload={"test": TESTS, "entry_point": "f"})


ITEMS = {
    item.task_id: item
    for item in (
        _item("hole", "def f():\n"),
        _item("dead", "def f():\n    return 1\n"),
        _item("tail", "def f():\n", "    return x\n"),
    )
}


class Scripted:
    """An executor that runs nothing: the verdict of a program is scripted, the programs are kept."""

    def __init__(self, *verdicts: Verdict) -> None:
        self.verdicts = list(verdicts)
        self.programs: list[Program] = []

    def run(self, programs: Sequence[Program], *, on_verdict: OnVerdict | None = None) -> list[Verdict]:
        """Verdicts in the order of the script (the last one repeats), reported backwards."""
        self.programs = list(programs)
        found = [self.verdicts[min(place, len(self.verdicts) - 1)] for place in range(len(programs))]
        for place in reversed(range(len(programs))):
            if on_verdict is not None:
                on_verdict(place, found[place])
        return found


PASSED, FAILED = Verdict(Status.PASSED, 0.25), Verdict(Status.FAILED, 0.5, detail="AssertionError")
LOST = Verdict(Status.HARNESS_ERROR, flags=("pending",), detail="Not executed: ...")


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    """Two real workers for the whole module."""
    with LocalExecutor(workers=2, policy="prefer") as running:
        yield running


def _one(executor: LocalExecutor, task_id: str, text: str) -> Outcome:
    (outcome,) = score(SPEC, ITEMS, [Answer(task_id, 0, text)], executor, time_scale=5.0)
    return outcome


# Real execution


@pytest.mark.parametrize(
    ("text", "raw", "stripped", "first"),
    [
        ("    return 1\n", 1.0, 0.0, 1.0),
        ("    return 1\n\nf(", 0.0, 0.0, 1.0),
        ("    return 2\n", 0.0, 0.0, 0.0),
        ("    x = 1\n    return x\n", 1.0, 0.0, 0.0),
    ],
)
def test_every_rule_has_its_metric(
    executor: LocalExecutor, text: str, raw: float, stripped: float, first: float
) -> None:
    """Headline and sibling rules are judged apart, each by its own program."""
    expected = {"pass@1": raw, "pass@1_paper_strip": stripped, "pass@1_first_line": first}
    assert expected == _one(executor, "hole", text).metrics


def test_nothing_is_put_between_prefix_answer_and_suffix(executor: LocalExecutor) -> None:
    """An answer without its newline swallows the first line of the suffix, as in the official scorer."""
    assert Status.PASSED == _one(executor, "tail", "    x = 1\n").verdict
    assert Status.COMPILE_ERROR == _one(executor, "tail", "    x = 1").verdict


@pytest.mark.parametrize("text", ["", "\n", "  \n\t"], ids=repr)
def test_an_empty_answer_that_fails_is_empty(executor: LocalExecutor, text: str) -> None:
    """White space alone is its own verdict, and counts as failed."""
    outcome = _one(executor, "hole", text)
    assert (Status.EMPTY, False, 0.0) == (outcome.verdict, outcome.passed, outcome.metrics["pass@1"])


def test_an_empty_answer_to_a_dead_hole_passes(executor: LocalExecutor) -> None:
    """Where the hole was dead code, nothing is right; the program decides."""
    outcome = _one(executor, "dead", "")
    assert (Status.PASSED, True, 1.0) == (outcome.verdict, outcome.passed, outcome.metrics["pass@1"])


@pytest.mark.parametrize("text", ["    return '\ud800' and 1\n", "    return 1\x00\n", "    return " + "(" * 3000])
def test_a_text_no_compiler_takes_is_a_verdict(executor: LocalExecutor, text: str) -> None:
    """Lone surrogates, NUL and endless nesting are the answer's failure, never a crash."""
    outcome = _one(executor, "hole", text)
    assert (False, True, text) == (outcome.passed, outcome.decided, outcome.completion)


def test_a_million_characters_are_judged(executor: LocalExecutor) -> None:
    """An answer that never stops is executed like any other."""
    assert _one(executor, "hole", "    x = 1\n" * 100_000 + "    return x\n").passed


def test_equal_programs_are_executed_once(executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules and samples that lead to one program cost one execution."""
    executed: list[int] = []
    run = Pool.run

    def counted(self: Pool, programs: Sequence[Program], *rest: object, **more: object) -> None:
        executed.append(len(programs))
        run(self, programs, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Pool, "run", counted)
    answers = [Answer("hole", sample, "    return 1\n") for sample in range(5)]
    outcomes = score(SPEC, ITEMS, answers, executor, time_scale=5.0)
    assert [2] == executed  # raw = first line; stripped
    assert 5 == sum(outcome.passed for outcome in outcomes)


@pytest.mark.parametrize("name", ["itax_hand_infilling", "itax_hand_completion", "itax_hand_instruct"])
def test_the_truth_of_every_mini_item_passes(name: str, executor: LocalExecutor, tmp_path: Path) -> None:
    """Canonical answers score 100 %, through items, extraction and execution."""
    spec = task(name)
    loaded = spec.load(Settings(state_dir=tmp_path))
    answers = [Answer(item.task_id, 0, item.truth) for item in loaded.items]
    outcomes = score(spec, loaded.by_id(), answers, executor, time_scale=5.0)
    assert [] == [outcome.task_id for outcome in outcomes if not outcome.passed]


# Bookkeeping


def test_outcomes_keep_the_order_of_the_answers() -> None:
    """However verdicts arrive, row n belongs to answer n."""
    answers = [Answer("tail", 1, "b"), Answer("hole", 0, "a"), Answer("tail", 0, "c")]
    outcomes = score(SPEC, ITEMS, answers, Scripted(PASSED))
    expected = [(answer.task_id, answer.sample, answer.text) for answer in answers]
    assert expected == [(outcome.task_id, outcome.sample, outcome.completion) for outcome in outcomes]


def test_an_outcome_carries_what_the_verdict_says() -> None:
    """Task, cluster, detail and seconds of the headline program."""
    (outcome,) = score(SPEC, ITEMS, [Answer("hole", 2, "x")], Scripted(FAILED, PASSED))
    expected = ("itax_hefim", 2, "cluster of hole", Status.FAILED, False, 0.5, "AssertionError")
    found = (outcome.task, outcome.sample, outcome.cluster, outcome.verdict, outcome.passed, outcome.seconds)
    assert expected == (*found, outcome.detail)


def test_flags_of_answer_and_verdict_are_joined() -> None:
    """What was known before execution comes first, and nothing twice."""
    verdict = Verdict(Status.PASSED, flags=("tampered", "truncated_prompt"))
    (outcome,) = score(SPEC, ITEMS, [Answer("hole", 0, "x", flags=("truncated_prompt",))], Scripted(verdict))
    assert ("truncated_prompt", "tampered") == outcome.flags


def test_a_tampered_pass_is_no_pass() -> None:
    """Forging the verdict counts as failed in every metric."""
    (outcome,) = score(SPEC, ITEMS, [Answer("hole", 0, "x")], Scripted(Verdict(Status.PASSED, flags=("tampered",))))
    assert (False, {0.0}) == (outcome.passed, set(outcome.metrics.values()))


def test_a_lost_verdict_is_no_number() -> None:
    """Where the engine failed, metrics are None, not 0, even for an empty answer."""
    (outcome,) = score(SPEC, ITEMS, [Answer("hole", 0, "")], Scripted(LOST))
    assert (Status.HARNESS_ERROR, {None}) == (outcome.verdict, set(outcome.metrics.values()))
    assert ("pending",) == outcome.flags


def test_the_headline_is_reported_once_per_answer() -> None:
    """`on_outcome` hears of each answer once, with the headline's verdict, whatever other rules come to."""
    heard: list[tuple[int, Verdict]] = []
    answers = [Answer("hole", 0, "x"), Answer("tail", 0, "y")]
    script = Scripted(PASSED, FAILED, FAILED, LOST, PASSED, PASSED)
    score(SPEC, ITEMS, answers, script, on_outcome=lambda number, verdict: heard.append((number, verdict)))
    assert [(0, PASSED), (1, LOST)] == sorted(heard, key=lambda pair: pair[0])


def test_the_headline_of_equal_answers_is_reported_for_each(executor: LocalExecutor) -> None:
    """One execution, but every answer is heard of."""
    heard: list[int] = []
    answers = [Answer("hole", sample, "    return 1\n") for sample in range(3)]
    score(SPEC, ITEMS, answers, executor, time_scale=5.0, on_outcome=lambda number, _: heard.append(number))
    assert [0, 1, 2] == sorted(heard)


def test_the_time_scale_enters_the_wall_limit_only() -> None:
    """Twice the scale, twice the official 3.0 s; memory stays."""
    script = Scripted(PASSED)
    score(SPEC, ITEMS, [Answer("hole", 0, "x")], script, time_scale=2.0)
    assert {6.0} == {program.limits.wall_seconds for program in script.programs}
    assert {SPEC.limits.memory_bytes} == {program.limits.memory_bytes for program in script.programs}


def test_a_finished_program_is_not_extracted() -> None:
    """Stage `program`: the text alone under the tests, and only the headline is judged."""
    script = Scripted(PASSED)
    (outcome,) = score(SPEC, ITEMS, [Answer("hole", 0, "  whole  ", "program")], script)
    assert [f"  whole  \n{TESTS}\ncheck(f)"] == [program.source for program in script.programs]
    assert {"pass@1": 1.0} == outcome.metrics


def test_a_whole_program_before_post_processing_is_refused() -> None:
    """Stage `program-raw` belongs to other tasks; nothing runs."""
    script = Scripted(PASSED)
    with pytest.raises(ConfigError, match=r"itax_hefim .*--stage program-raw"):
        score(SPEC, ITEMS, [Answer("hole", 0, "x", "program-raw")], script)
    assert [] == script.programs


def test_an_unknown_item_is_refused_before_anything_runs() -> None:
    """The message names task and item."""
    script = Scripted(PASSED)
    with pytest.raises(DataError, match="itax_hefim has no item 'nowhere'"):
        score(SPEC, ITEMS, [Answer("hole", 0, "x"), Answer("nowhere", 0, "x")], script)
    assert [] == script.programs


def test_no_answers_are_no_outcomes() -> None:
    """An empty rank of a distributed run."""
    assert [] == score(SPEC, ITEMS, [], Scripted(PASSED))


# Rates


def test_a_rate_is_the_mean_over_answers() -> None:
    """Two of three pass."""
    script = Scripted(PASSED, PASSED, PASSED, FAILED, PASSED, PASSED, PASSED)
    outcomes = score(SPEC, ITEMS, [Answer("hole", sample, str(sample)) for sample in range(3)], script)
    assert {"pass@1": 2 / 3, "pass@1_paper_strip": 1.0, "pass@1_first_line": 1.0} == rates(SPEC, outcomes)


def test_a_rate_with_a_lost_verdict_is_withheld() -> None:
    """One undecided answer withholds its metric and no other."""
    script = Scripted(PASSED, PASSED, PASSED, LOST, PASSED, PASSED)
    outcomes = score(SPEC, ITEMS, [Answer("hole", sample, str(sample)) for sample in range(2)], script)
    assert {"pass@1": None, "pass@1_paper_strip": 1.0, "pass@1_first_line": 1.0} == rates(SPEC, outcomes)


def test_a_metric_nobody_measured_is_withheld() -> None:
    """Finished programs have a headline only; the other rules are None, not 0."""
    outcomes = score(SPEC, ITEMS, [Answer("hole", 0, "x", "program")], Scripted(PASSED))
    assert {"pass@1": 1.0, "pass@1_paper_strip": None, "pass@1_first_line": None} == rates(SPEC, outcomes)


def test_a_rate_of_nothing_is_withheld() -> None:
    """No answers, no rate."""
    assert {None} == set(rates(SPEC, []).values())


# The record and the executor


def test_the_record_of_a_task_says_how_it_was_judged() -> None:
    """Everything two runs must agree on, with scaled limits."""
    record = task_run(SPEC, {"sha256": "a"}, n_items=3, samples_per_item=2, time_scale=2.0, fim={"id": "qwen"})
    expected = ("itax_hefim", SPEC.version, "raw", "official", "pass@1", "raw", 2, 3)
    assert expected == (
        record.task,
        record.version,
        record.condition,
        record.protocol,
        record.headline,
        record.extraction,
        record.samples_per_item,
        record.n_items,
    )
    assert 6.0 == record.limits["wall_seconds"]
    assert ({"id": "qwen"}, tuple(SPEC.rules)) == (record.fim, record.metrics)


def test_a_journal_scores_like_the_answers_it_holds(executor: LocalExecutor, tmp_path: Path) -> None:
    """What is rescored from a journal is what was scored."""
    from itax_tasks.journal import write_journal

    answers = [Answer("hole", 0, "    return 1\n"), Answer("tail", 0, "", flags=("truncated_prompt",))]
    stored = read_answers(write_journal(tmp_path, SPEC.name, answers, {})).answers
    verdicts = [[row.verdict for row in scoring.score(SPEC, ITEMS, rows, executor)] for rows in (answers, stored)]
    assert verdicts[0] == verdicts[1]
