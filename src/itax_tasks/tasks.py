"""The table of tasks: what each name measures, by whose rules, and which metrics it reports.

The YAML files of `task_yamls/` are labels for the host; a test holds them equal to this table.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from itax_metrics.errors import ConfigError
from itax_metrics.execution.programs import Limits, Program
from itax_metrics.records import Item
from itax_tasks.benchmarks import hefim, mini, tiny_items
from itax_tasks.benchmarks.base import Loaded
from itax_tasks.extraction import RULES
from itax_tasks.settings import Settings

Condition = Literal["raw", "l2r", "direct", "chat"]
"""raw: FIM sentinels, no chat; l2r: the prefix alone; direct: the prompt as it stands; chat: one user turn."""


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task: items, prompt condition, judge and metrics."""

    name: str
    version: float
    """Bumped whenever a score can move; stands in the YAML, the results and CHANGELOG.md."""
    benchmark: str
    condition: Condition
    protocol: str
    load: Callable[[Settings], Loaded]
    complete: Callable[[Item, str], str]
    """(item, extracted answer) -> the whole code under test."""
    program: Callable[[Item, str], str]
    """(item, code under test) -> the source that carries the tests and decides."""
    limits: Limits
    rules: Mapping[str, str]
    """Metric name -> extraction rule; the first is the headline."""
    max_gen_toks: int = 512
    stops: tuple[str, ...] = ()
    """Stop strings of the task itself; the model family's own are added."""
    paper_max_gen_toks: Mapping[str, int] = field(default_factory=dict)
    """Tokens under `--metadata '{"profile":"paper"}'`, by the start of the FIM family's name."""

    @property
    def headline(self) -> str:
        """The metric that carries the claim."""
        return next(iter(self.rules))

    @property
    def is_fim(self) -> bool:
        """True where the prompt needs the model's fill-in-the-middle format."""
        return self.condition == "raw"

    def body(self, item: Item, rule: str, completion: str) -> str:
        """The code under test: the completion, extracted by the named rule, in its place."""
        return self.complete(item, RULES[rule](completion))

    def runnable(self, item: Item, body: str, time_scale: float) -> Program:
        """The program that decides about `body`."""
        return Program(source=self.program(item, body), language=item.language, limits=self.limits.scaled(time_scale))


def task(name: str) -> TaskSpec:
    """The task of that name.

    Raises:
        ConfigError: no such task, with the nearest names.
    """
    try:
        return TASKS[name]
    except KeyError:
        near = difflib.get_close_matches(name, TASKS, n=3)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise ConfigError(f"There is no task {name!r}.{hint} Tasks: {', '.join(TASKS)}.") from None


def _hefim(name: str, subset: hefim.Subset, condition: Condition) -> TaskSpec:
    rules = {"pass@1": "raw", "pass@1_paper_strip": "paper_strip"}
    if subset == "single_line":
        rules["pass@1_first_line"] = "first_line"
    return TaskSpec(
        name=name,
        version=1.0,
        benchmark=f"hefim/{subset}",
        condition=condition,
        protocol="official",
        load=partial(hefim.load, subset),
        complete=hefim.complete,
        program=hefim.program,
        limits=hefim.LIMITS,
        rules=rules,
        max_gen_toks=512,
        paper_max_gen_toks={"qwen": 512, "deepseek": 128},
    )


def _mini(subset: mini.Subset, condition: Condition) -> TaskSpec:
    rules = {"pass@1": "raw"}
    if subset == "instruct":
        rules = {"pass@1": "fenced_code", "pass@1_strict": "raw"}
    return TaskSpec(
        name=f"itax_mini_{subset}",
        version=1.0,
        benchmark=f"mini/{subset}",
        condition=condition,
        protocol="itax",
        load=partial(mini.load, subset),
        complete=_answer_alone if subset == "instruct" else mini.complete,
        program=mini.program,
        limits=mini.LIMITS,
        rules=rules,
        max_gen_toks=256 if subset == "infilling" else 512,
        stops=mini.STOPS if subset == "completion" else (),
    )


def _tiny(subset: tiny_items.Subset, condition: Condition) -> TaskSpec:
    rules: dict[tiny_items.Subset, dict[str, str]] = {
        "infilling": {"pass@1": "raw", "pass@1_first_line": "first_line"},
        "completion": {"pass@1": "raw"},
        "instruct": {"pass@1": "fenced_code", "pass@1_strict": "raw"},
    }
    return TaskSpec(
        name=f"itax_tiny_{subset}",
        version=1.0,
        benchmark=f"tiny/{subset}",
        condition=condition,
        protocol="itax",
        load=partial(tiny_items.load, subset),
        complete=tiny_items.complete,
        program=tiny_items.program,
        limits=tiny_items.LIMITS,
        rules=rules[subset],
        max_gen_toks=tiny_items.MAX_GEN_TOKS[subset],
        stops=tiny_items.STOPS if subset == "completion" else (),
    )


def _answer_alone(item: Item, answer: str) -> str:
    """For instructions the answer is the whole program; the request is prose."""
    del item
    return answer


def _table() -> dict[str, TaskSpec]:
    specs = []
    subsets: tuple[tuple[hefim.Subset, str], ...] = (
        ("single_line", "itax_hefim"),
        ("multi_line", "itax_hefim_multi_line"),
        ("random_span", "itax_hefim_random_span"),
        ("random_span_light", "itax_hefim_random_span_light"),
    )
    for subset, name in subsets:
        specs.append(_hefim(name, subset, "raw"))
        specs.append(_hefim(f"{name}_l2r", subset, "l2r"))
    specs += [_mini("infilling", "raw"), _mini("completion", "direct"), _mini("instruct", "chat")]
    specs += [_tiny("infilling", "raw"), _tiny("completion", "direct"), _tiny("instruct", "chat")]
    return {spec.name: spec for spec in specs}


TASKS: Mapping[str, TaskSpec] = _table()
