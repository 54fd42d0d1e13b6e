"""Examples to batches: token ids with a loss weight each, rows of like length together, no token of padding wasted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from itax_tasks.tune.tiny.documents import Example
from itax_tasks.tune.tiny.draws import Draws

POOL = 1024
"""Examples drawn at a time and sorted by length into batches."""


@dataclass(frozen=True, slots=True)
class Row:
    """One tokenized example."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]
    """How much predicting each token counts; the first token is never predicted."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows padded to one length. `ids` and `weights` have the shape (rows, tokens)."""

    ids: Any
    weights: Any
    tokens: int


def tokenize(example: Example, tokenizer: Any) -> Row:
    """Piece by piece, so that a border between weights is a border between tokens.

    A prompt ends before its answer begins, in training and in use, so both see the same tokens.
    """
    ids: list[int] = []
    weights: list[float] = []
    for text, weight in example.pieces:
        piece = tokenizer.encode(text, add_special_tokens=False).ids
        ids += piece
        weights += [weight] * len(piece)
    return Row(tuple(ids), tuple(weights))


def batches(make: Callable[[Draws], Example], tokenizer: Any, seed: int, tokens: int) -> Iterator[Batch]:
    """An endless stream of batches.

    Args:
        make: draws one example.
        tokenizer: a `tokenizers.Tokenizer`.
        seed: of examples and order.
        tokens: upper limit of a batch, padding included.
    """
    draws = Draws(seed)
    while True:
        rows = sorted((tokenize(make(draws), tokenizer) for _ in range(POOL)), key=lambda row: len(row.ids))
        groups: list[list[Row]] = [[]]
        for row in rows:
            if groups[-1] and (len(groups[-1]) + 1) * len(row.ids) > tokens:
                groups.append([])
            groups[-1].append(row)
        for group in draws.shuffled(groups):
            yield _padded(group)


def _padded(rows: list[Row]) -> Batch:
    import torch

    length = max(len(row.ids) for row in rows)
    # Padding stands behind the text and has no weight: under causal attention nothing that counts sees it.
    ids = torch.tensor([(*row.ids, *([0] * (length - len(row.ids)))) for row in rows])
    weights = torch.tensor([(*row.weights, *([0.0] * (length - len(row.weights)))) for row in rows])
    return Batch(ids, weights, sum(len(row.ids) for row in rows))
