"""The cells that a user's pairs give: one benchmark of one pair, in the paper's terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from itax_metrics.paper.kinds import Kind, column, family, kind, size
from itax_metrics.stats import benjamini_hochberg

Answer = Literal["holds", "fails", "undecided"]
"""What data say about a finding."""

CATEGORIES = (
    ("extra or redundant code", ("extra", "redundant")),
    ("irrelevant context", ("irrelevant", "context")),
    ("special tokens", ("special", "token", "sentinel")),
    ("functional mismatch", ("functional", "mismatch")),
)
"""The paper's four failure categories, and the words by which a stored category is known as one of them."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One base model and its instruct sibling, compared."""

    label: str
    family: str
    size: float | None
    """Billions of parameters; None where the names do not say."""
    comparison: Mapping[str, Any]
    """The content of `comparison.json`."""
    details: Mapping[str, Mapping[str, Any]]
    """By task, from `report.details`; empty where only the comparison is at hand."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One benchmark of one pair whose headline is there."""

    pair: str
    family: str
    size: float | None
    task: str
    column: str
    """The paper's column, or what says that it is none: the task, or how each side was asked."""
    alike: bool
    """True where both models were asked the same task under one condition, as the paper asks them. All else compares
    interfaces or cues besides the models, so it stands in tables under its own name and in no mean or finding."""
    kind: Kind
    entry: Mapping[str, Any]
    """Its entry in `comparison.json`."""
    details: Mapping[str, Any] | None
    q: float = 1.0
    """Benjamini-Hochberg over all cells of all pairs."""

    @property
    def tax(self) -> float:
        """Points; positive: instruct lost."""
        return float(self.entry["tax_points"])

    @property
    def error(self) -> float | None:
        """Cluster-robust standard error in points."""
        found = self.entry["tax_se_points"]
        return None if found is None else float(found)

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the tax in points."""
        found = self.entry["tax_ci95_points"]
        return None if found is None else (found[0], found[1])

    @property
    def direction(self) -> int:
        """1: a tax after Holm, -1: a gain after Holm, 0: neither shown."""
        if self.entry["p_holm"] >= 0.05 or not self.tax:
            return 0
        return 1 if self.tax > 0 else -1

    def categories(self, side: str) -> dict[str, int]:
        """Failures of one side by the paper's four categories; empty where none are stored."""
        counts = dict.fromkeys((name for name, _ in CATEGORIES), 0)
        for stored, count in self.entry["categories"][side].items():
            for name, words in CATEGORIES:
                if any(word in stored.lower() for word in words):
                    counts[name] += count
                    break
        return counts if sum(counts.values()) else {}


def pair(comparison: Mapping[str, Any], details: Mapping[str, Mapping[str, Any]] | None = None) -> Pair:
    """Name a pair by its models."""
    base, instruct = comparison["base"]["model"], comparison["instruct"]["model"]
    billions = size(base)
    return Pair(
        label=base.rstrip("/").rpartition("/")[2] or base,
        family=family(base),
        size=billions if billions is not None else size(instruct),
        comparison=comparison,
        details=details or {},
    )


def distinct(pairs: Sequence[Pair]) -> list[Pair]:
    """The same pairs with labels that differ: by the instruct model, else by number."""
    labels = [pair.label for pair in pairs]
    if len(set(labels)) == len(labels):
        return list(pairs)
    named = [f"{p.label} / {p.comparison['instruct']['model'].rstrip('/').rpartition('/')[2]}" for p in pairs]
    return [
        replace(pair, label=name if named.count(name) == 1 else f"{name} ({i})")
        for i, (pair, name) in enumerate(zip(pairs, named, strict=True), start=1)
    ]


def measured(pairs: Sequence[Pair]) -> list[Measured]:
    """Every benchmark of every pair that has a headline; withheld ones have nothing to say here."""
    cells = [
        _cell(pair, entry) for pair in pairs for entry in pair.comparison["benchmarks"] if entry["status"] == "compared"
    ]
    adjusted = benjamini_hochberg([cell.entry["p_primary"] for cell in cells])
    return [replace(cell, q=q) for cell, q in zip(cells, adjusted, strict=True)]


def alike(cells: Sequence[Measured]) -> list[Measured]:
    """The cells in which both models were asked alike: what the paper's means and findings are about."""
    return [cell for cell in cells if cell.alike]


def _cell(pair: Pair, entry: Mapping[str, Any]) -> Measured:
    tasks = entry["base_task"], entry["instruct_task"]
    conditions = tuple(
        pair.comparison[side]["tasks"][task]["condition"]
        for side, task in zip(("base", "instruct"), tasks, strict=True)
    )
    own = column(tasks[0])
    if conditions[0] != conditions[1]:
        own = f"{own} ({conditions[0]} / {conditions[1]})"
    elif tasks[0] != tasks[1]:
        own = entry["task"]
    return Measured(
        pair=pair.label,
        family=pair.family,
        size=pair.size,
        task=entry["task"],
        column=own,
        alike=tasks[0] == tasks[1] and conditions[0] == conditions[1],
        kind=kind(tasks[0], conditions[0]),
        entry=entry,
        details=pair.details.get(entry["task"]),
    )
