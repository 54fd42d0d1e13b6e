"""Natural language around the hole as an experiment: what it gives each model, and whether it changes the tax.

    cue use      more cues - fewer                     the same model, the same holes; one for each model
    tax change   tax with more cues - tax with fewer   the difference of the two, on items that have all four answers

More and fewer are a task and its neighbour in cues: plain and `_no_cue`, `_cue` and plain. In points of the headline,
paired item by item, with intervals and tests over clusters as in `decompose`. A tax change above 0 says that the base
model makes more of the cues; below 0, that the instruct model does. They stand outside Holm.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from itax_metrics.decompose import Component, Values, difference, headline_values
from itax_metrics.matching import CUES, cue_of, same_model
from itax_metrics.records import Outcome, Run


def cue_components(
    base: tuple[Run, Iterable[Outcome]],
    instruct: tuple[Run, Iterable[Outcome]],
    *,
    seed: int = 0,
    resamples: int = 10_000,
) -> tuple[Component, ...]:
    """Cue use of both models and the tax change between them, for every two neighbours in cues that both runs have.

    None where both runs are of one model: the comparison's own rows are its cue use. Items without a value on a side
    are left out. Runs that may not be compared are refused by `compare`, which reads the same rows.
    """
    if same_model(base[0], instruct[0]):
        return ()
    rows = {"base": list(base[1]), "instruct": list(instruct[1])}
    names = {side: _names(run) for side, run in (("base", base[0]), ("instruct", instruct[0]))}
    found: list[Component | None] = []
    for stem in dict.fromkeys(stem for stem, _ in names["base"]):
        for fewer, more in pairwise(CUES):
            if not all((stem, cue) in names[side] for side in names for cue in (fewer, more)):
                continue
            ways = {(side, cue): names[side][stem, cue] for side in names for cue in (fewer, more)}
            runs = {"base": base[0], "instruct": instruct[0]}
            values = {way: headline_values(rows[way[0]], runs[way[0]].tasks[name])[""] for way, name in ways.items()}
            samples = max(runs[side].tasks[name].samples_per_item for (side, _), name in ways.items())
            less = more if more != "plain" else fewer
            for side in names:
                first, second = (((side, cue, ""), values[side, cue]) for cue in (more, fewer))
                found.append(difference(stem, "cue use", f"{side} {less}", first, second, samples, seed, resamples))
            first, second = (
                (("tax", cue, ""), _tax(values["base", cue], values["instruct", cue])) for cue in (more, fewer)
            )
            found.append(difference(stem, "tax change", less, first, second, samples, seed, resamples))
    return tuple(component for component in found if component is not None)


def _names(run: Run) -> dict[tuple[str, str], str]:
    """(benchmark, its cues) to task name."""
    return {cue_of(name, task): name for name, task in run.tasks.items()}


def _tax(base: Values, instruct: Values) -> Values:
    """Item by item what base has more than instruct."""
    return {item: (base[item][0], base[item][1] - instruct[item][1]) for item in base if item in instruct}
