"""`itax demo`: the whole path, offline, with the bundled pair and with stored answers."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("lm_eval")

from itax_tasks.cli import cli, demo

with_models = pytest.mark.skipif(find_spec("torch") is None, reason="the extra `hf` is not installed")


def itax_demo(*arguments: str) -> Result:
    """The command, in this process."""
    return CliRunner().invoke(cli, ["demo", *arguments])


def taxes(out: Path) -> dict[str, Any]:
    """Tax in points by task."""
    comparison = json.loads((out / "comparison.json").read_text("utf-8"))
    return {row["task"]: row["tax_points"] for row in comparison["benchmarks"]}


@with_models
def test_the_pair_is_run_scored_compared_and_reported(tmp_path: Path) -> None:
    """On the first items of each kind: real models, the table, the report, and the word about its size."""
    out = tmp_path / "demo"
    result = itax_demo("--out", str(out), "--limit", "30")
    assert 0 == result.exit_code, result.output
    assert {"itax_mini_infilling", "itax_mini_completion", "itax_mini_instruct"} == set(taxes(out))
    assert taxes(out)["itax_mini_instruct"] < -30
    assert "pretrained=itax-tiny-base,dtype=float32" in result.output
    assert f"Report: {out / 'report' / 'report.html'}" in result.output
    report = (out / "report" / "report.md").read_text("utf-8")
    for text in (result.output, report):
        assert "no evidence about any other model" in text
        assert "itax-tiny-instruct" in text
    page = (out / "report" / "report.html").read_text("utf-8")
    assert all(task in page for task in taxes(out))


@with_models
def test_the_prompts_are_those_of_the_models_own_format(tmp_path: Path) -> None:
    """Infilling asks with the three FIM tokens, instructions in ChatML."""
    out = tmp_path / "demo"
    assert 0 == itax_demo("--out", str(out), "--limit", "2").exit_code
    asked = {}
    for task in ("itax_mini_infilling", "itax_mini_instruct"):
        (path,) = (out / "lm_eval" / "base").rglob(f"samples_{task}_*.jsonl")
        asked[task] = json.loads(path.read_text("utf-8").splitlines()[0])["arguments"]["gen_args_0"]["arg_0"]
    assert asked["itax_mini_infilling"].startswith("<|fim_prefix|>def ")
    assert asked["itax_mini_infilling"].endswith("<|fim_middle|>")
    assert asked["itax_mini_instruct"].endswith("<|im_start|>assistant\n")


def test_without_model_libraries_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named, and the way that needs none; nothing is written."""
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    result = itax_demo("--out", str(tmp_path / "demo"))
    assert 1 == result.exit_code
    assert "pip install 'itax-tasks[hf]'" in str(result.exception)
    assert "itax demo --replay" in str(result.exception)
    assert not (tmp_path / "demo").exists()


def test_an_uncontained_machine_is_refused_before_anything_is_generated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remedy is named, and nothing is written."""

    class Nothing:
        contained = False

        def summary(self) -> str:
            return "no namespaces"

    monkeypatch.setattr(demo, "probe", Nothing)
    result = itax_demo("--out", str(tmp_path / "demo"), "--replay")
    assert "ITAX_SANDBOX=prefer itax demo" in str(result.exception)
    assert not (tmp_path / "demo").exists()


def test_stored_answers_need_no_model_and_are_called_what_they_are(tmp_path: Path) -> None:
    """Both sides are run and scored, the table is printed, and nobody is told that this is a model."""
    out = tmp_path / "demo"
    result = itax_demo("--out", str(out), "--replay")
    assert 0 == result.exit_code, result.output
    assert "They are not a model's" in result.output
    assert taxes(out)["itax_hand_infilling"] > 0 > taxes(out)["itax_hand_instruct"]
    assert 80 == sum(1 for _ in (out / "base" / "outcomes.jsonl").open())
    assert "They are not a" in (out / "report" / "report.md").read_text("utf-8")


def test_a_folder_with_other_results_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """Its `base` is a user's; a folder that a demo made is cleared of what the demo writes, and of no more."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "run.json").write_text("mine")
    result = itax_demo("--out", str(tmp_path), "--replay")
    assert 1 == result.exit_code
    assert "already holds base" in str(result.exception)
    assert "mine" == (tmp_path / "base" / "run.json").read_text()
    (tmp_path / demo.MARKER).touch()
    (tmp_path / "notes.txt").write_text("mine")
    demo._clear(tmp_path)
    assert {demo.MARKER, "notes.txt"} == {path.name for path in tmp_path.iterdir()}
