"""The paper's tables on a user's pairs: scores, discordant counts, failure shares, behaviours; and across pairs.

Each function gives rows of plain values; how they look is the business of the report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from itax_metrics.behavior.summary import PAPER_BEHAVIORS, PAPER_CONDITIONS, PAPER_WEIGHTS
from itax_metrics.paper.kinds import COLUMNS, KINDS
from itax_metrics.paper.measured import CATEGORIES, Measured, alike
from itax_metrics.paper.pooling import Pooled, difference, mean, slope_per_doubling

Row = dict[str, Any]

_WEIGHTS: Mapping[str, int] = {file: count for kind in PAPER_WEIGHTS.values() for file, count in kind.items()}
"""The artifact's item counts; data files that it has none for count by their items."""


def scores(cells: Sequence[Measured]) -> list[Row]:
    """Tables 2 and 3: both rates and the relative change, one row a pair and benchmark."""
    return [
        {
            "pair": cell.pair,
            "benchmark": cell.column,
            "task": cell.task,
            "base": 100 * cell.entry["base_rate"],
            "instruct": 100 * cell.entry["instruct_rate"],
            "relative_change": _percent(cell.entry["relative_change"]),
            "tax": cell.tax,
            "ci95": cell.interval,
        }
        for cell in cells
    ]


def disagreement(cells: Sequence[Measured]) -> list[Row]:
    """Table 4 and figure 5: solved by both, by one alone, by neither; McNemar; the odds ratio; q over all cells."""
    return [
        {
            "pair": cell.pair,
            "benchmark": cell.column,
            "task": cell.task,
            "both": cell.entry["both"],
            "base_only": cell.entry["lost"],
            "instruct_only": cell.entry["gained"],
            "neither": cell.entry["neither"],
            "chi2": cell.entry["mcnemar"]["chi2_cc"],
            "p_mcnemar": cell.entry["mcnemar"]["p_cc"],
            "p": cell.entry["p_primary"],
            "p_holm": cell.entry["p_holm"],
            "q": cell.q,
            "odds_ratio": cell.entry.get("odds_ratio"),
        }
        for cell in cells
    ]


def failures(cells: Sequence[Measured]) -> list[Row]:
    """Tables 5 and 6: the share of each category among a side's failures; only where categories are stored."""
    rows = []
    for cell in cells:
        for side in ("base", "instruct"):
            counts = cell.categories(side)
            total = sum(counts.values())
            if total:
                shares = {name: counts[name] / total for name, _ in CATEGORIES}
                rows.append({"pair": cell.pair, "benchmark": cell.column, "side": side, "failures": total, **shares})
    return rows


def behaviours(cells: Sequence[Measured]) -> list[Row]:
    """Table 7: ctr, nl and def_cls by kind of task and side, in percent.

    Overall, over flagged answers and over failed ones; once as `itax behave` weights data files, by the artifact's item
    counts, once as the plain mean over benchmarks. Where a pair has columns of the paper, other tasks of their kind do
    not count; neither do cells in which the two models were not asked alike. Only where `outcomes.jsonl` holds the
    behaviours.
    """
    rows: list[Row] = []
    cells = alike(cells)
    for name in dict.fromkeys(cell.pair for cell in cells):
        for kind in KINDS:
            every = [c for c in cells if c.pair == name and c.kind == kind and c.details and "ctr" in _stored(c)]
            own = [cell for cell in every if cell.task in COLUMNS] or every
            for side in ("base", "instruct"):
                if own:
                    row: Row = {"pair": name, "kind": kind, "side": side, "benchmarks": len(own)}
                    for behavior in PAPER_BEHAVIORS:
                        for condition in PAPER_CONDITIONS:
                            row |= _weighted(own, behavior + condition, side)
                    rows.append(row)
    return rows


def _stored(cell: Measured) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (cell.details or {}).get("behaviors", {})
    return found


def _weighted(cells: Sequence[Measured], name: str, side: str) -> Row:
    plain = [100 * value for cell in cells if (value := _stored(cell).get(name, {}).get(side)) is not None]
    files = [
        (100 * value, weight) for weight, means in _files(cells) if (value := means.get(name, {}).get(side)) is not None
    ]
    total = sum(weight for _, weight in files)
    pooled = sum(value * weight for value, weight in files) / total if total else None
    return {name: pooled, f"{name}_macro": sum(plain) / len(plain) if plain else None}


def _files(cells: Sequence[Measured]) -> list[tuple[int, Mapping[str, Mapping[str, float]]]]:
    """(weight, behaviour to side to mean) of every data file; one that is a cell of its own is not counted twice."""
    alone = {cell.task for cell in cells}
    return [
        (_WEIGHTS.get(file, cell.entry["n_items"]), means)
        for cell in cells
        for file, means in (cell.details or {}).get("files", {}).items()
        if file == cell.entry["base_task"] or file not in alone
    ]


def across(cells: Sequence[Measured]) -> dict[str, list[Row]]:
    """What several pairs say together: tax against size, family against family, completion against infilling.

    The last two are means over benchmarks, which cells that were not asked alike take no part in; against size each
    such cell is a row of its own.
    """
    return {"size": _by_size(cells), "family": _by_family(alike(cells)), "kind": _by_kind(alike(cells))}


def _by_size(cells: Sequence[Measured]) -> list[Row]:
    rows = []
    for family in sorted({cell.family for cell in cells}):
        for column in dict.fromkeys(cell.column for cell in cells if cell.family == family):
            own = [c for c in cells if c.family == family and c.column == column and c.size and c.error]
            found = slope_per_doubling([(c.size or 0.0, c.tax, c.error or 0.0) for c in own])
            if found:
                rows.append({"family": family, "benchmark": column, **_said(found, "points_per_doubling")})
    return rows


def _by_family(cells: Sequence[Measured]) -> list[Row]:
    rows = []
    families = sorted({cell.family for cell in cells})
    for i, left in enumerate(families):
        for right in families[i + 1 :]:
            for kind in KINDS:
                shared = {c.column for c in cells if c.family == left} & {c.column for c in cells if c.family == right}
                groups = [
                    estimates([c for c in cells if c.family == name and c.kind == kind and c.column in shared])
                    for name in (left, right)
                ]
                found = difference(*groups)
                if found:
                    rows.append({"left": left, "right": right, "kind": kind, **_said(found, "difference")})
    return rows


def _by_kind(cells: Sequence[Measured]) -> list[Row]:
    rows = []
    for name in [*dict.fromkeys(cell.pair for cell in cells), None]:
        own = [cell for cell in cells if name in (None, cell.pair)]
        by_kind = {kind: estimates([cell for cell in own if cell.kind == kind]) for kind in KINDS}
        found = difference(by_kind["infilling"], by_kind["completion"])
        if found and (name is not None or len({cell.pair for cell in cells}) > 1):
            infilling, completion = mean(by_kind["infilling"]), mean(by_kind["completion"])
            assert infilling is not None
            assert completion is not None
            rows.append(
                {
                    "pair": name or "all pairs",
                    "infilling": infilling.value,
                    "completion": completion.value,
                    **_said(found, "difference"),
                }
            )
    return rows


def estimates(cells: Sequence[Measured]) -> list[tuple[float, float]]:
    """(tax, standard error) of the cells that have one."""
    return [(cell.tax, cell.error) for cell in cells if cell.error is not None]


def _said(found: Pooled, name: str) -> Row:
    return {name: found.value, "ci95": [found.ci95.low, found.ci95.high], "cells": found.n}


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
