"""Siblings of a task: what they share, what they ask, and how their answers are cut."""

from __future__ import annotations

import pytest

from itax_metrics.errors import ConfigError
from itax_metrics.records import Item
from itax_tasks.conditions import conditions
from itax_tasks.extraction import lenient
from itax_tasks.extraction import rule as rule_named
from itax_tasks.settings import Settings
from itax_tasks.tasks import task

ITEM = Item(
    task_id="t",
    prefix="def area(width, height):\n    # how large\n",
    suffix="    return surface\n",
    truth="    surface = width * height\n",
)
MIDLINE = Item(task_id="m", prefix="def f(first):\n    return first.upp", suffix="() + tail\n", truth="er")


def test_an_infilling_task_has_six_conditions() -> None:
    """Named by suffix, same data, judge, limits, room for the answer and version."""
    base = task("itax_hefim")
    made = conditions(base)
    suffixes = ["", "_l2r", "_fimchat", "_chat", "_chat_b", "_prefill"]
    assert [f"itax_hefim{suffix}" for suffix in suffixes] == [spec.name for spec in made]
    assert ["raw", "l2r", "fimchat", "chat", "chat_b", "prefill"] == [spec.condition for spec in made]
    for spec in made:
        assert (base.load, base.limits, base.max_gen_toks, base.version, base.headline) == (
            spec.load,
            spec.limits,
            spec.max_gen_toks,
            spec.version,
            spec.headline,
        )


def test_a_completion_task_has_three_conditions() -> None:
    """direct, chat and prefill."""
    made = conditions(task("itax_mini_completion"))
    assert ["direct", "chat", "prefill"] == [spec.condition for spec in made]


def test_a_chat_task_has_no_siblings() -> None:
    """Only raw and direct tasks are bases."""
    with pytest.raises(ConfigError, match="has condition 'chat'"):
        conditions(task("itax_mini_instruct"))


def test_making_siblings_twice_changes_nothing() -> None:
    """The lenient twin is added once."""
    once = task("itax_hefim")
    assert once.rules == conditions(once)[0].rules


@pytest.mark.parametrize("name", ["itax_hefim", "itax_mini_completion"])
def test_strict_and_lenient_stand_side_by_side(name: str) -> None:
    """Strict is the format that was asked for; lenient goes before the benchmark's own rule."""
    rules = {spec.condition: spec.rules for spec in conditions(task(name))}
    for metrics in rules.values():
        assert "lenient" == metrics["pass@1_lenient"]
    if name == "itax_hefim":
        assert ["raw", "raw", "fenced_code"] == [rules[c]["pass@1"] for c in ("raw", "chat", "chat_b")]
        assert "fenced_code+first_line" == rules["chat_b"]["pass@1_first_line"]


def test_every_wording_shows_the_code_and_hides_the_truth() -> None:
    """Prefix and suffix stand in each request; the middle in none."""
    for name in ("itax_hefim_chat", "itax_hefim_chat_b", "itax_hefim_prefill"):
        talk = task(name).dialogue(ITEM)
        (said,) = [text for role, text in talk.turns if role == "user"]
        assert ITEM.prefix in said
        assert ITEM.suffix in said
        assert ITEM.truth.strip() not in said
    assert "```python\n" == task("itax_hefim_prefill").dialogue(ITEM).prefill


def test_prefill_of_a_completion_ends_with_the_code_itself() -> None:
    """The model goes on as it would without a chat."""
    spec = task("itax_mini_completion_prefill")
    item = spec.load(Settings()).items[0]
    assert spec.dialogue(item).prefill.endswith(spec.text(item))


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("    surface = width * height\n", ITEM.truth),
        ("    surface = width * height", ITEM.truth),
        ("Here you go:\n```python\n    surface = width * height\n```\nDone.", ITEM.truth),
        (f"```python\n{ITEM.prefix}{ITEM.truth}{ITEM.suffix}```", ITEM.truth),
        (f"    # how large\n{ITEM.truth}", ITEM.truth),
        (f"{ITEM.truth}{ITEM.suffix}", ITEM.truth),
        (
            "```python\nimport math\n\ndef area(width, height):\n    # how large\n"
            "    surface = width * height\n    return surface\n```",
            ITEM.truth,
        ),
    ],
)
def test_lenient_takes_packaging_and_echoes_off(answer: str, kept: str) -> None:
    """Fences, echoes of either side, a rewrite of the whole, a lost line break."""
    assert kept == lenient(ITEM, answer)


@pytest.mark.parametrize("answer", ["er", "```python\ner\n```", "    return first.upper", "er() + tail\n"])
def test_lenient_respects_a_hole_within_a_line(answer: str) -> None:
    """No line break is left where the line goes on."""
    assert "er" == lenient(MIDLINE, answer)


def test_rules_are_chained_in_the_order_of_their_names() -> None:
    """`a+b` applies b to what a leaves."""
    assert "x\n" == rule_named("fenced_code+first_line")(ITEM, "Sure:\n```\nx\ny\n```")
