"""Tables 8 and 9: averages by kind of task and stage, and their changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from itax_metrics.paper.audit import Cell, Check, judged
from itax_metrics.paper.published import COMPLETION, INFILLING, table

KINDS: Mapping[str, tuple[str, ...]] = {
    "Infilling": INFILLING,
    "Instruction": ("HumanEval", "MBPP", "DS-1000", "BigCodeBench-Instruct"),
    "Completion": COMPLETION,
}
"""Table 9's columns; instruction takes the base scores of HumanEval and MBPP, not the plus scores."""


def checks() -> tuple[Check, ...]:
    """The checks of RQ3."""
    return (_averages(), _changes(), _base_rows())


def average(kind: str, stage: str) -> float | None:
    """Mean over benchmarks of the mean over a stage's checkpoints, from table 8; None where a score is NA."""
    rows = [row for row in table("8").rows if row["stage"] == stage]
    means: list[float] = []
    for benchmark in KINDS[kind]:
        scores = [row[benchmark] for row in rows]
        if "NA" in scores:
            return None
        means.append(_mean([float(value) for value in scores]))
    return _mean(means)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _averages() -> Check:
    cells = []
    for row in table("9").rows:
        for kind in KINDS:
            found = average(kind, row["stage"].lower())
            if found is None:
                continue
            agrees = abs(found - float(row[kind])) <= 0.0051
            note = ""
            if not agrees and (kind, row["stage"]) == ("Infilling", "Base"):
                note = "fits ClassEval-Infilling 79.40, which the text names, where table 8 has 79.94"
            cells.append(Cell("9", row["stage"], f"{kind} Avg.", row[kind], f"{found:.2f}", judged(agrees), note))
    return Check(
        "stage averages",
        "table 9 from table 8: mean over the kind's benchmarks of the mean over the stage's checkpoints",
        "half of the last digit",
        tuple(cells),
        {"cells": len(cells), "differ": sum(cell.verdict != "agrees" for cell in cells)},
    )


def _changes() -> Check:
    cells = []
    for row in table("9").rows:
        for kind in KINDS:
            printed = row[f"{kind} change"]
            found = average(kind, row["stage"].lower())
            start = average(kind, "75k" if kind == "Instruction" else "base")
            if printed == "NA" or found is None or start is None:
                continue
            change = 100 * (found - start) / start
            agrees = abs(change - float(printed)) <= 0.011
            cells.append(Cell("9", row["stage"], f"{kind} change", printed, f"{change:+.2f}", judged(agrees)))
    return Check(
        "stage changes",
        "table 9 from table 8: change of the stage average against base (instruction: against the 75k stage)",
        ".01",
        tuple(cells),
        {"cells": len(cells), "differ": sum(cell.verdict != "agrees" for cell in cells)},
    )


def _base_rows() -> Check:
    base, of_table_2 = table("8").rows[0], table("2")
    cells = []
    for benchmark in (*INFILLING, *COMPLETION):
        there = next(row for row in of_table_2.rows if row["model"] == "7b-base")[benchmark]
        cells.append(Cell("8", "base", benchmark, base[benchmark], there, judged(there == base[benchmark])))
    return Check(
        "one base model, two tables",
        "table 8's first row against table 2's 7b-base",
        "none",
        tuple(cells),
        {"cells": len(cells), "differ": sum(cell.verdict != "agrees" for cell in cells)},
    )
