"""Base, instruct, or a router between them: what a deployment that has both models would solve.

A router sees the kind of a task (infilling, completion, instruction), told as in the report, and sends it to one of
two models; the paper's section 5.1 calls the choice open. Rates are means over benchmarks, each counted alike, because
SAFIM alone has more items than all others together.

    base, instruct      one model for everything
    by_kind             infilling and completion to base, instruction to instruct: the straightforward strategy
    cross_validated     each kind to the model that is better on the other folds; folds are made of whole clusters
    best_by_kind        each kind to the model that is better on these very items: optimistic
    oracle              for each item the better of the two: the bound of every router

Covered: item means of several samples; intervals by bootstrap over clusters within each benchmark. The choices of the
cross-validated router are held fixed there, so its interval leaves out that other data would choose otherwise.
Not covered: routers that read the prompt, and the cost of keeping two models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from itax_metrics.errors import ConfigError, PairingError
from itax_metrics.pairing import PairedItem, Pairing
from itax_metrics.paper import kinds
from itax_metrics.paper.kinds import Kind
from itax_metrics.stats import Interval

Model = Literal["base", "instruct"]

STRAIGHTFORWARD: Mapping[Kind, Model] = {"infilling": "base", "completion": "base", "instruction": "instruct"}

ROUTERS = ("base", "instruct", "by_kind", "cross_validated", "best_by_kind", "oracle")

Floats = npt.NDArray[np.float64]

_CELLS = 1_000_000
"""Numbers held at once while resampling (8 MB)."""


@dataclass(frozen=True, slots=True)
class Column:
    """One benchmark with both models' values, item by item."""

    name: str
    kind: Kind
    base: Floats
    """Pass rate of each item, in [0, 1]; shape (items,)."""
    instruct: Floats
    cluster: npt.NDArray[np.intp]
    """Number of each item's cluster, from 0; shape (items,)."""


@dataclass(frozen=True, slots=True)
class Routed:
    """What one router solves."""

    router: str
    rate: float
    """Mean over benchmarks, in [0, 1]."""
    ci95: Interval
    gain_points: float
    """Over the better of the two models alone, in points."""
    gain_ci95_points: Interval
    by_task: Mapping[str, float]
    choices: Mapping[str, str]
    """Kind to model; for the cross-validated router, how many folds chose base."""


def columns_of(pairing: Pairing) -> list[Column]:
    """The benchmarks of a pair of runs.

    Raises:
        PairingError: a benchmark with an answer that nothing decided: a router's rate would be a guess.
    """
    columns = []
    for task in pairing.tasks:
        numbers: dict[str, int] = {}
        clusters = [numbers.setdefault(item.cluster, len(numbers)) for item in task.items]
        base = [_value(task.name, item, "base") for item in task.items]
        instruct = [_value(task.name, item, "instruct") for item in task.items]
        kind = kinds.kind(task.base_task, task.base.condition)
        columns.append(Column(task.name, kind, np.array(base), np.array(instruct), np.array(clusters, dtype=np.intp)))
    return columns


