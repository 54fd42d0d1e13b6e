"""A conversation in the model's own chat template, or in a named one, up to where the model goes on.

Whether a model is base or instruct is never read off the presence of a template; the task says `chat`.
"""

from __future__ import annotations

from typing import Any

from itax_metrics.errors import ConfigError
from itax_tasks.spec import Dialogue

MAGICODER_SYSTEM = (
    "You are an exceptionally intelligent coding assistant that consistently delivers accurate and reliable "
    "responses to user instructions."
)
"""Source: Magicoder (Wei et al. 2023), README of ise-uiuc/magicoder."""

NAMED = ("magicoder",)


_MARK = "-[[itax-goes-on-here]]-"


def conversation(tokenizer: Any | None, dialogue: Dialogue, *, named: str | None, model: str) -> str:
    """The prompt text up to where the assistant goes on: its turn has begun, with the prefill if there is one.

    A prefill is rendered as an answer that holds a mark, and cut at the mark (EvalPlus, `provider/utility.py`), so
    that whatever a template puts in front of an answer is there.

    Args:
        tokenizer: the model's tokenizer; None for a model that never sees a prompt.
        dialogue: the turns before the answer, and how it begins.
        named: a template of `NAMED`, or None for the tokenizer's own.
        model: for the message.

    Raises:
        ConfigError: unknown template name, or a tokenizer without a template.
    """
    if named is not None and named not in NAMED:
        raise ConfigError(f'--metadata "chat" is {named!r}; the named templates are {", ".join(NAMED)}.')
    if named == "magicoder":
        request = "\n\n".join(text for role, text in dialogue.turns if role == "user")
        return f"{MAGICODER_SYSTEM}\n\n@@ Instruction\n{request}\n\n@@ Response\n{dialogue.prefill}"
    if tokenizer is None:
        return "\n\n".join(text for _, text in dialogue.turns) + dialogue.prefill
    if not getattr(tokenizer, "chat_template", None):
        raise ConfigError(
            f"The tokenizer of {model} has no chat template, and this task speaks to the model in a chat. "
            """Name one with --metadata '{"chat":"magicoder"}', or leave this task out for a base model."""
        )
    messages = [{"role": role, "content": text} for role, text in dialogue.turns]
    if not dialogue.prefill:
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
    begun = [*messages, {"role": "assistant", "content": dialogue.prefill + _MARK}]
    before, found, _ = str(tokenizer.apply_chat_template(begun, tokenize=False)).partition(_MARK)
    if not found:
        raise ConfigError(
            f"The chat template of {model} does not show an answer that has begun, so the answer cannot be prefilled. "
            "Run the task without prefill."
        )
    return before
