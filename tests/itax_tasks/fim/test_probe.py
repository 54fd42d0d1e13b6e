"""The probe on a small model trained here in a known order, and its arithmetic."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra `hf` is not installed")

from tests.probe_model import SENTINELS, document, make_tokenizer, train

from itax_tasks.fim.holes import HOLES
from itax_tasks.fim.probe import Score, probe, sign_test

ORDERS = ("PSM", "SPM-a", "SPM-b", "SPM-no-mid")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """Bytes as tokens, and the sentinels of StarCoder."""
    return make_tokenizer()


def trained(tokenizer: Any, order: str) -> Score:
    """The log-probabilities of a model trained in that order."""
    model = train(tokenizer, order)

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
