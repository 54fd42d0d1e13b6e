"""itax_hand as tasks see it: three sets of items from one embedded file."""

from __future__ import annotations

from pathlib import Path

import pytest

from itax_metrics.records import Item
from itax_tasks.benchmarks import hand
from itax_tasks.benchmarks.hand import Subset
from itax_tasks.settings import Settings

SUBSETS: tuple[Subset, ...] = ("infilling", "completion", "instruct")
NOWHERE = Settings(state_dir=Path("does not exist"))


@pytest.mark.parametrize(("subset", "rows"), [("infilling", 40), ("completion", 20), ("instruct", 20)])
def test_a_task_has_its_items(subset: Subset, rows: int) -> None:
    """Lines and blocks are one task, the other kinds one each."""
    loaded = hand.load(subset, NOWHERE)
    assert (rows, rows) == (len(loaded.items), loaded.data["rows"])


def test_no_item_belongs_to_two_tasks() -> None:
    """Eighty problems, eighty ids."""
    assert 80 == len({item.task_id for subset in SUBSETS for item in hand.load(subset, NOWHERE).items})


@pytest.mark.parametrize("subset", SUBSETS)
def test_every_item_is_its_own_cluster(subset: Subset) -> None:
    """No two problems share anything."""
    assert all(item.task_id == item.cluster for item in hand.load(subset, NOWHERE).items)


def test_the_three_tasks_record_one_file() -> None:
    """The digest is that of the embedded file, whichever part is used."""
    records = [hand.load(subset, NOWHERE).data for subset in SUBSETS]
    assert 1 == len({record["sha256"] for record in records})
    assert {"package"} == {record["source"] for record in records}


@pytest.mark.parametrize("subset", ["completion", "instruct"])
def test_only_infilling_has_a_suffix(subset: Subset) -> None:
    """Elsewhere the answer is the end of the program."""
    assert {""} == {item.suffix for item in hand.load(subset, NOWHERE).items}


def test_no_truth_runs_into_a_stop() -> None:
    """A stop string that cut a canonical body would put it out of reach."""
    truths = [item.truth for item in hand.load("completion", NOWHERE).items]
    assert [] == [truth for truth in truths if any(stop in truth for stop in hand.STOPS)]


def test_tests_follow_the_code() -> None:
    """The layout of HumanEval and its kin."""
    item = Item("toy/0", "a", "c", payload={"test": "T", "entry_point": "f"})
    assert "abc\nT\ncheck(f)" == hand.decide(item, hand.complete(item, "b"), hand.LIMITS).source
