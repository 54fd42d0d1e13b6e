"""The tax taken apart: how much is weights, how much the interface, how much the form of the answer.

    weights tax     base raw - instruct raw          the same prompt, other weights
    interface tax   instruct raw - instruct <chat>   the same weights, another way to ask; one for each wording
      best wording  instruct raw - instruct <best>   of the wordings the best on the other folds, held-out fold by fold
    format tax      lenient - strict                 the same answers, packaging and echoes taken off
    suffix use      raw - l2r                        the same model with and without the code after the hole

All in points of the headline, paired item by item, each with its interval and its test. For completion tasks `direct`
stands in the place of `raw`. The components explain the tax; they carry no claim of their own and stand outside Holm.

The headline is the strict reading, but where an official protocol mends answers itself: such a task has a metric
`<headline>_strict`, and the format tax is counted from that.

The best of several wordings, picked on the items it is then reported on, looks better than it is. So it is picked on
four fifths of the clusters and counted on the others, and no item has a say in the wording that answers it. Its
interval and its test hold the picked wordings fixed, so they leave out that other data would pick otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from itax_metrics.records import Flag, Outcome, Run, TaskRun
from itax_metrics.stats import Interval, bootstrap_interval, by_cluster, sign_flip_test

PLAIN = ("raw", "direct")
"""The conditions without a chat; a benchmark has one of them."""
LEFT_TO_RIGHT = "l2r"
LENIENT = "_lenient"
STRICT = "_strict"

BEST_WORDING = "interface tax, best wording"
BEST = "best"
"""Stands in the place of a condition for the wording that other folds chose."""
FOLDS = 5
"""Of clusters, to choose the best wording on; as many as there are clusters where those are fewer."""

Values = Mapping[str, tuple[str, float]]
"""task_id to (cluster, value)."""


@dataclass(frozen=True, slots=True)
class Component:
    """One difference between two ways to measure the same items."""

    benchmark: str
    """The task's name without its condition."""
    name: str
    """`weights tax`, `interface tax`, `interface tax, best wording`, `format tax` or `suffix use`; across cues
    `cue use` or `tax change`."""
    of: str
    """Whose, or which wording or wordings: `instruct raw`, `chat_b`, `chat, chat_b`."""
    first: str
    """What is subtracted from, such as `instruct raw`."""
    second: str
    n_items: int
    n_clusters: int
    first_rate: float
    second_rate: float
    points: float
    """100 (first_rate - second_rate)."""
    ci95_points: Interval | None
    """Bootstrap over clusters; None with fewer than two."""
    p: float
    """Sign flips over clusters, two-sided."""
    choices: Mapping[str, int] = field(default_factory=dict)
    """Of the best wording: every wording and the number of folds whose other folds chose it; empty otherwise."""


def decompose(
    base: tuple[Run, Iterable[Outcome]],
    instruct: tuple[Run, Iterable[Outcome]],
    *,
    seed: int = 0,
    resamples: int = 10_000,
) -> tuple[Component, ...]:
    """Every component that the tasks of the two runs allow, benchmark by benchmark.

    Items without a value on a side are left out of that component. Runs that may not be compared are refused by
    `compare`, which reads the same rows.
    """
    runs = {"base": base[0], "instruct": instruct[0]}
    rows = {"base": list(base[1]), "instruct": list(instruct[1])}
    found: list[Component] = []
    for stem in _stems(runs.values()):
        sides = {side: _conditions(run, stem) for side, run in runs.items()}
        tables = {
            (side, condition): headline_values(rows[side], runs[side].tasks[task])
            for side, tasks in sides.items()
            for condition, task in tasks.items()
        }
        samples = max(runs[side].tasks[task].samples_per_item for side in runs for task in sides[side].values())
        plain = next((name for name in PLAIN if any(name in tasks for tasks in sides.values())), PLAIN[0])
        wanted: list[tuple[str, str, tuple[str, str, str], tuple[str, str, str]]] = [
            ("weights tax", "", ("base", plain, ""), ("instruct", plain, ""))
        ]
        wordings = [condition for condition in sides["instruct"] if condition not in (plain, LEFT_TO_RIGHT)]
        for condition in wordings:
            wanted.append(("interface tax", condition, ("instruct", plain, ""), ("instruct", condition, "")))
        best, choices = best_wording(
            {condition: values for condition in wordings if (values := tables["instruct", condition][""])},
            tables.get(("instruct", plain), {}).get("", {}),
            seed=[seed, _stream(stem, BEST_WORDING), 3],
        )
        if choices:
            tables["instruct", BEST] = {"": best}
            # The interface tax of them all: drawn like that of one, so that with one the two rows are equal.
            wanted.append(("interface tax", ", ".join(choices), ("instruct", plain, ""), ("instruct", BEST, "")))
        for side, tasks in sides.items():
            for condition in tasks:
                strict = STRICT if tables[side, condition][STRICT] else ""
                lenient = (side, condition, LENIENT)
                wanted.append(("format tax", f"{side} {condition}", lenient, (side, condition, strict)))
            wanted.append(("suffix use", side, (side, plain, ""), (side, LEFT_TO_RIGHT, "")))
        for name, of, first, second in wanted:
            left, right = (tables.get((side, condition), {}).get(rule) for side, condition, rule in (first, second))
            if left and right:
                component = difference(stem, name, of, (first, left), (second, right), samples, seed, resamples)
                if component is not None:
                    best_of = second[1] == BEST
                    found.append(replace(component, name=BEST_WORDING, choices=choices) if best_of else component)
    return tuple(found)


