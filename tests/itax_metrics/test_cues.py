"""The cue experiment: which tasks meet, what a tax change is, and that pairing and clusters are respected."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from itax_metrics.compare import compare
from itax_metrics.cues import cue_components
from itax_metrics.decompose import Component
from itax_metrics.errors import PairingError
from itax_metrics.matching import cue_of
from itax_metrics.pairing import pair
from itax_metrics.records import Outcome, Run, Status, TaskRun
from itax_metrics.report.tables import readings, render_text
from itax_metrics.stats import by_cluster, sign_flip_test

PLAIN = TaskRun(
    task="itax_safim",
    version=1.0,
    condition="raw",
    protocol="paper",
    headline="pass@1",
    extraction="safim",
    data={"sha256": "0"},
    limits={},
    samples_per_item=1,
    n_items=8,
)


def side(model: str, **passes: str) -> tuple[Run, list[Outcome]]:
    """A run from cue level=one digit an item; items in twos share a cluster."""
    tasks, rows = {}, []
    for level, digits in passes.items():
        name = "itax_safim" if level == "plain" else f"itax_safim_{level}"
        protocol = "paper" if level == "plain" else "itax"
        tasks[name] = replace(PLAIN, task=name, protocol=protocol, n_items=len(digits))
        for number, digit in enumerate(digits):
            status = Status.PASSED if digit == "1" else Status.FAILED
            metrics = {"pass@1": float(digit)}
            rows.append(Outcome(name, f"i{number}", 0, f"c{number // 2}", status, digit == "1", "x", metrics))
    return Run(model=model, tasks=tasks), rows


BASE = side("b", plain="11111100", no_cue="11110000")
INSTRUCT = side("i", plain="11110000", no_cue="10000000")


def parts(base: tuple[Run, list[Outcome]], instruct: tuple[Run, list[Outcome]]) -> dict[tuple[str, str], Component]:
    """Components by name and whose they are."""
    return {(part.name, part.of): part for part in cue_components(base, instruct, resamples=500)}


@pytest.mark.parametrize(
    ("expected", "name", "condition"),
    [
        (("itax_safim", "plain"), "itax_safim", "raw"),
        (("itax_safim", "no_cue"), "itax_safim_no_cue", "raw"),
        (("itax_classeval_infilling", "cue"), "itax_classeval_infilling_cue", "raw"),
        (("itax_safim_chat", "no_cue"), "itax_safim_no_cue_chat", "chat"),
        (("itax_safim_chat", "plain"), "itax_safim_chat", "chat"),
        (("rescue", "plain"), "rescue", "raw"),
    ],
)
def test_a_name_says_how_many_cues_a_task_shows(expected: tuple[str, str], name: str, condition: str) -> None:
    """The suffix of the cues stands before that of the condition."""
    assert expected == cue_of(name, replace(PLAIN, task=name, condition=condition))


def test_of_one_model_a_task_meets_its_sibling_with_less() -> None:
    """Its directory named twice, or two directories; more cues first, and the protocol may differ."""
    for left, right in (
        (BASE, BASE),
        (side("b", plain="11111100"), side("b", no_cue="11110000")),
    ):
        (found,) = compare(left, right, across="cue", resamples=200).benchmarks
        assert ("itax_safim", "itax_safim_no_cue", 8) == (
            found.pairing.base_task,
            found.pairing.instruct_task,
            len(found.pairing.items),
        )
        assert found.headline is not None
        assert 25.0 == found.headline.tax_points
    assert () == pair(BASE, BASE, across="cue").only_base


def test_docstring_plain_and_bare_are_paired_with_their_neighbours() -> None:
    """Three levels make two comparisons."""
    three = side("b", cue="11111111", plain="11111100", no_cue="11110000")
    assert ["itax_safim / itax_safim_no_cue", "itax_safim_cue / itax_safim"] == [
        task.name for task in pair(three, three, across="cue").tasks
    ]


def test_two_models_are_paired_task_by_task_and_both_need_both() -> None:
    """A pair that differs in model and cues would say nothing about either."""
    comparison = compare(BASE, INSTRUCT, across="cue", resamples=200)
    assert ["itax_safim", "itax_safim_no_cue"] == [found.pairing.name for found in comparison.benchmarks]
    for base, instruct in ((BASE, side("i", plain="11110000")), (side("b", plain="1"), side("i", no_cue="1"))):
        with pytest.raises(PairingError, match="both of them of both models"):
            pair(base, instruct, across="cue")


def test_without_the_axis_the_protocols_must_agree() -> None:
    """And so must the extraction rule, even across cues."""
    base, instruct = side("b", plain="10"), side("b", no_cue="10")
    rule = replace(instruct[0], tasks={k: replace(t, extraction="raw") for k, t in instruct[0].tasks.items()})
    with pytest.raises(PairingError, match="share no task"):
        pair(base, instruct)
    with pytest.raises(PairingError, match="extraction rule differs"):
        pair(base, (rule, instruct[1]), across="cue")


def test_the_tax_change_is_the_difference_of_the_two_taxes() -> None:
    """Base loses 2 of 8 without cues, instruct 3 of 8: the tax is 12.5 points larger without them."""
    found = parts(BASE, INSTRUCT)
    assert {
        ("cue use", "base no_cue"): 25.0,
        ("cue use", "instruct no_cue"): 37.5,
        ("tax change", "no_cue"): -12.5,
    } == {key: part.points for key, part in found.items()}
    change = found["tax change", "no_cue"]
    assert (0.25, 0.375, 8, 4) == (change.first_rate, change.second_rate, change.n_items, change.n_clusters)
    assert ("tax plain", "tax no_cue") == (change.first, change.second)


def test_the_test_behind_it_flips_whole_clusters() -> None:
    """The p of the four-way differences, item by item, summed within problems."""
    source = np.random.default_rng(0)
    digits = ["".join(source.choice(["0", "1"], 40)) for _ in range(4)]
    base, instruct = side("b", plain=digits[0], no_cue=digits[1]), side("i", plain=digits[2], no_cue=digits[3])
    grid = np.array([[float(digit) for digit in row] for row in digits])
    totals = by_cluster((grid[0] - grid[2]) - (grid[1] - grid[3]), [f"c{number // 2}" for number in range(40)])
    change = parts(base, instruct)["tax change", "no_cue"]
    assert pytest.approx(100 * totals.mean) == change.points
    assert pytest.approx(sign_flip_test(totals, resamples=20_000, seed=[1], unit=1).p_value, abs=0.03) == change.p
    assert change.ci95_points is not None
    assert change.ci95_points.low < change.points < change.ci95_points.high


def test_a_model_beside_itself_has_no_tax_change() -> None:
    """Two names for the same answers: cue use is equal, and the change is exactly nothing."""
    change = parts(BASE, (replace(BASE[0], model="same"), BASE[1]))["tax change", "no_cue"]
    assert (0.0, 1.0) == (change.points, change.p)


def test_items_without_all_four_verdicts_take_no_part() -> None:
    """One undecided answer leaves the item out of the change, and out of that model's cue use alone."""
    run, rows = INSTRUCT
    broken = [
        replace(row, verdict=Status.HARNESS_ERROR, metrics={})
        if (row.task, row.task_id) == ("itax_safim_no_cue", "i0")
        else row
        for row in rows
    ]
    found = parts(BASE, (run, broken))
    assert (8, 7, 7) == (
        found["cue use", "base no_cue"].n_items,
        found["cue use", "instruct no_cue"].n_items,
        found["tax change", "no_cue"].n_items,
    )


def test_the_page_says_whether_the_tax_changes() -> None:
    """In the table of parts and in a sentence, with both taxes."""
    unsure = compare(BASE, INSTRUCT, across="cue", resamples=200)
    assert "tax plain - tax no_cue" in render_text(unsure)
    assert (
        "itax_safim: no evidence that fewer cues (plain to no_cue) change the tax (from +25.0 to +37.5: by +12.5"
        in (readings(unsure)[-1])
    )
    sure = compare(side("b", plain="1" * 40, no_cue="1" * 40), side("i", plain="1" * 40, no_cue="0" * 40), across="cue")
    assert "itax_safim: with fewer cues (plain to no_cue) the tax goes from 0.0 to +100.0" in readings(sure)[-1]


def test_of_one_model_it_is_the_sibling_that_loses() -> None:
    """The sentence names the task, not a second model."""
    one = side("b", plain="1" * 40, no_cue="0" * 40)
    (said,) = readings(compare(one, one, across="cue"))
    assert said.startswith("itax_safim / itax_safim_no_cue: itax_safim_no_cue loses 100.0 points")
