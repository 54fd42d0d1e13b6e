"""What a task may know of the model: its name, its tokenizer, its context, and how it takes a prompt.

lm-eval hands `--model_args` merged with `--metadata` to every task, but neither the model object nor
the backend's name. Tokenizer and configuration are read once per model and kept for the other tasks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from itax_metrics.errors import ConfigError, MissingExtraError
from itax_tasks.models.presence import Takes, present

_CONTEXT_FIELDS = ("max_position_embeddings", "n_positions", "n_ctx")


@dataclass(frozen=True, slots=True)
class ModelContext:
    """The model as the metadata of a run describes it."""

    name: str | None
    """Hub id or folder; None for a model that was never named (replay, dummy)."""
    takes: Takes
    tokenizer_name: str | None = None
    revision: str | None = None
    subfolder: str | None = None
    trust_remote_code: bool = False
    served: bool = False
    """True for a model behind HTTP, which is named by `model=` and may have no tokenizer anyone can load."""
    max_length: int | None = None
    """Context in tokens as the user set it; None: read from the model's configuration."""

    @staticmethod
    def from_metadata(metadata: Mapping[str, Any]) -> ModelContext:
        """Read the model arguments, under the names hf, vllm, sglang and the HTTP models use.

        Raises:
            ConfigError: a secret among them, or a context that is no number.
        """
        for secret in ("api_key", "token"):
            if isinstance(metadata.get(secret), str):
                raise ConfigError(
                    f"--model_args holds {secret}=..., and lm_eval writes model_args into its results. "
                    "Set the key in the environment instead (OPENAI_API_KEY, HF_TOKEN)."
                )
        name = metadata.get("pretrained") or metadata.get("model")
        ours = present(str(name)) if name else None
        length = metadata.get("max_model_len") or metadata.get("max_length") or metadata.get("context_length")
        return ModelContext(
            name=str(name) if name else None,
            # The replay model reads stored answers; it never sees a prompt.
            takes="none" if "completions" in metadata else ours.takes if ours else "string",
            tokenizer_name=str(metadata["tokenizer"]) if metadata.get("tokenizer") else None,
            revision=str(metadata["revision"]) if metadata.get("revision") else None,
            subfolder=str(metadata["subfolder"]) if metadata.get("subfolder") else None,
            trust_remote_code=str(metadata.get("trust_remote_code", "")).lower() == "true",
            served=bool(metadata.get("model")) and not metadata.get("pretrained"),
            max_length=_tokens(length) if length else ours.max_length if ours else None,
        )

    @property
    def tokenizer(self) -> Any | None:
        """The model's tokenizer; None when no model is named.

        Raises:
            ConfigError: it cannot be loaded; names the argument to correct.
            MissingExtraError: transformers is not installed.
        """
        # A server that assembles the prompt itself needs no tokenizer here, and may have none anyone can load.
        source = self.tokenizer_name or (None if self.takes == "native_suffix" else self.name)
        if source is None:
            return None
        revision = None if self.tokenizer_name else self.revision
        return _load_tokenizer(source, revision, self.subfolder, self.trust_remote_code)

    @property
    def context(self) -> int | None:
        """Tokens the model can attend to, prompt and answer together; None if nobody says."""
        if self.max_length is not None or self.name is None or self.takes == "native_suffix":
            return self.max_length
        return _configured_context(self.name, self.revision, self.subfolder, self.trust_remote_code)


@lru_cache(maxsize=4)
def _load_tokenizer(source: str, revision: str | None, subfolder: str | None, trust: bool) -> Any:
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise MissingExtraError(f"Reading the tokenizer of {source}", "hf") from error
    extra = {"subfolder": subfolder} if subfolder else {}
    try:
        return AutoTokenizer.from_pretrained(source, revision=revision or "main", trust_remote_code=trust, **extra)
    except Exception as error:  # transformers raises whatever the file or the network gave it
        raise ConfigError(
            f"The tokenizer of {source!r} could not be loaded ({type(error).__name__}: {_first_line(error)}). "
            "Check pretrained=... in --model_args, or name a tokenizer there with tokenizer=FOLDER_OR_ID."
        ) from error


@lru_cache(maxsize=4)
def _configured_context(name: str, revision: str | None, subfolder: str | None, trust: bool) -> int | None:
    try:
        from transformers import AutoConfig

        extra = {"subfolder": subfolder} if subfolder else {}
        config = AutoConfig.from_pretrained(name, revision=revision or "main", trust_remote_code=trust, **extra)
    except Exception:
        # An HTTP model has no configuration to read; the backend will enforce its own limit.
        return None
    for field in _CONTEXT_FIELDS:
        value = getattr(config, field, None)
        if isinstance(value, int) and value > 0:
            return value
    return None


def _tokens(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise ConfigError(
            f"The context of the model is {value!r} in --model_args, expected a number of tokens."
        ) from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0][:200]
