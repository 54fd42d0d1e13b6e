"""The same plain command with `--model hf` and `--model vllm`: same prompts, same greedy answers, same files.

`make test-vllm` makes the environment (tests/vllm/make_environment.py) and runs this. The environment is looked for in
ITAX_VLLM_VENV, then in `.venv-vllm`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from itax_tasks import data, fim_format
from itax_tasks.settings import read_settings

pytestmark = [pytest.mark.vllm, pytest.mark.xdist_group("vllm")]

REPOSITORY = Path(__file__).resolve().parents[2]
LIMIT = 8
TASKS = ("itax_hefim", "itax_hand_infilling")
SENTINELS = fim_format("qwen2.5-coder").sentinels

HF_ARGUMENTS = "dtype=float32"
# A small fixed cache of keys and values: by default vLLM claims nearly all memory of the machine.
VLLM_ARGUMENTS = "dtype=float32,enforce_eager=True,kv_cache_memory_bytes=67108864,max_num_seqs=8"

ENCODE = """
import json, sys
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
print(json.dumps([tokenizer(prompt)["input_ids"] for prompt in json.load(sys.stdin)]))
"""


@dataclass(frozen=True)
class Run:
    """What one lm_eval run wrote."""

    python: Path
    """The interpreter of its environment."""
    results: Mapping[str, Any]
    samples: Mapping[str, list[dict[str, Any]]]
    """Rows by task, in the order of the documents."""

    def prompts(self, task: str) -> list[str]:
        return [row["arguments"]["gen_args_0"]["arg_0"] for row in self.samples[task]]

    def answers(self, task: str) -> list[str]:
        return [row["resps"][0][0] for row in self.samples[task]]


@pytest.fixture(scope="module")
def vllm_python() -> Path:
    """The interpreter of the vLLM environment."""
    folder = Path(os.environ.get("ITAX_VLLM_VENV") or REPOSITORY / ".venv-vllm")
    python = folder / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no vLLM environment in {folder} (make test-vllm makes one, or set ITAX_VLLM_VENV)")
    return python


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The benchmark where ITAX_DATA_DIR holds its file, and the embedded problems in any case."""
    file = data.files()["hefim", "HumanEval-SingleLineInfilling.jsonl.gz"]
    # The runs have an empty state folder, so files fetched into the user's cache do not count.
    if data.find(file, read_settings({"state_dir": str(tmp_path_factory.mktemp("empty"))})) is not None:
        return TASKS
    warnings.warn(f"{TASKS[0]} is left out: ITAX_DATA_DIR names no folder with {file.name}", stacklevel=1)
    return TASKS[1:]


@pytest.fixture(scope="module")
def runs(
    vllm_python: Path, tasks: tuple[str, ...], tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Run]:
    """The two runs, by backend; they differ in the interpreter and in --model and its arguments, in nothing else."""
    here = Path(sys.executable)
    if not (here.parent / "lm_eval").exists():
        pytest.skip("lm_eval has no console script beside this interpreter")
    folder = tmp_path_factory.mktemp("backends")
    return {
        "hf": _lm_eval(here, "hf", HF_ARGUMENTS, ["--device", "cpu", "--batch_size", "1"], tasks, tiny_model, folder),
        "vllm": _lm_eval(vllm_python, "vllm", VLLM_ARGUMENTS, ["--batch_size", "auto"], tasks, tiny_model, folder),
    }


