"""Items to prompts, one file per condition. Every prompt is text built here; no template language is involved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from itax_tasks.prompts.asked import Asked


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompts of one task for one model, in the order of its items."""

    texts: tuple[str, ...]
    truncated: tuple[bool, ...]
    """True where the document was cut to fit the context."""
    stops: tuple[str, ...]
    """Stop strings of the model family and of the task."""
    fim: Mapping[str, Any] | None = None
    """How the hole was put to the model; None off FIM."""
    warnings: tuple[str, ...] = ()
    unfit: str | None = None
    """Why no prompt fits beside the answer, if so; an error once the length of the answer is final."""
    plain: bool = False
    """True where a chat task's prompts are the bare requests: the model takes messages, the host wraps them."""
    family: str | None = None
    """FIM family of the tokenizer, where it is known; also names the paper's generation profile."""
    ask: Callable[[int], Asked] | None = None
    """What the request of item n carries besides its text; None for models that take strings alone."""
