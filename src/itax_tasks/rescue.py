"""Which failures a cheap safeguard would turn into passes, and which passes it would break: by running them again.

A safeguard changes an answer before it is used, knowing only what an editor knows: the answer and the text around it.
Stored answers go through each, and those it changes are extracted and judged like any other.

`first_line` and `declaration_cut` know a hole in given code: an answer to an instruction declares its function itself,
often in a fence, and they do not apply to it. What kind a task is, `itax_metrics.paper.kinds` says.

Covered: every task whose stored texts are completions. Not covered: safeguards that ask a model again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from itax_metrics.behavior.sentinels import SENTINEL
from itax_metrics.errors import ConfigError
from itax_metrics.execution import Executor
from itax_metrics.paper.kinds import kind
from itax_metrics.records import Item, Outcome
from itax_tasks.answer import Answer
from itax_tasks.extraction.fences import fenced_code
from itax_tasks.scoring import score
from itax_tasks.spec import TaskSpec

Safeguard = Callable[[Item, str], str]

ENOUGH = 8
"""Characters besides white space that must agree before text counts as an echo."""
_DECLARATION = re.compile(r"\n[^\S\n]*(?:(?:async\s+)?def|class)\s+\w|\n[^\S\n]*@\w")


def first_line(item: Item, text: str) -> str:
    """The first line that is not blank; a newline follows where the answer had one."""
    del item
    found = re.search(r"[^\n]*\S[^\n]*\n?", text)
    return found.group() if found else text


def fence_removal(item: Item, text: str) -> str:
    """The first fenced block, where there is one."""
    del item
    return fenced_code(text)


def echo_removal(item: Item, text: str) -> str:
    """Without the end of the prefix at its beginning and without what begins the suffix.

    The longest overlap of prefix and answer is taken off, then everything from the suffix's first line on.
    """
    start = _overlap(item.prefix, text)
    text = text[start:]
    line = next((line for line in item.suffix.split("\n") if line.strip()), "")
    if len(line.strip()) < ENOUGH:
        return text
    found = re.search(rf"(?m)^{re.escape(line)}$" if item.suffix.startswith(("\n", line)) else re.escape(line), text)
    return text[: found.start()] if found else text


def declaration_cut(item: Item, text: str) -> str:
    """Cut before the first function or class declared below the first line."""
    del item
    found = _DECLARATION.search(text)
    return text[: found.start() + 1] if found else text


def sentinel_cut(item: Item, text: str) -> str:
    """Cut at the first control token."""
    del item
    found = SENTINEL.search(text)
    return text[: found.start()] if found else text


def combined(item: Item, text: str) -> str:
    """Control tokens, fences, echoes and declarations, in this order; the first line is no part of it."""
    return declaration_cut(item, combined_without_cut(item, text))


def combined_without_cut(item: Item, text: str) -> str:
    """`combined` for an instruction: control tokens, fences and echoes."""
    for safeguard in (sentinel_cut, fence_removal, echo_removal):
        text = safeguard(item, text)
    return text


SAFEGUARDS: Mapping[str, Safeguard] = {
    "first_line": first_line,
    "fence_removal": fence_removal,
    "echo_removal": echo_removal,
    "declaration_cut": declaration_cut,
    "sentinel_cut": sentinel_cut,
    "combined": combined,
}

FOR_INSTRUCTIONS: Mapping[str, Safeguard] = {
    "fence_removal": fence_removal,
    "echo_removal": echo_removal,
    "sentinel_cut": sentinel_cut,
    "combined": combined_without_cut,
}
"""Those that apply to instruction tasks."""

ORACLE = "best_line_cut"
"""No safeguard but their bound: the answer is cut after each of its lines, and one cut that passes is enough."""
MOST_CUTS = 64


@dataclass(frozen=True, slots=True)
class Rescue:
    """What one safeguard did to the answers of one task."""

    task: str
    safeguard: str
    n: int
    """Answers with a verdict."""
    passed: int
    """Of them, before."""
    changed: int
    """Answers that the safeguard changed."""
    rescued: int
    """Failures it turned into passes."""
    broken: int
    """Passes it turned into failures."""
    undecided: int
    """Changed answers that the engine could not judge; they count as before."""
    applicable: bool = True
    """False where the safeguard says nothing about such a task; it then changes no answer."""

    @property
    def rate(self) -> float:
        """Pass rate with the safeguard."""
        return (self.passed + self.rescued - self.broken) / self.n if self.n else 0.0


def rescue(
    spec: TaskSpec,
    items: Mapping[str, Item],
    outcomes: Sequence[Outcome],
    executor: Executor,
    *,
    names: Sequence[str] = tuple(SAFEGUARDS),
    time_scale: float = 1.0,
) -> list[Rescue]:
    """Run the answers again under each safeguard that applies to this kind of task.

    Args:
        spec: the task; its headline decides.
        items: the task's items by task_id.
        outcomes: its stored outcomes, whose texts are completions.
        executor: runs the programs; equal ones once, over all safeguards.
        names: safeguards, and `best_line_cut`.
        time_scale: as the outcomes were scored with.

    Returns:
        One row a name, in their order; what does not apply is there and says so.

    Raises:
        ConfigError: a safeguard that does not exist.
    """
    for name in names:
        if name not in SAFEGUARDS and name != ORACLE:
            raise ConfigError(f"There is no safeguard {name!r}. Known: {', '.join(SAFEGUARDS)}, {ORACLE}.")
    applied = FOR_INSTRUCTIONS if kind(spec.name, spec.condition) == "instruction" else SAFEGUARDS
    decided = [outcome for outcome in outcomes if outcome.decided]
    owners: list[tuple[str, int]] = []
    answers: list[Answer] = []
    for name in names:
        for number, outcome in enumerate(decided):
            for text in _variants(name, applied.get(name), items[outcome.task_id], outcome):
                owners.append((name, number))
                answers.append(Answer(outcome.task_id, len(answers), text))
    judged = score(spec, items, answers, executor, time_scale=time_scale, behaviors=())
    after: dict[tuple[str, int], list[bool | None]] = {}
    for owner, found in zip(owners, judged, strict=True):
        after.setdefault(owner, []).append(found.passed if found.decided else None)
    counted = [_counted(spec.name, name, decided, after) for name in names]
    return [replace(row, applicable=row.safeguard in (*applied, ORACLE)) for row in counted]


def _variants(name: str, safeguard: Safeguard | None, item: Item, outcome: Outcome) -> list[str]:
    text = outcome.completion
    if name != ORACLE:
        changed = safeguard(item, text) if safeguard else text
        return [] if changed == text else [changed]
    if outcome.passed:
        return []
    lines = text.splitlines(keepends=True)
    return ["".join(lines[:count]) for count in range(min(len(lines) - 1, MOST_CUTS), 0, -1)]


def _counted(
    task: str, name: str, decided: Sequence[Outcome], after: Mapping[tuple[str, int], Sequence[bool | None]]
) -> Rescue:
    changed = rescued = broken = undecided = 0
    for number, outcome in enumerate(decided):
        verdicts = after.get((name, number), ())
        changed += bool(verdicts)
        passes = any(verdicts)
        if verdicts and not passes and None in verdicts:
            undecided += 1
        elif verdicts:
            rescued += passes and not outcome.passed
            broken += outcome.passed and not passes
    return Rescue(task, name, len(decided), sum(row.passed for row in decided), changed, rescued, broken, undecided)


def _overlap(prefix: str, text: str) -> int:
    """Length of the longest beginning of the answer that ends the prefix, and says enough to be no accident."""
    window = prefix[-len(text) :] if text else ""
    # Every place where the answer's first characters occur in the prefix is a candidate; the leftmost fits longest.
    head = text[:ENOUGH]
    at = window.find(head) if len(head) == ENOUGH else -1
    while at >= 0:
        shared = window[at:]
        if len(shared.strip()) >= ENOUGH and text.startswith(shared):
            return len(shared)
        at = window.find(head, at + 1)
    return 0
