"""The rate of each task of one run, with what a reader must know to compare it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from itax_metrics.errors import DataError
from itax_metrics.records import Flag, Outcome, Run, TaskRun
from itax_metrics.stats import Interval, by_cluster, cluster_standard_error, wilson

DATASETS: Mapping[str, str] = MappingProxyType(
    {
        "hefim": "loubnabnl/humaneval_infilling",
        "safim": "gonglinyuan/safim",
        "classeval": "FudanSELab/ClassEval",
        "bigcodebench": "bigcode/bigcodebench",
        "ds1000": "xlangai/DS-1000",
        "humaneval": "evalplus/humanevalplus",
        "mbpp": "evalplus/mbppplus",
        "canitedit": "nuprl/CanItEdit",
    }
)
"""Family of a task (`itax_<family>...`) -> hub data set that publishes the same items."""


@dataclass(frozen=True, slots=True)
class Rate:
    """One task's headline."""

    task: TaskRun
    dataset: str | None
    """Hub data set; None where none is known."""
    items: tuple[str, ...]
    """The items behind the number."""
    value: float
    """From 0 to 1."""
    ci95: Interval
    """Wilson, items taken as independent."""
    standard_error: float | None
    """Cluster-robust."""
    notes: tuple[str, ...] = ()
    """The run's notes that concern this task."""

    @property
    def n_items(self) -> int:
        """How many items the number is over."""
        return len(self.items)

    @property
    def of(self) -> int:
        """How many items the task has; as many as were answered where the run does not say."""
        rows = self.task.data.get("rows")
        return rows if isinstance(rows, int) and rows > self.n_items else self.n_items

    @property
    def part(self) -> str:
        """Of how many items the number is, where not of all; else empty."""
        return f"{self.n_items} of {self.of} items" if self.n_items < self.of else ""

    @property
    def conditions(self) -> dict[str, str]:
        """What the number depends on, as text: protocol, condition, versions, data."""
        found = {
            "metric": self.task.headline,
            "condition": self.task.condition,
            "protocol": self.task.protocol,
            "extraction": self.task.extraction,
            "task_version": f"{self.task.version:g}",
            "samples_per_item": str(self.task.samples_per_item),
            "items": self.part.removesuffix(" items") or str(self.n_items),
            "data_sha256": str(self.task.data.get("sha256", "unknown")),
            "data_source": str(self.task.data.get("source", "unknown")),
        }
        if self.task.fim:
            found["fim_format"] = str(self.task.fim.get("id", "unknown"))
        if self.task.data.get("options"):
            # They may have left items out: SAFIM in one language is another benchmark.
            found["data_options"] = ", ".join(f"{name}={value}" for name, value in self.task.data["options"].items())
        if self.notes:
            found["notes"] = " ".join(self.notes)
        return found


def rates(
    run: Run, outcomes: Iterable[Outcome], datasets: Mapping[str, str] | None = None, *, partial: bool = False
) -> list[Rate]:
    """The headline rate of every task of a run.

    Args:
        run: What was run.
        outcomes: Its rows.
        datasets: Task name -> hub data set, beside the known ones.
        partial: Take tasks of which only some items were answered, too.

    Raises:
        DataError: an answer has no verdict, a task has no rows, or only some of its items were answered: such a number
            is not to be published as the benchmark's.
    """
    items: dict[str, dict[str, tuple[str, list[float]]]] = {name: {} for name in run.tasks}
    for row in outcomes:
        headline = run.tasks[row.task].headline
        value = row.metrics.get(headline, float(row.passed))
        if value is None or not row.decided or Flag.PENDING.value in row.flags:
            raise DataError(
                f"{row.task}, {row.task_id}: no verdict, so {headline} is not to be published. Run `itax score` again "
                "on a machine that can execute it."
            )
        items[row.task].setdefault(row.task_id, (row.cluster or row.task_id, []))[1].append(value)
    empty = [name for name, found in items.items() if not found]
    if empty:
        raise DataError(f"{empty[0]} has no rows. Run `itax score` again.")
    measured = [_rate(run, run.tasks[name], found, datasets or {}) for name, found in items.items()]
    for rate in measured:
        if rate.part and not partial:
            raise DataError(
                f"{rate.task.task}: {rate.part} were answered, so {rate.task.headline} is no score "
                "of the benchmark. Answer and score the rest, or pass --partial (partial=True) to publish it as a part."
            )
    return measured


def _rate(run: Run, task: TaskRun, items: Mapping[str, tuple[str, list[float]]], datasets: Mapping[str, str]) -> Rate:
    means = [sum(values) / len(values) for _, values in items.values()]
    n, solved = len(means), sum(means)
    words = task.task.removeprefix("itax_").split("_")
    others = tuple(f"{name}: " for name in run.tasks if name != task.task)
    return Rate(
        task=task,
        dataset=datasets.get(task.task, DATASETS.get(words[0])),
        items=tuple(items),
        value=solved / n,
        ci95=wilson(min(solved, n), n),
        standard_error=cluster_standard_error(by_cluster(means, [cluster for cluster, _ in items.values()])),
        notes=tuple(note for note in run.notes if not note.startswith(others)),
    )
