"""`itax score` from files on disk to score directory and printed rates."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from itax_metrics.errors import ConfigError, DataError, ExecutionError
from itax_metrics.execution.pool import Pool
from itax_metrics.store import read_score_dir
from itax_tasks.benchmarks import hand
from itax_tasks.cli import cli
from itax_tasks.settings import Settings
from itax_tasks.tasks import TASKS, task

TASK = "itax_hand_completion"
TRUTHS = [(item.task_id, item.truth) for item in hand.load("completion", Settings()).items]
STAMP = "2026-01-02T03-04-05.678901"


@pytest.fixture(autouse=True)
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private state folder, two workers, and time enough on a slow machine."""
    for name, value in (("STATE_DIR", tmp_path / "state"), ("SANDBOX", "prefer"), ("WORKERS", 2), ("TIME_SCALE", 4)):
        monkeypatch.setenv(f"ITAX_{name}", str(value))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """One right answer to every item."""
    return _write(tmp_path / "my-model.jsonl", [{"task_id": i, "completion": text} for i, text in TRUTHS])


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """What lm_eval leaves with --log_samples: a folder per model."""
    folder = tmp_path / "outputs" / "org__m"
    folder.mkdir(parents=True)
    rows = [{"doc": {"task_id": i}, "resps": [[text]], "filter": "none"} for i, text in TRUTHS]
    _write(folder / f"samples_{TASK}_{STAMP}.jsonl", rows)
    results = {"config": {"model": "vllm", "model_args": {"pretrained": "org/m"}}, "configs": {}}
    (folder / f"results_{STAMP}.json").write_text(json.dumps(results))
    return folder


def _write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def _score(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["score", *map(str, arguments)], catch_exceptions=False)


def _nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pool, "run", lambda *_, **__: pytest.fail("a program was executed"))


def test_plain_answers_are_scored_and_printed(answers: Path) -> None:
    """Rate, number of items and verdicts on standard output, the files in --out."""
    result = _score("--task", TASK, "--completions", answers, "--out", "mine")
    assert 0 == result.exit_code
    assert f"{TASK}: pass@1 100.00 %  (n = 20)" in result.stdout
    assert "passed 20" in result.stdout
    assert 20 == len(read_score_dir("mine")[1])


@pytest.mark.parametrize(("option", "expected"), [((), "my-model"), (("--model", "org/other"), "org/other")])
def test_the_model_is_named_by_option_or_file(answers: Path, option: tuple[str, ...], expected: str) -> None:
    """run.json always has a name for what was scored."""
    _score("--task", TASK, "--completions", answers, "--out", "mine", *option)
    assert expected == read_score_dir("mine")[0].model


def test_an_lm_eval_folder_is_scored_beside_its_files(outputs: Path) -> None:
    """Without --out the score directory lies in the folder that was named; lm-eval's files stay as they were."""
    before = {path.name: path.read_bytes() for path in outputs.iterdir()}
    _score(outputs)
    run, rows = read_score_dir(outputs / "itax-score")
    assert ("org/m", 20) == (run.model, len(rows))
    assert before == {path.name: path.read_bytes() for path in outputs.iterdir() if path.is_file()}


def test_a_folder_that_was_scored_can_be_scored_again(outputs: Path) -> None:
    """The score inside it is no samples file."""
    _score(outputs)
    assert 0 == _score(outputs).exit_code


def test_one_samples_file_is_scored(outputs: Path) -> None:
    """A file is as good as its folder."""
    assert 0 == _score(next(outputs.glob("samples_*")), "--out", "mine").exit_code
    assert "org/m" == read_score_dir("mine")[0].model


def test_a_task_that_is_not_there_is_said_so(outputs: Path) -> None:
    """--task picks from a run; it cannot add to it."""
    with pytest.raises(ConfigError, match="holds no samples of itax_hefim"):
        _score(outputs, "--task", "itax_hefim")


def test_json_holds_rates_and_verdicts(answers: Path) -> None:
    """--json prints one object and nothing else."""
    result = _score("--task", TASK, "--completions", answers, "--out", "mine", "--json")
    expected = {"items": 20, "rates": {"pass@1": 1.0}, "verdicts": {"passed": 20}, "categories": {}}
    found = json.loads(result.stdout)
    assert 1.0 == found["tasks"][TASK].pop("behaviors")["ctr"]
    assert {"model": "my-model", "notes": [], "tasks": {TASK: expected}} == found


