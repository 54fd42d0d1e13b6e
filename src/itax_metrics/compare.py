"""Two runs to one comparison: the only place where the instruction-tuning tax is defined.

    tax = rate(base) - rate(instruct), in points;  positive: instruct lost
    relative change = (rate(instruct) - rate(base)) / rate(base)

Covered: one primary test per benchmark, fixed in advance (headline metric, sign flips over clusters, Holm over the
benchmarks of the pair); clusters; several samples per item, as item means.
Not covered: comparisons of more than two runs, and Holm over the secondary metrics, which carry no claim.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from itax_metrics.comparison import Benchmark, Comparison, Counts, PairedMetric, Side
from itax_metrics.cues import cue_components
from itax_metrics.decompose import decompose
from itax_metrics.errors import DataError
from itax_metrics.matching import Across
from itax_metrics.pairing import OnMissing, PairedItem, PairedTask, pair
from itax_metrics.records import Flag, Outcome, Run
from itax_metrics.stats import (
    Interval,
    bootstrap_interval,
    by_cluster,
    cluster_standard_error,
    holm,
    mcnemar,
    minimum_detectable_effect,
    newcombe,
    paired_odds_ratio,
    sign_flip_test,
    tango,
    wilson,
)
from itax_metrics.unavailable import unavailable, unavailable_note

__all__ = ["Benchmark", "Comparison", "PairedMetric", "compare"]

PLUS_METRIC = "plus_pass@1"

Values = list[tuple[float | None, float | None]]


def compare(
    base: tuple[Run, Iterable[Outcome]],
    instruct: tuple[Run, Iterable[Outcome]],
    *,
    seed: int = 0,
    resamples: int = 10_000,
    on_missing: OnMissing = "error",
    across: Across | None = None,
) -> Comparison:
    """Compare two runs on the items they share.

    A benchmark with undecided items (engine failure, or not executed) on either side gets no headline; the others
    are compared. Holm still counts it, as p = 1: the family of tests does not shrink because an engine failed.

    Args:
        base: Run and outcomes of the base model, as `read_score_dir` returns them.
        instruct: Run and outcomes of the instruct model.
        seed: Fixes the resampling; each benchmark and metric has its own stream, so adding one moves no other.
        resamples: For the bootstrap, and for the permutation test where it is not exact.
        on_missing: See `pairing.pair`.
        across: See `pairing.pair`.

    Raises:
        PairingError: The runs may not be compared.
        DataError: A metric lies outside [0, 1]: metrics are rates, other measures are behaviours.
    """
    base, instruct = (base[0], list(base[1])), (instruct[0], list(instruct[1]))
    pairing = pair(base, instruct, on_missing=on_missing, across=across)
    taken_apart = {"condition": decompose, "cue": cue_components}.get(across or "")
    benchmarks = [_benchmark(task, seed, resamples) for task in pairing.tasks]
    adjusted = holm([found.headline.p_primary if found.headline else 1.0 for found in benchmarks])
    return Comparison(
        base=base[0],
        instruct=instruct[0],
        benchmarks=tuple(
            replace(found, p_holm=p) if found.headline else found for found, p in zip(benchmarks, adjusted, strict=True)
        ),
        only_base=pairing.only_base,
        only_instruct=pairing.only_instruct,
        warnings=pairing.warnings,
        seed=seed,
        resamples=resamples,
        on_missing=on_missing,
        across=across,
        decomposition=taken_apart(base, instruct, seed=seed, resamples=resamples) if taken_apart else (),
    )


def _benchmark(task: PairedTask, seed: int, resamples: int) -> Benchmark:
    task = replace(task, warnings=(*task.warnings, *_unavailable(task)))
    primary = (task.base.headline, task.instruct.headline)
    values = [(headline_value(item.base, primary[0]), headline_value(item.instruct, primary[1])) for item in task.items]
    undecided: dict[Side, int] = {
        "base": sum(left is None for left, _ in values),
        "instruct": sum(right is None for _, right in values),
    }
    withheld = None
    if any(undecided.values()):
        withheld = (
            f"{undecided['base']} items undecided in base, {undecided['instruct']} in instruct, of {len(values)}: "
            "run `itax score` again on a machine that can execute them"
        )
    others = sorted({name for item in task.items for row in (*item.base, *item.instruct) for name in _names(row)})
    secondary = [
        _paired_metric(name, task, _values(task.items, name, _metric_value), seed, resamples)
        for name in others
        if name not in primary
    ]
    return Benchmark(
        pairing=task,
        headline=None if withheld else _paired_metric(task.headline, task, values, seed, resamples),
        p_holm=None,
        withheld=withheld,
        undecided=undecided,
        secondary=tuple(found for found in secondary if found),
        verdicts=_counts(task.items, lambda row: (row.verdict.value,)),
        flags=_counts(task.items, lambda row: row.flags),
        categories=_counts(task.items, lambda row: (row.category,) if row.category else ()),
        behaviors=_behaviors(task.items),
    )


def _unavailable(task: PairedTask) -> list[str]:
    """The items whose tests cannot pass: once where both sides have the same, else side by side."""
    base = unavailable(row for item in task.items for row in item.base), task.base.headline
    instruct = unavailable(row for item in task.items for row in item.instruct), task.instruct.headline
    if base == instruct:
        return [unavailable_note(*base)] if base[0] else []
    sides = {"base": base, "instruct": instruct}
    return [f"in {side}, {unavailable_note(*found)}" for side, found in sides.items() if found[0]]


def _paired_metric(name: str, task: PairedTask, values: Values, seed: int, resamples: int) -> PairedMetric | None:
    """Pair one metric; None where no item has it on both sides."""
    kept = [(item.cluster, *value) for item, value in zip(task.items, values, strict=True) if None not in value]
    if not kept:
        return None
    base, instruct = np.array([[left, right] for _, left, right in kept], dtype=np.float64).T
    if min(base.min(), instruct.min()) < 0 or max(base.max(), instruct.max()) > 1 + 1e-9:
        raise DataError(f"{task.name}: metric {name!r} leaves [0, 1]. Metrics are rates; store it as a behaviour.")
    totals = by_cluster(base - instruct, [cluster for cluster, _, _ in kept])
    # Means of the same answers in another order may differ in the last bit; that is no disagreement.
    equal = np.abs(base - instruct) < 1e-9
    gained, lost = int(((instruct > base) & ~equal).sum()), int(((base > instruct) & ~equal).sum())
    stream = int.from_bytes(hashlib.sha256(f"{task.name}\0{name}".encode()).digest()[:8], "big")
    test = sign_flip_test(totals, resamples=resamples, seed=[seed, stream, 1], unit=1 / task.base.samples_per_item)
    interval = bootstrap_interval(totals, resamples=resamples, seed=[seed, stream, 2])
    n, rate, other = len(kept), min(1.0, float(base.mean())), min(1.0, float(instruct.mean()))
    both, neither = int((equal & (base > 0)).sum()), int((equal & (base == 0)).sum())
    # The two score intervals are about counts; means of several samples are none.
    whole = bool(np.isin(base, (0, 1)).all() and np.isin(instruct, (0, 1)).all())
    return PairedMetric(
        metric=name,
        n_items=n,
        n_clusters=totals.n_clusters,
        left_out=len(values) - n,
        base_rate=rate,
        instruct_rate=other,
        base_ci95=wilson(min(float(base.sum()), n), n),
        instruct_ci95=wilson(min(float(instruct.sum()), n), n),
        tax_points=100 * totals.mean,
        tax_ci95_points=_in_points(interval) if interval else None,
        tax_se_points=_points(cluster_standard_error(totals)),
        relative_change=(other - rate) / rate if rate else None,
        gained=gained,
        lost=lost,
        both=both,
        neither=neither,
        p_primary=test.p_value,
        p_method=test.method,
        p_resolution=test.resolution,
        mcnemar=mcnemar(gained, lost),
        mde_points=_points(minimum_detectable_effect(totals)),
        odds_ratio=paired_odds_ratio(gained, lost),
        tango_ci95_points=_in_points(tango(gained, lost, n)) if whole else None,
        newcombe_ci95_points=_in_points(newcombe(both, gained, lost, neither)) if whole else None,
    )


def _in_points(interval: Interval) -> Interval:
    return Interval(100 * interval.low, 100 * interval.high)


def _points(fraction: float | None) -> float | None:
    return None if fraction is None else 100 * fraction


def headline_value(rows: Sequence[Outcome], name: str) -> float | None:
    """Return an item's headline value: the metric where the row has it, else whether it passed; None: undecided."""
    if any(not row.decided or Flag.PENDING.value in row.flags for row in rows):
        return None
    return _mean([row.metrics.get(name, float(row.passed)) for row in rows])


