"""`itax behave`, `itax rescue` and `itax route` on score directories made here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from itax_metrics.errors import ConfigError, DataError
from itax_metrics.records import Outcome, Run, Status, TaskRun
from itax_metrics.store import read_score_dir, write_score_dir
from itax_tasks.benchmarks import hand
from itax_tasks.cli import cli
from itax_tasks.settings import Settings
from itax_tasks.tasks import TASKS

LOADED = hand.load("infilling", Settings())
TASK = "itax_hand_infilling"


def itax(*words: Any) -> Result:
    """One command; a refusal is raised."""
    result = CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=True)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    """Six answers: two right, two fenced, two empty."""
    run = TaskRun(TASK, 1.0, "raw", "itax", "pass@1", "raw", LOADED.data, {}, 1, 6, metrics=("pass@1",))
    rows = []
    for number, item in enumerate(LOADED.items[:6]):
        text = (item.truth, f"```\n{item.truth}\n```", "")[number % 3]
        status = (Status.PASSED, Status.COMPILE_ERROR, Status.EMPTY)[number % 3]
        passed = number % 3 == 0
        rows.append(
            Outcome(TASK, item.task_id, 0, item.cluster, status, passed, text, metrics={"pass@1": float(passed)})
        )
    return write_score_dir(tmp_path / "scores", Run("m", {TASK: run}), rows)


def test_an_old_run_gets_new_measures(scores: Path, tmp_path: Path) -> None:
    """Computed from the stored answers, printed, and written beside; the source stays as it was."""
    before = (scores / "outcomes.jsonl").read_bytes()
    result = itax("behave", scores, "--behaviors", "fence,ctr_strict", "--out", tmp_path / "new", "--json")
    found = json.loads(result.stdout)
    assert {"mean": 2 / 6, "n_items": 6} == found["tasks"][TASK]["fence"]
    assert {"fence", "ctr_strict"} == set(found["tasks"][TASK])
    assert {"irrelevant_context": 2, "functional_mismatch": 2} == found["categories"][TASK]
    _, rows = read_score_dir(tmp_path / "new")
    assert [None, "irrelevant_context", "functional_mismatch"] * 2 == [row.category for row in rows]
    assert before == (scores / "outcomes.jsonl").read_bytes()


def test_the_table_names_measures_and_categories(scores: Path) -> None:
    """For people."""
    shown = itax("behave", scores).stdout
    assert "fence" in shown
    assert "33.33 %" in shown
    assert "failures: irrelevant_context" in shown


def test_without_the_items_measures_of_the_text_remain(scores: Path, tmp_path: Path) -> None:
    """Other data give no echo and no acceptance, and a note says why."""
    run, rows = read_score_dir(scores)
    other = {TASK: replace(run.tasks[TASK], data={**LOADED.data, "sha256": "0" * 64})}
    write_score_dir(tmp_path / "other", replace(run, tasks=other), rows)
    found = json.loads(itax("behave", tmp_path / "other", "--json").stdout)
    assert "ctr" in found["tasks"][TASK]
    assert "accepted_prefix" not in found["tasks"][TASK]
    assert "generated from data with sha256 000000000000" in found["notes"][0]


def test_the_paper_s_figure_comes_from_its_own_group(tmp_path: Path) -> None:
    """`itax_fim` holds SAFIM as one task, and its three data files weigh as the paper's artifact has it."""
    names = ("itax_hefim", "itax_safim", "itax_classeval_infilling")
    run = TaskRun("", 1.0, "raw", "o", "pass@1", "raw", {"sha256": "0" * 64}, {}, 1, 1, metrics=("pass@1",))
    rows = [
        Outcome(name, f"{name}{i}", 0, "c", Status.FAILED, False, text, {"pass@1": 0.0}, groups=groups)
        for name, groups, texts in (
            ("itax_hefim", (), ["x = 1"]),
            ("itax_safim", ("api", "python"), ["Here is the code"]),
            ("itax_safim", ("block", "java"), ["x = 1", "Here is the code"]),
            ("itax_safim", ("control", "cpp"), ["x = 1"]),
            ("itax_classeval_infilling", (), ["x = 1"]),
        )
        for i, text in enumerate(texts)
    ]
    rows = [replace(row, task_id=f"{number}") for number, row in enumerate(rows)]
    tasks = {name: replace(run, task=name, n_items=sum(row.task == name for row in rows)) for name in names}
    scores = write_score_dir(tmp_path / "scores", Run("m", tasks), rows)
    found = json.loads(itax("behave", scores, "--behaviors", "nl", "--json").stdout)["over_tasks"]["nl"]
    assert (310 + 8780 / 2) / 21310 == pytest.approx(found["paper_infilling"])
    assert found["paper_completion"] is None
    assert "paper_infilling" in itax("behave", scores, "--behaviors", "nl").stdout


def test_every_measure_is_listed() -> None:
    """With what it means."""
    names = [row["name"] for row in json.loads(itax("behave", "--list", "--json").stdout)]
    assert {"ctr", "edit_similarity"} <= set(names)
    assert "code tokens over tokens" in itax("behave", "--list").stdout


def test_a_measure_that_does_not_exist_is_refused(scores: Path) -> None:
    """One clear error."""
    with pytest.raises(ConfigError, match="no behaviour 'charm'"):
        itax("behave", scores, "--behaviors", "charm")


def test_safeguards_run_on_a_score_directory(scores: Path, executor: Any) -> None:
    """The two fenced answers are rescued."""
    del executor
    found = json.loads(itax("rescue", scores, "--safeguards", "fence_removal", "--json").stdout)
    (row,) = found["safeguards"]
    assert (6, 2, 2, 2, 0) == tuple(row[name] for name in ("n", "passed", "changed", "rescued", "broken"))


