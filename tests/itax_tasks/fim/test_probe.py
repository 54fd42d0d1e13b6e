"""The probe on a small model trained here in a known order, and its arithmetic."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from itax_tasks.fim.holes import HOLES, Hole
from itax_tasks.fim.probe import Score, candidates, probe, sign_test

torch = pytest.importorskip("torch", reason="the extra `hf` is not installed")


NAMES = "abcdefgh"
SENTINELS = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
ORDERS = ("PSM", "SPM-a", "SPM-b", "SPM-no-mid")
STEPS = 240


def document(draw: random.Random) -> Hole:
    """One name before the hole, one after it; the middle repeats the second one, which only the suffix shows, and the
    first. No word says which name is which: only the order of the sentinels does."""
    one, other = draw.choice(NAMES), draw.choice(NAMES).upper()
    return Hole(f"{one}=", f"{other};", f"{other}{one}")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """Bytes as tokens, and the sentinels of StarCoder."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={symbol: place for place, symbol in enumerate(alphabet)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.add_tokens([AddedToken(token, special=False, normalized=False) for token in SENTINELS])
    return PreTrainedTokenizerFast(tokenizer_object=core, clean_up_tokenization_spaces=False)


def trained(tokenizer: Any, order: str) -> Score:
    """A model of two layers that saw half of its documents in that order and half left to right."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    torch.set_num_threads(1)  # on a busy machine several threads wait for each other
    draw = random.Random(0)
    (chosen,) = [candidate for candidate in candidates(tokenizer) if candidate.order == order]
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=64,
        tie_word_embeddings=True,
        initializer_range=0.1,  # with the usual 0.02 so small a model takes thousands of steps to look at the suffix
    )
    model = Qwen2ForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)

    def plain(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False))

    for step in range(STEPS):
        holes = [document(draw) for _ in range(32)]
        if step % 2:
            rows = [(plain(hole.prefix), plain(hole.middle)) for hole in holes]
        else:
            rows = [(chosen.layout.ids(hole.prefix, hole.suffix), plain(hole.middle)) for hole in holes]
        ids = torch.tensor([prompt + middle for prompt, middle in rows])
        loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()

    def score(asked: Sequence[tuple[list[int], list[int]]]) -> list[float]:
        found = []
        with torch.no_grad():
            for prompt, middle in asked:
                logits = model(torch.tensor([prompt + middle])).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
                found.append(float(logits[range(len(middle)), middle].sum()))
        return found

    return score


@pytest.mark.parametrize("order", ["SPM-b", "PSM"])
def test_the_order_of_training_comes_first_among_four(tokenizer: Any, order: str) -> None:
    """The ranking is led by the order the model was trained in, in nearly every hole, and the suffix is worth much."""
    draw = random.Random(1)
    found = probe(tokenizer, trained(tokenizer, order), [document(draw) for _ in range(24)])
    assert set(ORDERS) == {row.order for row in found.ranking}
    assert order == found.ranking[0].order
    assert "yes" == found.trained
    assert found.ranking[0].gain > 0.3
    assert found.ahead_of_second >= 18


def test_a_model_that_ignores_the_suffix_is_not_called_trained(tokenizer: Any) -> None:
    """Likelier middles left to right, and no gain from the suffix: the verdict is no."""

    def score(asked: Sequence[tuple[list[int], list[int]]]) -> list[float]:
        held = {tokenizer.convert_tokens_to_ids(token) for token in SENTINELS}
        return [-2.0 - sum(token in held for token in prompt) for prompt, _ in asked]

    draw = random.Random(2)
    assert "no" == probe(tokenizer, score, [document(draw) for _ in range(12)]).trained


def test_a_model_that_needs_the_suffix_is_called_trained(tokenizer: Any) -> None:
    """Middles likelier with the suffix, in one order, and than left to right: the verdict is yes."""
    before, after, middle = (tokenizer.convert_tokens_to_ids(token) for token in SENTINELS)

    def score(asked: Sequence[tuple[list[int], list[int]]]) -> list[float]:
        right = [
            prompt[0] == after and prompt[-1] == middle and prompt.index(before) > 1 and prompt[1] != before
            for prompt, _ in asked
        ]
        return [-1.0 if fits else -5.0 for fits in right]

    draw = random.Random(3)
    found = probe(tokenizer, score, [document(draw) for _ in range(12)])
    assert ("SPM-b", "yes", 12) == (found.ranking[0].order, found.trained, found.ahead_of_second)


def test_the_built_in_holes_are_code_around_a_gap() -> None:
    """Twelve holes; what is put together again compiles."""
    assert 12 == len(HOLES)
    for hole in HOLES:
        compile(hole.prefix + hole.middle + hole.suffix, "hole", "exec")


def test_the_sign_test_counts_heads() -> None:
    """12 of 12 is one in 4096; half of them is no evidence."""
    assert 1 / 4096 == sign_test(12, 12)
    assert sign_test(6, 12) > 0.6
