"""What decides about an answer, before anything runs: by every rule of the task, a verdict at once or programs."""

from __future__ import annotations

from itax_metrics.errors import ConfigError
from itax_metrics.execution.programs import Program
from itax_metrics.records import Item, Status, Verdict
from itax_tasks.answer import Answer
from itax_tasks.extraction import rule
from itax_tasks.spec import TaskSpec


def decisions(
    spec: TaskSpec, item: Item, answer: Answer, time_scale: float = 1.0
) -> dict[str, Verdict | dict[str, Program]]:
    """What decides about one answer, metric by metric: a verdict at once, or the programs of its named parts.

    A rule or judge that fails on an answer leaves that metric undecided and says why: one odd answer must not cost
    the others theirs.

    Raises:
        ConfigError: whole programs before post-processing, for a task that has no rule for them.
    """
    made: dict[str, Verdict | dict[str, Program]] = {}
    for metric in _metrics(spec, answer):
        try:
            decision = spec.decision(item, metric, _body(spec, item, metric, answer), time_scale)
        except Exception as error:
            detail = f"{metric} could not be prepared for {item.task_id}: {type(error).__name__}: {error}"
            made[metric] = Verdict(Status.HARNESS_ERROR, detail=detail)
            continue
        if isinstance(decision, Verdict):
            made[metric] = decision
        elif isinstance(decision, Program):
            made[metric] = {"": decision}
        else:
            made[metric] = dict(decision)
    return made


def _metrics(spec: TaskSpec, answer: Answer) -> list[str]:
    """The metrics an answer of that stage can be judged by."""
    if answer.stage == "completion":
        return list(spec.measures)
    if answer.stage == "program-raw":
        found = [metric for metric, measure in spec.measures.items() if measure.whole is not None]
        if spec.headline not in found:
            raise ConfigError(
                f"{spec.name} takes completions or finished programs; whole programs before post-processing "
                "(--stage program-raw) belong to tasks that post-process programs."
            )
        return found
    # Finished by somebody else's extraction, which stands for the headline's rule and no other.
    rule = spec.measures[spec.headline].rule
    return [metric for metric, measure in spec.measures.items() if measure.rule == rule]


def _body(spec: TaskSpec, item: Item, metric: str, answer: Answer) -> str:
    if answer.stage == "completion":
        return spec.body(item, metric, answer.text)
    whole = spec.measures[metric].whole
    if answer.stage == "program" or whole is None:
        return answer.text
    return rule(whole)(item, answer.text)
