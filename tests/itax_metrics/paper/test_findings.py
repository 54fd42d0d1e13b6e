"""The seven findings on data made to bear them out, to refute them, and to leave them open."""

from __future__ import annotations

import doctest
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from itax_metrics.behavior.summary import PAPER_BEHAVIORS, PAPER_CONDITIONS, PAPER_WEIGHTS, by_file, paper
from itax_metrics.compare import compare
from itax_metrics.paper import kinds, pooling
from itax_metrics.paper.findings import Finding, findings
from itax_metrics.paper.measured import distinct, measured, pair
from itax_metrics.paper.outputs import across, behaviours, disagreement, failures, scores
from itax_metrics.paper.stages import series
from itax_metrics.records import Outcome, Run, Status, TaskRun
from itax_metrics.report.details import details

Split = tuple[int, int, int, int]
"""Items solved by both, by neither, by base alone, by instruct alone."""

TAXED, GAINED, EVEN, SMALL = (60, 20, 40, 5), (60, 20, 5, 40), (60, 20, 20, 20), (60, 20, 30, 5)


def _compared(model: str, splits: Mapping[str, Split], **options):
    """A pair whose answers fall into the splits; options choose categories and behaviours by side."""
    sides = []
    for side, solved in (("base", (1, 0, 1, 0)), ("instruct", (1, 0, 0, 1))):
        tasks = {
            name: TaskRun(name, 1.0, "raw", "o", "pass@1", "raw", {"sha256": "a"}, {}, 1, sum(split))
            for name, split in splits.items()
        }
        rows = []
        for name, split in splits.items():
            values = [value for value, count in zip(solved, split, strict=True) for _ in range(count)]
            for i, value in enumerate(values):
                category = None
                if not value and "categories" in options:
                    kinds_of_failure = options["categories"][side]
                    category = kinds_of_failure[i % len(kinds_of_failure)]
                behaviors = options["behaviors"][side] if "behaviors" in options else {}
                behaviors = {key: value[i % len(value)] for key, value in behaviors.items()}
                status = Status.PASSED if value else Status.FAILED
                rows.append(
                    Outcome(name, f"i{i:04d}", 0, "", status, bool(value), "", behaviors=behaviors, category=category)
                )
        name = model if side == "base" else options.get("instruct", f"{model}-Instruct")
        sides.append((Run(model=name, tasks=tasks), rows))
    found = compare(*sides, resamples=200)
    return pair(found.to_dict(), {b.pairing.name: details(b.pairing, 0) for b in found.benchmarks})


def _answers(*pairs) -> Sequence[Finding]:
    return findings(measured(distinct(pairs)))


def test_worked_examples_hold():
    """The examples in the docstrings of names and pooling."""
    for module in (kinds, pooling):
        result = doctest.testmod(module)
        assert result.attempted > 0
        assert result.failed == 0


def test_no_data_leave_everything_undecided():
    """No benchmark at all: seven undecided, each saying what is missing."""
    answers = findings([])
    assert ["undecided"] * 7 == [finding.answer for finding in answers]
    assert all(finding.evidence and finding.rule for finding in answers)


def test_the_tax_exists_and_varies():
    """Two families with taxes of different size bear it out; one family leaves it open; gains refute it."""
    small, large = _compared("org/A-7B", {"itax_hefim": SMALL}), _compared("org/B-7B", {"itax_hefim": (10, 20, 90, 5)})
    assert "holds" == _answers(small, large)[0].answer
    assert "undecided" == _answers(large)[0].answer
    assert "fails" == _answers(_compared("org/A-7B", {"itax_hefim": GAINED}))[0].answer


