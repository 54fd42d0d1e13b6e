"""The records that flow through the program: item, completion, verdict, outcome.

An item becomes a prompt, a model answers with a completion, extraction turns that into a program,
running the program gives a verdict, and all of it together is one outcome row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Status(str, Enum):
    """The closed list of verdicts. A broken sample is data, not a crash."""

    PASSED = "passed"
    FAILED = "failed"
    COMPILE_ERROR = "compile_error"
    ERROR = "error"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    OUTPUT_LIMIT = "output_limit"
    EMPTY = "empty"
    HARNESS_ERROR = "harness_error"

    def __str__(self) -> str:
        return self.value


class Flag(str, Enum):
    """What else is known about a verdict; flags never change a rate by themselves."""

    TAMPERED = "tampered"
    ENV_UNAVAILABLE = "env_unavailable"
    TRUNCATED_PROMPT = "truncated_prompt"
    HIT_LIMIT = "hit_limit"
    PENDING = "pending"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Verdict:
    """What running one program showed."""

    status: Status
    seconds: float = 0.0
    """Wall seconds of the program itself, without queueing."""
    flags: tuple[str, ...] = ()
    detail: str = ""
    """One line for people: the exception, the limit that was hit, or why the engine failed."""

    @property
    def passed(self) -> bool:
        """True only for a pass that nothing tampered with."""
        return self.status is Status.PASSED and Flag.TAMPERED.value not in self.flags

    @property
    def decided(self) -> bool:
        """False where the engine failed or has not run yet: such an item belongs in no rate."""
        return self.status is not Status.HARNESS_ERROR


@dataclass(frozen=True, slots=True)
class Item:
    """One benchmark problem, in the words every prompt and judge shares."""

    task_id: str
    prefix: str
    """Text before the hole (infilling), or the whole prompt text (completion, instruction)."""
    suffix: str = ""
    truth: str = ""
    """The canonical answer, as the benchmark publishes it."""
    cluster: str = ""
    """Items that share a problem share a cluster; statistics resample clusters, not items."""
    language: str = "python"
    payload: Mapping[str, Any] = field(default_factory=dict)
    """What only the benchmark's own judge needs (tests, entry point)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of `outcomes.jsonl`: what one answer to one item came to."""

    task: str
    task_id: str
    sample: int
    cluster: str
    verdict: Status
    passed: bool
    completion: str
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    """Metric name to value; None where the engine could not decide."""
    behaviors: Mapping[str, float | None] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    category: str | None = None
    tokens: int | None = None
    seconds: float | None = None
    detail: str = ""
    plus_passed: bool | None = None
    test_classes: Mapping[str, bool] | None = None
    groups: tuple[str, ...] = ()
    """What the item belongs to within its benchmark: its language, its library."""
    generation: Mapping[str, Any] | None = None
    """How the answer was made, where the backend says: `tokens`, `finish` (stop or length), `ended_by`, `seconds` (its
    share of its batch), `leaks` (control tokens of FIM families among its ids)."""

    @property
    def decided(self) -> bool:
        """False where the engine failed or has not run yet."""
        return self.verdict is not Status.HARNESS_ERROR

    @property
    def key(self) -> tuple[str, str, int]:
        """(task, task_id, sample): unique within one score directory."""
        return (self.task, self.task_id, self.sample)


@dataclass(frozen=True, slots=True)
class TaskRun:
    """How one task was run: everything that must be equal before two runs may be compared."""

    task: str
    version: float
    condition: str
    """raw, l2r, chat, ...: how the item was put to the model."""
    protocol: str
    """official, paper, ...: whose rules decide."""
    headline: str
    """The metric that carries the claim, `pass@1` unless the task says otherwise."""
    extraction: str
    """The named rule that turns the completion into the program behind the headline."""
    data: Mapping[str, Any]
    """{"source": str, "sha256": str, "rows": int, "files": [{"name", "sha256", "rows"}]}."""
    limits: Mapping[str, Any]
    samples_per_item: int
    n_items: int
    fim: Mapping[str, Any] | None = None
    """{"id": family, "order": "PSM" | ..., "trained": "yes" | "no" | "unknown", ...}; None off FIM."""
    metrics: tuple[str, ...] = ()
    generation: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """`run.json`: one model, the tasks it was scored on, and the machine that scored it."""

    model: str
    tasks: Mapping[str, TaskRun]
    revision: str | None = None
    backend: str | None = None
    time_scale: float = 1.0
    sandbox: Mapping[str, Any] = field(default_factory=dict)
    """{"policy": str, "layers": [active layer names], "missing": {layer: reason}}."""
    interpreter: str = ""
    """What ran the Python programs, e.g. `CPython 3.11.7`; part of the environment that must match."""
    compilers: Mapping[str, str] = field(default_factory=dict)
    environments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Pinned environments that programs ran in, each with its `python` and `sha256`, and `data` where it holds any."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """{"itax": ..., "lm_eval": ..., the backend's package: ...}."""
    created: str = ""
    """ISO 8601, UTC."""
    notes: tuple[str, ...] = ()
    """Warnings that belong to the numbers, e.g. a backend trap or an item whose answer is missing."""