def _names(row: Outcome) -> set[str]:
    return {*row.metrics, PLUS_METRIC} if row.plus_passed is not None else {*row.metrics}


def _metric_value(row: Outcome, name: str) -> float | None:
    if name == PLUS_METRIC and name not in row.metrics and row.plus_passed is not None:
        return float(row.plus_passed)
    return row.metrics.get(name)


def _values(items: Sequence[PairedItem], name: str, read: Callable[[Outcome, str], float | None]) -> Values:
    return [
        (_mean([read(row, name) for row in item.base]), _mean([read(row, name) for row in item.instruct]))
        for item in items
    ]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _counts(items: Sequence[PairedItem], labels: Callable[[Outcome], Iterable[str]]) -> Counts:
    """Count labels over the answers of each side, most frequent first."""
    base = Counter(label for item in items for row in item.base for label in labels(row))
    instruct = Counter(label for item in items for row in item.instruct for label in labels(row))
    sides: dict[Side, Counter[str]] = {"base": base, "instruct": instruct}
    return {side: dict(sorted(found.items(), key=lambda entry: (-entry[1], entry[0]))) for side, found in sides.items()}


def _behaviors(items: Sequence[PairedItem]) -> dict[str, dict[str, float | int]]:
    names = sorted({name for item in items for row in (*item.base, *item.instruct) for name in row.behaviors})
    found: dict[str, dict[str, float | int]] = {}
    for name in names:
        values = _values(items, name, lambda row, behavior: row.behaviors.get(behavior))
        known = [(left, right) for left, right in values if left is not None and right is not None]
        if known:
            left, right = (float(side) for side in np.array(known).mean(axis=0))
            found[name] = {"base": left, "instruct": right, "n_items": len(known)}
    return found