def test_items_that_cannot_pass_here_are_listed(answers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the printed notes and in --json, with their ids."""
    monkeypatch.setitem(TASKS, TASK, replace(task(TASK), flags=lambda item: ("env_unavailable",)))
    asked = ["--task", TASK, "--completions", answers, "--out", tmp_path / "out"]
    expected = f"{TASK}: 20 items cannot pass in this environment"
    (note,) = [line for line in _score(*asked).stdout.splitlines() if "note:" in line]
    assert f"note: {expected}" in note
    assert TRUTHS[9][0] in note
    assert "and 10 more" in note
    assert expected in json.loads(_score(*asked, "--json").stdout)["notes"][0]


def test_a_headline_that_compares_texts_is_not_said_to_fail(
    answers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Items whose tests cannot pass are named, but not as items that count as failed."""
    (measure,) = task(TASK).measures.values()
    changed = replace(task(TASK), measures={"exact_match": measure}, flags=lambda item: ("env_unavailable",))
    monkeypatch.setitem(TASKS, TASK, changed)
    result = _score("--task", TASK, "--completions", answers, "--out", tmp_path / "out")
    assert "exact_match 100.00 %" in result.stdout
    assert f"note: {TASK}: the tests of 20 items cannot pass in this environment (env_unavailable)" in result.stdout
    assert "count as failed" not in result.stdout


def test_notes_are_printed(tmp_path: Path) -> None:
    """What belongs to the number stands below it."""
    path = _write(tmp_path / "part.jsonl", [{"task_id": TRUTHS[0][0], "completion": TRUTHS[0][1]}])
    result = _score("--task", TASK, "--completions", path, "--out", "mine", "--partial")
    assert f"note: {TASK}: 1 of 20 items were answered; the rate is over these." in result.stdout


def test_unknown_answers_are_dropped_only_when_asked(answers: Path) -> None:
    """The default refuses; the option drops and notes."""
    with answers.open("a") as out:
        out.write('{"task_id": "HumanEval/0", "completion": ""}\n')
    arguments = ("--task", TASK, "--completions", answers, "--out", "mine")
    with pytest.raises(DataError, match="--on-unknown drop"):
        _score(*arguments)
    assert "1 answers to unknown items were dropped" in _score(*arguments, "--on-unknown", "drop").stdout


def test_a_second_run_goes_on_where_the_first_stopped(answers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known programs are not executed again."""
    _score("--task", TASK, "--completions", answers, "--out", "one")
    _nothing_runs(monkeypatch)
    assert 0 == _score("--task", TASK, "--completions", answers, "--out", "two").exit_code


def test_withheld_rates_are_written_and_then_refused(answers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing may be executed, the directory is there, the rate is withheld, and the error says why."""
    from itax_metrics.execution import LocalExecutor

    monkeypatch.setattr(LocalExecutor, "obstacle", lambda self: "Not executed: no sandbox here.")
    result = CliRunner().invoke(cli, ["score", "--task", TASK, "--completions", str(answers), "--out", "mine"])
    assert isinstance(result.exception, ExecutionError)
    assert "20 answers have no verdict" in str(result.exception)
    assert "no sandbox here" in str(result.exception)
    assert "pass@1 withheld" in result.stdout
    assert 20 == len(read_score_dir("mine")[1])


# Refused at the door


@pytest.mark.parametrize("asked", ["v9", "humaneval=v0.1.9"])
def test_a_version_of_data_that_have_one_is_refused(answers: Path, asked: str) -> None:
    """It would be ignored; the benchmarks that have several are named."""
    with pytest.raises(ConfigError, match=r"the data of hand have one version. Leave it out; bigcodebench, humaneval"):
        _score("--task", TASK, "--completions", answers, "--out", "mine", "--data-version", asked)
    assert not Path("mine").exists()


def test_a_version_in_the_environment_is_for_the_tasks_that_have_several(
    answers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One shell scores many tasks."""
    monkeypatch.setenv("ITAX_DATA_VERSION", "v0.1.9")
    assert 0 == _score("--task", TASK, "--completions", answers, "--out", "mine").exit_code


def test_neither_or_both_sources_are_refused(answers: Path, outputs: Path) -> None:
    """Exactly one of SOURCE and --completions."""
    for arguments in ((), (outputs, "--completions", answers)):
        with pytest.raises(ConfigError, match="Give either an lm-eval output folder, or --completions"):
            _score(*arguments)


def test_plain_answers_need_a_place_for_the_score(answers: Path) -> None:
    """--out has no sensible default there."""
    with pytest.raises(ConfigError, match="--out DIR"):
        _score("--task", TASK, "--completions", answers)


def test_a_mistyped_task_is_answered_with_the_nearest(answers: Path) -> None:
    """Did you mean ...?"""
    with pytest.raises(ConfigError, match=f"Did you mean .*{TASK}"):
        _score("--task", "itax_hand_complet", "--completions", answers, "--out", "mine")


def test_a_few_duplicates_are_refused(answers: Path, tmp_path: Path) -> None:
    """Rows that a resumed generation wrote again would become second samples; --partial takes them as such."""
    rows = [{"task_id": i, "completion": text} for i, text in (*TRUTHS, TRUTHS[4], (TRUTHS[7][0], "pass"))]
    _write(answers, rows)
    asked = ("--task", TASK, "--completions", answers, "--out", "mine")
    with pytest.raises(DataError) as refused:
        _score(*asked)
    ids = f"{TRUTHS[4][0]}, {TRUTHS[7][0]}"
    assert f"my-model.jsonl: 2 of 20 items have more than 1 answer ({ids}); 1 of the answers too many" in str(
        refused.value
    )
    assert not (tmp_path / "mine").exists()
    assert f"note: {TASK}: items have 1 to 2 samples each." in _score(*asked, "--partial").stdout


def test_a_cut_file_is_refused_and_nothing_is_written(answers: Path, tmp_path: Path) -> None:
    """A truncated samples file makes no score directory."""
    answers.write_bytes(answers.read_bytes()[:-30])
    with pytest.raises(DataError, match="cut off"):
        _score("--task", TASK, "--completions", answers, "--out", "mine")
    assert not (tmp_path / "mine").exists()


def test_an_out_that_is_a_file_is_refused_before_anything_runs(
    answers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A score directory cannot replace a file, which is known before hours of execution."""
    _nothing_runs(monkeypatch)
    (tmp_path / "mine").write_text("precious")
    result = CliRunner().invoke(cli, ["score", "--task", TASK, "--completions", str(answers), "--out", "mine"])
    assert 0 != result.exit_code
    assert isinstance(result.exception, (SystemExit, ConfigError, DataError))
    assert "precious" == (tmp_path / "mine").read_text()


@pytest.mark.parametrize("option", [("--format", "csv"), ("--stage", "raw"), ("--on-unknown", "keep"), ("--nonsense",)])
def test_a_wrong_command_line_is_status_2(answers: Path, option: tuple[str, ...]) -> None:
    """Unknown options and choices are click's to refuse."""
    assert 2 == _score("--task", TASK, "--completions", answers, "--out", "mine", *option).exit_code


def test_a_file_that_is_not_there_is_status_2() -> None:
    """A mistyped path is a mistyped command line."""
    assert 2 == _score("--task", TASK, "--completions", "nowhere.jsonl", "--out", "mine").exit_code


def test_scores_of_another_model_or_task_are_not_replaced(answers: Path) -> None:
    """The message says whose they are; the same model on the same task is scored again."""
    _score("--task", TASK, "--completions", answers, "--out", "mine")
    held = Path("mine/run.json").read_bytes()
    with pytest.raises(ConfigError, match=f"mine holds the scores of my-model on {TASK}; name another --out"):
        _score("--task", TASK, "--completions", answers, "--out", "mine", "--model", "other")
    rows = [{"task_id": i.task_id, "completion": "x"} for i in hand.load("infilling", Settings()).items]
    infilled = _write(answers.with_name("infilled.jsonl"), rows)
    with pytest.raises(ConfigError, match="mine holds the scores"):
        _score("--task", "itax_hand_infilling", "--completions", infilled, "--out", "mine", "--model", "my-model")
    assert held == Path("mine/run.json").read_bytes()
    assert 0 == _score("--task", TASK, "--completions", answers, "--out", "mine").exit_code


def test_a_part_does_not_replace_the_whole(answers: Path) -> None:
    """Nor another part, nor one sample several; the whole replaces a part."""
    part = _write(answers.with_name("part.jsonl"), [{"task_id": i, "completion": text} for i, text in TRUTHS[:3]])
    other = _write(answers.with_name("other.jsonl"), [{"task_id": i, "completion": text} for i, text in TRUTHS[2:5]])
    asked = ("--task", TASK, "--model", "m", "--out", "mine", "--completions")
    assert 0 == _score(*asked, part, "--partial").exit_code
    with pytest.raises(ConfigError, match=f"mine holds 3 scored answers of m, and 2 of them would be lost .*{TASK}"):
        _score(*asked, other, "--partial")
    assert 0 == _score(*asked, answers).exit_code
    held = Path("mine/run.json").read_bytes(), Path("mine/outcomes.jsonl").read_bytes()
    with pytest.raises(ConfigError, match=r"20 scored answers of m, and 17 of them would be lost.*name another --out"):
        _score(*asked, part, "--partial")
    assert held == (Path("mine/run.json").read_bytes(), Path("mine/outcomes.jsonl").read_bytes())
    twice = [{"task_id": i, "completion": text} for i, text in (*TRUTHS, *TRUTHS)]
    assert 0 == _score(*asked, _write(answers.with_name("twice.jsonl"), twice)).exit_code
    with pytest.raises(ConfigError, match="40 scored answers of m, and 20 of them would be lost"):
        _score(*asked, answers)


def test_a_run_file_of_another_tool_is_not_replaced_and_a_damaged_one_is(answers: Path) -> None:
    """Scoring again is the remedy for a score directory that was cut off."""
    Path("mine").mkdir()
    Path("mine/run.json").write_text('{"name": "a run of something else"}')
    with pytest.raises(ConfigError, match="was not written by `itax score`"):
        _score("--task", TASK, "--completions", answers, "--out", "mine")
    Path("mine/run.json").write_text('{"model": "my-mo')
    Path("mine/outcomes.jsonl").touch()
    assert 0 == _score("--task", TASK, "--completions", answers, "--out", "mine").exit_code
