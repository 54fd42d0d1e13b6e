"""What a task is: its items, how they are put to a model, and the measures that judge an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from itax_metrics.execution.programs import Limits, Program
from itax_metrics.records import Item, Verdict
from itax_tasks.benchmarks.base import Loaded
from itax_tasks.extraction import rule
from itax_tasks.settings import Settings

Condition = Literal["raw", "l2r", "direct", "fimchat", "chat", "chat_b", "prefill"]
"""raw: FIM sentinels, no chat; l2r: the prefix alone; direct: the prompt as it stands; fimchat: the FIM prompt as a
user's turn; chat: a conversation whose answer is free; chat_b: the same in another wording; prefill: a conversation
with the answer's beginning given."""

IN_CHAT: frozenset[Condition] = frozenset({"fimchat", "chat", "chat_b", "prefill"})
"""The conditions that speak in the model's chat template."""

Decision = Program | Verdict | Mapping[str, Program]
"""One program to run, a verdict that needs no run, or one program for each named part of the tests."""

GREEDY: Mapping[str, Any] = MappingProxyType({"do_sample": False, "temperature": 0.0})


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What is said before the model answers."""

    turns: tuple[tuple[str, str], ...]
    """(role, text) in order; roles are system, user and assistant."""
    prefill: str = ""
    """How the assistant's answer begins; the model goes on from there."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric of a task: how code is cut out of an answer, and what decides about it."""

    rule: str
    """Extraction rule, by its name in `itax_tasks.extraction.RULES`; `a+b` applies b to what a leaves."""
    decide: Callable[[Item, str, Limits], Decision]
    """(item, code under test, the task's limits on this machine) -> what decides."""
    complete: Callable[[Item, str], str]
    """(item, extracted answer) -> the code under test."""
    requires: tuple[str, ...] = ()
    """Metrics of the same task that must pass as well."""
    share: bool = False
    """True where the value is the share of named parts that pass; otherwise all of them must."""
    whole: str | None = None
    """The rule for a whole program before post-processing (`--stage program-raw`); None: this metric takes none."""


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task: items, prompt condition, judges and metrics."""

    name: str
    version: float
    """Bumped whenever a score can move; stands in the YAML, the results and CHANGELOG.md."""
    benchmark: str
    """`family/subset`; the family names the folder of its YAML files and README."""
    condition: Condition
    protocol: str
    """Whose rules decide: official, paper, itax, ..."""
    load: Callable[[Settings], Loaded]
    measures: Mapping[str, Measure]
    """Metric name -> how it is decided; the first is the headline."""
    limits: Limits
    max_gen_toks: int = 512
    stops: tuple[str, ...] = ()
    """Stop strings of the task itself; the model family's own are added."""
    paper_max_gen_toks: Mapping[str, int] = field(default_factory=dict)
    """Tokens under `--metadata '{"profile":"paper"}'`, by the start of the FIM family's name."""
    sampling: Mapping[str, Any] = field(default_factory=lambda: GREEDY)
    """Generation settings beside the length."""
    repeats: int = 1
    """Samples an item."""
    text: Callable[[Item], str] = field(default=lambda item: item.prefix)
    """The prompt of the direct condition."""
    dialogue: Callable[[Item], Dialogue] = field(default=lambda item: Dialogue((("user", item.prefix),)))
    """The conversation of the chat and prefill conditions."""
    template: str | None = None
    """The named chat template the protocol fixes; None for the tokenizer's own."""
    prepare: Callable[[Sequence[Item]], None] | None = None
    """Work that is done once before answers to these items can be judged, such as running reference solutions. What
    fails there is said by `decide`, item by item."""
    runs_in: Callable[[Item], str | None] = field(default=lambda item: "python")
    """The engine's language of an item's programs; None where verdicts need no run."""
    own_id: Callable[[str], str] = field(default=lambda task_id: task_id)
    """An id in whatever spelling the benchmark was published under -> ours."""
    groups: Callable[[Item], Sequence[str]] | None = None
    """The groups an item belongs to (its language, its library); the headline is also reported for each."""
    flags: Callable[[Item], Sequence[str]] | None = None
    """What is known of an item before any answer, such as `env_unavailable`: flags of every outcome of it."""

    @property
    def headline(self) -> str:
        """The metric that carries the claim."""
        return next(iter(self.measures))

    @property
    def rules(self) -> dict[str, str]:
        """Metric name -> extraction rule."""
        return {metric: measure.rule for metric, measure in self.measures.items()}

    @property
    def in_chat(self) -> bool:
        """True where the prompt is a conversation."""
        return self.condition in IN_CHAT

    @property
    def family(self) -> str:
        """The benchmark without its subset."""
        return self.benchmark.split("/")[0]

    def body(self, item: Item, metric: str, completion: str) -> str:
        """The code under test of that metric: the completion, extracted by its rule, in its place."""
        measure = self.measures[metric]
        return measure.complete(item, rule(measure.rule)(item, completion))

    def decision(self, item: Item, metric: str, body: str, time_scale: float = 1.0) -> Decision:
        """What decides about a code under test."""
        return self.measures[metric].decide(item, body, self.limits.scaled(time_scale))


def measured(
    rules: Mapping[str, str],
    complete: Callable[[Item, str], str],
    decide: Callable[[Item, str, Limits], Decision],
) -> dict[str, Measure]:
    """Metrics that differ in their extraction rule alone."""
    return {metric: Measure(rule, decide, complete) for metric, rule in rules.items()}


def answer_alone(item: Item, answer: str) -> str:
    """The answer is the whole code under test: the prompt was prose."""
    del item
    return answer
