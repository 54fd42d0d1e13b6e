"""The tax taken apart: which differences are formed, and their arithmetic."""

from __future__ import annotations

from dataclasses import replace

from itax_metrics.compare import compare
from itax_metrics.decompose import BEST_WORDING, Component, Values, best_wording, decompose
from itax_metrics.records import Outcome, Run, Status, TaskRun
from itax_metrics.report.tables import render_markdown, render_text

RAW = TaskRun(
    task="t",
    version=1.0,
    condition="raw",
    protocol="official",
    headline="pass@1",
    extraction="raw",
    data={"sha256": "0"},
    limits={},
    samples_per_item=1,
    n_items=4,
    metrics=("pass@1", "pass@1_lenient"),
)


def side(model: str, **passes: tuple[str, str]) -> tuple[Run, list[Outcome]]:
    """A run from condition=(strict, lenient), each one digit an item."""
    tasks, rows = {}, []
    for condition, (strict, lenient) in passes.items():
        name = "t" if condition == "raw" else f"t_{condition}"
        tasks[name] = replace(RAW, task=name, condition=condition)
        for number, (one, other) in enumerate(zip(strict, lenient, strict=True)):
            passed = one == "1"
            metrics = {"pass@1": float(passed), "pass@1_lenient": float(other == "1")}
            status = Status.PASSED if passed else Status.FAILED
            rows.append(Outcome(name, f"i{number}", 0, f"c{number}", status, passed, "x", metrics))
    return Run(model=model, tasks=tasks), rows


BASE = side("b", raw=("1111", "1111"), l2r=("1000", "1000"))
INSTRUCT = side("i", raw=("1110", "1111"), l2r=("1000", "1000"), chat=("1000", "1100"), chat_b=("0000", "0000"))


def found() -> dict[tuple[str, str], Component]:
    """Components by name and what they are of."""
    return {(part.name, part.of): part for part in decompose(BASE, INSTRUCT, resamples=200)}


def test_every_component_is_formed_once() -> None:
    """Weights, two wordings and the best of them, the form of each condition's answers, the suffix on both sides."""
    assert {
        ("weights tax", ""),
        ("interface tax", "chat"),
        ("interface tax", "chat_b"),
        ("interface tax, best wording", "chat, chat_b"),
        *(("format tax", f"base {condition}") for condition in ("raw", "l2r")),
        *(("format tax", f"instruct {condition}") for condition in ("raw", "l2r", "chat", "chat_b")),
        ("suffix use", "base"),
        ("suffix use", "instruct"),
    } == set(found())


def test_the_arithmetic() -> None:
    """Points are 100 times the difference of the rates."""
    parts = found()
    assert 25.0 == parts["weights tax", ""].points
    assert 50.0 == parts["interface tax", "chat"].points
    assert 75.0 == parts["interface tax", "chat_b"].points
    assert 25.0 == parts["format tax", "instruct chat"].points
    assert 75.0 == parts["suffix use", "base"].points
    assert ("base raw", "instruct raw", 4, 4) == (
        parts["weights tax", ""].first,
        parts["weights tax", ""].second,
        parts["weights tax", ""].n_items,
        parts["weights tax", ""].n_clusters,
    )


def test_an_official_reading_that_mends_is_not_the_strict_one() -> None:
    """The form is counted from the strict metric of a task that has one; the other components stay on the headline."""

    def mended(run: Run, rows: list[Outcome], strict: str) -> tuple[Run, list[Outcome]]:
        twin = [{**row.metrics, "pass@1_strict": float(one)} for row, one in zip(rows, strict, strict=True)]
        return run, [replace(row, metrics=metrics) for row, metrics in zip(rows, twin, strict=True)]

    base = mended(*side("b", raw=("1111", "1111")), strict="1110")
    instruct = mended(*side("i", raw=("1110", "1111")), strict="0000")
    parts = {(part.name, part.of): part for part in decompose(base, instruct, resamples=200)}
    form = parts["format tax", "instruct raw"]
    assert ("instruct raw lenient", "instruct raw strict", 100.0) == (form.first, form.second, form.points)
    assert 25.0 == parts["format tax", "base raw"].points == parts["weights tax", ""].points


def test_the_exact_test_stands_behind_each() -> None:
    """Three items of one sign: two of eight flips are as extreme."""
    assert 0.25 == found()["suffix use", "base"].p


def test_undecided_items_are_left_out() -> None:
    """An item without a verdict takes no part in the components that need it."""
    run, rows = INSTRUCT
    broken = [
        replace(row, verdict=Status.HARNESS_ERROR, metrics={}) if (row.task, row.task_id) == ("t_chat", "i0") else row
        for row in rows
    ]
    parts = {(part.name, part.of): part for part in decompose(BASE, (run, broken), resamples=200)}
    assert 3 == parts["interface tax", "chat"].n_items
    assert 4 == parts["interface tax", "chat_b"].n_items


def test_compare_takes_apart_across_conditions_only() -> None:
    """Under --across condition the comparison holds the components; otherwise none."""
    assert len(found()) == len(compare(BASE, INSTRUCT, across="condition", resamples=200).decomposition)
    assert () == compare(BASE, INSTRUCT, resamples=200).decomposition


