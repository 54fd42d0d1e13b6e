"""Which task files of lm-eval, and which journals, are of one model and may be scored together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from itax_metrics.errors import DataError
from itax_tasks.rescore import Submission, from_completions, from_lm_eval

TASK, OTHER = "itax_hand_completion", "itax_hand_instruct"


def _run(
    folder: Path,
    task: str,
    day: int,
    *,
    backend: str = "vllm",
    arguments: Mapping[str, Any] | None = None,
    found: Mapping[str, Any] | None = None,
) -> None:
    """One answer to one task, as a run of its own writes it."""
    stamp = f"2026-01-0{day}T03-04-05.678901"
    row = {"doc": {"task_id": "x"}, "resps": [["pass"]], "filtered_resps": ["[]"]}
    (folder / f"samples_{task}_{stamp}.jsonl").write_text(json.dumps(row), "utf-8")
    made = {"pretrained": "org/m", "revision": "abc", **(arguments or {})}
    results = {"config": {"model": backend, "model_args": made, "batch_size": "auto", **(found or {})}}
    (folder / f"results_{stamp}.json").write_text(json.dumps(results), "utf-8")


def _two_runs(folder: Path, first: Mapping[str, Any], second: Mapping[str, Any]) -> Path:
    """Two tasks of one model in one folder, each from a run of its own."""
    _run(folder, TASK, 1, **first)
    _run(folder, OTHER, 2, **second)
    return folder


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ({"arguments": {"revision": "step1"}}, {"arguments": {"revision": "step9"}}, r"revision: step1 for .*, step9"),
        ({"arguments": {"revision": None}}, {}, r"revision: main for .*, abc for "),
        ({"backend": "hf"}, {"backend": "itax-hf"}, r"backend: hf for .*, itax-hf for "),
        ({}, {"arguments": {"subfolder": "last"}}, r"subfolder: none for .*, last for "),
        ({}, {"arguments": {"delta": "org/delta"}}, r"delta: none for .*, org/delta for "),
        ({}, {"arguments": {"load_in_4bit": True}}, r"load_in_4bit: none for .*, True for "),
        ({}, {"arguments": {"quantization": "awq"}}, r"quantization: none for .*, awq for "),
        ({}, {"arguments": {"tokenizer": "org/other"}}, r"tokenizer: none for .*, org/other for "),
        (
            {"arguments": {"dtype": "float32"}},
            {"arguments": {"dtype": "bfloat16"}},
            r"dtype: float32 for .*, bfloat16 for ",
        ),
        ({"found": {"model_sha": "a1"}}, {"found": {"model_sha": "b2"}}, r"model_sha: a1 for .*, b2 for "),
    ],
)
def test_one_name_for_several_models_is_refused(
    first: Mapping[str, Any], second: Mapping[str, Any], said: str, tmp_path: Path
) -> None:
    """What differs is shown with the tasks; one of them alone can be scored."""
    source = _two_runs(tmp_path, first, second)
    with pytest.raises(DataError, match=rf"several settings \({said}.*Score them apart: --task NAME"):
        from_lm_eval(source)
    assert [TASK] == [submission.task for submission in from_lm_eval(source, (TASK,))[0]]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"found": {"batch_size": 1, "device": "cpu"}}, {"found": {"batch_size": "auto", "device": "cuda:1"}}),
        (
            {"arguments": {"tensor_parallel_size": 2, "gpu_memory_utilization": 0.5}},
            {"arguments": {"data_parallel_size": 8, "max_model_len": 4096, "trust_remote_code": True}},
        ),
        ({"arguments": {"base_url": "http://a:1"}}, {"arguments": {"base_url": "http://b:2", "num_concurrent": 9}}),
        ({"arguments": {"dtype": "auto"}}, {"arguments": {"dtype": "bfloat16"}}),
        (
            {"arguments": {"dtype": "auto"}, "found": {"model_dtype": "torch.float16"}},
            {"arguments": {"dtype": "float16"}, "found": {"model_dtype": "torch.float16"}},
        ),
        ({"found": {"model_sha": "a1"}}, {"found": {"model_sha": ""}}),
        ({"arguments": {"revision": "main"}}, {"arguments": {"revision": None}}),
        ({"arguments": {"tokenizer": "org/m"}}, {"arguments": {"peft": None, "load_in_8bit": False}}),
        ({"backend": "hf"}, {"backend": "huggingface"}),
    ],
)
def test_one_model_run_task_by_task_is_one_score(
    first: Mapping[str, Any], second: Mapping[str, Any], tmp_path: Path
) -> None:
    """Devices, batches, parallelism and servers may differ, and so may what is said and what is left to its default."""
    submissions, model, _ = from_lm_eval(_two_runs(tmp_path, first, second))
    assert (2, "org/m") == (len(submissions), model["model"])


def test_journals_of_several_models_are_not_joined(tmp_path: Path) -> None:
    """Files of ranks are; of another model, or of another revision of it, they are not."""
    paths = []
    for rank in (0, 1):
        paths.append(tmp_path / f"rank{rank}.jsonl")
        paths[-1].write_text(json.dumps({"task": TASK, "task_id": f"hand/{rank}", "completion": "pass"}))

    def joined(*revisions: str | None) -> Submission:
        for path, revision in zip(paths, revisions, strict=True):
            path.with_suffix(".about.json").write_text(json.dumps({"model": "org/m", "revision": revision}))
        return from_completions(*paths, name=None, format=None, stage=None, partial=True)

    assert 2 == len(joined("step1", "step1").answers)
    with pytest.raises(DataError, match=r"several models \(org/m, org/m at step9\)\. Score them apart"):
        joined(None, "step9")
