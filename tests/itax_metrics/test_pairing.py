"""Pairing: equal terms are demanded, differences are named, missing items are counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from itax_metrics.errors import ConfigError, PairingError
from itax_metrics.pairing import pair
from itax_metrics.records import Outcome, Run, Status, TaskRun

TASK = TaskRun(
    task="itax_safim",
    version=1.0,
    condition="raw",
    protocol="official",
    headline="pass@1",
    extraction="stop",
    data={"source": "hub", "sha256": "aa", "rows": 4, "files": []},
    limits={"wall_seconds": 10.0, "memory_mb": 512},
    samples_per_item=1,
    n_items=4,
)


def _run(model: str, *tasks: TaskRun, **changes) -> Run:
    run = Run(model=model, tasks={task.task: task for task in tasks or (TASK,)}, interpreter="CPython 3.11.7")
    return replace(run, **changes)


def _rows(ids=range(4), task: str = "itax_safim", samples: int = 1, **changes) -> list[Outcome]:
    return [
        replace(Outcome(task, f"item/{i}", sample, f"c{i // 2}", Status.PASSED, True, ""), **changes)
        for i in ids
        for sample in range(samples)
    ]


def test_items_meet_by_name_whatever_their_order():
    """Rows in any order pair by task_id, with their cluster."""
    (task,) = pair((_run("b"), _rows()), (_run("i"), _rows()[::-1])).tasks
    assert [(f"item/{i}", f"c{i // 2}") for i in range(4)] == [(item.task_id, item.cluster) for item in task.items]
    assert all(item.base[0].task_id == item.instruct[0].task_id for item in task.items)


def test_no_cluster_means_the_item_itself():
    """An empty cluster name makes the item its own cluster."""
    (task,) = pair((_run("b"), _rows(cluster="")), (_run("i"), _rows(cluster=""))).tasks
    assert [item.cluster for item in task.items] == ["item/0", "item/1", "item/2", "item/3"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"version": 2.0}, ("task version", "1.0", "2.0", "one itax version")),
        ({"condition": "chat"}, ("condition", "'raw'", "'chat'", "--across condition")),
        ({"protocol": "paper"}, ("protocol", "'official'", "'paper'", "itax score")),
        ({"extraction": "fence"}, ("extraction rule", "'stop'", "'fence'", "--across extraction")),
        ({"headline": "exact_match"}, ("headline metric", "'pass@1'", "'exact_match'", "itax score")),
        ({"data": {"sha256": "bb"}}, ("data", "'aa'", "'bb'", "ITAX_DATA_DIR")),
        (
            {"data": {"sha256": "aa", "options": {"safim_mode": "fewshot"}}},
            ("options", "None", "{'safim_mode': 'fewshot'}", "--metadata"),
        ),
        (
            {"data": {"sha256": "aa", "judging": {"shortcut": "off"}}},
            ("judging", "None", "{'shortcut': 'off'}", "itax score"),
        ),
        ({"data": {"source": "file"}}, ("data", "'aa'", "file", "ITAX_DATA_DIR")),
        (
            {"limits": {"wall_seconds": 20.0, "memory_mb": 512}},
            ("limits differ: wall_seconds (base 10.0, instruct 20.0).", "same limits"),
        ),
    ],
)
def test_unequal_terms_are_refused(changes: dict[str, object], named: tuple[str, ...]):
    """Each violation names task, both values and the remedy, and nothing that is equal."""
    with pytest.raises(PairingError) as refused:
        pair((_run("b"), _rows()), (_run("i", replace(TASK, **changes)), _rows()))
    message = str(refused.value)
    assert len(message.splitlines()) == 1
    for part in ("itax_safim", *named):
        assert part in message


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"time_scale": 2.0}, ("time scale", "1.0", "2.0", "ITAX_TIME_SCALE")),
        ({"interpreter": "CPython 3.12.1"}, ("interpreter", "3.11.7", "3.12.1", "one machine")),
        ({"environments": {"ds1000": {"sha256": "ab"}}}, ("pinned environments", "None", "'ab'", "one machine")),
        ({"compilers": {"g++": "13"}}, ("compilers", "None", "'13'", "one machine")),
    ],
)
def test_unequal_machines_are_refused(changes: dict[str, object], named: tuple[str, ...]):
    """Time scale, interpreter and compilers must match; the refusal comes once, not per task."""
    with pytest.raises(PairingError) as refused:
        pair((_run("b"), _rows()), (_run("i", **changes), _rows()))
    assert len(str(refused.value).splitlines()) == 1
    assert all(part in str(refused.value) for part in named)


def test_all_violations_come_at_once():
    """Three differences are three lines, so that one rerun mends all."""
    other = replace(TASK, protocol="paper", extraction="fence")
    with pytest.raises(PairingError) as refused:
        pair((_run("b"), _rows()), (_run("i", other, time_scale=3.0), _rows()))
    assert len(str(refused.value).splitlines()) == 3


def test_samples_per_item_must_match():
    """One sample against two is refused."""
    two = replace(TASK, samples_per_item=2)
    with pytest.raises(PairingError, match="samples per item differ: base 1, instruct 2"):
        pair((_run("b"), _rows()), (_run("i", two), _rows(samples=2)))


def test_items_of_another_cluster_are_other_items():
    """The same name in another cluster means that the data differ."""
    with pytest.raises(PairingError, match=r"cluster of item/0 differs: base 'c0', instruct 'x'"):
        pair((_run("b"), _rows()), (_run("i"), _rows(cluster="x")))


def test_missing_items_are_counted_and_named():
    """The refusal tells how many are shared, how many miss on each side, and the first of them."""
    with pytest.raises(PairingError) as refused:
        pair((_run("b"), _rows(range(1, 4))), (_run("i"), _rows([0, 1])))
    message = str(refused.value)
    assert "share 1 of 4 items (1 missing in base: item/0; 2 missing in instruct: item/2, item/3)" in message
    assert "--on-missing drop" in message


def test_long_lists_are_cut():
    """Only the first three names are listed."""
    with pytest.raises(PairingError, match=r"4 missing in base: item/0, item/1, item/2, \.\.\."):
        pair((_run("b"), []), (_run("i"), _rows()))


def test_items_missing_on_both_sides_are_noticed():
    """Rows that neither file holds, though both runs announce them, count as missing."""
    with pytest.raises(PairingError, match=r"share 3 of 4 items \(1 missing in both\)"):
        pair((_run("b"), _rows(range(3))), (_run("i"), _rows(range(3))))


def test_dropping_records_what_was_left_out():
    """on_missing="drop" compares the rest and keeps the names."""
    (task,) = pair((_run("b"), _rows([0, 1, 2])), (_run("i"), _rows([1, 2])), on_missing="drop").tasks
    assert [item.task_id for item in task.items] == ["item/1", "item/2"]
    assert (task.dropped.base, task.dropped.instruct, task.dropped.neither) == ((), ("item/0",), 1)


def test_an_item_without_all_samples_is_missing():
    """An item with one of its two samples is not averaged over one."""
    two = replace(TASK, samples_per_item=2)
    rows = _rows(samples=2)
    with pytest.raises(PairingError, match=r"1 with fewer than 2 samples in instruct: item/3.*Run what is missing"):
        pair((_run("b", two), rows), (_run("i", two), rows[:-1]))


def test_a_few_duplicates_do_not_make_the_rest_missing():
    """One of four items has two samples on both sides: that item is named, and what --on-missing drop would cost."""
    two = replace(TASK, samples_per_item=2)
    rows = [*_rows(), *_rows([2], sample=1)]
    with pytest.raises(PairingError) as refused:
        pair((_run("b", two), rows), (_run("i", two), rows))
    message = str(refused.value)
    assert "missing" not in message.replace("--on-missing", "")
    assert "3 with fewer than 2 samples in base: item/0, item/1, item/3" in message
    assert "In instruct no more than 1 of 4 items have 2 samples (item/2): if these are duplicates" in message
    assert "--on-missing drop would leave out the other 3 items." in message


def test_duplicates_of_one_side_alone_are_named():
    """The other side has one sample an item, which is what was generated."""
    rows = [*_rows(), *_rows([2], sample=1)]
    with pytest.raises(PairingError, match=r"base 1, instruct 2.*the answers hold duplicates") as refused:
        pair((_run("b"), _rows()), (_run("i", replace(TASK, samples_per_item=2)), rows))
    assert "In instruct no more than 1 of 4 items have 2 samples (item/2)" in str(refused.value)


def test_dropping_everything_is_refused():
    """With no common item there is nothing to compare."""
    with pytest.raises(PairingError, match="no item has all its answers on both sides"):
        pair((_run("b"), _rows([0])), (_run("i"), _rows([1])), on_missing="drop")


def test_no_shared_task_names_both_lists():
    """Two runs without a common task are refused, naming what each has."""
    other = replace(TASK, task="itax_mbpp")
    with pytest.raises(PairingError, match=r"Base has itax_safim; instruct has itax_mbpp\..*--across condition"):
        pair((_run("b"), _rows()), (_run("i", other), _rows(task="itax_mbpp")))


def test_tasks_of_one_side_are_recorded():
    """A task that only one run has is listed, not compared."""
    other = replace(TASK, task="itax_mbpp")
    pairing = pair((_run("b", TASK, other), [*_rows(), *_rows(task="itax_mbpp")]), (_run("i"), _rows()))
    assert (pairing.only_base, pairing.only_instruct) == (("itax_mbpp",), ())


def test_across_condition_joins_relatives():
    """Raw meets chat when that axis is declared; what was asked for is no warning, nor the extraction with it."""
    chat = replace(TASK, task="itax_safim_chat", condition="chat", extraction="fence")
    pairing = pair((_run("m"), _rows()), (_run("m", chat), _rows(task="itax_safim_chat")), across="condition")
    (task,) = pairing.tasks
    assert (task.name, len(task.items)) == ("itax_safim / itax_safim_chat", 4)
    assert task.warnings == ()


def test_across_condition_still_warns_of_what_was_not_asked_for():
    """A template and FIM tokens come with a condition; other stop strings do not, nor another rule for a namesake."""
    raw = replace(TASK, fim={"id": "qwen"}, generation={"chat": None, "until": ["a", "b", "c", "d", "e"]})
    chat = replace(
        TASK, task="itax_safim_chat", condition="chat", generation={"chat": "tokenizer", "until": ["a", "f"]}
    )
    rows = _rows(task="itax_safim_chat")
    (task,) = pair((_run("m", raw), _rows()), (_run("m", chat), rows), across="condition").tasks
    assert task.warnings == (
        "generation settings differ: until (only base 'b', 'c', 'd' and 1 more; only instruct 'f')",
    )
    (same,) = pair((_run("b"), _rows()), (_run("i", replace(TASK, extraction="f")), _rows()), across="condition").tasks
    assert [warning.partition(" differs")[0] for warning in same.warnings] == ["extraction rule"]


def test_across_condition_pairs_every_wording():
    """A raw base run meets each chat wording of the other run, and its namesake."""
    tasks = [TASK, *(replace(TASK, task=f"itax_safim_{c}", condition=c) for c in ("chat", "chat_b"))]
    rows = [row for task in tasks for row in _rows(task=task.task)]
    pairing = pair((_run("b"), _rows()), (_run("i", *tasks), rows), across="condition")
    assert [task.instruct_task for task in pairing.tasks] == ["itax_safim", "itax_safim_chat", "itax_safim_chat_b"]


def test_across_extraction_still_demands_the_condition():
    """Declaring one axis does not open the other."""
    pair((_run("b"), _rows()), (_run("i", replace(TASK, extraction="fence")), _rows()), across="extraction")
    with pytest.raises(PairingError, match="condition differs"):
        pair((_run("b"), _rows()), (_run("i", replace(TASK, condition="chat")), _rows()), across="extraction")


def test_what_may_matter_is_a_warning():
    """Sandbox, FIM format, generation and versions may differ, and are recorded."""
    base = _run("b", replace(TASK, fim={"id": "qwen"}), sandbox={"layers": ["a"]}, versions={"itax": "1"})
    instruct = _run("i", replace(TASK, fim={"id": "other"}, generation={"max": 1}), sandbox={"layers": []})
    pairing = pair((base, _rows()), (instruct, _rows()))
    assert [warning.partition(" differ")[0] for warning in pairing.warnings] == ["sandbox", "versions"]
    found = [warning.partition(" differ")[0] for warning in pairing.tasks[0].warnings]
    assert found == ["FIM format", "generation settings"]


def test_a_model_against_itself_is_noticed():
    """Comparing one model with itself without an axis is probably a slip: it is said."""
    assert pair((_run("b"), _rows()), (_run("b"), _rows())).warnings == ("both runs are of the same model (b)",)


@pytest.mark.parametrize("options", [{"on_missing": "ignore"}, {"across": "model"}])
def test_unknown_choices_are_refused(options: dict[str, str]):
    """A misspelt policy is a ConfigError naming the choices."""
    with pytest.raises(ConfigError, match="choose"):
        pair((_run("b"), _rows()), (_run("i"), _rows()), **options)
