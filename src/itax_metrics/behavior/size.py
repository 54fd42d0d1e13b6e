"""What an answer costs, to make and to run."""

from __future__ import annotations

from itax_metrics.behavior.reply import Reply


def tokens(reply: Reply) -> float | None:
    """Tokens of the answer by the model's own tokenizer; None where they were not counted."""
    return None if reply.tokens is None else float(reply.tokens)


def characters(reply: Reply) -> float:
    """Characters of the answer."""
    return float(len(reply.text))


def run_seconds(reply: Reply) -> float | None:
    """Wall seconds its program ran; None where nothing ran."""
    return reply.seconds
