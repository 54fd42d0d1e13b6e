"""The comparison as a record: what `comparison.json` holds, and how it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from itax_metrics.decompose import Component
from itax_metrics.matching import Across
from itax_metrics.pairing import OnMissing, PairedTask
from itax_metrics.records import Run
from itax_metrics.stats import Interval, McNemar, OddsRatio
from itax_metrics.store import jsonable

SCHEMA_VERSION = 1

Side = Literal["base", "instruct"]
Counts = Mapping[Side, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class PairedMetric:
    """One metric of one benchmark, base against instruct, over the items both have."""

    metric: str
    n_items: int
    n_clusters: int
    left_out: int
    """Paired items without a value on some side; always 0 for a headline."""
    base_rate: float
    """Mean over items of the mean over samples, in [0, 1]."""
    instruct_rate: float
    base_ci95: Interval
    """Wilson interval of the rate, items taken as independent."""
    instruct_ci95: Interval
    tax_points: float
    """100 (base_rate - instruct_rate); positive: instruct lost."""
    tax_ci95_points: Interval | None
    """Bootstrap over clusters; None with fewer than two clusters."""
    tax_se_points: float | None
    """Cluster-robust standard error; None with fewer than two clusters."""
    relative_change: float | None
    """(instruct - base) / base; None where base solves nothing."""
    gained: int
    """Items where instruct does better (one sample: items that only instruct solves)."""
    lost: int
    """Items where base does better."""
    both: int
    """Items at the same value above 0."""
    neither: int
    """Items at 0 on both sides."""
    p_primary: float
    """Sign-flip permutation test over clusters, two-sided."""
    p_method: str
    p_resolution: float
    """The smallest p that the test could have returned here."""
    mcnemar: McNemar
    """On (gained, lost); with several samples this is the sign test on items."""
    mde_points: float | None
    """Minimum detectable tax at alpha .05, power .8."""
    odds_ratio: OddsRatio
    """lost / gained with the exact interval; infinity is null in files."""
    tango_ci95_points: Interval | None
    """Score interval of the tax, items taken as independent; None where values are not 0 or 1."""
    newcombe_ci95_points: Interval | None
    """Hybrid score interval, likewise."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What one benchmark says about the pair."""

    pairing: PairedTask
    headline: PairedMetric | None
    """None where it is withheld."""
    p_holm: float | None
    withheld: str | None
    """Why there is no headline, and what to do."""
    undecided: Mapping[Side, int]
    """Items whose headline the engine could not decide."""
    secondary: tuple[PairedMetric, ...]
    """Other metrics, paired alike; outside Holm, so they carry no claim."""
    verdicts: Counts
    flags: Counts
    categories: Counts
    behaviors: Mapping[str, Mapping[str, float | int]]
    """Behaviour name to {"base", "instruct", "n_items"}: means over the items that have it on both sides."""

    def to_dict(self) -> dict[str, Any]:
        """Return the benchmark's entry in `comparison.json`; headline fields are null where it is withheld."""
        blank = {**dict.fromkeys(PairedMetric.__dataclass_fields__), "metric": self.pairing.headline}
        counted = ("secondary", "verdicts", "flags", "categories", "behaviors")
        return {
            "task": self.pairing.name,
            "base_task": self.pairing.base_task,
            "instruct_task": self.pairing.instruct_task,
            "status": "withheld" if self.withheld else "compared",
            "withheld": self.withheld,
            "undecided": dict(self.undecided),
            **(jsonable(self.headline) if self.headline else blank),
            "p_holm": self.p_holm,
            **{key: jsonable(getattr(self, key)) for key in counted},
            "dropped": jsonable(self.pairing.dropped),
            "warnings": list(self.pairing.warnings),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything one pair of runs says; equal inputs give an equal comparison, byte for byte."""

    base: Run
    instruct: Run
    benchmarks: tuple[Benchmark, ...]
    only_base: tuple[str, ...]
    only_instruct: tuple[str, ...]
    warnings: tuple[str, ...]
    seed: int
    resamples: int
    on_missing: OnMissing
    across: Across | None
    decomposition: tuple[Component, ...] = ()
    """The tax taken apart, under `across="condition"` and `across="cue"`; empty otherwise."""

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `comparison.json`: plain lists, dicts, numbers and text."""
        return {
            "schema_version": SCHEMA_VERSION,
            "settings": {
                "seed": self.seed,
                "resamples": self.resamples,
                "on_missing": self.on_missing,
                "across": self.across,
                "tax": "100 * (base_rate - instruct_rate), in points; positive: instruct lost",
                "primary_test": "sign flips over clusters on the headline metric, Holm over benchmarks",
            },
            "base": jsonable(self.base),
            "instruct": jsonable(self.instruct),
            "benchmarks": [benchmark.to_dict() for benchmark in self.benchmarks],
            "decomposition": [jsonable(component) for component in self.decomposition],
            "only_base": list(self.only_base),
            "only_instruct": list(self.only_instruct),
            "warnings": list(self.warnings),
        }

    def to_json(self) -> str:
        """Return `comparison.json` as text."""
        return f"{json.dumps(self.to_dict(), indent=2, allow_nan=False)}\n"