def test_the_table_says_which_wording_the_folds_chose() -> None:
    """A row and a line below the table, as text and as Markdown; the counts stand in the file."""
    comparison = compare(BASE, INSTRUCT, across="condition", resamples=200)
    for page in (render_text(comparison), render_markdown(comparison)):
        assert "interface tax, best wording" in page
        assert "instruct raw - instruct best" in page
        assert "t: best wording, by the folds that chose it: chat 4, chat_b 0." in page
    (part,) = (part for part in comparison.to_dict()["decomposition"] if part["choices"])
    assert {"chat": 4, "chat_b": 0} == part["choices"]


def test_a_run_beside_itself_has_no_weights_tax() -> None:
    """The null run."""
    parts = {part.name: part for part in decompose(BASE, BASE, resamples=200)}
    assert (0.0, 1.0) == (parts["weights tax"].points, parts["weights tax"].p)


def values(solved: str, *, size: int = 1) -> Values:
    """One digit an item; `size` items share a cluster."""
    return {f"i{number:03d}": (f"c{number // size:03d}", float(digit)) for number, digit in enumerate(solved)}


def rate(found: Values) -> float:
    """Mean over the items."""
    return sum(value for _, value in found.values()) / len(found)


def test_the_only_wording_is_the_best_one() -> None:
    """The component is that wording's own, interval and p included, and every fold chose it."""
    one = side("i", raw=("1110", "1110"), chat=("1000", "1100"))
    parts = {part.name: part for part in decompose(BASE, one, resamples=200)}
    best = parts[BEST_WORDING]
    assert ("instruct best", {"chat": 4}) == (best.second, best.choices)
    assert parts["interface tax"] == replace(best, name="interface tax", second="instruct chat", choices={})


def test_a_wording_that_is_best_everywhere_is_chosen_by_every_fold() -> None:
    """Then the held-out figure is that wording's, and five folds stand behind it."""
    best, choices = best_wording({"chat": values("0" * 20), "chat_b": values("1" * 20)}, values("1" * 20), seed=[0])
    assert (1.0, {"chat": 0, "chat_b": 5}) == (rate(best), choices)
    assert best == values("1" * 20)


def test_an_item_has_no_say_in_the_wording_that_answers_it() -> None:
    """Each of two items speaks for a wording that fails the other: chosen on all items, either would solve one."""
    best, choices = best_wording({"chat": values("10"), "chat_b": values("01")}, values("11"), seed=[0])
    assert (0.0, {"chat": 1, "chat_b": 1}) == (rate(best), choices)


def test_turning_a_problem_s_own_verdicts_never_changes_its_wording() -> None:
    """Whatever the two wordings make of one problem, it is answered by the one that the other folds chose."""
    plain = values("1" * 10)
    wordings = {"chat": values("1101001011"), "fimchat": values("0110110101")}
    for item, (cluster, _) in plain.items():
        answers = []
        for own in ((1.0, 0.0), (0.0, 1.0)):
            turned = {
                name: {**found, item: (cluster, value)}
                for (name, found), value in zip(wordings.items(), own, strict=True)
            }
            answers.append(best_wording(turned, plain, seed=[7])[0][item][1])
        assert 1.0 == sum(answers)


def test_items_of_one_problem_are_in_one_fold() -> None:
    """Two problems of two items: each is answered by what is better on the other."""
    first, second = values("1100", size=2), values("0011", size=2)
    assert 0.0 == rate(best_wording({"chat": first, "chat_b": second}, values("1111", size=2), seed=[0])[0])


def test_only_items_with_every_wording_are_chosen_among() -> None:
    """An item that one wording left undecided is out, for all of them."""
    plain, whole = values("1" * 12), values("1" * 12)
    part = {item: value for item, value in whole.items() if item != "i003"}
    best, _ = best_wording({"chat": whole, "chat_b": part}, plain, seed=[0])
    assert set(part) == set(best)


def test_equal_wordings_give_way_to_the_first_by_name() -> None:
    """In whatever order the run holds them."""
    _, choices = best_wording({"prefill": values("1" * 9), "chat": values("1" * 9)}, values("1" * 9), seed=[0])
    assert {"chat": 5, "prefill": 0} == choices


def test_one_problem_leaves_nothing_to_choose_on() -> None:
    """Two wordings on one cluster have no best one; a single wording needs no choice."""
    ways, plain = {"chat": values("11", size=2), "chat_b": values("01", size=2)}, values("11", size=2)
    assert ({}, {}) == best_wording(ways, plain, seed=[0])
    assert {"chat": 1} == best_wording({"chat": ways["chat"]}, plain, seed=[0])[1]
    assert ({}, {}) == best_wording({}, plain, seed=[0])


def test_the_best_wording_is_the_same_again_and_moves_with_the_seed() -> None:
    """Folds are drawn from the seed and the benchmark's name; the order of the rows does not matter."""
    flips = ("01" * 15, "01" * 15), ("10" * 15, "10" * 15)
    one = side("i", raw=("1" * 30, "1" * 30), chat=flips[0], chat_b=flips[1])
    base = side("b", raw=("1" * 30, "1" * 30))

    def best(run: tuple[Run, list[Outcome]], seed: int) -> Component:
        """The one component."""
        (part,) = (part for part in decompose(base, run, seed=seed, resamples=200) if part.name == BEST_WORDING)
        return part

    assert best(one, 0) == best((one[0], one[1][::-1]), 0)
    assert 1 < len({best(one, seed).points for seed in range(8)})
