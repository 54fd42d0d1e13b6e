"""A model's log-probabilities for `itax fim probe`, through lm-eval's own backends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from itax_metrics.errors import ConfigError
from itax_tasks.fim.probe import Score

BACKENDS = ("hf", "vllm")


def scorer(backend: str, model: str, arguments: str = "", device: str | None = None) -> tuple[Any, Score]:
    """Load a model; returns its tokenizer and its log-probabilities.

    Args:
        backend: `hf` or `vllm`.
        model: hub name or folder.
        arguments: further `--model_args` of that backend, `name=value,...`.
        device: for hf, such as `cuda:0`; None: lm-eval's own choice.

    Raises:
        ConfigError: another backend.
    """
    if backend not in BACKENDS:
        raise ConfigError(f"--backend {backend} is not one of {', '.join(BACKENDS)}.")
    import lm_eval.models  # noqa: F401  # fills the registry
    from lm_eval.api.registry import get_model

    given = ",".join(part for part in (f"pretrained={model}", arguments) if part)
    loaded = get_model(backend).create_from_arg_string(given, {"device": device} if device else {})

    def score(asked: Sequence[tuple[list[int], list[int]]]) -> list[float]:
        rows = [(None, list(prompt), list(continuation)) for prompt, continuation in asked]
        return [float(found[0]) for found in loaded._loglikelihood_tokens(rows, disable_tqdm=True)]

    return loaded.tokenizer, score