def test_safeguards_that_do_not_apply_say_so(tmp_path: Path, executor: Any) -> None:
    """An instruction's answer has no hole: dashes in the table, null in JSON."""
    del executor
    name = "itax_hand_instruct"
    loaded = hand.load("instruct", Settings())
    run = TaskRun(name, 1.0, "chat", "official", "pass@1", "stop", loaded.data, {}, 1, 1)
    task_id = next(iter(loaded.by_id()))
    row = Outcome(name, task_id, 0, "", Status.FAILED, False, "It is:\n\ndef f():\n    pass\n")
    scores = write_score_dir(tmp_path / "scores", Run("m", {name: run}), [row])
    last = itax("rescue", scores, "--safeguards", "declaration_cut").stdout.splitlines()[-1]
    assert last.split()[-6:] == ["not", "applicable", "-", "-", "-", "-"]
    (found,) = json.loads(itax("rescue", scores, "--safeguards", "declaration_cut", "--json").stdout)["safeguards"]
    assert (False, 0, None) == (found["applicable"], found["changed"], found["rate"])


def test_programs_have_no_safeguards(scores: Path, tmp_path: Path) -> None:
    """A whole program stands in no hole."""
    run, rows = read_score_dir(scores)
    write_score_dir(
        tmp_path / "p", replace(run, tasks={TASK: replace(run.tasks[TASK], generation={"stage": "program"})}), rows
    )
    assert "safeguards need completions" in itax("rescue", tmp_path / "p").stdout


def test_answers_to_other_data_are_refused(scores: Path, tmp_path: Path) -> None:
    """Named, before anything runs."""
    run, rows = read_score_dir(scores)
    write_score_dir(tmp_path / "x", run, [replace(rows[0], task_id="gone")])
    with pytest.raises(DataError, match="no item 'gone'"):
        itax("rescue", tmp_path / "x")


def test_other_data_with_the_same_ids_are_refused(
    scores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests of another version would judge the answers; nothing would tell by the ids."""
    monkeypatch.setattr("itax_tasks.cli.rescue.run_again", lambda *_, **__: pytest.fail("a program was judged"))
    run, rows = read_score_dir(scores)
    other = {TASK: replace(run.tasks[TASK], data={**LOADED.data, "sha256": "0" * 64})}
    write_score_dir(tmp_path / "other", replace(run, tasks=other), rows)
    with pytest.raises(DataError, match=f"{TASK}: the answers were generated from data with sha256 000000000000"):
        itax("rescue", tmp_path / "other")


def test_safeguards_are_judged_by_the_data_of_the_run(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version than the task's own, without a word from the user."""
    name, task_id = "itax_humaneval", "HumanEval/0"
    settings = Settings(data_dir=data_dir, state_dir=tmp_path, data_version="v0.1.10")
    loaded = TASKS[name].load(settings)
    run = TaskRun(name, 1.0, "prefill", "paper", "pass@1", "magicoder_fence", loaded.data, {}, 1, 1)
    row = Outcome(name, task_id, 0, task_id, Status.FAILED, False, "x", metrics={"pass@1": 0.0})
    scores = write_score_dir(tmp_path / "scores", Run("m", {name: run}), [row])
    judged: list[Any] = []
    monkeypatch.setattr("itax_tasks.cli.rescue.run_again", lambda spec, items, *_, **__: judged.append(items) or [])
    itax("rescue", scores)
    shown = [{name: item.payload["plus_input"] for name, item in items.items()} for items in (*judged, loaded.by_id())]
    assert shown[0] == shown[1]


def test_a_model_that_solves_nothing_leaves_the_other_its_cost(scores: Path, tmp_path: Path) -> None:
    """Known figures are shown beside "solves none"; what nobody counted is not known."""
    run, rows = read_score_dir(scores)
    none = [replace(row, passed=False, verdict=Status.FAILED, metrics={"pass@1": 0.0}) for row in rows]
    write_score_dir(tmp_path / "none", replace(run, model="n"), none)
    spent = sum(len(row.completion) for row in rows) / 2
    lines = itax("route", scores, tmp_path / "none").stdout.splitlines()
    assert f"  {TASK}, characters: base {spent:.4g}, instruct solves none" in lines
    assert f"  {TASK}, tokens: not known for both models" in lines
    both = itax("route", tmp_path / "none", tmp_path / "none").stdout
    assert f"  {TASK}, characters: base solves none, instruct solves none" in both


def test_routers_compare_two_runs(scores: Path, tmp_path: Path) -> None:
    """The instruct side solves nothing."""
    run, rows = read_score_dir(scores)
    none = [replace(row, verdict=Status.FAILED, passed=False, metrics={"pass@1": 0.0}) for row in rows]
    write_score_dir(tmp_path / "none", run, none)
    shown = json.loads(itax("route", scores, tmp_path / "none", "--json").stdout)
    found = {row["router"]: row["rate"] for row in shown["routers"]}
    assert [None] * 3 == [cost["instruct"] for cost in shown["costs"]]
    assert (2 / 6, 0.0, 2 / 6) == tuple(found[name] for name in ("base", "instruct", "by_kind"))
    assert "cross_validated" in itax("route", scores, tmp_path / "none").stdout


def test_scores_of_another_model_are_not_replaced(scores: Path, tmp_path: Path) -> None:
    """The same model's may be, also in place."""
    assert 0 == itax("behave", scores, "--out", scores).exit_code
    run, outcomes = read_score_dir(scores)
    other = write_score_dir(tmp_path / "other", replace(run, model="org/other"), outcomes)
    with pytest.raises(ConfigError, match="holds the scores of org/other on"):
        itax("behave", scores, "--out", other)
