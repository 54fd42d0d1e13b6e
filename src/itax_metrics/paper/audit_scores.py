"""Tables 2, 3 and 4: relative changes, counts behind scores, discordant counts, chi-squares."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from itax_metrics.paper.audit import Cell, Check, judged
from itax_metrics.paper.published import PAIRS, SIZES, TABLE_4_NAMES, score, table
from itax_metrics.paper.rounding import counts_behind, half_up
from itax_metrics.stats import holm, mcnemar

BENCHMARKS = tuple(TABLE_4_NAMES.values())


def checks() -> tuple[Check, ...]:
    """The checks of RQ1."""
    return (_relative_changes(), _chi_squares(), _significance(), _multiples(), _discordant_counts())


def _relative_changes() -> Check:
    cells = []
    for number, (_, _, sizes) in PAIRS.items():
        rows = {row["model"]: row for row in table(number).rows}
        for size in sizes:
            for benchmark in BENCHMARKS:
                base, row = rows[f"{size}-base"][benchmark], rows[f"{size}-instruct"]
                printed = row[f"{benchmark} change"]
                expected, slack = _change(base, row[benchmark])
                agrees = abs(Fraction(printed) - expected) <= slack
                cells.append(
                    Cell(
                        number,
                        f"{size}-instruct",
                        f"{benchmark} change",
                        printed,
                        f"{float(expected):+.2f}",
                        judged(agrees),
                        f"from {base} and {row[benchmark]}, tolerance {float(slack):.3f}",
                    )
                )
    return Check(
        "relative changes",
        "tables 2 and 3: (instruct - base) / base from the two printed scores",
        "what rounding or cutting off the two scores and the change can explain, cell by cell (.01 to .07)",
        tuple(cells),
        {"cells": len(cells), "differ": sum(cell.verdict != "agrees" for cell in cells)},
    )


def _change(base: str, instruct: str) -> tuple[Fraction, Fraction]:
    """The relative change of two printed scores in percent, and how far the printing may have moved it."""

    def change(left: Fraction, right: Fraction) -> Fraction:
        return 100 * (right - left) / left

    middle = change(Fraction(base), Fraction(instruct))
    # A table is rounded throughout or cut off throughout, so both scores move by at most half a unit from a common
    # shift, which the change hardly feels.
    half = Fraction(1, 200)
    corners = [
        change(Fraction(base) + left * half, Fraction(instruct) + right * half) for left in (-1, 1) for right in (-1, 1)
    ]
    return middle, max(abs(corner - middle) for corner in corners) + Fraction(1, 100)


def _rows_of_table_4() -> Iterator[tuple[str, int, int, str, str, str]]:
    """(row, base only, instruct only, benchmark, printed chi-square, printed Y or N)."""
    of = table("4")
    for row in of.rows:
        counts = int(row["base only"]), int(row["instruct only"])
        yield of.name(row), *counts, TABLE_4_NAMES[row["benchmark"]], row["chi2"], row["significant"]


def _chi_squares() -> Check:
    cells = []
    within = 0
    for name, lost, gained, _, printed, _ in _rows_of_table_4():
        exact = Fraction((abs(lost - gained) - 1) ** 2, lost + gained)
        agrees = half_up(exact, 1) == printed
        within += abs(float(exact) - float(printed)) <= 0.051
        cells.append(
            Cell("4", name, "chi2", printed, f"{float(exact):.4f}", judged(agrees), "" if agrees else "off by a digit")
        )
    return Check(
        "chi-squares",
        "table 4: (|base only - instruct only| - 1)^2 / (base only + instruct only)",
        "equal after rounding half up to one decimal; all within .051",
        tuple(cells),
        {
            "cells": len(cells),
            "reproduced by rounding half up": sum(cell.verdict == "agrees" for cell in cells),
            "within .051": within,
        },
    )


def _significance() -> Check:
    rows = list(_rows_of_table_4())
    tests = [mcnemar(gained, lost).p_cc for _, lost, gained, _, _, _ in rows]
    adjusted = holm(tests)
    cells = []
    for (name, *_, printed), p, after in zip(rows, tests, adjusted, strict=True):
        verdict = judged(("Y" if p < 0.05 else "N") == printed)
        fallen = printed == "Y" and after >= 0.05
        note = f"p Holm over the 35 tests {after:.3g}: no longer below .05" if fallen else ""
        cells.append(Cell("4", name, "significant", printed, f"p = {p:.3g}", verdict, note))
    return Check(
        "significance",
        "table 4: p < .05 of the corrected chi-square; beside it Holm over the 35 tests",
        "none",
        tuple(cells),
        {
            "cells": len(cells),
            "printed Y": sum(row[-1] == "Y" for row in rows),
            "reproduced": sum(cell.verdict == "agrees" for cell in cells),
            "Y that fall under Holm": sum(bool(cell.note) for cell in cells),
            "they are": "; ".join(cell.row for cell in cells if cell.note),
        },
    )


def _multiples() -> Check:
    cells = []
    for number in ("2", "3", "8"):
        of = table(number)
        for row in of.rows:
            for benchmark, n in SIZES.items():
                printed = row.get(benchmark, "")
                if printed in ("", "NA"):
                    continue
                # BigCodeBench is printed with one decimal and a zero in all cells but one.
                spelled = printed.removesuffix("0") if benchmark.startswith("BigCodeBench") else printed
                found = counts_behind(spelled, n)
                shown = " or ".join(f"{count}/{n}" for count in found[:3]) or "no count"
                cells.append(Cell(number, of.name(row), benchmark, printed, shown, judged(bool(found), "impossible")))
    return Check(
        "whole counts",
        "tables 2, 3 and 8: every score is k/n of whole items",
        "the last printed digit, rounded either way or cut off",
        tuple(cells),
        {"cells": len(cells), "impossible": sum(cell.verdict != "agrees" for cell in cells)},
    )


def _discordant_counts() -> Check:
    families = {family: sizes for family, _, sizes in PAIRS.values()}
    cells, far, flipped = [], 0, 0
    for row, (name, lost, gained, benchmark, _, _) in zip(table("4").rows, _rows_of_table_4(), strict=True):
        family, size, n = row["family"], row["size"].lower(), SIZES[benchmark]
        assert size in families[family]
        number = next(key for key, entry in PAIRS.items() if entry[0] == family)
        printed = {entry["model"]: entry[benchmark] for entry in table(number).rows}
        pair = printed[f"{size}-base"], printed[f"{size}-instruct"]
        fits = any(
            right - left == gained - lost for left in counts_behind(pair[0], n) for right in counts_behind(pair[1], n)
        )
        scores = score(family, size, "instruct", benchmark) - score(family, size, "base", benchmark)
        net = 100 * (gained - lost) / n
        items = round(scores * n / 100)
        apart = 100 * abs(gained - lost - items) / n
        flips = scores * net < 0
        far += apart >= 0.5
        flipped += flips
        notes = [f"{apart:.2f} points apart"] * (not fits) + ["the sign flips"] * flips
        cells.append(
            Cell(
                "4",
                name,
                "instruct only - base only",
                f"{gained - lost:+d} of {n} ({net:+.2f} points)",
                f"{items:+d} ({scores:+.2f} points in table {number})",
                judged(fits, "impossible"),
                ", ".join(notes),
            )
        )
    return Check(
        "discordant counts against scores",
        "table 4 against tables 2 and 3: instruct only - base only is the difference of two whole counts",
        "any pair of counts that rounding or cutting off to two decimals would print",
        tuple(cells),
        {
            "cells": len(cells),
            "fit no pair of counts": sum(cell.verdict != "agrees" for cell in cells),
            "0.5 points or more apart": far,
            "signs that flip": flipped,
        },
    )
