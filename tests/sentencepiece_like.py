"""A small tokenizer of the shape of Llama's: BPE over pieces, byte fallback, a leading space before every text.

Nothing is trained, so that every id in a test can be read off the tables below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PIECE_MERGES = (("▁", "▁"), ("▁▁", "▁"), ("d", "e"), ("de", "f"), ("▁", "def"), ("r", "e"), ("▁", "b"))
LETTERS = "abcdefghijklmnopqrstuvwxyz():+=<>PRESUFMID"


def _spelling(token: str) -> list[tuple[str, str]]:
    """The merges that build `▁<PRE>` from its letters."""
    bare = token.lstrip("▁")
    steps = [(bare[:end], bare[end]) for end in range(1, len(bare))]
    return [*steps, ("▁", bare)]


def sentencepiece_like(control: Mapping[str, int], *, parsed: bool = False, name: str = "", first: int = 3) -> Any:
    """Build one.

    Args:
        control: control pieces and their ids.
        parsed: they are found in plain text, as SentencePiece finds `▁<PRE>` in ` <PRE>`.
        name: hub name the tokenizer is to have.
        first: id of the first byte piece; Mistral's reserve the ids up to 770 for control pieces.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    merges = [*PIECE_MERGES, *(pair for token in control if parsed for pair in _spelling(token))]
    pieces = ["▁", *LETTERS, *("".join(pair) for pair in merges)]
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2, **{f"<0x{byte:02X}>": byte + first for byte in range(256)}}
    for piece in dict.fromkeys(pieces):
        vocabulary[piece] = len(vocabulary) + first - 3
    vocabulary |= control
    core = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    core.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    if not parsed:
        core.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    core.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", eos_token="</s>", unk_token="<unk>", clean_up_tokenization_spaces=False
    )
    wrapped.name_or_path = name
    return wrapped