def best_wording(
    wordings: Mapping[str, Values], plain: Values, *, seed: Sequence[int], folds: int = FOLDS
) -> tuple[Values, dict[str, int]]:
    """Each item's value under the wording that does best on the folds the item is not in.

    Folds are made of whole clusters. Equal wordings give way to the first by name.

    Args:
        wordings: condition to values; items that lack one are left out, so that all are chosen among on equal terms.
        plain: the values that will be compared with; items that are not there are left out too.
        seed: of the folds.
        folds: at most; as many as there are clusters where those are fewer.

    Returns:
        Item to (cluster, value), and wording to the number of folds answered by it. Both empty without a wording or an
        item, and where several wordings meet a single cluster, which leaves nothing to choose on.
    """
    names = sorted(wordings)
    items = sorted(set(plain).intersection(*wordings.values()))
    clusters = sorted({plain[item][0] for item in items})
    folds = min(folds, len(clusters))
    if not names or not items or (folds < 2 and len(names) > 1):
        return {}, {}
    shuffled = (np.random.default_rng(seed).permutation(len(clusters)) % folds).tolist()
    fold_of = dict(zip(clusters, shuffled, strict=True))
    fold = np.array([fold_of[plain[item][0]] for item in items])
    values = np.array([[wordings[name][item][1] for item in items] for name in names], dtype=np.float64)
    answered = np.empty(len(items))
    choices = dict.fromkeys(names, 0)
    for held_out in range(folds):
        sums = values[:, fold != held_out].sum(axis=1)
        # Means of several samples may add up to the same sum but for the last bit; that is a tie.
        chosen = int(np.argmax(sums >= sums.max() - 1e-9))
        answered[fold == held_out] = values[chosen, fold == held_out]
        choices[names[chosen]] += 1
    best = {item: (plain[item][0], value) for item, value in zip(items, answered.tolist(), strict=True)}
    return best, choices


def _stream(*names: str) -> int:
    """The number of a random stream, by the names of what is drawn for."""
    return int.from_bytes(hashlib.sha256("\0".join(names).encode()).digest()[:8], "big")


def _stems(runs: Iterable[Run]) -> list[str]:
    names = (name.removesuffix(f"_{task.condition}") for run in runs for name, task in run.tasks.items())
    return list(dict.fromkeys(names))


def _conditions(run: Run, stem: str) -> dict[str, str]:
    """Condition to task name, of one benchmark in one run, in the order of the run."""
    return {task.condition: name for name, task in run.tasks.items() if name.removesuffix(f"_{task.condition}") == stem}


def headline_values(rows: Iterable[Outcome], task: TaskRun) -> dict[str, Values]:
    """The headline's values, as the empty name, and those of its twins, as `_strict` and `_lenient`.

    Items with an undecided answer are left out.
    """
    values: dict[str, dict[str, list[float]]] = {"": {}, STRICT: {}, LENIENT: {}}
    clusters: dict[str, str] = {}
    spoiled: set[tuple[str, str]] = set()
    for row in rows:
        if row.task != task.task:
            continue
        clusters[row.task_id] = row.cluster or row.task_id
        for rule in values:
            value = row.metrics.get(task.headline + rule)
            if value is None or not row.decided or Flag.PENDING.value in row.flags:
                spoiled.add((rule, row.task_id))
            else:
                values[rule].setdefault(row.task_id, []).append(value)
    return {
        rule: {
            item: (clusters[item], sum(found) / len(found))
            for item, found in table.items()
            if (rule, item) not in spoiled
        }
        for rule, table in values.items()
    }


def difference(
    stem: str,
    name: str,
    of: str,
    first: tuple[tuple[str, str, str], Values],
    second: tuple[tuple[str, str, str], Values],
    samples: int,
    seed: int,
    resamples: int,
) -> Component | None:
    """One component: the mean of the first values less the second ones, over the items both have; None without any.

    Args:
        stem: the benchmark's name.
        name: the component's.
        of: whose it is. The three together fix the stream of the resampling.
        first: (side, way, rule) in words, and the values.
        second: likewise, what is subtracted.
        samples: answers an item, which is as fine as a value can be.
        seed: of the resampling.
        resamples: of clusters.
    """
    left, right = first[1], second[1]
    items = sorted(set(left) & set(right))
    if not items:
        return None
    one, other = (np.array([table[item][1] for item in items], dtype=np.float64) for table in (left, right))
    totals = by_cluster(one - other, [left[item][0] for item in items])
    stream = _stream(stem, name, of)
    interval = bootstrap_interval(totals, resamples=resamples, seed=[seed, stream, 2])
    test = sign_flip_test(totals, resamples=resamples, seed=[seed, stream, 1], unit=1 / samples)
    return Component(
        benchmark=stem,
        name=name,
        of=of,
        first=_words(first[0]),
        second=_words(second[0]),
        n_items=len(items),
        n_clusters=totals.n_clusters,
        first_rate=float(one.mean()),
        second_rate=float(other.mean()),
        points=100 * totals.mean,
        ci95_points=Interval(100 * interval.low, 100 * interval.high) if interval else None,
        p=test.p_value,
    )


def _words(way: tuple[str, str, str]) -> str:
    side, condition, rule = way
    return f"{side} {condition}{rule.replace('_', ' ')}"
