"""What the backends that take ids share: which requests are ours, and whether their prompts fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from itax_metrics.errors import ConfigError
from itax_tasks.prompts.asked import asked

_ALIASES = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")


def split(requests: Sequence[Any]) -> tuple[list[int], list[int]]:
    """Places of the requests that carry ids, and of all others."""
    ours = [place for place, request in enumerate(requests) if (found := asked(request)) is not None and found.ids]
    taken = set(ours)
    return ours, [place for place in range(len(requests)) if place not in taken]


def check_room(requests: Sequence[Any], max_length: int, default: int) -> None:
    """Refuse prompts that a backend would have to cut, before anything is generated.

    Raises:
        ConfigError: with the first document and both lengths. A cut from the left takes the first sentinel.
    """
    for request in requests:
        found = request.itax_asked
        settings = request.args[1]
        room = next((int(settings[name]) for name in _ALIASES if settings.get(name) is not None), default)
        if len(found.ids) + room > max_length:
            raise ConfigError(
                f"{request.task_name}: the prompt of {found.task_id} has {len(found.ids)} tokens and its answer may "
                f"have {room}, but the context of the model is {max_length}. Raise max_length (itax-hf) or "
                "max_model_len (itax-vllm) in --model_args, or lower --gen_kwargs max_gen_toks=N."
            )
