"""Every derived number of the paper, recomputed: which agree, which do not, by which tolerance.

A check says what it recomputes from what, and looks at every cell it can. An inconsistency is no verdict on which of
two figures is wrong; it says that both cannot be right as defined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["agrees", "differs", "impossible"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One printed figure beside what it is recomputed to."""

    table: str
    row: str
    column: str
    printed: str
    recomputed: str
    verdict: Verdict
    note: str = ""

    @property
    def source(self) -> str:
        """Where the figure stands."""
        return f"table {self.table}, {self.row}, {self.column}"


def judged(fits: bool, otherwise: Verdict = "differs") -> Verdict:
    """The verdict on one cell."""
    return "agrees" if fits else otherwise


@dataclass(frozen=True, slots=True)
class Check:
    """One relation that the printed figures should satisfy."""

    name: str
    statement: str
    """What is recomputed from what."""
    tolerance: str
    cells: tuple[Cell, ...]
    summary: Mapping[str, int | float | str]
    """Counts that the check is known by."""

    @property
    def inconsistent(self) -> tuple[Cell, ...]:
        """The cells that do not fit."""
        return tuple(cell for cell in self.cells if cell.verdict != "agrees")


@dataclass(frozen=True, slots=True)
class Audit:
    """All checks, and what is not known about how the numbers came about."""

    checks: tuple[Check, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dicts and text, every cell included."""
        return {"checks": [asdict(check) for check in self.checks], "warnings": list(self.warnings)}


def audit() -> Audit:
    """Recompute every derived number of the paper."""
    from itax_metrics.paper import audit_behaviors, audit_claims, audit_scores, audit_tuning

    checks = (
        *audit_scores.checks(),
        *audit_behaviors.checks(),
        *audit_tuning.checks(),
        *audit_claims.checks(),
    )
    return Audit(checks, WARNINGS)


WARNINGS = (
    "ClassEval completion: the inputs of the published evaluation lie in folders named qwen-0.25, dscoder-0.1, "
    "changedpromptv4, pass1, 2nd, 3rd and maxcorrect. Sampling temperatures and a choice among several runs are not "
    "mentioned in the paper; whether they were used is unknown.",
    "Table 7 is said to be computed on raw generations. The artifact reads SAFIM answers after SAFIM's truncation, and "
    "trimmed HEFIM answers for DeepSeek-Coder (33B base: the first non-empty line).",
    "Table 7's parentheses are said to cover failed outputs. The artifact conditions on flagged outputs (empty, "
    "comment-only, low ratio, fence, heading, bullet, marker, declaration, sentinel); execution plays no part.",
    "Table 7's weights use 8,780 block and 8,630 control items; the data hold 8,781 and 8,629.",
    "HEFIM: the paper says that all outputs were stripped; the artifact strips Qwen answers (512 new tokens) and "
    "leaves DeepSeek answers as they are (128 new tokens).",
    "ClassEval-Infilling compares the whole stripped output with the line; a correct line followed by anything fails.",
    "ClassEval-Completion puts the answer at the end of the file, so nothing follows the method.",
    "Tables 2 and 3 print BigCodeBench to one decimal and a zero, but for 39.74: two tools or two dates.",
    "The five and ten percent subsets of table 8 are not in the published training script, which makes 20 to 100 %.",
    "No versions of evaluation tools, data sets or test environments are given; BigCodeBench and EvalPlus scores move "
    "with them.",
)
"""What is not known, or not as the paper says; read from the authors' public artifact."""
