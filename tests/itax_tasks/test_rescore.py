"""Stored answers to a score directory: checked before anything runs, judged, recorded with their notes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from itax_metrics.errors import ConfigError, DataError
from itax_metrics.execution import LocalExecutor, Program
from itax_metrics.execution.executor import OnVerdict
from itax_metrics.execution.pool import Pool
from itax_metrics.records import Item, Status, Verdict
from itax_metrics.store import read_score_dir
from itax_tasks import rescore
from itax_tasks.rescore import Submission, from_completions, from_lm_eval, score_to_directory
from itax_tasks.scoring import Answer
from itax_tasks.settings import Settings
from itax_tasks.tasks import task

TASK = "itax_hand_completion"
STAMP = "2026-01-02T03-04-05.678901"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A private state folder and two workers."""
    return Settings(state_dir=tmp_path / "state", sandbox="prefer", workers=2, time_scale=4.0)


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Executing anything fails the test."""

    def refuse(*arguments: object, **named: object) -> None:
        raise AssertionError("a program was executed")

    monkeypatch.setattr(Pool, "run", refuse)


def _items(name: str = TASK) -> tuple[Item, ...]:
    return task(name).load(Settings()).items


def _truths(name: str = TASK, count: int | None = None) -> list[Answer]:
    return [Answer(item.task_id, 0, item.truth) for item in _items(name)[:count]]


def _submission(name: str = TASK, answers: Sequence[Answer] | None = None, **fields: Any) -> Submission:
    return Submission(name, tuple(_truths(name) if answers is None else answers), Path("answers.jsonl"), **fields)


def _record(sha256: str | None = None, name: str = TASK) -> dict[str, Any]:
    digest = sha256 or task(name).load(Settings()).data["sha256"]
    return {
        "generation_kwargs": {"max_gen_toks": 512, "until": ["\ndef "]},
        "repeats": 1,
        "metadata": {"itax": {"data": {"sha256": digest}, "fim": None}},
    }


def _lm_eval(
    folder: Path,
    answers: Mapping[str, Sequence[Answer]],
    configs: Mapping[str, Any],
    *,
    model: str = "org/m",
    stamp: str = STAMP,
) -> Path:
    """Files as lm-eval writes them with --log_samples."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in answers.items():
        with (folder / f"samples_{name}_{stamp}.jsonl").open("w", encoding="utf-8") as out:
            for number, row in enumerate(rows):
                document = {"task_id": row.task_id, "prompt": "...", "truth": "...", "cluster": row.task_id}
                sample = {
                    "doc_id": number,
                    "doc": {**document, "truncated_prompt": bool(row.flags)},
                    "target": "",
                    "arguments": {"gen_args_0": {"arg_0": "...", "arg_1": {"until": []}}},
                    "resps": [[row.text]],
                    "filtered_resps": ["[]"],
                    "filter": "none",
                    "metrics": ["pass@1"],
                    "doc_hash": "0",
                    "pass@1": 0.0,
                }
                out.write(json.dumps(sample, ensure_ascii=False) + "\n")
    results = {
        "results": {},
        "config": {"model": "vllm", "model_args": {"pretrained": model, "revision": "abc"}, "batch_size": "auto"},
        "configs": configs,
        "lm_eval_version": "0.4.13",
    }
    (folder / f"results_{stamp}.json").write_text(json.dumps(results), "utf-8")
    return folder


# From lm-eval's files to a score directory


def test_an_lm_eval_run_becomes_a_score_directory(tmp_path: Path, settings: Settings) -> None:
    """Answers are executed, and run.json says what of whom was scored, how and on what data."""
    source = _lm_eval(tmp_path / "org__m", {TASK: _truths()}, {TASK: _record()})
    submissions, model, notes = from_lm_eval(source)
    score_to_directory(submissions, tmp_path / "out", settings, model=model, notes=notes, progress=False)
    run, outcomes = read_score_dir(tmp_path / "out")
    assert [(answer.task_id, True) for answer in _truths()] == [(row.task_id, row.passed) for row in outcomes]
    assert ("org/m", "abc", "vllm", 4.0, "0.4.13") == (
        run.model,
        run.revision,
        run.backend,
        run.time_scale,
        run.versions["lm_eval"],
    )
    record = run.tasks[TASK]
    assert (20, 1, 20.0) == (record.n_items, record.samples_per_item, record.limits["wall_seconds"])
    assert {"max_gen_toks": 512, "until": ["\ndef "]} == record.generation
    assert ((), "prefer") == (run.notes, run.sandbox["policy"])


