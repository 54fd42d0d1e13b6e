"""Read what lm-eval wrote (`results_*.json`, `samples_*.jsonl`); nothing of it is ever altered.

Needs no lm_eval: these are plain files, and a laptop that only scores shall not load a host.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itax_metrics.errors import DataError

_SAMPLES = re.compile(r"^samples_(?P<task>.+)_(?P<stamp>\d{4}-\d\d-\d\dT[\d.:-]+)\.jsonl(?:\.gz)?$")
_RESULTS = re.compile(r"^results_(?P<stamp>\d{4}-\d\d-\d\dT[\d.:-]+)\.json$")

HF_BACKENDS = ("hf", "hf-auto", "huggingface")

DEFINING = (
    *("revision", "subfolder", "gguf_file", "peft", "delta", "lora_local_path"),
    *("quantization", "load_in_8bit", "load_in_4bit", "autogptq", "gptqmodel", "kv_cache_dtype"),
    *("tokenizer", "tokenizer_revision", "add_bos_token", "dialect"),
)
"""Model arguments that decide what a model answers: its weights, its arithmetic, its tokens, the server's dialect.

Left out is where and how fast it runs (devices, parallelism, batch sizes, memory, addresses and retries), how long a
prompt may be, and what belongs to a single task, such as generation settings."""
_FACTS = ("model_sha", "peft_sha", "delta_sha")
"""What lm-eval's `hf` found out about the weights; empty where it could not ask the hub."""


@dataclass(frozen=True, slots=True)
class SamplesFile:
    """One samples file and the results file of the same run."""

    task: str
    path: Path
    results: Mapping[str, Any]
    """Empty where lm-eval's results file is missing."""
    older: int = 0
    """Earlier samples files of the same task in the same folder, which are left out."""


def find_samples(source: Path) -> list[SamplesFile]:
    """The newest samples file of each task below `source`, which may also be one samples file.

    Raises:
        DataError: nothing there, or the files of more than one model.
    """
    paths = [source] if source.is_file() else sorted(source.rglob("samples_*.jsonl*"))
    newest: dict[tuple[Path, str], tuple[str, Path]] = {}
    count: Counter[tuple[Path, str]] = Counter()
    for path in paths:
        match = _SAMPLES.match(path.name)
        if match is None:
            continue
        key = (path.parent, match["task"])
        count[key] += 1
        newest[key] = max(newest.get(key, ("", path)), (match["stamp"], path))
    if not newest:
        raise DataError(
            f"{source} holds no lm-eval samples (samples_TASK_TIME.jsonl). Run lm_eval with --log_samples and "
            "--output_path, or score plain answers with --task NAME --completions FILE."
        )
    folders = sorted({folder for folder, _ in newest})
    if len(folders) > 1:
        names = ", ".join(folder.name for folder in folders[:4])
        raise DataError(f"{source} holds the samples of {len(folders)} models ({names}). Name one of these folders.")
    return [
        SamplesFile(key[1], path, _results_beside(path, stamp), count[key] - 1)
        for key, (stamp, path) in sorted(newest.items())
    ]


def model_record(results: Mapping[str, Any]) -> dict[str, Any]:
    """Model, revision, backend, generation settings and versions of a results file, as far as it says."""
    config = results.get("config") or {}
    arguments = _model_arguments(config)
    named = arguments.get("pretrained") or arguments.get("model") or _stem(arguments.get("completions"))
    if arguments.get("peft"):
        named = f"{named}+{arguments['peft']}"
    versions = {
        name: str(results[field])
        for name, field in (("lm_eval", "lm_eval_version"), ("transformers", "transformers_version"))
        if results.get(field)
    }
    return {
        "model": str(named or results.get("model_name") or "unknown"),
        "revision": str(arguments["revision"]) if arguments.get("revision") else None,
        "backend": config.get("model"),
        "dtype": arguments.get("dtype"),
        "batch_size": config.get("batch_size"),
        "versions": versions,
    }


