"""Outcomes with what they say beyond right and wrong: behaviour measures, and the category of a failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from itax_metrics.behavior import Behavior, Reply, measure, select
from itax_metrics.errors import ItaxError
from itax_metrics.failures.taxonomy import categorize
from itax_metrics.records import Item, Outcome, Run
from itax_metrics.store import read_score_dir
from itax_tasks.extraction import rule
from itax_tasks.recorded import load_recorded
from itax_tasks.settings import Settings
from itax_tasks.spec import TaskSpec
from itax_tasks.tasks import TASKS


def behaved(spec: TaskSpec, item: Item | None, outcome: Outcome, chosen: Sequence[Behavior], stage: str) -> Outcome:
    """The outcome with its behaviours and, where it failed, its category."""
    reply = reply_of(spec, item, outcome, stage)
    finding = categorize(reply)
    return replace(
        outcome,
        behaviors={**outcome.behaviors, **measure(reply, chosen)},
        category=finding.category.value if finding else None,
    )


def reply_of(spec: TaskSpec, item: Item | None, outcome: Outcome, stage: str = "completion") -> Reply:
    """The answer as measures see it.

    Args:
        spec: the task; its headline's rule is the post-processing.
        item: None where the official data are not here: measures that need the item then have no value.
        outcome: the answer, judged.
        stage: what the stored text is. Only a completion stands in its item's hole; of a whole program, measures that
            compare with the text around the hole have no value.
    """
    text, placed = outcome.completion, item if stage == "completion" else None
    return Reply(
        text,
        placed,
        extract=(lambda: rule(spec.rules[spec.headline])(placed, text)) if placed is not None else None,
        splice=(lambda: spec.body(placed, spec.headline, text)) if placed is not None else None,
        status=outcome.verdict,
        passed=outcome.passed if outcome.decided else None,
        flags=outcome.flags,
        tokens=outcome.tokens,
        seconds=outcome.seconds,
    )


def behave_directory(path: Path, settings: Settings) -> tuple[Run, list[Outcome], list[str]]:
    """A score directory with its behaviours and categories computed anew, and notes about what could not be.

    Raises:
        DataError: no score directory.
        ConfigError: a behaviour that does not exist.
    """
    run, outcomes = read_score_dir(path)
    chosen = select(settings.behaviors)
    notes: list[str] = []
    items = {name: _items(name, run, settings, notes) for name in run.tasks}
    found = []
    for outcome in outcomes:
        spec = TASKS.get(outcome.task)
        if spec is None:
            found.append(outcome)
            continue
        stage = str(run.tasks[outcome.task].generation.get("stage", "completion"))
        found.append(behaved(spec, items[outcome.task].get(outcome.task_id), outcome, chosen, stage))
    return run, found, notes


def _items(name: str, run: Run, settings: Settings, notes: list[str]) -> Mapping[str, Item]:
    if name not in TASKS:
        notes.append(f"{name} is no task of this version of itax; its rows were left as they are.")
        return {}
    try:
        return load_recorded(TASKS[name], run.tasks[name].data, settings).by_id()
    except ItaxError as error:
        notes.append(f"{name}: measures that need the items have no value, because these cannot be read ({error})")
        return {}