def test_several_tasks_share_one_directory(tmp_path: Path, settings: Settings) -> None:
    """A run of the group is one run.json with an entry per task."""
    names = [TASK, "itax_hand_instruct"]
    source = _lm_eval(tmp_path / "m", {n: _truths(n, 2) for n in names}, {n: _record(name=n) for n in names})
    submissions, model, notes = from_lm_eval(source)
    run, outcomes = score_to_directory(
        submissions, tmp_path / "out", settings, model=model, notes=notes, progress=False
    )
    assert (names, 4) == (list(run.tasks), len(outcomes))


def test_tasks_of_others_are_left_out_and_noted(tmp_path: Path) -> None:
    """A run may mix itax tasks and any other."""
    source = _lm_eval(tmp_path, {TASK: _truths(), "gsm8k": _truths(count=1)}, {TASK: _record()})
    submissions, _, notes = from_lm_eval(source)
    assert [TASK] == [submission.task for submission in submissions]
    assert [f"samples_gsm8k_{STAMP}.jsonl is not of an itax task and was left out."] == notes


def test_nothing_of_itax_is_an_error(tmp_path: Path) -> None:
    """The message names the tasks that are there."""
    source = _lm_eval(tmp_path, {"gsm8k": _truths(count=1)}, {})
    with pytest.raises(DataError, match="holds samples of gsm8k, none of them an itax task"):
        from_lm_eval(source)


def test_missing_results_are_noted(tmp_path: Path) -> None:
    """Without results_*.json model and settings are unknown, and the score says so."""
    source = _lm_eval(tmp_path, {TASK: _truths()}, {})
    (tmp_path / f"results_{STAMP}.json").unlink()
    _, model, notes = from_lm_eval(source)
    assert "unknown" == model["model"]
    assert [f"No results_*.json beside samples_{TASK}_{STAMP}.jsonl: model and settings are unknown."] == notes


def test_two_models_in_one_folder_are_refused(tmp_path: Path) -> None:
    """One task of base and another of instruct are no score of either."""
    later = STAMP.replace("03-04-05", "09-09-09")
    _lm_eval(tmp_path, {TASK: _truths()}, {TASK: _record()}, model="org/base")
    _lm_eval(tmp_path, {"itax_hand_instruct": _truths("itax_hand_instruct")}, {}, model="org/instruct", stamp=later)
    with pytest.raises(DataError, match=r"org/base.*org/instruct"):
        from_lm_eval(tmp_path)


def test_a_trap_of_the_backend_is_noted_once(tmp_path: Path) -> None:
    """Two tasks of one leaking run give one note of each trap: the leak, and the dropped special tokens."""
    names = ["itax_hand_infilling", "itax_hefim"]
    config = {name: {"metadata": {"itax": {"fim": {"id": "qwen"}}}} for name in names}
    source = _lm_eval(tmp_path, {name: _truths("itax_hand_infilling") for name in names}, config)
    path = tmp_path / f"results_{STAMP}.json"
    results = json.loads(path.read_text())
    results["config"].update(model="hf", batch_size="8")
    path.write_text(json.dumps(results))
    notes = from_lm_eval(source)[2]
    assert 2 == len(notes) == len(set(notes))


def test_truncated_prompts_stay_flagged(tmp_path: Path, settings: Settings) -> None:
    """What the task saw of a prompt reaches the outcome."""
    answer = _truths(count=1)[0]
    cut = Answer(answer.task_id, 0, answer.text, flags=("truncated_prompt",))
    submissions, model, _ = from_lm_eval(_lm_eval(tmp_path / "m", {TASK: [cut]}, {TASK: _record()}))
    _, outcomes = score_to_directory(submissions, tmp_path / "out", settings, model=model, progress=False)
    assert ("truncated_prompt",) == outcomes[0].flags


# Other tools' answers


def test_the_task_may_be_named_by_the_rows(tmp_path: Path) -> None:
    """A journal needs no --task."""
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"task": TASK, "task_id": "hand/completion/01", "completion": ""}))
    submission = from_completions(path, name=None, format=None, stage=None, partial=True)
    assert (TASK, True, path) == (submission.task, submission.partial, submission.source)


