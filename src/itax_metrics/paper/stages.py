"""A tuning series: the checkpoints of one base model, and what moves between the first of them and the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from itax_metrics.p_values import p_value
from itax_metrics.paper.kinds import KINDS, Kind
from itax_metrics.paper.measured import Answer, Measured
from itax_metrics.paper.outputs import estimates
from itax_metrics.paper.pooling import Pooled, difference, heterogeneity, mean

LEVEL = 0.05
STILL = 1.0
"""Points within which a kind of task counts as not moved."""


def by_base(cells: Sequence[Measured]) -> dict[str, list[str]]:
    """The pairs of each base model that has several, in the order given."""
    found: dict[str, list[str]] = {}
    for cell in cells:
        names = found.setdefault(cell.pair.partition(" / ")[0], [])
        if cell.pair not in names:
            names.append(cell.pair)
    return {base: names for base, names in found.items() if len(names) > 1}


def series(cells: Sequence[Measured]) -> list[dict[str, Any]]:
    """Table 8 as a user's checkpoints give it: rates and tax of each checkpoint on each benchmark, in order."""
    return [
        {
            "base": base,
            "position": position,
            "checkpoint": name.partition(" / ")[2] or name,
            "benchmark": cell.column,
            "kind": cell.kind,
            "base_rate": 100 * cell.entry["base_rate"],
            "instruct_rate": 100 * cell.entry["instruct_rate"],
            "tax": cell.tax,
            "ci95": cell.interval,
        }
        for base, names in by_base(cells).items()
        for position, name in enumerate(names, start=1)
        for cell in cells
        if cell.pair == name
    ]


def reallocation(cells: Sequence[Measured], moved: Sequence[Measured] = ()) -> tuple[Answer, str]:
    """Holds: the last stage's taxes of a base model with several tuning stages (given in order) differ between
    benchmarks (Cochran's Q, p < .05), and from the first stage to the last one kind of task gains and another loses
    (95 % intervals without zero). Fails: those taxes do not differ (p >= .5), or no kind of task moves by a point
    (all intervals within one point of zero). A single stage leaves it undecided."""
    stages = by_base(cells)
    if not stages:
        p = heterogeneity(estimates(cells))
        shown = p_value(p, "unknown")
        return "undecided", f"p that all taxes are one number: {shown}; reallocation needs several stages of one model"
    answers: list[Answer] = []
    said = []
    for base, names in stages.items():
        own = {name: [cell for cell in cells if cell.pair == name] for name in (names[0], names[-1])}
        p = heterogeneity(estimates(own[names[-1]]))
        moves = _paired(moved) if len(stages) == 1 and moved else _unpaired(own[names[0]], own[names[-1]])
        shown = ", ".join(
            f"{kind} {move.value:+.1f} [{move.ci95.low:+.1f}, {move.ci95.high:+.1f}]" for kind, move in moves.items()
        )
        said.append(
            f"{base}, {len(names)} stages: p that the last one's taxes are one number {p_value(p, 'unknown')}; "
            f"points lost from the first to the last: {shown or 'unknown'}"
        )
        answers.append(_answer(p, moves))
    answer: Answer = "holds" if "holds" in answers else "fails" if set(answers) == {"fails"} else "undecided"
    return answer, "; ".join(said)


def _paired(moved: Sequence[Measured]) -> dict[str, Pooled]:
    """First stage against last on the same items: what was lost between them, by kind of task."""
    return _known({kind: mean(_of(moved, kind)) for kind in KINDS})


def _unpaired(first: Sequence[Measured], last: Sequence[Measured]) -> dict[str, Pooled]:
    """The difference of the two taxes as if they were independent: wider than it need be, for they share a base."""
    return _known({kind: difference(_of(last, kind), _of(first, kind)) for kind in KINDS})


def _of(cells: Sequence[Measured], kind: Kind) -> list[tuple[float, float]]:
    return estimates([cell for cell in cells if cell.kind == kind])


def _known(found: Mapping[str, Pooled | None]) -> dict[str, Pooled]:
    return {kind: move for kind, move in found.items() if move is not None}


def _answer(p: float | None, moves: Mapping[str, Pooled]) -> Answer:
    lost = any(move.ci95.low > 0 for move in moves.values())
    gained = any(move.ci95.high < 0 for move in moves.values())
    if p is not None and p < LEVEL and lost and gained:
        return "holds"
    still = bool(moves) and all(max(abs(move.ci95.low), abs(move.ci95.high)) < STILL for move in moves.values())
    return "fails" if still or (p is not None and p >= 0.5) else "undecided"
