"""Prompts as token ids: code in which nothing is a control token, and conversations in which the template's are."""

from __future__ import annotations

from typing import Any

from itax_tasks.fim.encoding import encoder_for


def code_ids(tokenizer: Any, text: str) -> list[int]:
    """The ids of code as a prompt of its own: the tokenizer's leading token, then text that holds no control token."""
    encoder = encoder_for(tokenizer)
    return [*encoder.lead, *encoder.encode(text, dummy_space=True)]


def rendered_ids(tokenizer: Any, text: str) -> list[int]:
    """The ids of a rendered conversation, whose control tokens are meant; the leading token stands there once."""
    ids = list(tokenizer.encode(text, add_special_tokens=False, verbose=False)) if text else []
    lead = list(encoder_for(tokenizer).lead)
    return ids if ids[: len(lead)] == lead else [*lead, *ids]