def test_guidance_helps_at_the_expense_of_infilling():
    """Gain on completion and tax on infilling; the reverse; and neither."""
    one, other = "itax_bigcodebench_complete", "itax_hefim"
    assert "holds" == _answers(_compared("A-7B", {one: GAINED, other: TAXED}))[1].answer
    assert "fails" == _answers(_compared("A-7B", {one: TAXED, other: TAXED}))[1].answer
    assert "undecided" == _answers(_compared("A-7B", {one: EVEN, other: TAXED}))[1].answer


def test_size_does_not_end_the_tax():
    """The largest of a family still taxed; the largest without any; a single size."""
    small = _compared("org/A-1B", {"itax_hefim": TAXED})
    assert "holds" == _answers(small, _compared("org/A-30B", {"itax_hefim": TAXED}))[2].answer
    assert "fails" == _answers(small, _compared("org/A-30B", {"itax_hefim": GAINED}))[2].answer
    assert "undecided" == _answers(small)[2].answer


def test_solved_sets_overlap_and_differ_by_task():
    """Overlap everywhere with opposite exclusive successes; none where one model alone solves more than both."""
    one, other = "itax_bigcodebench_complete", "itax_hefim"
    assert "holds" == _answers(_compared("A-7B", {one: GAINED, other: TAXED}))[3].answer
    assert "undecided" == _answers(_compared("A-7B", {one: TAXED, other: TAXED}))[3].answer
    assert "fails" == _answers(_compared("A-7B", {other: (3, 10, 40, 5)}))[3].answer


def test_failures_shift_to_verbosity():
    """By categories, under the names that score directories hold."""
    functional, verbose = ["functional_mismatch"], ["functional_mismatch", "functional_mismatch", "extra_code"]
    shifted = _compared("A-7B", {"itax_hefim": EVEN}, categories={"base": functional, "instruct": verbose})
    assert "holds" == _answers(shifted)[4].answer
    back = _compared("A-7B", {"itax_hefim": EVEN}, categories={"base": verbose, "instruct": functional})
    assert "fails" == _answers(back)[4].answer
    assert "no failure categories" in _answers(_compared("A-7B", {"itax_hefim": EVEN}))[4].evidence


def test_behaviours_show_the_shift():
    """Lower ctr with higher nl; the reverse; equal ones."""
    plain = {"ctr": [0.99, 1.0], "nl": [0.0], "def_cls": [0.0, 0.0, 1.0]}
    wordy = {"ctr": [0.7, 0.8], "nl": [0.0, 1.0], "def_cls": [0.0, 0.0, 1.0]}
    for base, instruct, answer in ((plain, wordy, "holds"), (wordy, plain, "fails"), (plain, plain, "undecided")):
        behaviors = {"base": base, "instruct": instruct}
        assert answer == _answers(_compared("A-7B", {"itax_hefim": EVEN}, behaviors=behaviors))[5].answer


def test_stages_of_one_base_model():
    """Two stages that move infilling and completion in opposite directions; one stage says nothing of it."""
    one, other = "itax_bigcodebench_complete", "itax_hefim"
    early = _compared("A-7B", {one: GAINED, other: EVEN}, instruct="early")
    late = _compared("A-7B", {one: TAXED, other: GAINED}, instruct="late")
    assert "holds" == _answers(early, late)[6].answer
    assert "undecided" == _answers(early)[6].answer


def test_a_series_is_judged_by_its_first_and_last_checkpoint_on_the_same_items():
    """Infilling lost and completion gained between them hold; nothing moved refutes; the table keeps the order."""
    one, other = "itax_bigcodebench_complete", "itax_hefim"
    names = ("x/step-1", "x/step-2", "x/step-3")
    pairs = distinct([_compared("A-7B", {one: GAINED, other: TAXED}, instruct=name) for name in names])
    cells = measured(pairs)
    moved = measured([_compared("x/step-1", {one: GAINED, other: TAXED}, instruct="x/step-3")])
    seventh = findings(cells, moved)[6]
    assert "holds" == seventh.answer
    assert "infilling +28.0" in seventh.evidence
    assert "completion -28.0" in seventh.evidence
    assert [(1, "step-1"), (2, "step-2"), (3, "step-3")] == list(
        dict.fromkeys((row["position"], row["checkpoint"]) for row in series(cells))
    )
    still = measured([_compared("x/step-1", {one: (900, 100, 0, 0), other: (900, 100, 0, 0)}, instruct="x/step-3")])
    assert "fails" == findings(cells, still)[6].answer