def route(columns: Sequence[Column], *, folds: int = 10, seed: int = 0, resamples: int = 2000) -> list[Routed]:
    """Every router on the same items.

    Args:
        columns: one a benchmark, as `columns_of` gives them.
        folds: of the cross-validated router; with fewer clusters than folds, some are empty.
        seed: fixes folds and resampling.
        resamples: of the bootstrap.

    Raises:
        ConfigError: nothing to route, or fewer than two folds.
    """
    if not columns:
        raise ConfigError("The two runs share no benchmark, so there is nothing to route.")
    if folds < 2:
        raise ConfigError(f"{folds} folds: a cross-validated router needs at least two.")
    solved: dict[str, list[Floats]] = {
        "base": [column.base for column in columns],
        "instruct": [column.instruct for column in columns],
    }
    choices: dict[str, dict[str, str]] = {"base": {}, "instruct": {}, "oracle": {}}
    there = {column.kind for column in columns}
    fixed: dict[str, str] = {kind: model for kind, model in STRAIGHTFORWARD.items() if kind in there}
    best: dict[str, str] = {kind: _better([column for column in columns if column.kind == kind]) for kind in fixed}
    for name, chosen in (("by_kind", fixed), ("best_by_kind", best)):
        solved[name] = [column.base if chosen[column.kind] == "base" else column.instruct for column in columns]
        choices[name] = chosen
    solved["cross_validated"], choices["cross_validated"] = _cross_validated(columns, folds, seed)
    solved["oracle"] = [np.maximum(column.base, column.instruct) for column in columns]
    rng = np.random.default_rng(seed)
    spread = _resampled(columns, solved, resamples, rng)
    rates = {name: float(np.mean([value.mean() for value in values])) for name, values in solved.items()}
    alone: Model = "base" if rates["base"] >= rates["instruct"] else "instruct"
    return [
        Routed(
            router=name,
            rate=rates[name],
            ci95=_interval(spread[name]),
            gain_points=100 * (rates[name] - rates[alone]),
            gain_ci95_points=_interval(100 * (spread[name] - spread[alone])),
            by_task={column.name: float(v.mean()) for column, v in zip(columns, solved[name], strict=True)},
            choices=choices[name],
        )
        for name in ROUTERS
    ]


def _value(task: str, item: PairedItem, side: Model) -> float:
    rows = item.base if side == "base" else item.instruct
    if not all(row.decided for row in rows):
        raise PairingError(
            f"{task}: {rows[0].task_id!r} has no verdict in {side}. Run `itax score` again on a machine that can "
            "execute it, then route."
        )
    return sum(row.passed for row in rows) / len(rows)


def _better(columns: Sequence[Column], kept: Sequence[npt.NDArray[np.bool_]] | None = None) -> Model:
    """The model with the higher mean over these benchmarks; base where they are equal."""
    difference = 0.0
    for number, column in enumerate(columns):
        mask = kept[number] if kept is not None else np.ones(len(column.base), dtype=bool)
        if mask.any():
            difference += float((column.base - column.instruct)[mask].mean())
    return "base" if difference >= 0 else "instruct"


def _cross_validated(columns: Sequence[Column], folds: int, seed: int) -> tuple[list[Floats], dict[str, str]]:
    rng = np.random.default_rng([seed, 1])
    assigned = [rng.permutation(column.cluster.max() + 1)[column.cluster] % folds for column in columns]
    values = [np.empty(len(column.base)) for column in columns]
    votes: dict[str, list[Model]] = {}
    for kind in dict.fromkeys(column.kind for column in columns):
        own = [number for number, column in enumerate(columns) if column.kind == kind]
        for fold in range(folds):
            model = _better([columns[n] for n in own], [assigned[n] != fold for n in own])
            votes.setdefault(kind, []).append(model)
            for n in own:
                held = assigned[n] == fold
                values[n][held] = (columns[n].base if model == "base" else columns[n].instruct)[held]
    return values, {kind: f"base in {found.count('base')} of {folds} folds" for kind, found in votes.items()}


def _resampled(
    columns: Sequence[Column], solved: Mapping[str, Sequence[Floats]], resamples: int, rng: np.random.Generator
) -> dict[str, Floats]:
    """The mean over benchmarks of every router in every resample; all routers see the same clusters drawn."""
    total = np.zeros((resamples, len(solved)))
    for number, column in enumerate(columns):
        size = int(column.cluster.max()) + 1
        counts = np.bincount(column.cluster, minlength=size)
        sums = [np.bincount(column.cluster, weights=values[number], minlength=size) for values in solved.values()]
        table = np.column_stack([counts, *sums])
        chunk = max(1, _CELLS // size)
        for start in range(0, resamples, chunk):
            rows = slice(start, min(start + chunk, resamples))
            drawn = rng.multinomial(size, np.full(size, 1 / size), size=rows.stop - start) @ table
            total[rows] += drawn[:, 1:] / drawn[:, :1]
    return {name: total[:, at] / len(columns) for at, name in enumerate(solved)}


def _interval(spread: Floats) -> Interval:
    low, high = np.percentile(spread, [2.5, 97.5])
    return Interval(float(low), float(high))
