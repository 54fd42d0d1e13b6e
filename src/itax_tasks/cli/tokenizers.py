"""The tokenizer of a model that was named on the command line."""

from __future__ import annotations

from typing import Any

from itax_metrics.errors import ConfigError, MissingExtraError
from itax_tasks.tune.tiny import place_of


def load_tokenizer(model: str, revision: str | None, trust_remote_code: bool) -> Any:
    """Load a tokenizer from the hub or a folder; the bundled pair goes by its names.

    Raises:
        ConfigError: it cannot be loaded, with what to check.
        MissingExtraError: transformers is not installed.
    """
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise MissingExtraError("Loading a tokenizer", "hf") from error
    try:
        return AutoTokenizer.from_pretrained(place_of(model), revision=revision, trust_remote_code=trust_remote_code)
    except Exception as error:  # transformers raises OSError, ValueError, KeyError and the hub's own for one cause
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ConfigError(
            f"No tokenizer could be loaded from {model!r}: {first_line} Check the name, the network or the folder; "
            "a private model needs `hf auth login`, one with its own code --trust-remote-code."
        ) from error