@pytest.fixture(scope="module")
def encoded(runs: dict[str, Run], tasks: tuple[str, ...], tiny_model: Path) -> dict[str, dict[str, list[int]]]:
    """By backend: the token ids of every prompt and every sentinel, by the tokenizer library of its environment."""
    ids = {}
    for name, run in runs.items():
        texts = [*SENTINELS, *(prompt for task in tasks for prompt in run.prompts(task))]
        done = subprocess.run(
            [str(run.python), "-c", ENCODE, str(tiny_model)],
            input=json.dumps(texts),
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert 0 == done.returncode, done.stderr
        ids[name] = dict(zip(texts, json.loads(done.stdout), strict=True))
    return ids


def _lm_eval(
    python: Path, backend: str, model_args: str, options: list[str], tasks: tuple[str, ...], model: Path, folder: Path
) -> Run:
    output = folder / backend
    command = [
        *(str(python.parent / "lm_eval"), "--model", backend),
        *("--model_args", f"pretrained={model},{model_args}", *options),
        *("--tasks", ",".join(tasks), "--limit", str(LIMIT), "--confirm_run_unsafe_code"),
        *("--output_path", str(output), "--log_samples"),
    ]
    environment = {
        **{key: value for key, value in os.environ.items() if key != "ITAX_NO_AUTOLOAD"},
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "ITAX_STATE_DIR": str(folder / "state"),
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_LOGGING_LEVEL": "ERROR",
        # One process, nothing compiled: neither changes what is computed, both save a minute.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "TORCHDYNAMO_DISABLE": "1",
    }
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=900)
    assert 0 == done.returncode, f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    (results,) = output.rglob("results_*.json")
    samples = {}
    for task in tasks:
        (path,) = output.rglob(f"samples_{task}_*.jsonl")
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        samples[task] = sorted(rows, key=lambda row: int(row["doc_id"]))
    return Run(python, json.loads(results.read_text("utf-8")), samples)


def test_both_backends_get_the_same_prompts(runs: dict[str, Run], tasks: tuple[str, ...]) -> None:
    """Prompt and generation settings of every document are equal, character by character."""
    for task in tasks:
        hf, vllm = ([row["arguments"] for row in runs[name].samples[task]] for name in ("hf", "vllm"))
        assert LIMIT == len(hf)
        assert hf == vllm


def test_both_environments_read_a_prompt_as_the_same_tokens(encoded: dict[str, dict[str, list[int]]]) -> None:
    """The tokenizer libraries of the two environments, of different versions, give equal ids."""
    assert encoded["hf"] == encoded["vllm"]


def test_each_sentinel_is_one_token_in_the_order_of_the_format(
    runs: dict[str, Run], tasks: tuple[str, ...], encoded: dict[str, dict[str, list[int]]]
) -> None:
    """A prompt starts with the prefix sentinel, ends with the middle one, and holds each of the three once."""
    for name, run in runs.items():
        ids = encoded[name]
        assert [1, 1, 1] == [len(ids[sentinel]) for sentinel in SENTINELS]
        prefix, suffix, middle = (ids[sentinel][0] for sentinel in SENTINELS)
        for prompt in (prompt for task in tasks for prompt in run.prompts(task)):
            assert [prefix, suffix, middle] == [token for token in ids[prompt] if token in (prefix, suffix, middle)]
            assert (prefix, middle) == (ids[prompt][0], ids[prompt][-1])


def test_both_backends_answer_with_the_same_text(runs: dict[str, Run], tasks: tuple[str, ...]) -> None:
    """Greedy answers of a float32 model are equal, but for a character that the length limit cut in two.

    With hf this holds at batch size 1, lm_eval's default. In a larger batch hf does not end a row at a stop string that
    is a special token: its decoder drops the token, so the text after it stays.
    """
    for task in tasks:
        # Half a character at the end: hf keeps it as U+FFFD, vLLM drops it.
        hf, vllm = ([text.rstrip("\ufffd") for text in runs[name].answers(task)] for name in ("hf", "vllm"))
        assert any(hf)
        assert hf == vllm


def test_both_results_record_the_same_format(runs: dict[str, Run], tasks: tuple[str, ...]) -> None:
    """The results of both name the format, one of Qwen's found from the tokenizer, and what else itax records."""
    for task in tasks:
        hf, vllm = _record(runs["hf"], task), _record(runs["vllm"], task)
        assert "detected" == hf["fim"]["how"]
        assert SENTINELS == fim_format(hf["fim"]["id"]).sentinels
        for part in ("fim", "task", "version", "condition", "protocol", "extraction", "stops", "data"):
            assert hf[part] == vllm[part], part


def test_both_results_hold_every_metric(runs: dict[str, Run], tasks: tuple[str, ...]) -> None:
    """Every answer of both backends was executed and has a verdict."""
    for run in runs.values():
        for task in tasks:
            assert 0.0 <= run.results["results"][task]["pass@1,none"] <= 1.0
            assert "pass@1_incomplete,none" not in run.results["results"][task]


def _record(run: Run, task: str) -> dict[str, Any]:
    record: dict[str, Any] = run.results["configs"][task]["metadata"]["itax"]
    return record
