"""The comparison: the tax, its uncertainty, and what is withheld."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from itax_metrics.compare import compare
from itax_metrics.errors import DataError
from itax_metrics.records import Outcome, Run, Status, TaskRun
from itax_metrics.stats import holm, mcnemar, wilson

PATTERNS = {"both": (1, 1), "neither": (0, 0), "lost": (1, 0), "gained": (0, 1)}


def _task(name: str, n_items: int, **changes) -> TaskRun:
    task = TaskRun(
        task=name,
        version=1.0,
        condition="raw",
        protocol="official",
        headline="pass@1",
        extraction="stop",
        data={"sha256": "aa"},
        limits={"wall_seconds": 10.0},
        samples_per_item=1,
        n_items=n_items,
    )
    return replace(task, **changes)


def _outcome(task: str, index: int, passed: bool, *, cluster: str = "", sample: int = 0, **changes) -> Outcome:
    verdict = Status.PASSED if passed else Status.FAILED
    outcome = Outcome(task, f"item/{index:05d}", sample, cluster, verdict, passed, "x", {"pass@1": float(passed)})
    return replace(outcome, **changes)


def _pair_of(counts: dict[str, dict[str, int]], **changes):
    """Two runs whose tasks have so many items solved by both, by neither, only by one."""
    sides = []
    for side in (0, 1):
        tasks = {name: _task(name, sum(split.values())) for name, split in counts.items()}
        rows = []
        for name, split in counts.items():
            solved = [PATTERNS[kind][side] for kind, count in split.items() for _ in range(count)]
            rows += [_outcome(name, i, bool(value), **changes) for i, value in enumerate(solved)]
        sides.append((Run(model=("base", "instruct")[side], tasks=tasks), rows))
    return tuple(sides)


SPLIT = {"both": 400, "neither": 330, "lost": 231, "gained": 39}


def test_counts_rates_and_tax_of_one_benchmark():
    """The four counts, both rates, the tax in points and the relative change are what they say."""
    (found,) = compare(*_pair_of({"itax_a": SPLIT})).benchmarks
    head = found.headline
    assert (head.gained, head.lost, head.both, head.neither) == (39, 231, 400, 330)
    assert pytest.approx((head.base_rate, head.instruct_rate)) == (0.631, 0.439)
    assert pytest.approx(head.tax_points) == 19.2
    assert pytest.approx(head.relative_change) == (0.439 - 0.631) / 0.631
    assert (head.n_items, head.n_clusters, head.left_out) == (1000, 1000, 0)


def test_tests_and_intervals_are_those_of_the_statistics():
    """McNemar, Wilson and the exact p come from the same counts; the interval holds the tax."""
    (found,) = compare(*_pair_of({"itax_a": SPLIT})).benchmarks
    head = found.headline
    assert head.mcnemar.chi2_cc == (231 - 39 - 1) ** 2 / 270
    assert mcnemar(39, 231) == head.mcnemar
    assert (wilson(631, 1000), wilson(439, 1000)) == (head.base_ci95, head.instruct_ci95)
    assert head.mcnemar.p_exact == pytest.approx(head.p_primary)
    assert head.tax_ci95_points.low < head.tax_points < head.tax_ci95_points.high
    assert 2.801585 * head.tax_se_points == pytest.approx(head.mde_points, rel=1e-6)


def test_holm_runs_over_the_headlines_of_the_pair():
    """Adjusted p are Holm's over the primary p of all benchmarks, in place."""
    counts = {
        "itax_a": SPLIT,
        "itax_b": {"both": 50, "neither": 30, "lost": 12, "gained": 3},
        "itax_c": {"both": 50, "neither": 30, "lost": 9, "gained": 8},
    }
    found = compare(*_pair_of(counts)).benchmarks
    assert holm([entry.headline.p_primary for entry in found]) == [entry.p_holm for entry in found]


def test_swapping_the_models_flips_signs_only():
    """Tax, interval and gained/lost mirror; every p stays."""
    base, instruct = _pair_of({"itax_a": {"both": 20, "neither": 20, "lost": 15, "gained": 4}})
    there = compare(base, instruct).benchmarks[0].headline
    back = compare(instruct, base).benchmarks[0].headline
    assert there.tax_points == pytest.approx(-back.tax_points)
    assert tuple(there.tax_ci95_points) == pytest.approx((-back.tax_ci95_points.high, -back.tax_ci95_points.low))
    assert (there.gained, there.lost) == (back.lost, back.gained)
    assert (there.p_primary, there.mcnemar, there.mde_points) == (back.p_primary, back.mcnemar, back.mde_points)


