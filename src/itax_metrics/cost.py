"""What a solved item costs each model of a pair: tokens written, or seconds its programs ran, for every item solved.

    cost per solved item = sum over items of the mean cost of an answer / sum over items of the pass rate

Failed answers are paid for as well, so a model that talks more or fails more costs more. Both models answer the same
items, so the ratio is paired: its interval comes from one bootstrap over clusters, in which both see the same clusters.

Covered: item means of several samples. Not covered: prompt tokens, and hardware: tokens of two tokenizers are compared
as they are. A model that solves nothing has no cost per solved item.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from itax_metrics.pairing import PairedTask
from itax_metrics.records import Outcome
from itax_metrics.stats import Interval

Unit = Literal["tokens", "characters", "seconds"]

_READ: dict[Unit, Callable[[Outcome], float | None]] = {
    "tokens": lambda row: row.tokens,
    "characters": lambda row: len(row.completion),
    "seconds": lambda row: row.seconds,
}
UNITS = tuple(_READ)
_CELLS = 1_000_000


@dataclass(frozen=True, slots=True)
class PairedCost:
    """One benchmark, one unit."""

    task: str
    unit: Unit
    n_items: int
    """Items whose answers were decided and counted on both sides."""
    base: float | None
    """Cost of a solved item; None where base solves nothing."""
    instruct: float | None
    ratio: float | None
    """instruct / base; above 1: a solved item costs more with instruct."""
    ratio_ci95: Interval | None
    """None where a resample without a solved item is not rare (5 % or more)."""


def paired_cost(task: PairedTask, unit: Unit, *, seed: int = 0, resamples: int = 2000) -> PairedCost:
    """Cost of a solved item on both sides, over the items that have a cost and a verdict on both."""
    read = _READ[unit]
    values: list[tuple[float, float, float, float]] = []
    numbers: dict[str, int] = {}
    clusters: list[int] = []
    for item in task.items:
        sides = [_mean_cost(rows, read) for rows in (item.base, item.instruct)]
        if sides[0] is None or sides[1] is None:
            continue
        values.append((*sides[0], *sides[1]))
        clusters.append(numbers.setdefault(item.cluster, len(numbers)))
    if not values:
        return PairedCost(task.name, unit, 0, None, None, None, None)
    table = np.zeros((len(numbers), 4))
    np.add.at(table, clusters, np.array(values))
    spent, solved, spent_other, solved_other = (float(total) for total in table.sum(axis=0))
    base = spent / solved if solved else None
    instruct = spent_other / solved_other if solved_other else None
    ratio = instruct / base if base and instruct is not None else None
    interval = _interval(table, seed, resamples) if ratio is not None else None
    return PairedCost(task.name, unit, len(values), base, instruct, ratio, interval)


def _mean_cost(rows: tuple[Outcome, ...], read: Callable[[Outcome], float | None]) -> tuple[float, float] | None:
    """(mean cost, pass rate) of one item's answers; None where one has no cost or no verdict."""
    costs = [read(row) for row in rows]
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(rows) or not all(row.decided for row in rows):
        return None
    return sum(known) / len(rows), sum(row.passed for row in rows) / len(rows)


def _interval(table: np.ndarray[tuple[int, int], np.dtype[np.float64]], seed: int, resamples: int) -> Interval | None:
    size = len(table)
    rng = np.random.default_rng([seed, size])
    shares = np.full(size, 1 / size)
    chunk = max(1, _CELLS // size)
    ratios = []
    for start in range(0, resamples, chunk):
        sums = rng.multinomial(size, shares, size=min(chunk, resamples - start)) @ table
        usable = sums[(sums[:, 0] > 0) & (sums[:, 1] > 0) & (sums[:, 3] > 0)]
        ratios.append(usable[:, 2] / usable[:, 3] / (usable[:, 0] / usable[:, 1]))
    found = np.concatenate(ratios)
    if size < 2 or len(found) <= 0.95 * resamples:
        return None
    low, high = np.percentile(found, [2.5, 97.5])
    return Interval(float(low), float(high))
