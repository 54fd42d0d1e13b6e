"""itax run-pair: what it would run, what it refuses, and one small pair from end to end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason="the extra `hf` is not installed")

from itax_metrics.errors import ConfigError
from itax_metrics.store import read_score_dir
from itax_tasks.cli import pair_folder
from itax_tasks.cli.run_pair import run_pair
from itax_tasks.cli.score import score
from itax_tasks.pairs import matrix, pairs, preset
from itax_tasks.settings import Settings
from itax_tasks.tasks import TASKS
from itax_tasks.tune.tiny import bundled

DAYS = [f"2026-01-0{day}T00-00-00.000000" for day in (1, 2, 3)]


def planned(*arguments: str) -> str:
    """What --plan prints."""
    done = CliRunner().invoke(run_pair, [*arguments, "--plan"], catch_exceptions=False)
    assert 0 == done.exit_code, done.output
    return done.output


def test_the_paper_has_fourteen_models() -> None:
    """Seven pairs of two families; what needs two GPUs says so to vLLM."""
    found = preset("paper")
    assert 7 == len(found)
    assert 14 == len({name for pair in found for name in (pair.base, pair.instruct)})
    assert {"qwen2.5-coder", "deepseek-coder"} == {pair.fim for pair in found}
    assert ["qwen2.5-coder-32b", "deepseek-coder-33b"] == [pair.name for pair in found if pair.gpus != 1]
    shown = planned("--preset", "qwen2.5-coder-32b", "--tasks", "itax_mini_infilling")
    assert "tensor_parallel_size=2" in shown
    assert shown.startswith("qwen2.5-coder-32b: 2 GPUs of 80 GB, FIM qwen2.5-coder")
    assert planned("org/a", "org/b", "--tasks", "itax_mini_infilling").startswith("pair: FIM detected")


def test_an_unknown_preset_names_the_known_ones() -> None:
    """With every pair that could have been meant."""
    with pytest.raises(ConfigError, match=r"Presets and pairs: paper, qwen2\.5-coder-1\.5b"):
        preset("papers")
    assert len(pairs()) == len({pair.name for pair in pairs()})


def test_base_is_asked_without_a_chat_and_instruct_in_every_condition() -> None:
    """The matrix of one infilling and one completion task."""
    named = ["itax_mini_infilling", "itax_mini_completion"]
    assert ["itax_mini_infilling", "itax_mini_infilling_l2r", "itax_mini_completion"] == matrix(named, speaks=False)
    assert 9 == len(matrix(named, speaks=True))
    assert [] == matrix(["itax_mini_instruct"], speaks=False)


@pytest.mark.parametrize("name", ["itax_mbpp_evalplus", "itax_mbpp_evalplus_prefill"])
def test_one_request_with_two_names_is_asked_once(name: str) -> None:
    """Under the name that was typed."""
    asked = matrix([name], speaks=True)
    assert {name, "itax_mbpp_evalplus_chat", "itax_mbpp_evalplus_direct"} == set(asked)


def test_the_null_run_asks_both_sides_alike() -> None:
    """A beside A: the same tasks, no chat."""
    _, base, instruct = planned("A", "A", "--tasks", "itax_mini_infilling").splitlines()
    assert "_chat" not in base
    assert base.split("--tasks ")[1].split()[0] == instruct.split("--tasks ")[1].split()[0]


@pytest.mark.parametrize(("text", "why"), [("{bad", "no JSON"), ("fim=starcoder2", "no JSON"), ("[1]", "no object")])
def test_metadata_that_is_no_json_object_is_refused_with_the_form(text: str, why: str) -> None:
    """Before anything is planned, and with a value that would do."""
    asked = ["A", "B", "--tasks", "itax_mini_infilling", "--metadata", text, "--plan"]
    with pytest.raises(ConfigError, match=rf"--metadata is .* {why}.*--metadata '\{{\"fim\""):
        CliRunner().invoke(run_pair, asked, catch_exceptions=False)


def test_metadata_reaches_both_sides() -> None:
    """As lm_eval takes it."""
    _, base, instruct = planned(
        "A", "B", "--tasks", "itax_mini_infilling", "--metadata", '{"fim":"starcoder2"}'
    ).splitlines()
    assert base.endswith("""--metadata '{"fim": "starcoder2"}'""")
    assert instruct.endswith("""--metadata '{"fim": "starcoder2"}'""")


def _generated(stamp: str, side: str, arguments: list[str], cache: str, folder: Path) -> None:
    """What a finished generation leaves: two canonical answers to each task, in lm-eval's files."""
    del cache
    model, names = (arguments[arguments.index(option) + 1] for option in ("--model_args", "--tasks"))
    out = folder / "lm_eval" / side / "model"
    out.mkdir(parents=True, exist_ok=True)
    for name in names.split(","):
        rows = [
            {"doc": {"task_id": item.task_id}, "resps": [[item.truth]], "filtered_resps": ["[]"]}
            for item in TASKS[name].load(Settings()).items[:2]
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (out / f"samples_{name}_{stamp}.jsonl").write_text(text, "utf-8")
    results = {"config": {"model": "itax-hf", "model_args": model}, "configs": {}}
    (out / f"results_{stamp}.json").write_text(json.dumps(results), "utf-8")
    pair_folder.note_done(folder, side, arguments)


def _called(monkeypatch: pytest.MonkeyPatch, stamp: str, out: Path, *arguments: str) -> str:
    """What a call on the bundled pair says on standard error; no model is loaded."""
    monkeypatch.setattr("itax_tasks.cli.run_pair._generate", partial(_generated, stamp))
    asked = ["itax-tiny-base", "itax-tiny-instruct", "--model", "itax-hf", "--out", str(out), *arguments]
    done = CliRunner().invoke(run_pair, [*asked, "--confirm_run_unsafe_code"], catch_exceptions=False)
    assert 0 == done.exit_code, done.output
    return done.stderr


def test_metadata_also_decides_how_answers_are_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the variables of the environment, as in the run that generates."""
    monkeypatch.setenv("ITAX_TIME_SCALE", "2")
    monkeypatch.setenv("ITAX_SANDBOX", "require")
    about = json.dumps({"time_scale": 4, "sandbox": "prefer", "state_dir": str(tmp_path / "state")})
    _called(monkeypatch, DAYS[0], tmp_path / "pair", "--tasks", "itax_mini_completion", "--metadata", about)
    for side in ("base", "instruct"):
        run, _ = read_score_dir(tmp_path / "pair" / side)
        assert (4.0, "prefer") == (run.time_scale, run.sandbox["policy"])
    assert (tmp_path / "state" / "verdicts.sqlite3").is_file()


def test_only_the_tasks_of_this_call_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers of an earlier call stay where they are, widen no family of tests, and are named with the way to them."""
    monkeypatch.setenv("ITAX_SANDBOX", "prefer")
    out = tmp_path / "pair"
    first = _called(monkeypatch, DAYS[0], out, "--tasks", "itax_mini_infilling", "--limit", "2")
    assert "earlier calls" not in first
    said = _called(monkeypatch, DAYS[1], out, "--tasks", "itax_mini_completion")
    content = json.loads((out / "comparison.json").read_text("utf-8"))
    assert {"itax_mini_completion"} == {entry["base_task"] for entry in content["benchmarks"]}
    for side in ("base", "instruct"):
        assert all(name.startswith("itax_mini_completion") for name in read_score_dir(out / side)[0].tasks)
    source = out / "lm_eval" / "base"
    assert f"{source} also holds answers of earlier calls to itax_mini_infilling, itax_mini_infilling_l2r." in said
    assert f"itax score {source} --task itax_mini_infilling --out DIR" in said
    apart = CliRunner().invoke(
        score, [str(source), "--task", "itax_mini_infilling", "--out", str(tmp_path / "apart")], catch_exceptions=False
    )
    assert apart.stdout.startswith("itax-tiny-base: 2 answers scored")
    both = _called(monkeypatch, DAYS[2], out, "--tasks", "itax_mini_completion,itax_mini_infilling")
    assert "earlier calls" not in both


@pytest.mark.data
def test_a_pair_from_end_to_end_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """The null run of the bundled base model: no difference anywhere; a second call loads no model."""
    model = str(bundled("itax-tiny-base"))
    command = [
        *(sys.executable, "-c", "from itax_tasks.cli import main; main()", "run-pair", model, model),
        *("--model", "itax-hf", "--model_args", "dtype=float32", "--device", "cpu", "--batch_size", "8"),
        *("--tasks", "itax_mini_infilling", "--limit", "8", "--out", str(tmp_path / "pair")),
        "--confirm_run_unsafe_code",
    ]
    first = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert 0 == first.returncode, first.stderr[-3000:]
    content = json.loads((tmp_path / "pair" / "comparison.json").read_text("utf-8"))
    weights = [part for part in content["decomposition"] if part["name"] == "weights tax"]
    assert [(0.0, 1.0)] == [(part["points"], part["p"]) for part in weights]
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert 0 == again.returncode, again.stderr[-3000:]
    assert "base is done" in again.stderr
    assert "instruct is done" in again.stderr
    # The first call also shows what lm-eval printed for each run.
    assert first.stdout.endswith(again.stdout)


def test_the_bundled_pair_is_known_by_name() -> None:
    """The plan names its folders, so that plain lm_eval takes the line too."""
    _, base, instruct = planned("itax-tiny-base", "itax-tiny-instruct", "--tasks", "itax_mini_infilling").splitlines()
    assert f"pretrained={bundled('itax-tiny-base')} " in base
    assert f"pretrained={bundled('itax-tiny-instruct')} " in instruct


def _refused_before_anything_runs(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setattr("itax_tasks.cli.run_pair._generate", lambda *_: pytest.fail("a model was loaded"))
    asked = [*arguments, "--model", "itax-hf", "--tasks", "itax_mini_infilling", "--confirm_run_unsafe_code"]
    result = CliRunner().invoke(run_pair, asked)
    assert isinstance(result.exception, ConfigError), repr(result.exception)
    return str(result.exception)


def test_a_mistyped_instruct_model_is_found_before_base_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the side."""
    nowhere = str(tmp_path / "nowhere")
    said = _refused_before_anything_runs(monkeypatch, "itax-tiny-base", nowhere, "--out", str(tmp_path / "pair"))
    assert said.startswith("instruct: ")
    assert nowhere in said


def test_the_answers_of_another_pair_are_not_mixed_with_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--out has a default, so two pairs meet in one folder easily."""
    asked = [
        "--model",
        "itax-hf",
        "--model_args",
        "pretrained=org/other,dtype=float32",
        "--tasks",
        "itax_mini_infilling",
    ]
    _generated(DAYS[0], "base", asked, "", tmp_path)
    said = _refused_before_anything_runs(monkeypatch, "itax-tiny-base", "itax-tiny-instruct", "--out", str(tmp_path))
    assert "holds the answers of org/other as base" in said


def test_a_model_with_an_adapter_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """lm_eval gives it a folder of its own, and the two could not be scored together."""
    asked = ["--model", "itax-hf", "--model_args", f"pretrained={bundled('itax-tiny-base')},delta=org/more"]
    _generated(DAYS[0], "base", [*asked, "--tasks", "itax_mini_infilling"], "", tmp_path)
    said = _refused_before_anything_runs(monkeypatch, "itax-tiny-base", "itax-tiny-instruct", "--out", str(tmp_path))
    assert "holds the answers of itax-tiny-base+org/more as base; for itax-tiny-base name another --out" in said


def test_a_model_that_changed_under_its_name_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint that was trained further into the same folder does not get its earlier answers."""
    checkpoint, out = tmp_path / "checkpoint", tmp_path / "pair"
    shutil.copytree(bundled("itax-tiny-instruct"), checkpoint)
    asked = ["--model", "itax-hf", "--model_args", f"pretrained={checkpoint}", "--tasks", "itax_mini_infilling"]
    _generated(DAYS[0], "instruct", asked, "", out)
    assert pair_folder.is_done(out, "instruct", asked)
    weights = checkpoint / "model.safetensors"
    os.utime(weights, ns=(0, weights.stat().st_mtime_ns + 1))
    assert not pair_folder.is_done(out, "instruct", asked)
    said = _refused_before_anything_runs(monkeypatch, "itax-tiny-base", str(checkpoint), "--out", str(out))
    assert f"holds the answers of {checkpoint} as instruct from before its files changed" in said


def test_the_scores_of_another_model_are_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`itax score` writes folders of the same names."""
    scores = tmp_path / "instruct"
    scores.mkdir()
    (scores / "run.json").write_text(json.dumps({"model": "org/other", "tasks": {}}), "utf-8")
    said = _refused_before_anything_runs(monkeypatch, "itax-tiny-base", "itax-tiny-instruct", "--out", str(tmp_path))
    assert "holds scores of org/other as instruct" in said


def test_a_folder_with_several_models_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It could not be scored after hours of generation either."""
    asked = ["--model", "itax-hf", "--model_args", "pretrained=itax-tiny-base", "--tasks", "itax_mini_infilling"]
    _generated(DAYS[0], "base", asked, "", tmp_path)
    shutil.copytree(tmp_path / "lm_eval" / "base" / "model", tmp_path / "lm_eval" / "base" / "model2")
    said = _refused_before_anything_runs(monkeypatch, "itax-tiny-base", "itax-tiny-instruct", "--out", str(tmp_path))
    assert "holds the samples of 2 models" in said


def test_a_refusal_within_the_process_of_a_model_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1, no traceback."""
    from itax_tasks.cli.run_pair import _lm_eval

    with pytest.raises(SystemExit) as ended:
        _lm_eval(["--model", "dumy", "--tasks", "itax_hand", "--confirm_run_unsafe_code"], "")
    assert 1 == ended.value.code
    assert "ConfigError: lm_eval has no --model 'dumy'. Did you mean dummy?" in capsys.readouterr().err
