"""Tables 5, 6 and 7: shares that should sum to one, and what a conditional rate can be."""

from __future__ import annotations

from itax_metrics.paper.audit import Cell, Check, judged
from itax_metrics.paper.published import INFILLING, PAIRS, SIZES, score, table

_CLAIMED_SAMPLE = 50


def checks() -> tuple[Check, ...]:
    """The checks of RQ2."""
    return (_sums(), _against_artifact(), _conditional_below_overall(), _failed_reading())


def _sums() -> Check:
    cells = []
    odd = 0
    for number in ("5", "6"):
        of = table(number)
        for column in of.columns[1:]:
            shares = [int(row[column]) for row in of.rows]
            odd += sum(share * _CLAIMED_SAMPLE % 100 != 0 for share in shares)
            total = sum(shares)
            cells.append(Cell(number, "all four categories", column, "100", str(total), judged(total == 100)))
    return Check(
        "failure shares",
        f"tables 5 and 6: the four shares of {_CLAIMED_SAMPLE} sampled failures sum to 100 %, in steps of 2 %",
        "none",
        tuple(cells),
        {
            "columns": len(cells),
            "that do not sum to 100": sum(cell.verdict != "agrees" for cell in cells),
            "shares off the steps of 2 %": odd,
        },
    )


def _against_artifact() -> Check:
    printed, artifact = table("7"), table("7_artifact")
    cells = [
        Cell(
            "7",
            printed.name(row),
            column,
            row[column],
            other[column],
            judged(float(row[column]) == float(other[column])),
        )
        for row, other in zip(printed.rows, artifact.rows, strict=True)
        for column in printed.columns[2:]
    ]
    return Check(
        "behaviours against the artifact",
        "table 7 as printed against the authors' own results file",
        "none: both have two decimals",
        tuple(cells),
        {"cells": len(cells), "differ": sum(cell.verdict != "agrees" for cell in cells)},
    )


def _conditional_below_overall() -> Check:
    cells = []
    for number in ("7", "7_artifact"):
        of = table(number)
        for row in of.rows:
            for column in of.columns[2:]:
                if not column.endswith(("NL", "Def/Cls")):
                    continue
                overall, conditional = row[column], row[f"{column} conditional"]
                possible = float(conditional) >= float(overall)
                verdict = judged(possible, "impossible")
                note = (
                    "" if possible else "an answer with this mark is flagged, so the rate among the flagged is higher"
                )
                cells.append(Cell(number, of.name(row), column, f"{overall} ({conditional})", "", verdict, note))
    return Check(
        "conditional rates",
        "table 7: NL and Def/Cls flag an answer, so their rate among flagged answers is at least the overall rate",
        "none",
        tuple(cells),
        {
            "cells": len(cells),
            "impossible as printed": sum(c.verdict != "agrees" and c.table == "7" for c in cells),
            "impossible in the artifact": sum(c.verdict != "agrees" and c.table == "7_artifact" for c in cells),
        },
    )


def _failed_reading() -> Check:
    """Could the parentheses be means over failed outputs, as the prose says?"""
    families = {family: sizes for family, _, sizes in PAIRS.values()}
    cells, macro_impossible = [], 0
    for row in table("7").rows:
        size, _, instruct = row["model"].partition("-")
        variant = "instruct" if instruct else "base"
        if size.lower() not in families[row["family"]]:
            continue
        solved = {name: score(row["family"], size.lower(), variant, name) / 100 for name in INFILLING}
        total = sum(SIZES[name] for name in INFILLING)
        pooled = sum(solved[name] * SIZES[name] for name in INFILLING) / total
        macro = sum(solved.values()) / len(solved)
        conditional, overall = float(row["Infilling CTR conditional"]), float(row["Infilling CTR"])
        most, most_macro = (100 * rate + (1 - rate) * conditional for rate in (pooled, macro))
        macro_impossible += overall > most_macro
        cells.append(
            Cell(
                "7",
                f"{row['family']} {row['model']}",
                "Infilling CTR",
                f"{overall:.2f} ({conditional:.2f})",
                f"at most {most:.1f} (macro mean: {most_macro:.1f})",
                judged(overall <= most, "impossible"),
                "if the parentheses were means over failed outputs",
            )
        )
    return Check(
        "the reading as failed outputs",
        "table 7, CTR on infilling: were the figure in parentheses the mean over failed outputs, the overall mean "
        "could be no more than 100 x pass share + that figure x fail share (pass shares of tables 2 and 3)",
        "none",
        tuple(cells),
        {
            "rows": len(cells),
            "impossible (pooled)": sum(cell.verdict != "agrees" for cell in cells),
            "impossible (macro mean)": macro_impossible,
        },
    )
