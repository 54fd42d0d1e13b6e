"""One user turn in the model's own chat template, or in a named one.

Whether a model is base or instruct is never read off the presence of a template; the task says `chat`.
"""

from __future__ import annotations

from typing import Any

from itax_metrics.errors import ConfigError

MAGICODER_SYSTEM = (
    "You are an exceptionally intelligent coding assistant that consistently delivers accurate and reliable "
    "responses to user instructions."
)
"""Source: Magicoder (Wei et al. 2023), README of ise-uiuc/magicoder."""

NAMED = ("magicoder",)


def user_turn(tokenizer: Any | None, request: str, *, named: str | None, model: str) -> str:
    """The prompt text up to where the assistant begins.

    Args:
        tokenizer: the model's tokenizer; None for a model that never sees a prompt.
        request: the user's text.
        named: a template of `NAMED`, or None for the tokenizer's own.
        model: for the message.

    Raises:
        ConfigError: unknown template name, or a tokenizer without a template.
    """
    if named is not None and named not in NAMED:
        raise ConfigError(f'--metadata "chat" is {named!r}; the named templates are {", ".join(NAMED)}.')
    if named == "magicoder":
        return f"{MAGICODER_SYSTEM}\n\n@@ Instruction\n{request}\n\n@@ Response\n"
    if tokenizer is None:
        return request
    if not getattr(tokenizer, "chat_template", None):
        raise ConfigError(
            f"The tokenizer of {model} has no chat template, and this task speaks to the model in a chat. "
            """Name one with --metadata '{"chat":"magicoder"}', or leave this task out for a base model."""
        )
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": request}], tokenize=False, add_generation_prompt=True
    )
    return str(text)