def test_the_paper_s_tables_on_two_pairs():
    """Scores, discordant counts with q, failure shares and table 7, each with its numbers."""
    behaviors = {"base": {"ctr": [1.0], "nl": [0.0], "def_cls": [0.0]}, "instruct": {"ctr": [0.5], "nl": [1.0]}}
    options = {
        "behaviors": behaviors,
        "categories": {"base": ["functional_mismatch"], "instruct": ["extra_code", "functional_mismatch"]},
    }
    splits = {"itax_hefim": TAXED, "itax_safim_api": EVEN}
    cells = measured(distinct([_compared("A-1B", splits, **options), _compared("A-7B", splits, **options)]))
    assert (80.0, 52.0, -35.0) == pytest.approx(
        tuple(scores(cells)[0][key] for key in ("base", "instruct", "relative_change"))
    )
    row = disagreement(cells)[0]
    assert (60, 40, 5, 20, 34**2 / 45) == tuple(
        row[key] for key in ("both", "base_only", "instruct_only", "neither", "chi2")
    )
    assert row["p"] <= row["q"] <= 4 * row["p"]
    shares = failures(cells)
    assert {"base": 1.0, "instruct": pytest.approx(0.5, abs=0.02)} == {
        row["side"]: row["functional mismatch"]
        for row in shares
        if row["benchmark"] == "HEFIM" and row["pair"] == "A-1B"
    }
    seven = behaviours(cells)
    assert [("base", 100.0, 0.0), ("instruct", 50.0, 100.0)] == [(r["side"], r["ctr"], r["nl"]) for r in seven[:2]]
    assert seven[1]["def_cls"] is None


def test_table_7_weighs_by_the_artifact_s_counts():
    """HEFIM counts 1,033 and SAFIM api 310, whatever was run."""
    behaviors = {"base": {"ctr": [1.0], "nl": [0.0], "def_cls": [0.0]}, "instruct": {"ctr": [1.0]}}
    found = _compared("A-1B", {"itax_hefim": EVEN, "itax_safim_api": EVEN}, behaviors=behaviors)
    about = {task: dict(entry) for task, entry in found.details.items()}
    about["itax_safim_api"]["behaviors"] = {"ctr": {"base": 0.0, "instruct": 0.0}}
    about["itax_safim_api"]["files"] = {"itax_safim_api": {"ctr": {"base": 0.0, "instruct": 0.0}}}
    (base, _) = behaviours(measured([pair(found.comparison, about)]))
    assert (100 * 1033 / 1343, 50.0) == pytest.approx((base["ctr"], base["ctr_macro"]))


SUBSETS = (("api", 2), ("block", 6), ("control", 4))
COLUMN = ("itax_hefim", "itax_safim", "itax_classeval_infilling")


def _answered(task: str, task_id: str, value: float, *groups: str) -> Outcome:
    """A failed answer whose behaviours all have that value; every third is not flagged."""
    names = [name + condition for name in PAPER_BEHAVIORS for condition in PAPER_CONDITIONS]
    flagged = task_id[-1] not in "036"
    behaviors = {name: value for name in names if flagged or not name.endswith("_flagged")}
    return Outcome(task, task_id, 0, "", Status.FAILED, False, "x", behaviors=behaviors, groups=groups)


