"""Instruction tuning in two stages: ChatML, loss on the answer alone, a little replay of pretraining text."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from itax_tasks.tune.tiny.batches import batches
from itax_tasks.tune.tiny.chat_data import stage_1, stage_2
from itax_tasks.tune.tiny.recipe import Recipe
from itax_tasks.tune.tiny.training import Progress, run_steps

STAGES = {1: stage_1, 2: stage_2}


def instruct(
    model: Any,
    tokenizer: Any,
    recipe: Recipe,
    seed: int,
    stage: int,
    progress: Progress,
    after: Callable[[int], None] | None = None,
) -> list[float]:
    """Run one stage in place, with a fresh optimizer; returns the loss of each step.

    Args:
        model: the base model for stage 1, the result of stage 1 for stage 2.
        tokenizer: a `tokenizers.Tokenizer`.
        recipe: rates, steps and the replay share.
        seed: of the run; each stage has its own stream.
        stage: 1 or 2.
        progress: receives a line now and then.
        after: called with the number of steps done.
    """
    import torch

    make = partial(STAGES[stage], replay=recipe.replay, replay_fim=recipe.replay_fim[stage - 1])
    steps = recipe.stage_steps[stage - 1]
    return run_steps(
        model,
        [torch.optim.AdamW(model.parameters(), lr=recipe.tune_rate, betas=(0.9, 0.95), weight_decay=0.0)],
        batches(make, tokenizer, seed * 1000 + 1 + stage, recipe.tune_tokens),
        steps,
        rate=lambda step: min(1.0, (step + 1) / 20) * min(1.0, 0.1 + (steps - step) / (steps * recipe.tune_decay)),
        label=f"stage {stage}",
        progress=progress,
        after=after,
    )