def test_a_task_nobody_names_is_asked_for(tmp_path: Path) -> None:
    """The message names the option and the tasks there are."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"task_id": "x", "completion": ""}')
    with pytest.raises(ConfigError, match=r"name it with --task\. Tasks: itax_hefim, "):
        from_completions(path, name=None, format=None, stage=None, partial=False)


def test_rows_of_another_task_are_refused(tmp_path: Path) -> None:
    """--task cannot rename answers."""
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"task": TASK, "task_id": "x", "completion": ""}))
    with pytest.raises(DataError, match=f"holds answers of {TASK}, not of itax_hefim"):
        from_completions(path, name="itax_hefim", format=None, stage=None, partial=False)


def test_stored_verdicts_are_compared_and_noted(tmp_path: Path, settings: Settings) -> None:
    """The other tool's verdicts are checked against ours, and the differing items named."""
    rows = [{"task_id": a.task_id, "completion": a.text, "passed": n != 1} for n, a in enumerate(_truths())]
    path = tmp_path / "results.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    submission = from_completions(path, name=TASK, format="hefim", stage=None, partial=False)
    run, _ = score_to_directory([submission], tmp_path / "out", settings, model={}, progress=False)
    assert (f"{TASK}: 19 of 20 stored verdicts agree with ours; not {rows[1]['task_id']}.",) == run.notes


