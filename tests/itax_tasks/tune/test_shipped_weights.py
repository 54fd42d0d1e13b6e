"""The pair in the package loads with transformers, is small, and speaks the formats itax knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra `hf` is not installed")
transformers = pytest.importorskip("transformers", reason="the extra `hf` is not installed")

from itax_metrics.execution import LocalExecutor
from itax_tasks import fim
from itax_tasks.prompts.chat import conversation
from itax_tasks.spec import Dialogue
from itax_tasks.tune.tiny import NAMES, bundled, card
from itax_tasks.tune.tiny.evaluate import Figures, differences, evaluate
from itax_tasks.tune.tiny.model import digest
from itax_tasks.tune.tiny.recipe import SHIPPED
from itax_tasks.tune.tiny.tokenizer import CONTROL_TOKENS, FIM_TOKENS, train_tokenizer

MEGABYTES = 2_000_000
WEIGHTS = bundled(NAMES[0]).parent


@pytest.fixture(scope="module")
def runs() -> list[dict[str, Any]]:
    """The records the model cards were written from."""
    found: list[dict[str, Any]] = json.loads((WEIGHTS / "runs.json").read_text("utf-8"))
    return found


@pytest.fixture(scope="module", params=NAMES)
def folder(request: pytest.FixtureRequest) -> Path:
    """One model of the pair."""
    return bundled(str(request.param))


def test_the_weights_are_small(folder: Path) -> None:
    """At most 2 MB, in bfloat16."""
    assert (folder / "model.safetensors").stat().st_size <= MEGABYTES
    assert "bfloat16" == json.loads((folder / "config.json").read_text("utf-8"))["torch_dtype"]


def test_auto_classes_load_it(folder: Path) -> None:
    """Model, tokenizer and generation settings come from the folder alone."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert "Qwen2ForCausalLM" == type(model).__name__
    assert model.config.vocab_size == len(tokenizer)
    assert model.get_input_embeddings().weight.data_ptr() == model.get_output_embeddings().weight.data_ptr()
    ends = {tokenizer.convert_tokens_to_ids(token) for token in ("<|im_end|>", "<|endoftext|>")}
    expected = ends if folder.name == "instruct" else {tokenizer.convert_tokens_to_ids("<|endoftext|>")}
    assert expected == set(model.generation_config.eos_token_id)


def test_control_tokens_are_single_ids(folder: Path) -> None:
    """Each is one id, and the FIM tokens survive decoding as in Qwen's own files."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for token in CONTROL_TOKENS:
        assert 1 == len(tokenizer.encode(token)), token
    kept = tokenizer.decode(tokenizer.encode("".join(FIM_TOKENS)), skip_special_tokens=True)
    assert "".join(FIM_TOKENS) == kept


def test_its_format_is_detected(folder: Path) -> None:
    """By vocabulary, as a Qwen format with the template it was trained in."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    found = fim.resolve(tokenizer, requested=None, model=str(folder)).format
    assert found is not None
    assert fim.fim_format("qwen2.5-coder").template == found.template


def test_its_chat_template_is_chatml(folder: Path) -> None:
    """One user turn, up to where the assistant begins."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    prompt = conversation(tokenizer, Dialogue((("user", "Hello"),)), named=None, model=str(folder))
    assert "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n" == prompt


def test_the_tokenizer_can_be_trained_again(tmp_path: Path) -> None:
    """The same code gives the tokenizer of the package, byte for byte."""
    train_tokenizer(tmp_path)
    for name in NAMES:
        assert (tmp_path / "tokenizer.json").read_bytes() == (bundled(name) / "tokenizer.json").read_bytes()


def test_the_records_are_those_of_the_weights(runs: list[dict[str, Any]]) -> None:
    """The first run made these bytes, by the recipe in the code; every run has the same recipe and its own seed."""
    shipped = {name: digest(WEIGHTS / name / "model.safetensors") for name in ("base", "instruct")}
    assert shipped == {name: runs[0]["sha256"][name] for name in shipped}
    assert {SHIPPED} == {card.recipe_of(run) for run in runs}
    assert len(runs) == len({run["seed"] for run in runs})


def test_the_cards_say_what_the_records_say(runs: list[dict[str, Any]]) -> None:
    """Every figure of a card comes from the records."""
    for side in ("base", "instruct"):
        text = (WEIGHTS / side / "README.md").read_text("utf-8")
        assert card.card(side, runs) == text
        assert "no evidence about any other model" in text.replace("\n", " ")


def test_every_run_shows_the_tax_and_follows_instructions(runs: list[dict[str, Any]]) -> None:
    """Infilling lost with an interval above zero; instruction gained by far, strictly and leniently."""
    assert len(runs) >= 3
    for run in runs:
        lost = run["differences"]["instruct"]
        assert lost["infilling"]["low"] > 0, run["seed"]
        assert lost["instruct"]["difference"] <= -0.4, run["seed"]
        assert lost["instruct_strict"]["difference"] <= -0.15, run["seed"]
        assert lost["instruct_lenient"]["high"] < 0, run["seed"]


def test_the_pair_scores_what_its_card_says(runs: list[dict[str, Any]]) -> None:
    """The first 60 items of each kind, generated and executed again: the recorded verdict on nearly every one."""
    figures: dict[str, Figures] = {}
    with LocalExecutor(policy="prefer") as executor:
        for side in ("base", "instruct"):
            figures[side] = evaluate(WEIGHTS / side, executor, limit=60)
            for name in ("infilling", "completion", "instruct"):
                recorded = runs[0]["models"][side]["rates"][name]["passed"]
                again = figures[side].rates[name].passed.values()
                assert sum(kept == str(int(now)) for kept, now in zip(recorded, again, strict=False)) >= 57, (
                    side,
                    name,
                )
    gained = differences(figures["base"], figures["instruct"])["instruct"]["difference"]
    assert gained is not None
    assert gained < -0.12
