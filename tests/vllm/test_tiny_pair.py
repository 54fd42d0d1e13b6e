"""The bundled pair with `--model hf` and `--model vllm`: the same greedy text, item by item, and the same tax."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.vllm.backends import Run, both_backends

from itax_metrics.compare import compare
from itax_metrics.store import read_score_dir
from itax_tasks.cli.demo import BATCH
from itax_tasks.rescore import from_lm_eval, score_to_directory
from itax_tasks.settings import read_settings
from itax_tasks.tune import tiny

pytestmark = [pytest.mark.vllm, pytest.mark.xdist_group("vllm")]

TASKS = ("itax_mini_infilling", "itax_mini_completion", "itax_mini_instruct")
ITEMS = {"itax_mini_infilling": 480, "itax_mini_completion": 400, "itax_mini_instruct": 400}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the four runs write."""
    return tmp_path_factory.mktemp("pair")


@pytest.fixture(scope="module")
def runs(vllm_python: Path, folder: Path) -> dict[str, dict[str, Run]]:
    """Model name -> backend -> run, over all items; hf in the batches of `itax demo`."""
    found = {}
    for name in tiny.NAMES:
        (folder / name).mkdir()
        found[name] = both_backends(vllm_python, TASKS, tiny.bundled(name), folder / name, hf_batch=BATCH)
    return found


def pairs(runs: dict[str, dict[str, Run]]) -> Iterator[tuple[str, str, str]]:
    """(model, task and document; answer of hf; answer of vllm) of every item."""
    for model, run in runs.items():
        for task in TASKS:
            for at, (hf, vllm) in enumerate(zip(run["hf"].answers(task), run["vllm"].answers(task), strict=True)):
                yield f"{model} {task} {at}", hf, vllm


def test_every_item_is_asked_the_same(runs: dict[str, dict[str, Run]]) -> None:
    """All 1280 items, prompts and generation settings equal, character by character."""
    for run in runs.values():
        for task in TASKS:
            hf, vllm = ([row["arguments"] for row in run[backend].samples[task]] for backend in ("hf", "vllm"))
            assert ITEMS[task] == len(hf)
            assert hf == vllm


def gap(model: str, prompt: str, one: str, other: str) -> float:
    """How much the better of the two tokens at which two answers part is preferred, in logits."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = str(tiny.bundled(model))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    first, second = (tokenizer.encode(text, add_special_tokens=False) for text in (one, other))
    at = next(place for place, (a, b) in enumerate(zip(first, second, strict=False)) if a != b)
    ids = tokenizer.encode(prompt, add_special_tokens=False) + first[:at]
    with torch.inference_mode():
        logits = loaded(torch.tensor([ids])).logits[0, -1]
    assert {first[at], second[at]} == set(logits.topk(2).indices.tolist())
    return abs(float(logits[first[at]] - logits[second[at]]))


def test_both_backends_answer_with_the_same_text(runs: dict[str, dict[str, Run]]) -> None:
    """Greedy answers in float32 are equal on all 2560 prompts, but where rounding decides between two tokens.

    One such answer was seen: its two best tokens are 1.5e-6 logits apart, in double precision too.
    """
    differing = [(item, hf, vllm) for item, hf, vllm in pairs(runs) if hf != vllm]
    assert len(differing) <= 3, json.dumps(differing[:5], indent=1)
    for item, hf, vllm in differing:
        model, task, at = item.split()
        prompt = runs[model]["hf"].samples[task][int(at)]["arguments"]["gen_args_0"]["arg_0"]
        assert gap(model, prompt, hf, vllm) < 1e-4, item


def test_both_backends_find_the_same_tax(runs: dict[str, dict[str, Run]], folder: Path) -> None:
    """Scored and compared, both give the tax of infilling in the same points, and its interval excludes zero."""
    found = {}
    for backend in ("hf", "vllm"):
        for name in runs:
            submissions, model, notes = from_lm_eval(folder / name / backend)
            out = folder / f"{name}-{backend}"
            score_to_directory(submissions, out, read_settings(), model=model, notes=notes, progress=False)
        base, instruct = (read_score_dir(folder / f"{name}-{backend}") for name in tiny.NAMES)
        found[backend] = {row["task"]: row for row in compare(base, instruct).to_dict()["benchmarks"]}
    taxes = {backend: {task: row["tax_points"] for task, row in rows.items()} for backend, rows in found.items()}
    assert taxes["hf"] == taxes["vllm"]
    assert found["hf"]["itax_mini_infilling"]["tax_ci95_points"][0] > 0
