"""lm-eval's files: the newest samples of each task with the results of the same run, and never two models at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from itax_metrics.errors import DataError
from itax_tasks.lm_eval_files import backend_notes, find_samples, model_record, task_record

OLD, NEW = "2026-01-02T03-04-05.678901", "2026-01-02T03-04-06.000001"
RESULTS: dict[str, Any] = {
    "model_name": "org/m",
    "config": {
        "model": "hf",
        "model_args": {"pretrained": "org/m", "revision": "abc", "dtype": "bfloat16"},
        "batch_size": "8",
    },
    "configs": {
        "itax_hefim": {
            "generation_kwargs": {"max_gen_toks": 512},
            "repeats": 2,
            "metadata": {"itax": {"data": {"sha256": "d"}, "fim": {"id": "qwen"}}},
        },
        "gsm8k": {"metadata": {"version": 3.0}},
    },
    "lm_eval_version": "0.4.13",
    "transformers_version": "5.0.0",
}


def _samples(folder: Path, task: str, stamp: str, ending: str = "jsonl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"samples_{task}_{stamp}.{ending}"
    path.write_text("{}\n")
    return path


def _results(folder: Path, stamp: str, content: object = RESULTS) -> Path:
    path = folder / f"results_{stamp}.json"
    path.write_text(json.dumps(content))
    return path


# Finding


def test_samples_below_the_output_path_are_found(tmp_path: Path) -> None:
    """lm-eval makes a folder per model below --output_path; either may be named."""
    path = _samples(tmp_path / "org__m", "itax_hefim", NEW)
    _results(tmp_path / "org__m", NEW)
    for source in (tmp_path, tmp_path / "org__m", path):
        (found,) = find_samples(source)
        assert ("itax_hefim", path, RESULTS) == (found.task, found.path, found.results)


def test_the_newest_file_of_each_task_counts(tmp_path: Path) -> None:
    """A task that was run again is read once, with the results of its own run."""
    _samples(tmp_path, "itax_hefim", OLD)
    expected = [
        ("itax_hefim", _samples(tmp_path, "itax_hefim", NEW)),
        ("itax_safim", _samples(tmp_path, "itax_safim", OLD)),
    ]
    _results(tmp_path, OLD, {"run": "old"})
    _results(tmp_path, NEW, {"run": "new"})
    found = find_samples(tmp_path)
    assert expected == [(file.task, file.path) for file in found]
    assert [{"run": "new"}, {"run": "old"}] == [file.results for file in found]


def test_a_task_name_may_hold_underscores_and_digits(tmp_path: Path) -> None:
    """The time is what stands behind the last underscore."""
    _samples(tmp_path, "itax_hefim_2026_l2r", NEW)
    assert "itax_hefim_2026_l2r" == find_samples(tmp_path)[0].task


def test_gzip_samples_are_found(tmp_path: Path) -> None:
    """A packed file is as good."""
    path = _samples(tmp_path, "itax_hefim", NEW, "jsonl.gz")
    assert path == find_samples(tmp_path)[0].path


def test_two_models_are_refused(tmp_path: Path) -> None:
    """Which of them was meant is not guessed: the message names both folders."""
    for model in ("org__base", "org__instruct"):
        _samples(tmp_path / model, "itax_hefim", NEW)
    with pytest.raises(
        DataError, match=r"samples of 2 models \(org__base, org__instruct\)\. Name one of these folders"
    ):
        find_samples(tmp_path)


@pytest.mark.parametrize("name", [None, "samples.jsonl", "results_2026-01-02T03-04-05.json", "samples_x.jsonl"])
def test_a_folder_without_samples_names_both_remedies(name: str | None, tmp_path: Path) -> None:
    """--log_samples was forgotten, or the answers are of another tool."""
    if name is not None:
        (tmp_path / name).write_text("{}")
    with pytest.raises(DataError, match=r"no lm-eval samples.*--log_samples.*--completions FILE"):
        find_samples(tmp_path)


def test_missing_results_are_empty(tmp_path: Path) -> None:
    """Samples alone can be scored; nothing is known of the model."""
    _samples(tmp_path, "itax_hefim", NEW)
    assert {} == find_samples(tmp_path)[0].results


def test_the_results_of_another_run_are_not_taken(tmp_path: Path) -> None:
    """The settings of another time, and perhaps another model, say nothing of these samples."""
    _samples(tmp_path, "itax_hefim", NEW)
    _results(tmp_path, OLD)
    assert {} == find_samples(tmp_path)[0].results


@pytest.mark.parametrize("content", ["", '{"config": ', "\x00"])
def test_unreadable_results_are_an_error(content: str, tmp_path: Path) -> None:
    """A cut results file is named with its remedy, not passed over."""
    _samples(tmp_path, "itax_hefim", NEW)
    path = tmp_path / f"results_{NEW}.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"cannot be read .*Delete it, or run lm_eval again") as refusal:
        find_samples(tmp_path)
    assert str(path) in str(refusal.value)


def test_nothing_of_lm_eval_is_altered(tmp_path: Path) -> None:
    """Reading leaves every byte and every name as it was."""
    _samples(tmp_path, "itax_hefim", NEW)
    _results(tmp_path, NEW)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    find_samples(tmp_path)
    assert before == {path: path.read_bytes() for path in tmp_path.iterdir()}


# Reading


def test_the_model_is_known_from_the_results() -> None:
    """Model, revision, backend, dtype, batch size and versions."""
    expected = {
        "model": "org/m",
        "revision": "abc",
        "backend": "hf",
        "dtype": "bfloat16",
        "batch_size": "8",
        "versions": {"lm_eval": "0.4.13", "transformers": "5.0.0"},
    }
    assert expected == model_record(RESULTS)


def test_model_args_may_be_one_string() -> None:
    """Older releases write them as they were typed."""
    record = model_record({"config": {"model": "vllm", "model_args": "pretrained=org/m,revision=abc,trust=True=x,odd"}})
    assert ("org/m", "abc", "vllm") == (record["model"], record["revision"], record["backend"])


@pytest.mark.parametrize("results", [{}, {"config": None}, {"config": {"model_args": None}}, {"configs": None}])
def test_what_the_results_do_not_say_is_unknown(results: dict[str, Any]) -> None:
    """Missing parts are no error."""
    assert ("unknown", None) == (model_record(results)["model"], model_record(results)["revision"])
    assert {"generation": {}, "repeats": 1, "task_version": None} == task_record(results, "itax_hefim")


def test_the_record_of_our_task_is_read() -> None:
    """What the task wrote about itself, with generation settings and repeats."""
    expected = {
        "data": {"sha256": "d"},
        "fim": {"id": "qwen"},
        "generation": {"max_gen_toks": 512},
        "repeats": 2,
        "task_version": None,
    }
    assert expected == task_record(RESULTS, "itax_hefim")


def test_a_foreign_task_has_no_record() -> None:
    """Another task's metadata is not taken for ours."""
    assert {"generation": {}, "repeats": 1, "task_version": None} == task_record(RESULTS, "gsm8k")


