"""What the report says, as plain data: one builder behind the page, the Markdown file and `report.json`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from itax_metrics.compare import compare
from itax_metrics.comparison import Comparison
from itax_metrics.errors import DataError
from itax_metrics.paper.findings import findings
from itax_metrics.paper.measured import Measured, Pair, distinct, measured, pair
from itax_metrics.paper.outputs import across, behaviours, disagreement, failures, scores
from itax_metrics.paper.stages import series
from itax_metrics.records import Outcome, Run
from itax_metrics.report.details import Items, details
from itax_metrics.store import jsonable

SCHEMA_VERSION = 1

Scored = tuple[Run, Iterable[Outcome]]


@dataclass(frozen=True, slots=True)
class Report:
    """All pairs of a report, and what they say together."""

    pairs: tuple[Pair, ...]
    paper: Mapping[str, Any]
    """The paper's tables on these pairs."""
    across: Mapping[str, Any]
    findings: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The content of `report.json`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "pairs": [jsonable(one) for one in self.pairs],
            "paper": jsonable(self.paper),
            "across": jsonable(self.across),
            "findings": [jsonable(finding) for finding in self.findings],
            "notes": list(self.notes),
        }


def pair_from_scores(
    base: Scored,
    instruct: Scored,
    *,
    stored: Mapping[str, Any] | None = None,
    flips: int = 20,
    items: Items | None = None,
    **options: Any,
) -> Pair:
    """Compare two score directories and keep what a page shows of their answers.

    Args:
        base: Run and outcomes of the base model.
        instruct: Run and outcomes of the instruct model.
        stored: A `comparison.json` of these two runs; its settings are used, and it must come out the same.
        flips: Flips shown a benchmark and direction.
        items: Finds the benchmark's item, for prompts.
        options: For `compare`: seed, resamples, on_missing, across.

    Raises:
        DataError: the stored comparison is not of these runs.
        PairingError: the runs cannot be compared.
    """
    if stored is not None:
        kept = stored["settings"]
        options = {name: kept[name] for name in ("seed", "resamples", "on_missing", "across")}
    found: Comparison = compare(base, instruct, **options)
    content = found.to_dict()
    if stored is not None and content != stored:
        parts = [name for name in content if content[name] != stored.get(name)]
        raise DataError(
            f"The comparison of {content['base']['model']} and {content['instruct']['model']} does not come out as the "
            f"file says ({', '.join(parts)} differ): it belongs to other score directories or another itax. Leave the "
            "file out, or run `itax compare` again."
        )
    about = {entry.pairing.name: details(entry.pairing, flips, items) for entry in found.benchmarks}
    return pair(content, about)


def build(pairs: Sequence[Pair], notes: Sequence[str] = (), moved: Pair | None = None) -> Report:
    """Put pairs together: the paper's tables, the comparisons across pairs, the seven findings.

    Args:
        pairs: At least one.
        notes: Sentences for the reader.
        moved: For a tuning series, its first checkpoint compared with its last.

    Raises:
        DataError: there is no pair.
    """
    if not pairs:
        raise DataError("A report needs at least one pair: a base and an instruct score directory.")
    named = tuple(distinct(pairs))
    cells = measured(named)
    return Report(
        pairs=named,
        paper={
            "scores": scores(cells),
            "disagreement": disagreement(cells),
            "failures": failures(cells),
            "behaviours": behaviours(cells),
        },
        across={**across(cells), "series": series(cells)},
        findings=tuple(asdict(finding) for finding in findings(cells, measured([moved]) if moved else ())),
        notes=(*notes, *_about_conditions(cells)),
    )


def _about_conditions(cells: Sequence[Measured]) -> list[str]:
    """What became of the cells that compare more than two models, if there are any."""
    names = list(dict.fromkeys(cell.column for cell in cells if not cell.alike))
    if not names:
        return []
    return [
        f"{', '.join(names)}: the two sides were not asked alike, as the paper asks them, so models are not all that "
        "differs. These stand in the tables under their own names; they count neither in table 7 and the means over "
        "benchmarks nor in the findings."
    ]
