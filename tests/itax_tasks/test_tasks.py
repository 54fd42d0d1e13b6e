"""The table of tasks: names, headlines, rules and siblings fit together."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from itax_metrics.errors import ConfigError
from itax_metrics.execution.programs import Program
from itax_metrics.paper.kinds import Kind, kind
from itax_metrics.records import Item
from itax_tasks.extraction import RULES
from itax_tasks.settings import Settings
from itax_tasks.tasks import TASKS, task

NAMES = sorted(TASKS)
KINDS: dict[str, Kind] = {
    **dict.fromkeys(("itax_hefim", "itax_safim"), "infilling"),
    **dict.fromkeys(("itax_classeval_infilling", "itax_mini_infilling", "itax_hand_infilling"), "infilling"),
    **dict.fromkeys(("itax_classeval_completion", "itax_bigcodebench_complete"), "completion"),
    **dict.fromkeys(("itax_mini_completion", "itax_hand_completion"), "completion"),
    **dict.fromkeys(("itax_classeval_holistic", "itax_bigcodebench_instruct", "itax_ds1000"), "instruction"),
    **dict.fromkeys(("itax_humaneval", "itax_mbpp", "itax_mini_instruct", "itax_hand_instruct"), "instruction"),
}
"""How names begin, and what such tasks ask for."""
L2R = [name for name in NAMES if name.endswith("_l2r") and name.removesuffix("_l2r") in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_a_task_is_found_under_its_own_name(name: str) -> None:
    """The key of the table is the task's name."""
    assert name == task(name).name


@pytest.mark.parametrize("name", NAMES)
def test_a_task_keeps_its_kind_under_every_condition(name: str) -> None:
    """Only a hole that is shown without its suffix changes: that is completion."""
    (known,) = {asked for start, asked in KINDS.items() if name.startswith(start)}
    condition = TASKS[name].condition
    assert ("completion" if condition == "l2r" else known) == kind(name, condition)


@pytest.mark.parametrize(
    ("typo", "meant"),
    [("itax_hefm", "itax_hefim"), ("itax_hand_infiling", "itax_hand_infilling"), ("hefim", "itax_hefim")],
)
def test_a_mistyped_task_is_answered_with_the_nearest(typo: str, meant: str) -> None:
    """Did you mean ...?, and no list of a hundred."""
    with pytest.raises(ConfigError, match=rf"no task '{typo}'\. Did you mean [^?]*\b{meant}\b[^?]*\?$"):
        task(typo)


def test_a_name_like_no_other_gets_the_way_to_the_list() -> None:
    """No guess where nothing is near."""
    with pytest.raises(ConfigError, match=r"no task 'qqq'\. `lm_eval ls tasks` lists"):
        task("qqq")


@pytest.mark.parametrize("name", NAMES)
def test_the_headline_is_pass_at_1_and_comes_first(name: str) -> None:
    """The first metric carries the claim; every other one is named after it or after a stricter oracle."""
    first, *others = task(name).measures
    assert first == task(name).headline
    assert first in ("pass@1", "exact_match")
    assert all(metric.startswith((f"{first}_", "pass@1", "plus_pass@1", "call_match")) for metric in others)


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_exists(name: str) -> None:
    """Each metric names an extraction rule of the table."""
    assert {step for rule in task(name).rules.values() for step in rule.split("+")} <= set(RULES)


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_requires_only_metrics_of_its_task(name: str) -> None:
    """What must pass as well is measured as well."""
    spec = task(name)
    assert all(set(measure.requires) <= set(spec.measures) - {metric} for metric, measure in spec.measures.items())


@pytest.mark.parametrize("name", L2R)
def test_a_prefix_only_sibling_differs_by_its_condition_alone(name: str) -> None:
    """Same loader, judge, limits and metrics; only the model sees less."""
    raw, l2r = task(name.removesuffix("_l2r")), task(name)
    assert ("raw", "l2r") == (raw.condition, l2r.condition)
    assert isinstance(raw.load, partial)
    assert isinstance(l2r.load, partial)
    assert (raw.load.func, raw.load.args) == (l2r.load.func, l2r.load.args)
    for field in ("benchmark", "protocol", "measures", "limits", "max_gen_toks", "version"):
        assert getattr(raw, field) == getattr(l2r, field), field


@pytest.mark.parametrize("name", L2R)
def test_a_prefix_only_sibling_shares_its_items(name: str, tmp_path: Path) -> None:
    """Item by item the same benchmark."""
    folder = os.environ.get("ITAX_DATA_DIR")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ITAX_DATA_DIR does not name a folder with the official benchmark files")
    settings = Settings(data_dir=Path(folder), state_dir=tmp_path)
    assert task(name.removesuffix("_l2r")).load(settings) == task(name).load(settings)


def test_only_single_line_holes_are_judged_by_their_first_line() -> None:
    """A rule that cuts to one line has no place where holes are longer."""
    judged = [task(name) for name in NAMES if "pass@1_first_line" in task(name).rules]
    families = {spec.benchmark if spec.family != "classeval" else spec.family for spec in judged}
    assert {"hefim/single_line", "mini/infilling", "classeval"} == families


def test_the_official_limit_stands() -> None:
    """HumanEval-Infilling gives 3.0 s."""
    assert 3.0 == task("itax_hefim").limits.wall_seconds


def test_a_body_is_the_extracted_answer_in_its_place() -> None:
    """Prefix, what the rule keeps, suffix."""
    item = Item("toy/0", "a\n", "z\n")
    assert "a\n  b\nz\n" == task("itax_hefim").body(item, "pass@1_first_line", "  b\nc\n")


def test_an_instruction_is_not_part_of_the_program() -> None:
    """The request is prose; the answer is the whole program."""
    item = Item("toy/0", "Write f.")
    assert "x = 1\n" == task("itax_hand_instruct").body(item, "pass@1", "Sure:\n```python\nx = 1\n```\n")


def test_a_runnable_program_has_the_tests_and_scaled_limits() -> None:
    """The official layout: code, tests, call."""
    spec = task("itax_hefim")
    item = Item("toy/0", "", payload={"test": "def check(c): ...", "entry_point": "f"})
    program = spec.decision(item, "pass@1", "def f(): ...", 2.0)
    assert isinstance(program, Program)
    assert ("def f(): ...\ndef check(c): ...\ncheck(f)", 6.0) == (program.source, program.limits.wall_seconds)


def test_a_group_in_a_task_s_place_names_its_tasks() -> None:
    """And a mistyped name the nearest, not a hundred others."""
    with pytest.raises(ConfigError, match=r"itax_hand is a group of itax_hand_infilling, .*; name one of them"):
        task("itax_hand")
    with pytest.raises(ConfigError, match=r"There is no task 'itax_hefin'\. Did you mean itax_hefim[^.]*\?$"):
        task("itax_hefin")