def identity(results: Mapping[str, Any]) -> dict[str, str | None]:
    """What, beside its name, makes the model of a results file that model and no other.

    Returns:
        `backend`, `dtype`, the model arguments of `DEFINING` and the digests that the hub gave for the weights: each as
        text, empty where it is the default, and None where the file leaves it open, so that nothing can be said.
    """
    config = results.get("config") or {}
    arguments = _model_arguments(config)
    said = {name: _text(arguments.get(name)) for name in DEFINING}
    said["revision"] = said["revision"] or "main"
    if said["tokenizer"] == _text(arguments.get("pretrained")):
        said["tokenizer"] = ""
    backend = _text(config.get("model"))
    dtype = _text(config.get("model_dtype") or arguments.get("dtype")).removeprefix("torch.")
    return {
        "backend": HF_BACKENDS[0] if backend in HF_BACKENDS else backend,
        **said,
        "dtype": None if dtype in ("", "auto") else dtype,
        **{name: _text(config.get(name)) or None for name in _FACTS},
    }


def _model_arguments(config: Mapping[str, Any]) -> Mapping[str, Any]:
    arguments = config.get("model_args") or {}
    if isinstance(arguments, str):
        return dict(part.split("=", 1) for part in arguments.split(",") if "=" in part)
    return dict(arguments)


def _text(value: Any) -> str:
    """A value as text; what switches a setting off is no text."""
    return "" if str(value) in ("None", "False", "false") else str(value)


def task_record(results: Mapping[str, Any], task: str) -> dict[str, Any]:
    """What our task class wrote about one task: data, FIM format, prompts; empty for a foreign file."""
    config = (results.get("configs") or {}).get(task) or {}
    record = (config.get("metadata") or {}).get("itax") or {}
    return {
        **record,
        "generation": config.get("generation_kwargs") or {},
        "repeats": config.get("repeats", 1),
        "task_version": (results.get("versions") or {}).get(task),
    }


def spec_name(results: Mapping[str, Any], task: str) -> str:
    """The itax task behind a task name: a user's own YAML may carry ours under another name."""
    return str(task_record(results, task).get("task") or task)


def answered_items(results: Mapping[str, Any], task: str) -> int | None:
    """How many items lm-eval says it asked, None where it does not say."""
    effective = ((results.get("n-samples") or {}).get(task) or {}).get("effective")
    return int(effective) if effective is not None else None


def backend_notes(model: Mapping[str, Any], fim: Mapping[str, Any] | None) -> list[str]:
    """Traps of stock backends that only their name reveals.

    Source: lm-eval 0.4.13, `models/huggingface.py`, which decodes with `skip_special_tokens=True`;
    `models/vllm_causallms.py` does not.
    """
    notes = []
    if model["backend"] in HF_BACKENDS and fim:
        notes.append(
            f"The stock {model['backend']} backend drops special tokens from every answer, at any batch size: where a "
            "family's FIM tokens are marked special, `sentinel_leak` and the failure category `special_tokens` are "
            "lower bounds. Use itax-hf or vllm to count them."
        )
    if model["backend"] in HF_BACKENDS and fim and str(model["batch_size"]) != "1":
        notes.append(
            f"The stock {model['backend']} backend at batch size {model['batch_size']} decodes without special tokens "
            "before it cuts at the stop strings: where a family's FIM tokens are marked special, text after the stop "
            "can leak into an answer. Compare with batch_size 1 or with vllm."
        )
    return notes


def _stem(completions: Any) -> str | None:
    return Path(str(completions)).name.split(".")[0] if completions else None


def _results_beside(samples: Path, stamp: str) -> Mapping[str, Any]:
    candidates = sorted(path for path in samples.parent.glob("results_*.json") if _RESULTS.match(path.name))
    for path in (path for path in candidates if stamp in path.name):
        try:
            content = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path} cannot be read ({error}). Delete it, or run lm_eval again.") from error
        return content if isinstance(content, dict) else {}
    return {}
