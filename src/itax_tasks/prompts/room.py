"""What prompts need of a model, and how many tokens they may have beside the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from itax_metrics.errors import ConfigError
from itax_tasks.spec import TaskSpec


class Model(Protocol):
    """What prompts need of a model; `harness.model_context.ModelContext` is one."""

    @property
    def name(self) -> str | None: ...
    @property
    def takes(self) -> Any: ...
    @property
    def served(self) -> bool: ...
    @property
    def tokenizer(self) -> Any | None: ...
    @property
    def context(self) -> int | None: ...


def room_for_answer(spec: TaskSpec, metadata: Mapping[str, Any], family: str | None) -> int:
    """New tokens the task allows: its own figure, or the paper's under `profile = paper`.

    Raises:
        ConfigError: a profile that does not exist.
    """
    profile = metadata.get("profile")
    if profile not in (None, "default", "paper"):
        raise ConfigError(f'--metadata "profile" is {profile!r}; it must be "paper" or left out.')
    if profile == "paper" and family is not None:
        for start, tokens in spec.paper_max_gen_toks.items():
            if family.startswith(start):
                return tokens
    return spec.max_gen_toks


def prompt_limit(model: Model, answer: int, spec: TaskSpec) -> tuple[int | None, str | None]:
    """(tokens a prompt may have, None), or (None, why there is no room for any)."""
    context = model.context
    if context is None:
        return None, None
    if context <= answer:
        return None, (
            f"{spec.name} lets the answer have {answer} tokens, but the context of {model.name} is {context}. "
            f"Raise max_length (hf) or max_model_len (vllm) in --model_args, or lower --gen_kwargs max_gen_toks=N."
        )
    return context - answer, None