def _scored(tasks: Sequence[str], rows: Sequence[Outcome]) -> tuple[Run, list[Outcome]]:
    counts = {name: len({row.task_id for row in rows if row.task == name}) for name in tasks}
    described = {
        name: TaskRun(name, 1.0, "raw", "o", "pass@1", "raw", {"sha256": "a"}, {}, 1, count)
        for name, count in counts.items()
    }
    return Run(model="m", tasks=described), list(rows)


def test_table_7_is_what_behave_prints():
    """The paper's infilling column from pooled SAFIM: every figure equals the one by files and fixed weights.

    Neither a sibling in a chat nor a subset that was run beside the pooled task moves it.
    """
    safim = [
        _answered("itax_safim", f"{subset}{i}", (i + len(subset)) / 20, subset, "python")
        for subset, count in SUBSETS
        for i in range(count)
    ]
    others = [_answered(name, f"{name}{i}", i / 10) for name in COLUMN if name != "itax_safim" for i in range(5)]
    rows = [*safim, *others]
    expected = {
        name + condition: 100 * (paper(by_file(rows), name + condition, PAPER_WEIGHTS["infilling"]) or 0)
        for name in PAPER_BEHAVIORS
        for condition in PAPER_CONDITIONS
    }
    chat = [_answered("itax_hefim_chat", f"h{i}", 1.0) for i in range(5)]
    api = [replace(row, task="itax_safim_api", groups=("python",)) for row in safim if row.groups[0] == "api"]
    for tasks, more in ((COLUMN, []), ((*COLUMN, "itax_hefim_chat", "itax_safim_api"), [*chat, *api])):
        side = _scored(tasks, [*rows, *more])
        found = compare(side, side, resamples=100)
        cells = measured([pair(found.to_dict(), {b.pairing.name: details(b.pairing, 0) for b in found.benchmarks})])
        row = next(row for row in behaviours(cells) if row["side"] == "instruct")
        assert expected == pytest.approx({name: row[name] for name in expected})
    assert expected["ctr"] != pytest.approx(expected["ctr_given_flagged"])


def test_across_pairs():
    """Slope against size, family against family, infilling against completion, each with its interval."""
    one, other = "itax_bigcodebench_complete", "itax_hefim"
    pairs = [
        _compared("A-1B", {one: GAINED, other: EVEN}),
        _compared("A-2B", {one: GAINED, other: TAXED}),
        _compared("B-2B", {one: GAINED, other: EVEN}),
    ]
    found = across(measured(distinct(pairs)))
    slope = next(row for row in found["size"] if row["benchmark"] == "HEFIM")
    assert 28.0 == pytest.approx(slope["points_per_doubling"])
    family = next(row for row in found["family"] if row["kind"] == "infilling")
    assert 14.0 == pytest.approx(family["difference"])
    assert family["ci95"][0] < 14.0 < family["ci95"][1]
    assert ["A-1B", "A-2B", "B-2B", "all pairs"] == [row["pair"] for row in found["kind"]]


def _across(model: str, raw: int, other: int, sibling: str = "chat", axis: str = "condition"):
    """Base raw solves 80 of 100, instruct raw and its sibling so many, 0: not asked; every answer has behaviours."""
    solved = {("base", "raw"): 80, ("instruct", "raw"): raw, ("instruct", sibling): other}
    sides = []
    for side in ("base", "instruct"):
        tasks, rows = {}, []
        for (of, condition), count in solved.items():
            if of != side or not count:
                continue
            name = "itax_hefim" if condition == "raw" else f"itax_hefim_{condition}"
            said = "chat" if condition == "chat" else "raw"
            tasks[name] = TaskRun(name, 1.0, said, "o", "pass@1", "raw", {"sha256": "a"}, {}, 1, 100)
            behaviors = {"ctr": float(condition == "raw"), "nl": 0.0, "def_cls": 0.0}
            for i in range(100):
                status, category = (Status.PASSED, None) if i < count else (Status.FAILED, "functional_mismatch")
                row = Outcome(name, f"i{i:04d}", 0, "", status, i < count, "", behaviors=behaviors, category=category)
                rows.append(row)
        named = model if side == "base" or axis == "cue" else f"{model}-Instruct"
        sides.append((Run(model=named, tasks=tasks), rows))
    found = compare(*sides, across=axis, resamples=200)
    return pair(found.to_dict(), {b.pairing.name: details(b.pairing, 0) for b in found.benchmarks})