def test_swapping_holds_for_any_outcomes():
    """For any verdicts in any clusters: the sign flips, p is equal."""
    hypothesis = pytest.importorskip("hypothesis", reason="property test")
    strategies = hypothesis.strategies
    items = strategies.lists(
        strategies.tuples(strategies.booleans(), strategies.booleans(), strategies.integers(0, 5)), min_size=1
    )

    @hypothesis.settings(max_examples=50, deadline=None)
    @hypothesis.given(items)
    def holds(found) -> None:
        tasks = {"itax_a": _task("itax_a", len(found))}
        left, right = (
            (
                Run(model=name, tasks=tasks),
                [_outcome("itax_a", i, row[at], cluster=str(row[2])) for i, row in enumerate(found)],
            )
            for at, name in enumerate(("b", "i"))
        )
        there = compare(left, right, resamples=100).benchmarks[0].headline
        back = compare(right, left, resamples=100).benchmarks[0].headline
        assert there.tax_points == pytest.approx(-back.tax_points, abs=1e-9)
        assert there.p_primary == back.p_primary

    holds()


def test_equal_input_gives_equal_bytes():
    """The JSON is a function of the inputs, whatever the order of the rows."""
    base, instruct = _pair_of({"itax_a": SPLIT, "itax_b": SPLIT})
    first = compare(base, instruct).to_json()
    assert first == compare((base[0], base[1][::-1]), instruct).to_json()
    assert first != compare(base, instruct, seed=1).to_json()


def test_adding_a_benchmark_moves_no_other():
    """Each benchmark has its own random stream."""
    alone = compare(*_pair_of({"itax_b": SPLIT})).benchmarks[0].headline
    assert alone == compare(*_pair_of({"itax_a": SPLIT, "itax_b": SPLIT})).benchmarks[1].headline


def test_clusters_weaken_what_items_would_claim():
    """Losses of one shared problem: McNemar is sure, the primary test knows better."""
    base, instruct = _pair_of({"itax_a": {"lost": 20, "both": 5}})
    rows = [
        [replace(row, cluster="one" if i < 20 else str(i)) for i, row in enumerate(run[1])] for run in (base, instruct)
    ]
    (found,) = compare((base[0], rows[0]), (instruct[0], rows[1])).benchmarks
    assert found.headline.n_clusters == 6
    assert found.headline.p_primary == 1.0
    assert found.headline.mcnemar.p_exact < 1e-4


def _with_undecided(run, count: int, **changes):
    task = next(iter(run[0].tasks))
    changed = [
        replace(row, verdict=Status.HARNESS_ERROR, metrics={"pass@1": None}, passed=False, **changes)
        if row.task == task and i < count
        else row
        for i, row in enumerate(run[1])
    ]
    return run[0], changed


def test_undecided_items_withhold_their_benchmark_only():
    """A harness error withholds that headline, says how many on which side, and leaves the others."""
    base, instruct = _pair_of({"itax_a": SPLIT, "itax_b": {"both": 10, "lost": 10}})
    first, second = compare(base, _with_undecided(instruct, 3)).benchmarks
    assert (first.headline, first.p_holm, first.undecided) == (None, None, {"base": 0, "instruct": 3})
    assert "0 items undecided in base, 3 in instruct, of 1000" in first.withheld
    assert "itax score" in first.withheld
    assert second.withheld is None


def test_a_withheld_benchmark_still_counts_for_holm():
    """The family of tests does not shrink because an engine failed."""
    base, instruct = _pair_of({"itax_a": SPLIT, "itax_b": {"both": 10, "lost": 10}})
    second = compare(base, _with_undecided(instruct, 3)).benchmarks[1]
    assert 2 * second.headline.p_primary == pytest.approx(second.p_holm)


def test_pending_items_are_undecided():
    """An item that has not been executed belongs in no rate, whatever its row says otherwise."""
    base, instruct = _pair_of({"itax_a": {"both": 10, "lost": 10}})
    rows = [replace(instruct[1][0], flags=("pending",)), *instruct[1][1:]]
    assert compare(base, (instruct[0], rows)).benchmarks[0].undecided == {"base": 0, "instruct": 1}


def test_headline_falls_back_on_passed():
    """Rows without the headline metric are judged by `passed`."""
    base, instruct = _pair_of({"itax_a": {"both": 10, "lost": 10}}, metrics={})
    assert compare(base, instruct).benchmarks[0].headline.tax_points == 50.0


