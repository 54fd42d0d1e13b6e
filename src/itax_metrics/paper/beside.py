"""A user's run beside the published column: which of the paper's cells a scored task answers, and how far apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from itax_metrics.errors import ConfigError, DataError
from itax_metrics.paper.published import SIZES, table
from itax_metrics.records import Outcome, Run, TaskRun
from itax_metrics.stats import Interval, wilson

CELLS: Mapping[str, tuple[str, str | None]] = MappingProxyType(
    {
        "itax_hefim": ("HEFIM", None),
        "itax_safim": ("SAFIM", None),
        "itax_safim_api": ("SAFIM", None),
        "itax_safim_block": ("SAFIM", None),
        "itax_safim_control": ("SAFIM", None),
        "itax_classeval_infilling": ("ClassEval-Infilling", "exact_match"),
        "itax_bigcodebench_complete": ("BigCodeBench", None),
        "itax_classeval_completion": ("ClassEval-Completion", "pass@1_paper"),
        "itax_ds1000": ("DS-1000", None),
        "itax_bigcodebench_instruct": ("BigCodeBench-Instruct", None),
        "itax_humaneval": ("HumanEval", None),
        "itax_mbpp": ("MBPP", None),
    }
)
"""Task -> the paper's column, and the metric that follows the paper where that is not the headline."""

STRIPPED = "pass@1_paper_strip"
"""HEFIM as the paper's artifact reads Qwen's answers: both ends stripped; DeepSeek's it takes as they are. Of Qwen the
headline stands beside it, because the strip takes indentation that the code needs, so that the artifact as it is public
cannot have produced the printed figures."""

_FAMILIES = {"qwen2.5-coder": "2", "deepseek-coder": "3"}
"""Family to the number of its table; no row stands in both."""
_NAME = re.compile(r"(qwen2\.5-coder|deepseek-coder)-(\d+(?:\.\d+)?b)(-base|-instruct)?")

PLUS = {"HumanEval": "HumanEval+", "MBPP": "MBPP+"}


@dataclass(frozen=True, slots=True)
class Beside:
    """One benchmark: what a run got, and what the paper prints."""

    benchmark: str
    metric: str
    model: str
    row: str
    n_items: int
    expected_items: int
    yours: float
    """Percent."""
    ci95: Interval
    """Wilson, in percent."""
    published: float | None
    """Percent; None where the paper has no figure."""

    @property
    def difference(self) -> float | None:
        """Yours minus published, in points."""
        return None if self.published is None else self.yours - self.published

    @property
    def reading(self) -> str:
        """Whether the published figure lies inside the interval of this run."""
        if self.published is None:
            return "no figure in the paper"
        if self.n_items != self.expected_items:
            return f"{self.n_items} of {self.expected_items} items: not the same measurement"
        inside = self.ci95.low - 0.005 <= self.published <= self.ci95.high + 0.005
        return "within your interval" if inside else "outside your interval"


def paper_row(model: str) -> str:
    """The row of tables 2 and 3 that a model name stands for, such as `7b-base`.

    >>> paper_row("Qwen/Qwen2.5-Coder-7B"), paper_row("deepseek-ai/deepseek-coder-6.7b-instruct")
    ('7b-base', '6.7b-instruct')

    Raises:
        ConfigError: the name is none of the paper's models; the message lists the rows.
    """
    rows = {family: [row["model"] for row in table(number).rows] for family, number in _FAMILIES.items()}
    # The whole last part: a model tuned from one of these, or a checkpoint in its folder, is another model.
    found = _NAME.fullmatch(model.rstrip("/").rpartition("/")[2].lower())
    name = f"{found[2]}{found[3] or '-base'}" if found else ""
    if found is None or name not in rows[found[1]]:
        every = ", ".join(name for names in rows.values() for name in names)
        raise ConfigError(f"{model!r} is none of the paper's models. Name a row with --row: {every}.")
    return name


def beside(run: Run, outcomes: Iterable[Outcome], row: str | None = None) -> list[Beside]:
    """Set a scored run beside the published column.

    Args:
        run: The run; its tasks that the paper has no column for are passed over.
        outcomes: Its rows.
        row: A row of table 2, 3 or 8 (`7b-base`, `75k 20`); by default found by the model's name.

    Raises:
        ConfigError: the row is unknown, or cannot be told from the name.
        DataError: no task of the run is one of the paper's, or answers have no verdict.
    """
    name = row or paper_row(run.model)
    figures = _figures(name)
    tasks = {task: CELLS[task][0] for task in run.tasks if task in CELLS}
    if not tasks:
        raise DataError(
            f"No task of this run is a column of the paper. It has {', '.join(run.tasks)}; "
            f"the paper's are {', '.join(CELLS)}."
        )
    # Table 3 is DeepSeek's; the checkpoints of table 8 are of a Qwen model.
    deepseek = any(entry["model"] == name for entry in table("3").rows)
    values: dict[tuple[str, str], dict[tuple[str, str], list[float]]] = {}
    for outcome in outcomes:
        if outcome.task not in tasks:
            continue
        column = tasks[outcome.task]
        for metric in _metrics(run.tasks[outcome.task], deepseek):
            _collect(values, (column, metric), outcome, outcome.metrics.get(metric, float(outcome.passed)))
        if column in PLUS and outcome.plus_passed is not None:
            _collect(values, (PLUS[column], "plus_pass@1"), outcome, float(outcome.plus_passed))
    return [
        _row(run.model, name, column, metric, list(items.values()), figures)
        for (column, metric), items in sorted(values.items(), key=lambda entry: list(SIZES).index(entry[0][0]))
    ]


def _metrics(task: TaskRun, deepseek: bool) -> list[str]:
    """The metrics of a task that stand beside the paper's figure, what follows the paper first."""
    column, metric = CELLS[task.task]
    stripped = [STRIPPED] if column == "HEFIM" and not deepseek and STRIPPED in task.metrics else []
    return [*stripped, metric if metric in task.metrics else task.headline]


def _collect(
    values: dict[tuple[str, str], dict[tuple[str, str], list[float]]],
    key: tuple[str, str],
    outcome: Outcome,
    value: float | None,
) -> None:
    if value is None or not outcome.decided:
        raise DataError(
            f"{outcome.task}, {outcome.task_id}: no verdict for {key[1]}. Run `itax score` again on a machine that can "
            "execute it."
        )
    values.setdefault(key, {}).setdefault((outcome.task, outcome.task_id), []).append(value)


def _figures(row: str) -> Mapping[str, str]:
    for number in ("2", "3", "8"):
        of = table(number)
        for entry in of.rows:
            if of.name(entry) == row:
                return entry
    known = [of.name(entry) for of in map(table, ("2", "3", "8")) for entry in of.rows]
    raise ConfigError(f"The paper has no row {row!r}. Rows: {', '.join(known)}.")


def _row(
    model: str, name: str, column: str, metric: str, items: Sequence[Sequence[float]], figures: Mapping[str, str]
) -> Beside:
    solved, n = sum(sum(item) / len(item) for item in items), len(items)
    low, high = wilson(min(solved, n), n)
    printed = figures.get(column, "")
    return Beside(
        benchmark=column,
        metric=metric,
        model=model,
        row=name,
        n_items=n,
        expected_items=SIZES[column],
        yours=100 * solved / n,
        ci95=Interval(100 * low, 100 * high),
        published=float(printed) if printed not in ("", "NA") else None,
    )
