"""The audit: what it reproduces, what it finds, and that it would find something else in other tables."""

from __future__ import annotations

import json

import pytest

from itax_metrics.paper import audit_scores, published
from itax_metrics.paper.audit import Audit, Check, audit
from itax_metrics.paper.published import Table, table


@pytest.fixture(scope="module")
def found() -> Audit:
    return audit()


def _check(found: Audit, name: str) -> Check:
    return next(check for check in found.checks if check.name == name)


def _inconsistent(found: Audit, name: str) -> dict[tuple[str, str, str], str]:
    return {(c.table, c.row, c.column): c.recomputed for c in _check(found, name).inconsistent}


def test_chi_squares_are_reproduced_but_for_one(found: Audit):
    """34 of 35 by rounding half up, all 35 within .051, and the exception has its name."""
    summary = _check(found, "chi-squares").summary
    assert (35, 34, 35) == (summary["cells"], summary["reproduced by rounding half up"], summary["within .051"])
    assert {("4", "Qwen2.5-Coder 7B SAFIM", "chi2"): "18.8497"} == _inconsistent(found, "chi-squares")


def test_three_relative_changes_differ(found: Audit):
    """The three cells known, and no other of the 35."""
    expected = {
        ("2", "1.5b-instruct", "HEFIM change"): "+42.82",
        ("2", "7b-instruct", "ClassEval-Infilling change"): "-6.27",
        ("3", "1.3b-instruct", "SAFIM change"): "-43.50",
    }
    assert expected == _inconsistent(found, "relative changes")


def test_holm_takes_four_of_the_yes(found: Audit):
    """27 printed Y, all reproduced at .05, four of them gone after Holm."""
    summary = _check(found, "significance").summary
    assert (27, 35, 4) == (summary["printed Y"], summary["reproduced"], summary["Y that fall under Holm"])


def test_discordant_counts_against_scores(found: Audit):
    """24 of 35 fit no counts, 13 are half a point or more apart, four signs flip."""
    check = _check(found, "discordant counts against scores")
    assert [35, 24, 13, 4] == list(check.summary.values())
    flipped = {cell.row for cell in check.cells if "sign flips" in cell.note}
    assert flipped == {f"DeepSeek-Coder {row}" for row in ("1.3B HE-FIM", "6.7B HE-FIM", "6.7B BCB", "33B BCB")}


def test_one_score_is_no_multiple_of_its_items(found: Audit):
    """61.94 is no k/1033, however printed."""
    assert [("2", "1.5b-instruct", "HEFIM")] == list(_inconsistent(found, "whole counts"))


def test_failure_shares_that_do_not_sum(found: Audit):
    """90 and 98 percent."""
    assert ["90", "98"] == list(_inconsistent(found, "failure shares").values())


def test_table_9_is_recomputed_from_table_8(found: Audit):
    """The averages and changes that do not follow."""
    averages = {(row, column): value for (_, row, column), value in _inconsistent(found, "stage averages").items()}
    assert averages == {
        ("Base", "Infilling Avg."): "66.28",
        ("Base", "Completion Avg."): "37.80",
        ("110k", "Completion Avg."): "44.35",
    }
    assert ["-2.23", "+21.52", "-2.51", "+17.35"] == list(_inconsistent(found, "stage changes").values())


def test_behaviours_differ_from_the_artifact(found: Audit):
    """13 of 168 printed cells, among them the two that are impossible."""
    assert {"cells": 168, "differ": 13} == dict(_check(found, "behaviours against the artifact").summary)
    impossible = _check(found, "conditional rates")
    assert (2, 0) == (impossible.summary["impossible as printed"], impossible.summary["impossible in the artifact"])
    assert {"DeepSeek-Coder 6.7B-Instruct", "DeepSeek-Coder 33B-Instruct"} == {c.row for c in impossible.inconsistent}


def test_parentheses_cannot_be_failed_outputs(found: Audit):
    """14 of 14 rows pooled, 13 of 14 as a macro mean."""
    assert [14, 14, 13] == list(_check(found, "the reading as failed outputs").summary.values())


def test_text_against_tables(found: Audit):
    """What the tables hold stands beside each sentence they do not bear out."""
    cells = {cell.printed: cell.recomputed for cell in _check(found, "text against tables").inconsistent}
    assert "the largest is -82.85 % (DeepSeek-Coder-33b on SAFIM)" in cells.values()
    assert "9.30 to 15.50" in cells.values()
    assert any("127, base only 150" in value for value in cells.values())
    assert len(cells) == 12


def test_an_altered_table_alters_the_audit(monkeypatch: pytest.MonkeyPatch):
    """Nothing is hard-coded: with 18.9 printed as 18.8, all 35 chi-squares agree."""
    original = table("4")
    rows = tuple({**row, "chi2": "18.8" if row["chi2"] == "18.9" else row["chi2"]} for row in original.rows)
    mended = Table("4", original.title, original.columns, rows, original.labels)
    monkeypatch.setattr(audit_scores, "table", lambda number: mended if number == "4" else published.table(number))
    (check,) = [check for check in audit_scores.checks() if check.name == "chi-squares"]
    assert () == check.inconsistent


def test_the_audit_is_plain_json(found: Audit):
    """Programs read all checks and warnings."""
    content = json.loads(json.dumps(found.to_dict()))
    assert len(found.checks) == len(content["checks"])
    assert found.warnings
    assert list(found.warnings) == content["warnings"]
