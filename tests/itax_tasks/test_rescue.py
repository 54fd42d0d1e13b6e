"""Safeguards: what each takes off an answer, and what running it again shows."""

from __future__ import annotations

import pytest

from itax_metrics.errors import ConfigError
from itax_metrics.execution import LocalExecutor
from itax_metrics.records import Item
from itax_tasks import rescue as module
from itax_tasks.benchmarks import hand
from itax_tasks.rescue import SAFEGUARDS, rescue
from itax_tasks.scoring import Answer, score
from itax_tasks.settings import Settings
from itax_tasks.tasks import TASKS

HOLE = Item("t", "def double(x):\n    # twice it\n", "    return y_total\n", "    y_total = 2 * x\n", "c")
SPEC = TASKS["itax_hand_infilling"]
ITEMS = hand.load("infilling", Settings()).items[:6]


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("first_line", "\n  \n    a = 1\n    b = 2\n", "    a = 1\n"),
        ("first_line", "", ""),
        ("fence_removal", "Here:\n```python\na = 1\n```\nDone.", "a = 1\n"),
        ("fence_removal", "a = 1", "a = 1"),
        ("echo_removal", "    # twice it\n    a = 1\n", "    a = 1\n"),
        ("echo_removal", "def double(x):\n    # twice it\n    a = 1\n    return y_total\nmore", "    a = 1\n"),
        ("echo_removal", "    # another remark\n", "    # another remark\n"),
        ("declaration_cut", "a = 1\n\ndef f():\n    pass\n", "a = 1\n\n"),
        ("declaration_cut", "a = 1\n@wraps\nclass A: pass", "a = 1\n"),
        ("declaration_cut", "def f(): pass", "def f(): pass"),
        ("sentinel_cut", "a = 1<|fim_pad|>b", "a = 1"),
        ("combined", "```\n    # twice it\n    a = 1<|im_end|>", "    a = 1"),
    ],
)
def test_what_a_safeguard_leaves(name: str, text: str, kept: str) -> None:
    """Only the answer and the text around it are known to it."""
    assert kept == SAFEGUARDS[name](HOLE, text)


@pytest.mark.parametrize("name", SAFEGUARDS)
def test_no_safeguard_fails_on_odd_text(name: str) -> None:
    """Empty, blank, binary, lone surrogates and a million characters."""
    for text in ("", " \n", "\x00\ud800", "(" * 1_000_000, "    # twice it" * 20_000):
        assert isinstance(SAFEGUARDS[name](HOLE, text), str)


@pytest.mark.parametrize("name", SAFEGUARDS)
def test_canonical_answers_of_one_line_survive(name: str) -> None:
    """No safeguard harms them."""
    kept = [SAFEGUARDS[name](item, item.truth) for item in ITEMS if item.truth.count("\n") <= 1]
    assert [item.truth for item in ITEMS if item.truth.count("\n") <= 1] == kept


def test_rescues_and_breakages_are_counted_by_running(executor: LocalExecutor) -> None:
    """Fenced, leaking and right answers; a right one of two lines is what the first line breaks."""
    items = {item.task_id: item for item in ITEMS}
    texts = [item.truth for item in ITEMS]
    texts[0] = f"```python\n{texts[0]}```"
    texts[1] += "<|fim_pad|>"
    texts[2] = f"\n# a remark first\n{texts[2]}"
    answers = [Answer(item.task_id, 0, text) for item, text in zip(ITEMS, texts, strict=True)]
    outcomes = score(SPEC, items, answers, executor)
    assert [False, False, True] == [outcome.passed for outcome in outcomes[:3]]
    found = {row.safeguard: row for row in rescue(SPEC, items, outcomes, executor)}
    assert (1, 1, 0) == (found["fence_removal"].changed, found["fence_removal"].rescued, found["fence_removal"].broken)
    assert (1, 0) == (found["sentinel_cut"].rescued, found["sentinel_cut"].broken)
    assert found["first_line"].broken >= 1
    assert (2, 1.0) == (found["combined"].rescued, found["combined"].rate)


def test_what_is_made_for_holes_leaves_instructions_alone(executor: LocalExecutor) -> None:
    """A fenced function behind a remark passes; neither its first line nor a cut at its own `def` is an answer."""
    spec = TASKS["itax_hand_instruct"]
    items = {item.task_id: item for item in hand.load("instruct", Settings()).items[:3]}
    answers = [
        Answer(item.task_id, 0, f"Here it is.\n\n```python\nimport math\n\n{item.truth.lstrip()}\n```\nDone.<|im_end|>")
        for item in items.values()
    ]
    outcomes = score(spec, items, answers, executor)
    assert all(outcome.passed for outcome in outcomes)
    found = {row.safeguard: row for row in rescue(spec, items, outcomes, executor)}
    assert ["first_line", "declaration_cut"] == [name for name, row in found.items() if not row.applicable]
    assert {0} == {row.broken for row in found.values()}
    assert (0, 3) == (found["declaration_cut"].changed, found["combined"].changed)
    assert list(module.FOR_INSTRUCTIONS) == [name for name, row in found.items() if row.applicable]


def test_the_bound_tries_every_line(executor: LocalExecutor) -> None:
    """An answer whose beginning is right and whose end is not."""
    item = next(item for item in ITEMS if item.truth.endswith("\n"))
    wrong = [Answer(item.task_id, 0, f"{item.truth}    )\n    more(\n")]
    outcomes = score(SPEC, {item.task_id: item}, wrong, executor)
    (row,) = rescue(SPEC, {item.task_id: item}, outcomes, executor, names=[module.ORACLE])
    assert (1, 0, 1) == (row.n, row.passed, row.rescued)


def test_an_unknown_safeguard_is_refused(executor: LocalExecutor) -> None:
    """With those there are."""
    with pytest.raises(ConfigError, match="no safeguard 'prayer'"):
        rescue(SPEC, {}, [], executor, names=["prayer"])
