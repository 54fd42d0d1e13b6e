"""The paper's seven findings, asked of a user's own pairs: holds, fails, or undecided, by rules fixed here.

The findings are those of the authors' project page. Each rule says beforehand what would bear the finding out and
what would refute it; everything between, and everything the data do not cover, is undecided. A rule looks at the
primary test (sign flips over clusters, Holm within the pair) or at 95 % intervals; it never looks at a plain sign.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from itax_metrics.p_values import p_value
from itax_metrics.paper.measured import Answer, Measured, alike
from itax_metrics.paper.outputs import estimates
from itax_metrics.paper.pooling import heterogeneity, mean
from itax_metrics.paper.stages import reallocation
from itax_metrics.stats import odds_ratio

LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding and what the data say about it."""

    number: int
    says: str
    answer: Answer
    evidence: str
    """The numbers behind the answer, or what is missing."""
    rule: str


def findings(cells: Sequence[Measured], moved: Sequence[Measured] = ()) -> list[Finding]:
    """Answer all seven, from the cells in which both models were asked alike.

    Args:
        cells: The benchmarks of all pairs.
        moved: For a tuning series, its first checkpoint compared with its last on the same items.
    """
    cells, moved = alike(cells), alike(moved)
    return [
        Finding(number, says, *rule(cells, moved), " ".join((rule.__doc__ or "").split()))
        for number, (says, rule) in enumerate(_RULES, start=1)
    ]


def _exists(cells: Sequence[Measured], _: Sequence[Measured]) -> tuple[Answer, str]:
    """Holds: of the infilling cells more than half show a tax after Holm, and mean infilling taxes of the families
    differ (Cochran's Q, p < .05). Fails: at least half of the cells show a gain. One family leaves it undecided."""
    own = [cell for cell in cells if cell.kind == "infilling"]
    if not own:
        return "undecided", "no infilling benchmark among the pairs"
    taxed, gained = (sum(cell.direction == side for cell in own) for side in (1, -1))
    said = f"{taxed} of {len(own)} infilling cells show a tax, {gained} a gain"
    if 2 * gained >= len(own):
        return "fails", said
    families = sorted({cell.family for cell in own})
    if len(families) < 2:
        return "undecided", f"{said}; one family ({families[0]}), so nothing is known of variation across families"
    means = {family: mean(estimates([cell for cell in own if cell.family == family])) for family in families}
    known = {family: found for family, found in means.items() if found}
    p = heterogeneity([(f.value, (f.ci95.high - f.ci95.low) / 3.92) for f in known.values()])
    by_family = ", ".join(f"{family} {found.value:+.1f}" for family, found in known.items())
    said = f"{said}; mean infilling tax by family: {by_family} (p of a difference {p_value(p, 'unknown')})"
    return ("holds" if 2 * taxed > len(own) and p is not None and p < LEVEL else "undecided"), said


def _guidance(cells: Sequence[Measured], _: Sequence[Measured]) -> tuple[Answer, str]:
    """Holds: the mean tax on completion lies below zero and that on infilling above, both 95 % intervals without zero.
    Fails: one of the two lies on the other side, interval without zero."""
    found = {name: mean(estimates([c for c in cells if c.kind == name])) for name in ("completion", "infilling")}
    completion, infilling = found["completion"], found["infilling"]
    if completion is None or infilling is None:
        missing = " and ".join(name for name, value in found.items() if value is None)
        return "undecided", f"no {missing} benchmark among the pairs"
    said = "; ".join(
        f"mean tax on {name} {value.value:+.1f} [{value.ci95.low:+.1f}, {value.ci95.high:+.1f}]"
        for name, value in found.items()
        if value
    )
    if completion.ci95.high < 0 < infilling.ci95.low:
        return "holds", said
    if completion.ci95.low > 0 or infilling.ci95.high < 0:
        return "fails", said
    return "undecided", said


def _size(cells: Sequence[Measured], _: Sequence[Measured]) -> tuple[Answer, str]:
    """Holds: in every family with two sizes or more, the largest pair still shows a tax after Holm on an infilling
    benchmark. Fails: in none of them, and every infilling interval of the largest pairs lies below one point."""
    largest: dict[str, list[Measured]] = {}
    for family in sorted({cell.family for cell in cells}):
        own = [cell for cell in cells if cell.family == family and cell.kind == "infilling" and cell.size]
        sizes = {cell.size for cell in own if cell.size}
        if len(sizes) > 1:
            largest[family] = [cell for cell in own if cell.size == max(sizes)]
    if not largest:
        return "undecided", "needs a family with two sizes or more on an infilling benchmark"
    taxed = {family: [cell for cell in own if cell.direction == 1] for family, own in largest.items()}
    said = "; ".join(
        f"{family} {own[0].size:g}B: tax on {', '.join(c.column for c in taxed[family]) or 'no infilling benchmark'}"
        for family, own in largest.items()
    )
    if all(taxed.values()):
        return "holds", said
    small = all(c.interval is not None and c.interval[1] < 1 for own in largest.values() for c in own)
    return ("fails" if small and not any(taxed.values()) else "undecided"), said


