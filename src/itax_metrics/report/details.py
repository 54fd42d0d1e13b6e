"""What a comparison does not keep: per task the behaviours by side, an example of each failure, the flips.

A flip is an item whose verdict differs between the two models. Texts are cut to a length that a page can carry; how
long they were is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from itax_metrics.behavior.summary import PAPER_BEHAVIORS, PAPER_CONDITIONS, by_file, data_file
from itax_metrics.compare import headline_value
from itax_metrics.pairing import PairedItem, PairedTask
from itax_metrics.records import Item, Outcome
from itax_metrics.stats import by_cluster, cluster_standard_error, mean_pass_at_k

Items = Callable[[str, str], Item | None]
"""(task, task_id) -> the benchmark's item, where it is known."""

LONGEST = 6_000
"""Characters of one answer that a page shows."""
CONTEXT = 1_500
"""Characters of the prompt shown on either side of the hole."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A text as the page shows it."""

    text: str
    length: int
    """Characters of the whole."""

    @property
    def cut(self) -> bool:
        """True where the page shows a part."""
        return len(self.text) < self.length


def details(task: PairedTask, flips: int = 20, items: Items | None = None) -> dict[str, Any]:
    """Everything the page says about one benchmark beyond its entry in `comparison.json`.

    Args:
        task: The paired answers.
        flips: Shown at most, in each direction; spread evenly over the list.
        items: Finds the benchmark's item, for prompt and reference answer.

    Returns:
        Plain lists, dicts, numbers and text. Where an answer is undecided, what counts over the task is withheld as its
        headline is: no pass@k, no number of flips. Flips that are shown are of items that both sides decided.
    """
    decided = [item for item in task.items if _decided(task, item)]
    lost = [item for item in decided if _rate(item.base) > _rate(item.instruct)]
    gained = [item for item in decided if _rate(item.base) < _rate(item.instruct)]
    whole = len(decided) == len(task.items)
    chosen = [("lost", item) for item in _spread(lost, flips)] + [("gained", item) for item in _spread(gained, flips)]
    return {
        "behaviors": behaviors(task.items),
        "files": files(task.items),
        "examples": {side: _examples(row for item in task.items for row in getattr(item, side)) for side in SIDES},
        "pass_at_k": _pass_at_k(task) if whole else {},
        "flips": [_flip(task, direction, item, items) for direction, item in chosen],
        "flips_in_all": {"lost": len(lost), "gained": len(gained)} if whole else None,
    }


SIDES = ("base", "instruct")


def behaviors(items: Sequence[PairedItem]) -> dict[str, dict[str, Any]]:
    """Each behaviour by side: its mean over the answers that have it, and the paired difference.

    The difference (instruct - base) is over items that have a value on both sides; its interval is normal, with the
    cluster-robust standard error.
    """
    names = sorted({name for item in items for row in (*item.base, *item.instruct) for name in row.behaviors})
    return {name: found for name in names if (found := _behavior(name, items))}


_TABLE_7 = frozenset(name + condition for name in PAPER_BEHAVIORS for condition in PAPER_CONDITIONS)


def files(items: Sequence[PairedItem]) -> dict[str, dict[str, dict[str, float]]]:
    """The behaviours of the paper's table 7 by data file and side, as `itax behave` takes means.

    A side whose answers have no value is left out; the file is that of base's answers.
    """
    parts: dict[str, list[PairedItem]] = {}
    for item in items:
        parts.setdefault(data_file(item.base[0]), []).append(item)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for file, own in parts.items():
        for side in SIDES:
            rows = (row for item in own for row in getattr(item, side))
            for means in by_file(rows, _TABLE_7).values():
                for name, mean in means.items():
                    found.setdefault(file, {}).setdefault(name, {})[side] = mean.value
    return found


