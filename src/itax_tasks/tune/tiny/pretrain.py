"""The base model, from random weights: half of its documents are fill-in-the-middle."""

from __future__ import annotations

from typing import Any

from itax_tasks.tune.tiny.batches import batches
from itax_tasks.tune.tiny.documents import document
from itax_tasks.tune.tiny.recipe import Recipe
from itax_tasks.tune.tiny.training import Progress, run_steps


def pretrain(model: Any, tokenizer: Any, recipe: Recipe, seed: int, progress: Progress) -> list[float]:
    """Train `model` in place; returns the loss of each step."""
    stream = batches(document, tokenizer, seed * 1000 + 1, recipe.base_tokens)
    return run_steps(
        model,
        optimizers(model, recipe),
        stream,
        recipe.base_steps,
        rate=lambda step: trapezoid(step, recipe.base_steps, recipe.warm_up, recipe.decay),
        label="base",
        progress=progress,
    )


def optimizers(model: Any, recipe: Recipe) -> list[Any]:
    """Muon on the matrices inside the blocks, AdamW on embedding, norms and biases."""
    import torch

    matrices = [weight for name, weight in model.named_parameters() if weight.ndim == 2 and "layers" in name]
    others = [weight for name, weight in model.named_parameters() if not (weight.ndim == 2 and "layers" in name)]
    if not hasattr(torch.optim, "Muon"):  # torch before 2.9
        return [torch.optim.AdamW(model.parameters(), lr=recipe.adam_rate, betas=(0.9, 0.95), weight_decay=0.0)]
    return [
        torch.optim.Muon(matrices, lr=recipe.muon_rate, weight_decay=0.0),
        torch.optim.AdamW(others, lr=recipe.adam_rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def trapezoid(step: int, steps: int, warm_up: int, decay: float) -> float:
    """Rise over `warm_up` steps, hold, fall to zero over the last share `decay`."""
    rise = (step + 1) / max(1, min(warm_up, steps))
    fall = (steps - step) / max(1.0, steps * decay)
    return min(1.0, rise, fall)