def test_item_value_is_the_mean_over_samples():
    """Two samples: halves count as halves, and better or worse is decided per item."""
    solved = {0: [(1, 1), (1, 0)], 1: [(1, 0), (0, 1)], 2: [(0, 0), (1, 1)], 3: [(0, 0), (0, 0)]}
    tasks = {"itax_a": _task("itax_a", 4, samples_per_item=2)}
    sides = [
        (
            Run(model=name, tasks=tasks),
            [
                _outcome("itax_a", i, bool(value), sample=s)
                for i, pair in solved.items()
                for s, value in enumerate(pair[at])
            ],
        )
        for at, name in enumerate(("b", "i"))
    ]
    head = compare(*sides).benchmarks[0].headline
    assert (head.base_rate, head.instruct_rate) == (0.375, 0.5)
    assert (head.gained, head.lost, head.both, head.neither) == (1, 1, 1, 1)
    assert head.p_method == "exact"


def test_other_metrics_are_paired_but_secondary():
    """Further metrics and plus tests are paired alike, outside Holm; items without a value are left out and counted."""
    base, instruct = _pair_of({"itax_a": {"both": 10, "lost": 10}})
    sides = [
        (
            run,
            [
                replace(row, metrics={**row.metrics, "pass@1_first_line": None if i == 0 else 1.0}, plus_passed=i < 5)
                for i, row in enumerate(rows)
            ],
        )
        for run, rows in (base, instruct)
    ]
    comparison = compare(*sides)
    (found,) = comparison.benchmarks
    assert [metric.metric for metric in found.secondary] == ["pass@1_first_line", "plus_pass@1"]
    assert (found.secondary[0].n_items, found.secondary[0].left_out, found.secondary[0].tax_points) == (19, 1, 0.0)
    assert found.secondary[1].base_rate == 0.25
    assert found.headline.p_primary == found.p_holm
    assert "p_holm" not in comparison.to_dict()["benchmarks"][0]["secondary"][0]


def test_verdicts_flags_categories_and_behaviours_are_counted_per_side():
    """Counts are over answers, behaviours are means over items that have them on both sides."""
    base, instruct = _pair_of({"itax_a": {"both": 3, "lost": 2}})
    rows = [replace(row, flags=("hit_limit",), category="syntax", behaviors={"ctr": 0.5}) for row in instruct[1]]
    (found,) = compare(
        (base[0], [replace(row, behaviors={"ctr": 1.0}) for row in base[1]]), (instruct[0], rows)
    ).benchmarks
    assert found.verdicts == {"base": {"passed": 5}, "instruct": {"passed": 3, "failed": 2}}
    assert found.flags == {"base": {}, "instruct": {"hit_limit": 5}}
    assert found.categories == {"base": {}, "instruct": {"syntax": 5}}
    assert found.behaviors == {"ctr": {"base": 1.0, "instruct": 0.5, "n_items": 5}}


@pytest.mark.parametrize(
    ("split", "relative"), [({"both": 5}, 0.0), ({"neither": 5}, None), ({"gained": 5}, None), ({"lost": 1}, -1.0)]
)
def test_degenerate_benchmarks_have_defined_values(split: dict[str, int], relative: float | None):
    """All solved, none solved, one item: every number is finite or null, and JSON can hold it."""
    comparison = compare(*_pair_of({"itax_a": split}))
    assert relative == comparison.benchmarks[0].headline.relative_change
    assert json.loads(comparison.to_json(), parse_constant=pytest.fail)


def test_a_metric_that_is_no_rate_is_refused():
    """Values outside [0, 1] are behaviours, and the message says so."""
    base, instruct = _pair_of({"itax_a": {"both": 3}}, metrics={"pass@1": 1.0, "edits": 40.0})
    with pytest.raises(DataError, match=r"itax_a: metric 'edits' leaves \[0, 1\]"):
        compare(base, instruct)


