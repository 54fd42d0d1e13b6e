"""Small tokenizers with a fixed vocabulary, shaped like those of the families: byte-level, SentencePiece, bytes.

Nothing is trained, so that every id in a test can be read off the tables below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

BYTE_MERGES = (
    ("Ġ", "Ġ"),
    ("ĠĠ", "ĠĠ"),
    ("d", "e"),
    ("de", "f"),
    ("r", "e"),
    ("re", "t"),
    ("u", "r"),
    ("ret", "ur"),
    ("retur", "n"),
    ("Ġ", "return"),
    ("Ċ", "Ċ"),
    ("f", "i"),
    ("fi", "m"),
)


@pytest.fixture
def byte_level() -> Callable[..., Any]:
    """A tokenizer like StarCoder's or Qwen's; `special` and `plain` tokens follow the 256 bytes and the merges."""
    tokenizers = pytest.importorskip("tokenizers", reason="builds a tokenizer; comes with the hf extra")
    transformers = pytest.importorskip("transformers", reason="wraps a tokenizer; comes with the hf extra")

    def build(
        special: tuple[str, ...] = (),
        plain: tuple[str, ...] = (),
        fixed: Mapping[str, int] | None = None,
        bos: str | None = None,
        name: str = "",
    ) -> Any:
        alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
        vocabulary = {symbol: index for index, symbol in enumerate([*alphabet, *("".join(m) for m in BYTE_MERGES)])}
        vocabulary |= fixed or {}
        core = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=list(BYTE_MERGES)))
        core.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        core.decoder = tokenizers.decoders.ByteLevel()
        core.add_special_tokens([tokenizers.AddedToken(token, special=True, normalized=False) for token in special])
        core.add_tokens([tokenizers.AddedToken(token, special=False, normalized=False) for token in plain])
        if bos is not None:
            core.post_processor = tokenizers.processors.TemplateProcessing(
                single=f"{bos} $A", special_tokens=[(bos, core.token_to_id(bos))]
            )
        wrapped = transformers.PreTrainedTokenizerFast(tokenizer_object=core, bos_token=bos)
        wrapped.name_or_path = name
        return wrapped

    return build


@pytest.fixture
def sentencepiece() -> Callable[..., Any]:
    """A tokenizer like Llama's: BPE over pieces, byte fallback, a leading space before every text."""
    pytest.importorskip("transformers", reason="builds a tokenizer; comes with the hf extra")
    from tests.sentencepiece_like import sentencepiece_like

    return sentencepiece_like


@pytest.fixture
def slow_bytes() -> Callable[..., Any]:
    """A tokenizer written in Python, one id a byte, without offsets."""
    transformers = pytest.importorskip("transformers", reason="has a pure Python tokenizer; comes with the hf extra")

    def build(tokens: tuple[str, ...]) -> Any:
        made = transformers.ByT5Tokenizer(extra_ids=0)
        made.add_tokens([transformers.AddedToken(token, special=False, normalized=False) for token in tokens])
        return made

    return build


@pytest.fixture
def id_only() -> Callable[..., Any]:
    """A tokenizer that never finds control tokens in text, as mistral-common's; given ones exist by id."""

    class IdOnly:
        name_or_path = ""

        def __init__(self, control: Mapping[str, int], unk_for_others: bool) -> None:
            self.control = dict(control)
            self.unk_for_others = unk_for_others

        def encode(self, text: str, *, add_special_tokens: bool = True, verbose: bool = True) -> list[int]:
            return ([1] if add_special_tokens else []) + [byte + 100 for byte in text.encode()]

        def decode(self, token_ids: list[int], *, skip_special_tokens: bool = False) -> str:
            by_id = {token_id: token for token, token_id in self.control.items()}
            names = {0: "<unk>", 1: "<s>", **by_id}
            return "".join(names.get(i) or bytes([i - 100]).decode(errors="replace") for i in token_ids)

        def convert_tokens_to_ids(self, tokens: str) -> int:
            if tokens in self.control:
                return self.control[tokens]
            if tokens == "<s>":
                return 1
            if self.unk_for_others:
                return 0
            raise ValueError(f"unknown piece {tokens}")

    def build(control: Mapping[str, int], *, unk_for_others: bool = False) -> Any:
        return IdOnly(control, unk_for_others)

    return build