def _behavior(name: str, items: Sequence[PairedItem]) -> dict[str, Any] | None:
    sides: dict[str, list[float]] = {"base": [], "instruct": []}
    paired: list[tuple[float, str]] = []
    for item in items:
        means = []
        for side, rows in (("base", item.base), ("instruct", item.instruct)):
            known = [value for row in rows if (value := row.behaviors.get(name)) is not None]
            sides[side] += known
            means.append(sum(known) / len(known) if known else None)
        if means[0] is not None and means[1] is not None:
            paired.append((means[1] - means[0], item.cluster))
    if not sides["base"] and not sides["instruct"]:
        return None
    totals = by_cluster([value for value, _ in paired], [cluster for _, cluster in paired])
    error = cluster_standard_error(totals)
    reach = None if error is None else NormalDist().inv_cdf(0.975) * error
    return {
        **{side: sum(values) / len(values) if values else None for side, values in sides.items()},
        "n_base": len(sides["base"]),
        "n_instruct": len(sides["instruct"]),
        "difference": totals.mean if paired else None,
        "n_paired": len(paired),
        "ci95": None if reach is None else [totals.mean - reach, totals.mean + reach],
    }


def _decided(task: PairedTask, item: PairedItem) -> bool:
    sides = (item.base, task.base.headline), (item.instruct, task.instruct.headline)
    return all(headline_value(rows, name) is not None for rows, name in sides)


def _rate(rows: Sequence[Outcome]) -> float:
    return sum(row.passed for row in rows) / len(rows)


def _spread(items: Sequence[PairedItem], most: int) -> list[PairedItem]:
    """Take up to `most`, evenly over the list, so that a page does not show the first problems only."""
    if len(items) <= most:
        return list(items)
    return [items[i * len(items) // most] for i in range(most)]


def _examples(rows: Iterable[Outcome]) -> dict[str, dict[str, Any]]:
    """One failed answer of each category: the shortest that is not blank, because it is read whole."""
    found: dict[str, Outcome] = {}
    for row in rows:
        if row.category is None or row.passed:
            continue
        seen = found.get(row.category)
        if seen is None or (len(row.completion) or 1 << 60) < (len(seen.completion) or 1 << 60):
            found[row.category] = row
    return {category: _answer(row) for category, row in sorted(found.items())}


def _pass_at_k(task: PairedTask) -> dict[str, dict[str, float | None]]:
    """pass@k for k = 1, 2, 5, 10, 100 where there are several samples an item."""
    n = task.base.samples_per_item
    if n < 2:
        return {}
    counts = {
        side: [(len(rows), sum(row.passed for row in rows)) for item in task.items for rows in (getattr(item, side),)]
        for side in SIDES
    }
    return {str(k): {side: mean_pass_at_k(counts[side], k) for side in SIDES} for k in (1, 2, 5, 10, 100) if k <= n}


def _flip(task: PairedTask, direction: str, item: PairedItem, items: Items | None) -> dict[str, Any]:
    # With several samples: a pair that differs, so that the page shows the flip and not two equal verdicts.
    better, worse = (item.base, item.instruct) if direction == "lost" else (item.instruct, item.base)
    winner = next((row for row in better if row.passed), better[0])
    loser = next((row for row in worse if not row.passed), worse[0])
    base, instruct = (winner, loser) if direction == "lost" else (loser, winner)
    source = items(task.base_task, item.task_id) if items else None
    return {
        "task_id": item.task_id,
        "cluster": item.cluster,
        "direction": direction,
        "groups": list(base.groups),
        "base": _answer(base),
        "instruct": _answer(instruct),
        "prompt": None if source is None else _prompt(source),
    }


def _answer(row: Outcome) -> dict[str, Any]:
    shown = cut(row.completion)
    return {
        "task_id": row.task_id,
        "sample": row.sample,
        "verdict": row.verdict.value,
        "passed": row.passed,
        "detail": row.detail,
        "category": row.category,
        "flags": list(row.flags),
        "seconds": row.seconds,
        "tokens": row.tokens,
        "text": shown.text,
        "length": shown.length,
    }


def cut(text: str, longest: int = LONGEST) -> Shown:
    """The beginning of a text that a page shows."""
    return Shown(text[:longest], len(text))


def _prompt(item: Item) -> dict[str, Any]:
    return {
        "before": item.prefix[-CONTEXT:],
        "before_cut": len(item.prefix) > CONTEXT,
        "after": item.suffix[:CONTEXT],
        "after_cut": len(item.suffix) > CONTEXT,
        "truth": cut(item.truth).text,
    }
