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
from pathlib import Path
from typing import Any

import pytest
from tests.vllm.backends import Run, both_backends

from itax_tasks import data, fim_format
from itax_tasks.settings import read_settings

pytestmark = [pytest.mark.vllm, pytest.mark.xdist_group("vllm")]

LIMIT = 8
FILES = {
    "itax_hefim": (("hefim", "HumanEval-SingleLineInfilling.jsonl.gz"),),
    "itax_safim": tuple(("safim", f"{subset}_completion.jsonl.gz") for subset in ("api", "block", "control")),
    "itax_hand_infilling": (),
}
"""The tasks, and the official files each needs."""
SENTINELS = fim_format("qwen2.5-coder").sentinels

ENCODE = """
import json, sys
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
print(json.dumps([tokenizer(prompt)["input_ids"] for prompt in json.load(sys.stdin)]))
"""


@pytest.fixture(scope="module")
def tasks(vllm_python: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The benchmarks whose files ITAX_DATA_DIR holds, and the embedded problems in any case."""
    # The runs have an empty state folder, so files fetched into the user's cache do not count.
    settings = read_settings({"state_dir": str(tmp_path_factory.mktemp("empty"))})
    left_out = {
        task: f"ITAX_DATA_DIR names no folder with {name}"
        for task, wanted in FILES.items()
        for benchmark, name in wanted
        if data.find(data.files()[benchmark, name], settings) is None
    }
    for python in (sys.executable, str(vllm_python)):
        if subprocess.run([python, "-c", "import tree_sitter"], capture_output=True, check=False).returncode:
            left_out["itax_safim"] = f"{python} lacks the extra `safim`"
    for task, why in left_out.items():
        warnings.warn(f"{task} is left out: {why}", stacklevel=1)
    return tuple(task for task in FILES if task not in left_out)


@pytest.fixture(scope="module")
def runs(
    vllm_python: Path, tasks: tuple[str, ...], tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Run]:
    """The two runs, by backend; they differ in the interpreter and in --model and its arguments, in nothing else."""
    return both_backends(vllm_python, tasks, tiny_model, tmp_path_factory.mktemp("backends"), limit=LIMIT)


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
