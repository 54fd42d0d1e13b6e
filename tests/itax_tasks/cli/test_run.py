"""`itax run`: everything that can be wrong is found before the model loads."""

from __future__ import annotations

import json
import logging
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("lm_eval")

from itax_metrics.errors import ConfigError
from itax_tasks.benchmarks import hand
from itax_tasks.cli import cli, run
from itax_tasks.settings import Settings


def itax_run(*arguments: str) -> Result:
    """The command, in this process."""
    return CliRunner().invoke(cli, ["run", *arguments])


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """Canonical answers to the embedded completion task."""
    items = hand.load("completion", Settings()).items
    file = tmp_path / "answers.jsonl"
    file.write_text("".join(json.dumps({"task_id": i.task_id, "completion": i.truth}) + "\n" for i in items), "utf-8")
    return file


def test_without_arguments_it_teaches() -> None:
    """The help shows an example."""
    assert "--confirm_run_unsafe_code" in itax_run().output


def test_it_runs_lm_eval_and_writes_its_files(answers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples are logged and a folder is chosen although neither was asked for."""
    monkeypatch.chdir(tmp_path)
    result = itax_run(
        "--model", "itax-replay", "--model_args", f"completions={answers},pretrained=stored",
        "--tasks", "itax_hand_completion", "--confirm_run_unsafe_code",
    )  # fmt: skip
    assert 0 == result.exit_code, result.output
    assert list((tmp_path / run.DEFAULT_OUTPUT).glob("stored/samples_itax_hand_completion_*.jsonl"))


def test_the_missing_unsafe_flag_is_named_before_the_model_loads(answers: Path) -> None:
    """The model folder does not exist, and is not even looked at."""
    result = itax_run("--model", "hf", "--model_args", "pretrained=nowhere", "--tasks", "itax_hand_completion")
    assert "--confirm_run_unsafe_code" in str(result.exception)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((), "No task is named"),
        (("--tasks", ""), "No task is named"),
        (("--tasks", "itax_hand_completion,"), "holds an empty name"),
        (("--tasks", "itax_hand_completion", "--limit", "0"), "--limit 0 leaves no item"),
        (("--tasks", "itax_hand_completion", "--limit", "-3"), "--limit -3 leaves no item"),
        (("--tasks", "itax_hand_completion", "--limit", "nan"), "--limit nan leaves no item"),
    ],
)
def test_nothing_to_run_is_refused_before_the_model_loads(
    asked: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No task or no item: one message, and no talk of checks that passed."""
    monkeypatch.chdir(tmp_path)
    result = itax_run("--model", "hf", "--model_args", "pretrained=nowhere", *asked, "--confirm_run_unsafe_code")
    assert isinstance(result.exception, ConfigError)
    assert said in str(result.exception)
    assert "checks" not in result.output
    assert not list(tmp_path.iterdir())


def test_a_chat_template_is_refused_before_the_model_loads() -> None:
    """--apply_chat_template on our tasks is one message."""
    result = itax_run(
        "--model", "hf", "--model_args", "pretrained=nowhere", "--tasks", "itax_hand", "--apply_chat_template",
        "--confirm_run_unsafe_code",
    )  # fmt: skip
    assert "--apply_chat_template" in str(result.exception)


@pytest.mark.parametrize("option", ["--metadata", "--model_args", "--gen_kwargs"])
def test_broken_json_is_one_message(option: str) -> None:
    """lm-eval itself would print a traceback."""
    result = itax_run("--model", "dummy", "--tasks", "itax_hand", "--confirm_run_unsafe_code", option, "{bad")
    assert isinstance(result.exception, ConfigError)
    assert "{bad" in str(result.exception)
    assert "double quotes" in str(result.exception)


def test_a_configuration_file_that_is_not_there_is_one_message() -> None:
    """It names the file."""
    result = itax_run("--config", "nowhere.yaml", "--confirm_run_unsafe_code")
    assert isinstance(result.exception, ConfigError)
    assert "nowhere.yaml" in str(result.exception)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """vllm that is not installed is met with the pip command."""
    monkeypatch.setattr(run, "find_spec", lambda name: None)
    result = itax_run(
        "--model", "vllm", "--model_args", "pretrained=x", "--tasks", "itax_hand", "--confirm_run_unsafe_code"
    )
    assert "pip install 'itax-tasks[vllm]'" in str(result.exception)


def test_an_unknown_family_is_found_before_the_model_loads() -> None:
    """The task is built first, and its error comes out."""
    result = itax_run(
        "--model", "dummy", "--tasks", "itax_hand_infilling", "--metadata", '{"fim":"qwen"}',
        "--confirm_run_unsafe_code",
    )  # fmt: skip
    assert "ConfigError" == type(result.exception).__name__
    assert "qwen" in str(result.exception)


def test_an_uncontained_machine_is_refused_with_three_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Predict only, score elsewhere, or accept less."""

    class Nothing:
        contained = False

        def summary(self) -> str:
            return "no namespaces"

    monkeypatch.setattr(run, "probe", Nothing)
    result = itax_run("--model", "dummy", "--tasks", "itax_hand_completion", "--confirm_run_unsafe_code")
    for remedy in ("--predict_only", "itax score", "ITAX_SANDBOX=prefer"):
        assert remedy in str(result.exception)


def test_one_response_cache_per_model(tmp_path: Path) -> None:
    """Other arguments, or other weights under the same folder name, are another model."""
    (tmp_path / "model.safetensors").write_bytes(b"one")
    first = run.model_slug("hf", {"pretrained": str(tmp_path)})
    assert first == run.model_slug("hf", {"pretrained": str(tmp_path)})
    assert first != run.model_slug("vllm", {"pretrained": str(tmp_path)})
    assert first != run.model_slug("hf", {"pretrained": str(tmp_path), "revision": "x"})
    (tmp_path / "model.safetensors").write_bytes(b"others")
    assert first != run.model_slug("hf", {"pretrained": str(tmp_path)})


@pytest.mark.parametrize(
    ("key", "value", "weights"),
    [
        ("peft", "{folder}/adapter", "adapter/adapter_model.safetensors"),
        ("delta", "{folder}/delta", "delta/model.safetensors"),
        ("lora_local_path", "{folder}/adapter", "adapter/adapter_model.safetensors"),
        ("tokenizer", "{folder}/tokenizer", "tokenizer/tokenizer.json"),
        ("subfolder", "checkpoint", "model/checkpoint/model.safetensors"),
        ("gguf_file", "quantized/model.gguf", "model/quantized/model.gguf"),
        ("pretrained", "{folder}/model.gguf", "model.gguf"),
    ],
)
def test_everything_local_that_makes_the_model_tells_its_cache_apart(
    key: str, value: str, weights: str, tmp_path: Path
) -> None:
    """Overwritten under one name it is another model; untouched it is the same."""
    file = tmp_path / weights
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"one")
    asked = {"pretrained": str(tmp_path / "model"), key: value.format(folder=tmp_path)}
    first = run.model_slug("itax-hf", asked)
    assert first == run.model_slug("itax-hf", asked)
    file.write_bytes(b"others")
    assert first != run.model_slug("itax-hf", asked)


@pytest.mark.skipif(find_spec("torch") is None, reason="the extra `hf` is not installed")
def test_the_bundled_pair_is_known_by_name(tmp_path: Path) -> None:
    """`pretrained=itax-tiny-base` runs, and the score directory calls it so."""
    out = tmp_path / "out"
    result = itax_run(
        "--model", "hf", "--model_args", "pretrained=itax-tiny-base,dtype=float32", "--device", "cpu",
        "--tasks", "itax_mini_infilling", "--limit", "2", "--confirm_run_unsafe_code", "--output_path", str(out),
    )  # fmt: skip
    assert 0 == result.exit_code, result.output
    scored = CliRunner().invoke(cli, ["score", str(out), "--out", str(tmp_path / "score")])
    assert scored.stdout.startswith("itax-tiny-base: 2 answers scored")


def test_a_bundled_name_in_a_configuration_file_is_refused_with_the_folder(tmp_path: Path) -> None:
    """lm_eval would look for it on the hub."""
    file = tmp_path / "run.yaml"
    file.write_text(
        "model: hf\nmodel_args: {pretrained: itax-tiny-base}\ntasks: [itax_mini_infilling]\n"
        "confirm_run_unsafe_code: true\n",
        "utf-8",
    )
    result = itax_run("--config", str(file))
    assert "itax path --model itax-tiny-base" in str(result.exception)


@pytest.mark.parametrize("kind", ["a plain file", "a folder below one"])
def test_a_folder_that_cannot_be_written_is_refused_before_the_model_loads(tmp_path: Path, kind: str) -> None:
    """lm_eval would generate everything first, and lose the samples."""
    (tmp_path / "file").touch()
    out = tmp_path / "file" if kind == "a plain file" else tmp_path / "file" / "out"
    result = itax_run(
        "--model", "dummy", "--tasks", "itax_hand_completion", "--confirm_run_unsafe_code", "--output_path", str(out)
    )
    assert isinstance(result.exception, ConfigError)
    assert f"--output_path {out} cannot be written" in str(result.exception)


def test_only_samples_that_were_written_are_offered_for_scoring(
    answers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of an earlier run do not count."""
    from itax_tasks.harness import host

    asked = (
        "--model", "itax-replay", "--model_args", f"completions={answers},pretrained=stored",
        "--tasks", "itax_hand_completion", "--confirm_run_unsafe_code", "--output_path", str(tmp_path / "out"),
    )  # fmt: skip
    assert "score it with: itax score" in itax_run(*asked).output
    monkeypatch.setattr(host, "run_lm_eval", lambda *_, **__: None)
    assert "score it with" not in itax_run(*asked).output


@pytest.mark.parametrize(
    ("option", "typed", "meant"),
    [("--tasks", "itax_handd", "Did you mean itax_hand"), ("--model", "dumy", "Did you mean dummy")],
)
def test_an_unknown_name_is_met_with_the_nearest(option: str, typed: str, meant: str) -> None:
    """lm_eval would print a traceback."""
    result = itax_run("--model", "dummy", "--tasks", "itax_hand", "--confirm_run_unsafe_code", option, typed)
    assert isinstance(result.exception, ConfigError), repr(result.exception)
    assert meant in str(result.exception)


def test_a_warning_of_the_checks_is_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not all checks passed then."""
    from itax_tasks.harness import host

    monkeypatch.setattr(host, "run_lm_eval", lambda *_, **__: None)
    asked = ("--model", "dummy", "--tasks", "itax_hand", "--confirm_run_unsafe_code", "--output_path", str(tmp_path))
    monkeypatch.setattr(run, "check", lambda _: logging.getLogger("lm_eval.itax").warning("no environment"))
    assert "checks done, 1 warning above; running" in itax_run(*asked).output
    monkeypatch.setattr(run, "check", lambda _: None)
    assert "all checks passed; running" in itax_run(*asked).output
