"""The loop both kinds of training share: a weighted loss, seeded batches, a fixed number of steps, one thread.

Identical weights from the same seed on the same type of machine and release of torch: nothing depends on
time, the order of threads, or what else the machine does. Another thread count sums in another order.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from itax_tasks.tune.tiny.batches import Batch

Progress = Callable[[str], None]

THREADS = 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread, and restore the count afterwards."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def run_steps(
    model: Any,
    optimizers: Sequence[Any],
    stream: Iterator[Batch],
    steps: int,
    *,
    rate: Callable[[int], float],
    label: str,
    progress: Progress,
    after: Callable[[int], None] | None = None,
) -> list[float]:
    """Train for a number of steps.

    Args:
        model: changed in place.
        optimizers: all of them step every time.
        stream: yields at least `steps` batches.
        rate: step, from 0 -> factor on every learning rate.
        label: opens each line of progress.
        progress: receives a line now and then.
        after: called with the number of steps done.

    Returns:
        The loss of each step, per unit of weight, in nats.
    """
    import torch

    model.train()
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["full_lr"] = group["lr"]
    losses: list[float] = []
    seen, started = 0, time.process_time()
    for step in range(steps):
        batch = next(stream)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["full_lr"] * rate(step)
        loss = weighted_loss(model, batch)
        model.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        losses.append(loss.item())
        seen += batch.tokens
        if (step + 1) % max(1, min(100, steps // 4)) == 0:
            recent = losses[-50:]
            spent = time.process_time() - started
            progress(
                f"{label}: step {step + 1}/{steps}, loss {math.fsum(recent) / len(recent):.3f}, "
                f"{seen / 1e6:.2f}M tokens, {spent:.0f} CPU-s"
            )
        if after is not None:
            after(step + 1)
    return losses


def weighted_loss(model: Any, batch: Batch) -> Any:
    """Mean negative log-likelihood of the next token, by loss weight."""
    import torch

    logits = model(input_ids=batch.ids).logits[:, :-1]
    targets, weights = batch.ids[:, 1:], batch.weights[:, 1:]
    losses = torch.nn.functional.cross_entropy(
        logits.reshape(-1, logits.shape[-1]), targets.reshape(-1), reduction="none"
    )
    return (losses * weights.reshape(-1)).sum() / weights.sum().clamp_min(1.0)
