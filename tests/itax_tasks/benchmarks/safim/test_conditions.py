"""SAFIM asked in every other way: the same holes, answered in the form each condition asks for."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("tree_sitter", reason="the extra `safim` is not installed")

from itax_metrics.records import Item
from itax_tasks.settings import Settings
from itax_tasks.tasks import task

NAMES = ("itax_safim", "itax_safim_api", "itax_safim_block", "itax_safim_control")


def bare(item: Item) -> str:
    """The published answer alone."""
    return item.truth


def fenced(item: Item) -> str:
    """The published answer in a block, with a sentence before it."""
    return f"Here is the missing code:\n\n```{item.language}\n{item.truth}\n```\n"


FORMS: dict[str, Callable[[Item], str]] = {"": bare, "_l2r": bare, "_fimchat": bare, "_chat": bare, "_chat_b": fenced}


@pytest.fixture(scope="module")
def items(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    """Twenty seeded items of each language."""
    loaded = task("itax_safim").load(Settings(data_dir=data_dir, state_dir=tmp_path_factory.mktemp("state"))).items
    source = random.Random(0)
    return [
        item
        for language in ("python", "cpp", "java", "csharp")
        for item in source.sample([item for item in loaded if item.language == language], 20)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_task_has_all_six_conditions(name: str) -> None:
    """Data, judges, limits and languages are the same; the headline keeps its name."""
    for suffix in ("_l2r", "_fimchat", "_chat", "_chat_b", "_prefill"):
        base, sibling = task(name), task(f"{name}{suffix}")
        assert (base.load, base.limits, base.own_id, base.groups, base.runs_in, base.headline) == (
            sibling.load,
            sibling.limits,
            sibling.own_id,
            sibling.groups,
            sibling.runs_in,
            sibling.headline,
        )


def test_safim_s_own_rule_follows_the_form_that_was_asked_for() -> None:
    """A fence is taken off first, then the documented rule of the subset applies."""
    rules = {suffix: task(f"itax_safim{suffix}").rules for suffix in ("", "_chat", "_chat_b", "_prefill")}
    assert ["safim", "safim", "fenced_code+safim", "safim"] == [found["pass@1"] for found in rules.values()]
    assert {"lenient+safim"} == {found["pass@1_lenient"] for found in rules.values()}


@pytest.mark.parametrize("suffix", FORMS)
def test_a_published_answer_in_the_form_asked_for_is_the_published_program(suffix: str, items: list[Item]) -> None:
    """Strictly and leniently, up to the fence's own line break."""
    spec, base = task(f"itax_safim{suffix}"), task("itax_safim")
    for item in items:
        expected = base.body(item, "pass@1", item.truth)
        answer = FORMS[suffix](item)
        for metric in ("pass@1", "pass@1_lenient"):
            found = spec.body(item, metric, answer)
            assert "".join(expected.split()) == "".join(found.split()), (item.task_id, metric)


def test_the_request_shows_the_code_in_its_language_and_hides_the_answer(items: list[Item]) -> None:
    """Both sides of the hole stand in the turn, under the language's name."""
    shown = {"python": "Python", "cpp": "C++", "java": "Java", "csharp": "C#"}
    for item in items:
        for suffix in ("_chat", "_chat_b"):
            ((_, said),) = task(f"itax_safim{suffix}").dialogue(item).turns
            assert f"{shown[item.language]} file" in said
            assert item.prefix in said
            assert item.suffix in said
            assert item.prefix + item.truth + item.suffix not in said


def test_prefill_opens_the_fence_of_the_language(items: list[Item]) -> None:
    """The answer ends before the closing one."""
    spec = task("itax_safim_prefill")
    assert {f"```{item.language}\n" for item in items} == {spec.dialogue(item).prefill for item in items}
    assert ("```",) == spec.stops
