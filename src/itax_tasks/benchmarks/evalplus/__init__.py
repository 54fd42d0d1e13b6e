"""HumanEval+ and MBPP+: a function on request, judged by EvalPlus's calls of it, verdict by verdict as EvalPlus does.

Source: Liu et al. 2023, https://github.com/evalplus/evalplus; the modules of this folder name the files they restate.
One answer gives two metrics: `pass@1` by the base tests, `plus_pass@1` by base and plus tests.

Two protocols. `itax_humaneval` and `itax_mbpp` are the columns of the instruction-tuning-tax paper: Magicoder's
wording, data and rules as EvalPlus had them in November 2023. The `_evalplus` tasks are EvalPlus as it is today.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from itax_metrics.errors import DataError
from itax_metrics.records import Item
from itax_tasks import data
from itax_tasks.benchmarks.base import Loaded
from itax_tasks.benchmarks.evalplus import prompts
from itax_tasks.benchmarks.evalplus.expected import Expected, expected_of
from itax_tasks.benchmarks.evalplus.judges import decide, limits_of
from itax_tasks.benchmarks.evalplus.rules import PINNED, TODAY, Rules
from itax_tasks.settings import Settings
from itax_tasks.spec import Condition, Dialogue, Measure, TaskSpec, answer_alone

Family = Literal["humaneval", "mbpp"]


@dataclass(frozen=True, slots=True)
class Files:
    """Where the versions of one benchmark stand in the table of official files."""

    benchmark: str
    names: Mapping[str, str]
    paper: str
    """The version the paper used."""
    today: str


FILES: Mapping[Family, Files] = {
    "humaneval": Files(
        "humaneval_plus",
        {version: f"HumanEvalPlus-{version}.jsonl.gz" for version in ("v0.1.9", "v0.1.10")},
        paper="v0.1.9",
        today="v0.1.10",
    ),
    "mbpp": Files(
        "mbpp_plus",
        {version: f"MbppPlus-{version}.jsonl.gz" for version in ("v0.1.0", "v0.2.0")},
        paper="v0.1.0",
        today="v0.2.0",
    ),
}


def load(family: Family, version: str, settings: Settings) -> Loaded:
    """The problems of one version of the data; `settings.data_version` names another.

    Raises:
        ConfigError: a version that does not exist.
        DataError: a row lacks a field.
    """
    files = FILES[family]
    version = settings.version_of(family, version, files.names)
    name = files.names[version]
    found = data.load(files.benchmark, name, settings)
    expected = expected_of(settings.state_dir, found.record["sha256"], settings.sandbox, settings.workers)
    try:
        items = tuple(
            Item(
                task_id=row["task_id"],
                prefix=row["prompt"],
                truth=row["canonical_solution"],
                cluster=row["task_id"],
                payload={
                    **{field: row[field] for field in ("entry_point", "base_input", "plus_input", "atol")},
                    "expected": expected,
                },
            )
            for row in found.rows
        )
    except KeyError as missing:
        raise DataError(f"A row of {name} has no field {missing}.") from missing
    record = {
        "source": found.record["source"],
        "sha256": found.record["sha256"],
        "rows": len(items),
        "files": [dict(found.record)],
        "version": version,
    }
    return Loaded(items, record)


def prepare(items: Sequence[Item]) -> None:
    """Have the expected results of these problems."""
    by_data: dict[int, tuple[Expected, list[Item]]] = {}
    for item in items:
        expected = item.payload["expected"]
        by_data.setdefault(id(expected), (expected, []))[1].append(item)
    for expected, some in by_data.values():
        expected.prepare(some)


def _measures(rules: Rules, rule: str, whole: str | None) -> dict[str, Measure]:
    return {
        "pass@1": Measure(rule, partial(decide, rules, "base"), answer_alone, whole=whole),
        "plus_pass@1": Measure(rule, partial(decide, rules, "plus"), answer_alone, requires=("pass@1",), whole=whole),
    }


def _paper(family: Family, dialogue: Callable[[Item], Dialogue]) -> TaskSpec:
    return TaskSpec(
        name=f"itax_{family}",
        version=1.0,
        benchmark=f"{family}/plus",
        condition="prefill",
        protocol=PINNED.protocol,
        load=partial(load, family, FILES[family].paper),
        measures=_measures(PINNED, "magicoder_fence", None),
        limits=limits_of(PINNED),
        max_gen_toks=512,
        stops=(prompts.MAGICODER_END,),
        dialogue=dialogue,
        template="magicoder",
        prepare=prepare,
    )


def _today(family: Family, condition: Condition) -> TaskSpec:
    suffix = "" if condition == "prefill" else f"_{condition}"
    ends = {
        "prefill": (*prompts.ENDS, prompts.END_OF_BLOCK),
        "chat": (),
        "direct": (*prompts.ENDS, *prompts.ENDS_OF_CONTINUATION[family]),
    }[condition]
    rule = "evalplus_continuation" if condition == "direct" else "evalplus_answer"
    return TaskSpec(
        name=f"itax_{family}_evalplus{suffix}",
        version=1.1,
        benchmark=f"{family}/plus",
        condition=condition,
        protocol=TODAY.protocol,
        load=partial(load, family, FILES[family].today),
        measures=_measures(TODAY, rule, "evalplus_program"),
        limits=limits_of(TODAY),
        max_gen_toks=768,
        stops=ends,
        text=prompts.as_it_stands,
        dialogue=prompts.requested if condition == "chat" else prompts.prefilled,
        prepare=prepare,
    )


_CONDITIONS: tuple[Condition, ...] = ("prefill", "chat", "direct")

TASKS = (
    _paper("humaneval", prompts.magicoder_humaneval),
    _paper("mbpp", prompts.magicoder_mbpp),
    *(_today(family, condition) for family in FILES for condition in _CONDITIONS),
    # EvalPlus's own form begins the answer: the plain name and `_prefill` are one request.
    *(replace(_today(family, "prefill"), name=f"itax_{family}_evalplus_prefill") for family in FILES),
)