@pytest.mark.parametrize(
    ("backend", "batch_size", "fim", "noted"),
    [
        ("hf", "8", {"id": "qwen"}, True),
        ("hf", "auto", {"id": "qwen"}, True),
        ("huggingface", 16, {"id": "qwen"}, True),
        ("hf", "1", {"id": "qwen"}, False),
        ("hf", 1, {"id": "qwen"}, False),
        ("vllm", "auto", {"id": "qwen"}, False),
        ("hf", "8", None, False),
    ],
)
def test_the_batch_leak_of_stock_hf_is_noted(
    backend: str, batch_size: str | int, fim: dict[str, Any] | None, noted: bool
) -> None:
    """Only where it can happen: stock hf, more than one prompt a batch, FIM."""
    notes = backend_notes({"backend": backend, "batch_size": batch_size}, fim)
    assert noted is any("leak into an answer" in note for note in notes)


@pytest.mark.parametrize(
    ("backend", "batch_size", "fim", "noted"),
    [
        ("hf", "1", {"id": "qwen"}, True),
        ("hf-auto", 8, {"id": "qwen"}, True),
        ("vllm", "auto", {"id": "qwen"}, False),
        ("itax-hf", "8", {"id": "qwen"}, False),
        ("hf", "1", None, False),
    ],
)
def test_the_special_tokens_that_stock_hf_drops_are_noted(
    backend: str, batch_size: str | int, fim: dict[str, Any] | None, noted: bool
) -> None:
    """Every FIM run of stock hf, whatever its batch size; vLLM keeps them."""
    notes = backend_notes({"backend": backend, "batch_size": batch_size}, fim)
    assert noted is any("sentinel_leak" in note for note in notes)