def test_undecided_answers_neither_agree_nor_differ(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing was executed, there is nothing to compare with."""

    class Idle(LocalExecutor):
        def run(self, programs: Sequence[Program], *, on_verdict: OnVerdict | None = None) -> list[Verdict]:
            return [Verdict(Status.HARNESS_ERROR, flags=("pending",)) for _ in programs]

    monkeypatch.setattr(rescore, "make_executor", lambda *_, **__: Idle(workers=1, policy="prefer"))
    answers = _truths(count=1)
    submission = _submission(answers=answers, recorded={(answers[0].task_id, 0): True}, partial=True)
    run, _ = score_to_directory([submission], tmp_path / "out", settings, model={}, progress=False)
    assert not any("not hand/" in note or "1 of 1" in note for note in run.notes)


# Refused before anything runs


@pytest.mark.usefixtures("nothing_runs")
def test_answers_generated_from_other_data_are_refused(tmp_path: Path, settings: Settings) -> None:
    """Both digests are shown; nothing is executed or written."""
    submissions, model, _ = from_lm_eval(_lm_eval(tmp_path / "m", {TASK: _truths()}, {TASK: _record("0" * 64)}))
    with pytest.raises(
        DataError, match=r"generated from data with sha256 000000000000\.\.\., here is [0-9a-f]{12}\.\.\."
    ):
        score_to_directory(submissions, tmp_path / "out", settings, model=model, progress=False)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("nothing_runs")
def test_unknown_ids_are_refused_with_both_remedies(tmp_path: Path, settings: Settings) -> None:
    """How many, which first, and what to do."""
    submission = _submission(answers=[*_truths(), *(Answer("HumanEval/0", sample, "") for sample in (0, 1))])
    with pytest.raises(
        DataError, match=r"2 answers are to items .* \(first: HumanEval/0\)\. .*--task.*--on-unknown drop"
    ):
        score_to_directory([submission], tmp_path / "out", settings, model={}, progress=False)


@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.parametrize("partial", [False, True])
def test_answers_to_no_item_at_all_are_refused(partial: bool, tmp_path: Path, settings: Settings) -> None:
    """Dropping everything is no score, not even a partial one."""
    submission = _submission(answers=[Answer("HumanEval/0", 0, "")], partial=partial)
    with pytest.raises(DataError, match=f"answers no item of {TASK}"):
        score_to_directory([submission], tmp_path / "out", settings, model={}, on_unknown="drop", progress=False)


@pytest.mark.usefixtures("nothing_runs")
def test_missing_answers_are_refused_with_both_remedies(tmp_path: Path, settings: Settings) -> None:
    """Complete the file, or say that it is a part."""
    submission = _submission(answers=_truths(count=18))
    with pytest.raises(DataError, match=r"no answer for 2 of 20 items .*Complete it, or pass --partial"):
        score_to_directory([submission], tmp_path / "out", settings, model={}, progress=False)


@pytest.mark.usefixtures("nothing_runs")
def test_the_last_task_is_checked_before_the_first_is_executed(tmp_path: Path, settings: Settings) -> None:
    """Hours of execution do not precede an error that was there to see."""
    bad = _submission("itax_hand_instruct", [Answer("HumanEval/0", 0, "")])
    with pytest.raises(DataError, match="items itax_hand_instruct does not have"):
        score_to_directory([_submission(), bad], tmp_path / "out", settings, model={}, progress=False)


def test_a_refused_score_leaves_the_earlier_one(tmp_path: Path, settings: Settings) -> None:
    """What is already in the folder is replaced by a whole score or not at all."""
    out = tmp_path / "out"
    score_to_directory([_submission()], out, settings, model={"model": "first"}, progress=False)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(DataError):
        score_to_directory([_submission(answers=_truths(count=3))], out, settings, model={}, progress=False)
    assert before == {path.name: path.read_bytes() for path in out.iterdir()}


# Notes and resumption


def test_dropped_answers_are_noted(tmp_path: Path, settings: Settings) -> None:
    """`--on-unknown drop` says how many."""
    submission = _submission(answers=[*_truths(), Answer("HumanEval/0", 0, ""), Answer("HumanEval/0", 1, "")])
    run, outcomes = score_to_directory(
        [submission], tmp_path / "out", settings, model={}, on_unknown="drop", progress=False
    )
    assert (20, (f"{TASK}: 2 answers to unknown items were dropped.",)) == (len(outcomes), run.notes)


def test_a_partial_score_is_noted(tmp_path: Path, settings: Settings) -> None:
    """The rate is over the answered items, and the record says which part that is."""
    submission = _submission(answers=_truths(count=3), partial=True)
    run, outcomes = score_to_directory([submission], tmp_path / "out", settings, model={}, progress=False)
    assert (f"{TASK}: 3 of 20 items were answered; the rate is over these.",) == run.notes
    assert (3, 3) == (run.tasks[TASK].n_items, len(outcomes))


def test_samples_per_item_are_counted(tmp_path: Path, settings: Settings) -> None:
    """Two samples of each item are two outcomes of it."""
    answers = [Answer(a.task_id, sample, a.text) for a in _truths(count=2) for sample in (0, 1)]
    submission = _submission(answers=answers, partial=True)
    run, outcomes = score_to_directory([submission], tmp_path / "out", settings, model={}, progress=False)
    assert (2, 2, 4) == (run.tasks[TASK].samples_per_item, run.tasks[TASK].n_items, len(outcomes))


def test_a_second_run_executes_nothing(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every verdict comes from the cache, and the outcomes are the same."""
    _, first = score_to_directory([_submission()], tmp_path / "one", settings, model={}, progress=False)
    monkeypatch.setattr(Pool, "run", lambda *_, **__: pytest.fail("a program was executed"))
    _, second = score_to_directory([_submission()], tmp_path / "two", settings, model={}, progress=False)
    assert first == second


def test_a_fresh_run_executes_everything(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the cache nothing is taken on trust."""
    score_to_directory([_submission()], tmp_path / "one", settings, model={}, progress=False)
    executed: list[int] = []
    run = Pool.run

    def counted(self: Pool, programs: Sequence[Program], *rest: Any) -> None:
        executed.append(len(programs))
        run(self, programs, *rest)

    monkeypatch.setattr(Pool, "run", counted)
    score_to_directory([_submission()], tmp_path / "two", settings, model={}, progress=False, use_cache=False)
    assert [20] == executed


def test_another_time_scale_is_another_verdict(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A verdict found under one limit is not served under another."""
    score_to_directory([_submission()], tmp_path / "one", settings, model={}, progress=False)
    other = Settings(state_dir=settings.state_dir, sandbox="prefer", workers=2, time_scale=5.0)
    executed: list[int] = []
    run = Pool.run

    def counted(self: Pool, programs: Sequence[Program], *rest: Any) -> None:
        executed.append(len(programs))
        run(self, programs, *rest)

    monkeypatch.setattr(Pool, "run", counted)
    score_to_directory([_submission()], tmp_path / "two", other, model={}, progress=False)
    assert [20] == executed


def test_answers_are_judged_by_the_data_they_were_generated_from() -> None:
    """The version that the run recorded, unless the user names one."""
    submission = _submission(record={"settings": {"data_version": "v0.1.9"}})
    assert "v0.1.9" == rescore._as_generated(submission, Settings()).data_version
    assert "v0.1.10" == rescore._as_generated(submission, Settings(data_version="v0.1.10")).data_version
    assert rescore._as_generated(_submission(), Settings()).data_version is None


def test_stored_verdicts_of_another_metric_have_a_note_of_their_own(data_dir: Path, settings: Settings) -> None:
    """Base and plus of EvalPlus's results."""
    name = "itax_humaneval_evalplus"
    chosen = replace(settings, data_dir=data_dir)
    item = task(name).load(chosen).items[2]
    key = (item.task_id, 0)
    submission = Submission(
        name,
        (Answer(item.task_id, 0, item.prefix + item.truth, "program"),),
        Path("eval_results.json"),
        recorded={key: True},
        recorded_metrics={"plus_pass@1": {key: False}},
        partial=True,
    )
    run, _ = score_to_directory([submission], settings.state_dir / "out", chosen, model={"model": "m"}, progress=False)
    assert f"{name}: 1 of 1 stored verdicts agree with ours." in run.notes
    assert f"{name}: 0 of 1 stored verdicts of plus_pass@1 agree with ours; not {item.task_id}." in run.notes