def test_dictionary_names_everything_a_report_needs():
    """Settings, both runs, and one entry per benchmark with its headline fields beside its name."""
    content = compare(*_pair_of({"itax_a": SPLIT})).to_dict()
    assert content["schema_version"] == 1
    assert (content["base"]["model"], content["instruct"]["model"]) == ("base", "instruct")
    assert {"seed": 0, "resamples": 10_000, "on_missing": "error", "across": None}.items() <= content[
        "settings"
    ].items()
    (entry,) = content["benchmarks"]
    expected = (
        "task metric status n_items n_clusters base_rate instruct_rate base_ci95 instruct_ci95 gained lost both "
        "neither tax_points tax_ci95_points relative_change p_primary p_holm mcnemar mde_points secondary verdicts "
        "flags categories behaviors dropped warnings undecided withheld"
    )
    assert set(expected.split()) <= set(entry)
    assert {"chi2_cc", "p_cc", "p_exact", "p_mid"} == set(entry["mcnemar"])


def test_withheld_entries_keep_their_shape():
    """A withheld benchmark has the same keys, with null where a number would stand."""
    base, instruct = _pair_of({"itax_a": {"both": 10, "lost": 10}})
    shown = compare(base, instruct).to_dict()["benchmarks"][0]
    withheld = compare(base, _with_undecided(instruct, 1)).to_dict()["benchmarks"][0]
    assert set(shown) == set(withheld)
    assert (withheld["status"], withheld["metric"], withheld["tax_points"]) == ("withheld", "pass@1", None)


def _flagged(run, names: set[str]):
    """The run with these items flagged as impossible here."""
    return run[0], [replace(row, flags=("env_unavailable",)) if row.task_id in names else row for row in run[1]]


@pytest.mark.parametrize(
    ("base", "instruct", "swapped"),
    [
        ("Qwen/Qwen2.5-Coder-7B-Instruct", "Qwen/Qwen2.5-Coder-7B", True),
        ("org/deepseek-coder-6.7b-instruct", "org/deepseek-coder-6.7b-base", True),
        ("org/deepseek-coder-7b-instruct-v1.5", "org/deepseek-coder-7b-base-v1.5", True),
        ("google/codegemma-7b-it", "google/codegemma-7b", True),
        ("Qwen/Qwen2.5-Coder-7B", "Qwen/Qwen2.5-Coder-7B-Instruct", False),
        ("Qwen/Qwen2.5-Coder-7B-Instruct", "me/my-recipe", False),
        ("org/chat-model", "org/chat-model-tuned", False),
        ("base", "instruct", False),
    ],
)
def test_a_pair_that_looks_swapped_is_said_to(base: str, instruct: str, swapped: bool):
    """By name alone, so only where one name is the other's: a tuned model may well stand as base."""
    (first, rows), (second, others) = _pair_of({"itax_a": {"both": 10}})
    found = compare((replace(first, model=base), rows), (replace(second, model=instruct), others))
    assert swapped == any("if they were swapped" in warning for warning in found.warnings)


def test_items_that_cannot_pass_here_are_listed():
    """Once where both runs have the same ones, ten by name; they stay in the rate."""
    base, instruct = _pair_of({"itax_a": SPLIT})
    names = {f"item/{i:05d}" for i in range(988, 1000)}
    (found,) = compare(_flagged(base, names), _flagged(instruct, names)).benchmarks
    (warning,) = found.to_dict()["warnings"]
    assert warning.startswith("12 items cannot pass in this environment")
    assert warning.endswith("item/00997 and 2 more, in outcomes.jsonl")
    assert 1000 == found.headline.n_items


def test_items_whose_headline_compares_texts_are_not_said_to_fail():
    """The flag stands in the rows of both runs; what it says is about the tests alone."""
    sides = []
    for run, rows in _pair_of({"itax_a": SPLIT}):
        tasks = {"itax_a": replace(run.tasks["itax_a"], headline="exact_match")}
        rows = [replace(row, metrics={"exact_match": float(row.passed), "pass@1": 0.0}) for row in rows]
        sides.append(_flagged((replace(run, tasks=tasks), rows), {"item/00000"}))
    (found,) = compare(*sides).benchmarks
    (warning,) = found.to_dict()["warnings"]
    assert warning.startswith("the tests of 1 item cannot pass in this environment (env_unavailable); exact_match runs")
    assert 631 == found.headline.base_rate * 1000


def test_items_that_cannot_pass_for_one_side_name_the_side():
    """And a run without any says nothing."""
    base, instruct = _pair_of({"itax_a": SPLIT})
    (found,) = compare(_flagged(base, {"item/00007"}), instruct).benchmarks
    assert [
        "in base, 1 item cannot pass in this environment whatever the answer is and counts as failed "
        "(env_unavailable): item/00007"
    ] == found.to_dict()["warnings"]
    assert [] == compare(base, instruct).benchmarks[0].to_dict()["warnings"]