def _overlap(cells: Sequence[Measured], _: Sequence[Measured]) -> tuple[Answer, str]:
    """Holds: in every cell more items are solved by both than by either alone, and the odds of base alone against
    instruct alone differ between infilling and completion (95 % interval of the odds ratio without 1). Fails: in at
    least half of the cells one model alone solves more than both."""
    usable = [c for c in cells if c.entry["both"] + c.entry["lost"] + c.entry["gained"]]
    if not usable:
        return "undecided", "nothing is solved by any model"
    shared = [c for c in usable if c.entry["both"] > max(c.entry["lost"], c.entry["gained"])]
    said = f"both solve more than either alone in {len(shared)} of {len(usable)} cells"
    if 2 * len(shared) <= len(usable):
        return "fails", said
    counts = [
        sum(cell.entry[name] for cell in cells if cell.kind == kind)
        for kind in ("infilling", "completion")
        for name in ("lost", "gained")
    ]
    ratio = odds_ratio(*counts)
    if ratio.ratio is None:
        return "undecided", f"{said}; exclusive successes need infilling and completion benchmarks"
    low, high = ratio.ci95
    said = (
        f"{said}; base alone to instruct alone: infilling {counts[0]}:{counts[1]}, completion {counts[2]}:{counts[3]}, "
        f"odds ratio {ratio.ratio:.2f} [{low:.2f}, {high:.2f}]"
    )
    return ("holds" if len(shared) == len(usable) and (low > 1 or high < 1) else "undecided"), said


def _categories(cells: Sequence[Measured], _: Sequence[Measured]) -> tuple[Answer, str]:
    """Holds: functional mismatch is more than half of all failures, and the instruct models' odds of extra code or
    irrelevant context exceed the base models' (95 % interval above 1). Fails: functional mismatch is less than half,
    or that interval lies below 1."""
    counts = {side: dict.fromkeys(("verbose", "functional", "all"), 0) for side in ("base", "instruct")}
    for cell in cells:
        for side, own in counts.items():
            found = cell.categories(side)
            own["verbose"] += found.get("extra or redundant code", 0) + found.get("irrelevant context", 0)
            own["functional"] += found.get("functional mismatch", 0)
            own["all"] += sum(found.values())
    base, instruct = counts["base"], counts["instruct"]
    if not base["all"] or not instruct["all"]:
        return "undecided", "no failure categories in these score directories"
    share = (base["functional"] + instruct["functional"]) / (base["all"] + instruct["all"])
    ratio = odds_ratio(
        instruct["verbose"], instruct["all"] - instruct["verbose"], base["verbose"], base["all"] - base["verbose"]
    )
    low, high = ratio.ci95
    said = (
        f"functional mismatch {100 * share:.0f} % of failures; extra code or prose: base "
        f"{100 * base['verbose'] / base['all']:.0f} %, instruct {100 * instruct['verbose'] / instruct['all']:.0f} % "
        f"(odds ratio {ratio.ratio or 0:.2f} [{low:.2f}, {high:.2f}])"
    )
    if share > 0.5 and low > 1:
        return "holds", said
    return ("fails" if share < 0.5 or high < 1 else "undecided"), said


def _behaviors(cells: Sequence[Measured], _: Sequence[Measured]) -> tuple[Answer, str]:
    """Holds: on infilling, over the cells, ctr falls and nl or def_cls rises from base to instruct, 95 % intervals of
    the mean difference without zero. Fails: ctr rises, or both nl and def_cls fall, intervals without zero."""
    changes = {}
    for name in ("ctr", "nl", "def_cls"):
        known = []
        for cell in cells:
            found = ((cell.details or {}).get("behaviors", {})).get(name)
            if cell.kind == "infilling" and found and found["ci95"]:
                low, high = found["ci95"]
                known.append((100 * found["difference"], 100 * (high - low) / 3.92))
        changes[name] = mean(known)
    if any(value is None for value in changes.values()):
        return "undecided", "needs infilling benchmarks whose score directories hold ctr, nl and def_cls"
    kept = {name: value for name, value in changes.items() if value}
    said = "infilling, instruct - base in points: " + ", ".join(
        f"{name} {value.value:+.2f} [{value.ci95.low:+.2f}, {value.ci95.high:+.2f}]" for name, value in kept.items()
    )
    risen = [kept[name].ci95.low > 0 for name in ("nl", "def_cls")]
    fallen = [kept[name].ci95.high < 0 for name in ("nl", "def_cls")]
    if kept["ctr"].ci95.high < 0 and any(risen):
        return "holds", said
    return ("fails" if kept["ctr"].ci95.low > 0 or all(fallen) else "undecided"), said


_RULES: tuple[tuple[str, Callable[[Sequence[Measured], Sequence[Measured]], tuple[Answer, str]]], ...] = (
    ("the tax exists in most cases, and its size varies across families", _exists),
    ("instruct models do better with guidance, at the expense of infilling", _guidance),
    ("model size does not guarantee the end of the tax", _size),
    ("solved sets overlap, and exclusive successes differ by task", _overlap),
    ("most failures are functional mismatches, and tuning shifts failures to verbosity", _categories),
    ("behaviour metrics show the shift systematically", _behaviors),
    ("tuning changes abilities unevenly, and later stages reallocate them", reallocation),
)
"""In the order of the project page; each rule's docstring is printed beside its answer."""
