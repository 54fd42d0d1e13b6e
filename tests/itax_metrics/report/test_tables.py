"""The table of a comparison and its sentences."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from itax_metrics.compare import compare
from itax_metrics.records import Outcome, Run, Status, TaskRun
from itax_metrics.report.tables import TITLE, WIDTH, readings, render_markdown, render_text

TASK = TaskRun("itax_a", 1.0, "raw", "official", "pass@1", "stop", {"sha256": "a"}, {}, 1, 0)


def _comparison(splits: dict[str, tuple[int, int, int, int]], undecided: int = 0, **options):
    """Compare runs of so many items: both, neither, lost, gained."""
    sides = []
    for side, solved in (("org/base", (1, 0, 1, 0)), ("org/instruct", (1, 0, 0, 1))):
        tasks = {name: replace(TASK, task=name, n_items=sum(split)) for name, split in splits.items()}
        rows = []
        for name, split in splits.items():
            values = [value for value, count in zip(solved, split, strict=True) for _ in range(count)]
            for i, value in enumerate(values):
                verdict = Status.PASSED if value else Status.FAILED
                if i < undecided:
                    verdict = Status.HARNESS_ERROR
                rows.append(Outcome(name, f"i{i:05d}", 0, "", verdict, bool(value), ""))
        sides.append((Run(model=side, tasks=tasks), rows))
    return compare(*sides, resamples=200, **options)


LOSES = (400, 330, 231, 39)
UNCLEAR = (60, 80, 12, 12)


def test_row_holds_the_numbers_in_order():
    """Benchmark, n, both rates, tax with sign, interval, three p, gained/lost, MDE."""
    line = next(line for line in render_text(_comparison({"itax_a": LOSES})).splitlines() if line.startswith("itax_a "))
    cells = line.replace(", ", ",").split()
    assert cells[:5] == ["itax_a", "1000", "63.1", "43.9", "+19.2"]
    assert cells[5].startswith("[+1")
    assert cells[5].endswith("]")
    assert cells[6:10] == ["<0.0001", "<0.0001", "<0.0001", "39/231"]
    assert len(cells) == 11


def test_sign_convention_stands_above_the_table():
    """The title says what a positive tax means."""
    assert "Positive: instruct lost" in TITLE
    assert TITLE in render_text(_comparison({"itax_a": LOSES}))
    assert TITLE in render_markdown(_comparison({"itax_a": LOSES}))


def test_table_fits_a_terminal():
    """Longest names and widest numbers stay within 120 columns; the full name stands in the sentence."""
    long_name = "itax_classeval_infilling_with_a_long_suffix"
    comparison = _comparison({long_name: (9000, 2846, 7000, 4000), "itax_hefim_random_span_light": (0, 0, 0, 9)})
    lines = render_text(comparison).splitlines()
    table = lines[lines.index(TITLE) : lines.index("", lines.index(TITLE))]
    assert max(map(len, table)) <= WIDTH
    assert any(line.startswith("itax_classeval_infilling_w..") for line in table)
    assert any(line.startswith(f"{long_name}: ") for line in lines)


def test_rows_of_one_benchmark_stay_distinct():
    """Four wordings beside one task are four names in the text, and stand in full in Markdown."""
    wordings = ("chat", "chat_b", "fimchat", "prefill")
    splits = {f"itax_mini_infilling / itax_mini_infilling_{wording}": UNCLEAR for wording in wordings}
    comparison = _comparison(splits)
    lines = render_text(comparison).splitlines()
    table = lines[lines.index(TITLE) : lines.index("", lines.index(TITLE))]
    assert max(map(len, table)) <= WIDTH
    assert all(any(line.startswith(f"itax_mini_infilling / _{wording} ") for line in table) for wording in wordings)
    assert all(f"| {name} |" in render_markdown(comparison) for name in splits)


def test_loss_and_gain_are_worded():
    """Evidence after Holm is told as a loss or a gain with its interval."""
    assert readings(_comparison({"itax_a": LOSES}))[0].startswith(
        "itax_a: instruct loses 19.2 points (tax +19.2, 95 % CI +1"
    )
    assert readings(_comparison({"itax_a": (400, 330, 39, 231)}))[0].startswith(
        "itax_a: instruct gains 19.2 points (tax -19.2, "
    )


def test_no_evidence_says_what_could_have_been_seen():
    """Without evidence the sentence gives the detectable size and claims nothing."""
    (sentence,) = readings(_comparison({"itax_a": UNCLEAR}))
    assert sentence.startswith("itax_a: no evidence either way (tax 0.0 points); this run could have seen 8.")


def test_evidence_lost_to_holm_is_told():
    """p below .05 alone, but not after Holm, is named and not claimed."""
    splits = {"itax_a": (50, 50, 12, 3), **{f"itax_{name}": UNCLEAR for name in "bcd"}}
    assert "no evidence either way (tax +7.8 points, p 0.0352 before Holm)" in readings(_comparison(splits))[0]


def test_withheld_benchmarks_show_no_numbers():
    """A withheld row has dashes, and its sentence says why."""
    comparison = _comparison({"itax_a": LOSES}, undecided=2)
    assert "itax_a     withheld" in render_text(comparison)
    assert "2 items undecided in base, 2 in instruct" in readings(comparison)[0]


def test_one_item_prints_dashes_for_what_cannot_be_known():
    """One cluster: no interval, no MDE, no NaN."""
    text = render_text(_comparison({"itax_a": (0, 0, 1, 0)}))
    assert "nan" not in text.lower().replace("itax_a", "")
    assert "no evidence either way (tax +100.0 points); with 1 problem nothing can be shown (six needed)." in text


def test_too_few_problems_are_given_as_the_reason():
    """Five of five lost is no evidence, and the sentence says how many it takes; six have their detectable size."""
    assert readings(_comparison({"itax_a": (0, 0, 5, 0)})) == [
        "itax_a: no evidence either way (tax +100.0 points); with 5 problems nothing can be shown (six needed)."
    ]
    assert "this run could have seen" in readings(_comparison({"itax_a": (3, 3, 0, 0)}))[0]


def test_stored_comparison_prints_like_a_fresh_one():
    """Tables read what comparison.json holds."""
    comparison = _comparison({"itax_a": LOSES, "itax_b": UNCLEAR})
    stored = json.loads(comparison.to_json())
    assert render_text(comparison) == render_text(stored)
    assert render_markdown(comparison) == render_markdown(stored)


def test_dropped_items_and_warnings_are_printed():
    """What was left out or differs stands below the table."""
    run = Run(model="b", tasks={"itax_a": replace(TASK, n_items=3)})
    other = replace(run, model="i", sandbox={"layers": ["x"]}, notes=("1 answer names an unknown item",))
    rows = [Outcome("itax_a", f"i{i}", 0, "", Status.PASSED, True, "") for i in range(3)]
    text = render_text(compare((run, rows), (other, rows[:2]), on_missing="drop", resamples=100))
    assert "note, itax_a: left out 1 missing in instruct." in text
    assert "note: sandbox differs" in text
    assert "note, instruct run: 1 answer names an unknown item" in text


@pytest.mark.parametrize("name", ["itax_a", "itax|pipe"])
def test_markdown_is_one_table(name: str):
    """Every row has the same number of cells, also when a name holds a bar."""
    rows = [line for line in render_markdown(_comparison({name: LOSES})).splitlines() if line.startswith("|")]
    assert len(rows) == 3
    assert {12} == {row.replace("\\|", "").count("|") for row in rows}