def test_another_condition_is_no_benchmark_of_the_paper():
    """Base raw against instruct in a chat has rows of its own; the slope on HEFIM is that of raw against raw."""
    cells = measured(distinct([_across("A-1B", 70, 5), _across("A-8B", 70, 75)]))
    named = [("HEFIM", 10.0), ("HEFIM (raw / chat)", 75.0), ("HEFIM", 10.0), ("HEFIM (raw / chat)", 5.0)]
    assert named == [(row["benchmark"], pytest.approx(row["tax"])) for row in scores(cells)]
    assert [name for name, _ in named] == [row["benchmark"] for row in disagreement(cells)]
    assert {name: 4 for name, _ in named} == dict(Counter(row["benchmark"] for row in failures(cells)))
    assert [("HEFIM", 0.0), ("HEFIM (raw / chat)", pytest.approx(-70 / 3))] == [
        (row["benchmark"], pytest.approx(row["points_per_doubling"])) for row in across(cells)["size"]
    ]


def test_means_and_findings_are_about_models_asked_alike():
    """With pairs across conditions beside them they are what they are without."""
    both = measured(distinct([_across("A-1B", 70, 5), _across("B-8B", 60, 75)]))
    plain = measured(distinct([_across("A-1B", 70, 0), _across("B-8B", 60, 0)]))
    assert [finding.evidence for finding in findings(plain)] == [finding.evidence for finding in findings(both)]
    assert [finding.answer for finding in findings(plain)] == [finding.answer for finding in findings(both)]
    assert across(plain)["family"] == across(both)["family"] != []
    assert across(plain)["kind"] == across(both)["kind"]
    assert behaviours(plain) == behaviours(both) != []


def test_pairs_across_conditions_alone_answer_no_finding():
    """Their numbers stand in the tables; table 7, means and findings have none to go by."""
    cells = measured([_across("A-1B", 0, 5)])
    assert ["HEFIM (raw / chat)"] == [row["benchmark"] for row in scores(cells)]
    assert [] == behaviours(cells)
    assert {"undecided"} == {finding.answer for finding in findings(cells)}
    assert "no infilling benchmark among the pairs" == findings(cells)[0].evidence


def test_one_model_with_more_and_fewer_cues_is_no_benchmark_either():
    """Both sides are raw, but the tasks differ: the row carries both names."""
    (cell,) = measured([_across("A-1B", 0, 60, sibling="no_cue", axis="cue")])
    assert ("itax_hefim / itax_hefim_no_cue", False) == (cell.column, cell.alike)


def test_parts_of_safim_are_benchmarks_of_their_own():
    """Three parts at two sizes are three slopes, not one through six points."""
    splits = {"itax_safim_api": EVEN, "itax_safim_block": TAXED, "itax_safim_control": GAINED}
    found = across(measured(distinct([_compared("A-1B", splits), _compared("A-8B", splits)])))["size"]
    assert [("SAFIM api", 2), ("SAFIM block", 2), ("SAFIM control", 2)] == [
        (row["benchmark"], row["cells"]) for row in found
    ]


def test_pairs_of_one_name_get_labels_that_differ():
    """Stages of one base model, and the very same pair twice."""
    early, late = (_compared("A-7B", {"itax_hefim": EVEN}, instruct=name) for name in ("x/early", "x/late"))
    assert ["A-7B / early", "A-7B / late"] == [one.label for one in distinct([early, late])]
    assert ["A-7B / early (1)", "A-7B / early (2)"] == [one.label for one in distinct([early, early])]
