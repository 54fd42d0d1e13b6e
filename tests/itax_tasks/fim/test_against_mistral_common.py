"""Codestral's ids against those of Mistral's own library, on the tokenizer files it ships."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from itax_metrics.errors import ConfigError
from itax_tasks.fim import detect, fim_format, render

pytestmark = pytest.mark.vllm

DOCUMENTS = [
    ("def f(a):\n    ", "\n    return b"),
    ("    x = ", "  y"),
    ("", "z"),
    ("x", ""),
    ("a\r\n", "\r\n\tb"),
    ("é漢😀 [PREFIX]", "[SUFFIX]</s><s>"),
]


class AsTransformers:
    """A mistral-common tokenizer behind the calls of a transformers one."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def encode(self, text: str, *, add_special_tokens: bool = True, verbose: bool = True) -> list[int]:
        return self.inner.encode(text, bos=add_special_tokens, eos=False)

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool = False) -> str:
        from mistral_common.tokens.tokenizers.base import SpecialTokenPolicy

        return self.inner.decode(token_ids, special_token_policy=SpecialTokenPolicy.KEEP)

    def convert_tokens_to_ids(self, tokens: str) -> int:
        try:
            return self.inner.get_special_token(tokens)
        except Exception as error:
            raise KeyError(tokens) from error


@pytest.fixture
def official():
    """Loads one of the tokenizer files that mistral-common ships."""
    mistral_common = pytest.importorskip("mistral_common", reason="compares with Mistral's library, which vllm brings")
    pytest.importorskip("sentencepiece", reason="two of Mistral's tokenizers are SentencePiece models")
    from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

    def load(name: str) -> Any:
        file = Path(mistral_common.__file__).parent / "data" / name
        if not file.exists():
            pytest.skip(f"this mistral-common does not ship {name}")
        return MistralTokenizer.from_file(str(file))

    return load


@pytest.mark.parametrize(
    "name",
    [
        "mistral_instruct_tokenizer_240323.model.v3",
        "mistral_instruct_tokenizer_241114.model.v7",
        "tekken_240911.json",
    ],
)
def test_ids_equal_encode_fim(official, name):
    """SentencePiece and Tekken, blanks, CRLF, empty parts and control tokens spelled in code."""
    from mistral_common.protocol.fim.request import FIMRequest

    reference = official(name)
    made = AsTransformers(reference.instruct_tokenizer.tokenizer)
    found = detect(made, "").format
    assert found is not None
    assert found.id == "codestral"
    for prefix, suffix in DOCUMENTS:
        expected = reference.encode_fim(FIMRequest(prompt=prefix, suffix=suffix)).tokens
        assert render(found, prefix, suffix, tokenizer=made).ids == expected


def test_version_two_without_fim_tokens_is_refused(official):
    """Mistral's library answers `<unk>` for both tokens there and builds a prompt of them; itax does not."""
    made = AsTransformers(official("mistral_instruct_tokenizer_240216.model.v2").instruct_tokenizer.tokenizer)
    assert detect(made, "").format is None
    with pytest.raises(ConfigError, match=r"\[SUFFIX\]"):
        render(fim_format("codestral"), "a", "b", tokenizer=made)
