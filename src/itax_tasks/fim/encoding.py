"""Text to ids such that code never turns into a control token, whatever stands in it.

Covered: control tokens written out in somebody's code, `special: false` ones included (a tokenizer matches those even
with `encode_special_tokens`); SentencePiece's leading space, kept or dropped on request; fast and slow tokenizers;
tokenizers that know their control tokens by id only (mistral-common).
Not covered: normalisers that rewrite text (Qwen's NFC) stay in force, since models were trained behind them.

Ordinary added tokens (runs of blanks, Gemma's HTML tags) are left alone: they are how that model reads text.
Source of the anchor trick: meta-llama/codellama `llama/tokenizer.py`, `encode_infilling`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, Protocol, cast

from itax_metrics.errors import ConfigError

from .registry import load_formats

# Characters that no merge joins to what follows them, tried in turn; the first is CodeLlama's own choice.
_ANCHORS = ("☺", "\n", "=")
_MARKUP = re.compile(r"<[|｜].+[|｜]>")

Span = tuple[int, int]


class Tokenizer(Protocol):
    """What itax asks of a transformers tokenizer."""

    def encode(self, text: str, *, add_special_tokens: bool = ..., verbose: bool = ...) -> list[int]: ...

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool = ...) -> str: ...

    def convert_tokens_to_ids(self, tokens: str) -> int | None: ...


class Encoder:
    """Encodes pieces of a prompt with one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self._known: dict[tuple[str, bool], int | None] = {}

    def token_id(self, token: str, *, by_text: bool = True) -> int | None:
        """The one id of a control token, or None unless that id decodes back to the same string.

        Args:
            token: the token as the registry spells it.
            by_text: accept it only if the tokenizer also finds it in a string.
        """
        key = (token, by_text)
        if key not in self._known:
            self._known[key] = self._find_token(token, by_text)
        return self._known[key]

    def encode(self, text: str, *, dummy_space: bool = False) -> list[int]:
        """Ids of text in which nothing is a control token.

        Args:
            text: somebody's code, or literal text of a template.
            dummy_space: keep the leading space SentencePiece puts before a text encoded alone.
        """
        ids: list[int] = []
        for start, end in self._safe_pieces(text):
            pad = self._pad(dummy_space and start == 0)
            ids += self._bare(pad + text[start:end], self._plain)[1]
        return ids

    def spans(self, text: str, *, dummy_space: bool = False) -> list[Span] | None:
        """For each id of `encode(text)` the characters it stands for, or None if the tokenizer cannot tell."""
        if not getattr(self.tokenizer, "is_fast", False):
            return None
        found: list[Span] = []
        for start, end in self._safe_pieces(text):
            pad = self._pad(dummy_space and start == 0)
            offsets: list[Span] = []

            def encode(given: str, into: list[Span] = offsets) -> list[int]:
                ids, into[:] = self._offsets(given)
                return ids

            anchor, ids = self._bare(pad + text[start:end], encode)
            shift = start - len(anchor + pad)
            own = offsets[len(offsets) - len(ids) :]
            found += [(max(begin + shift, start), max(stop + shift, start)) for begin, stop in own]
        return found

    @cached_property
    def lead(self) -> tuple[int, ...]:
        """The ids this tokenizer by itself puts before a text."""
        bare = self._plain("a")
        full = list(self.tokenizer.encode("a", add_special_tokens=True, verbose=False))
        for start in range(len(full) - len(bare) + 1):
            if full[start : start + len(bare)] == bare:
                return tuple(full[:start])
        return ()

    @cached_property
    def adds_dummy_space(self) -> bool:
        """True if a text encoded alone gains a leading space."""
        for anchor in _ANCHORS:
            tail = self._after(anchor, "a", self._plain)
            if tail is not None:
                return tail != self._plain("a")
        return False

    @cached_property
    def control_strings(self) -> tuple[str, ...]:
        """The strings that this tokenizer reads as control tokens wherever they stand."""
        known = {token for fmt in load_formats().values() for token in (*fmt.control_tokens, *fmt.stops)}
        added = _added_tokens(self.tokenizer)
        sentinels = {token for fmt in load_formats().values() for token in fmt.sentinels}
        found = {token for token in known if token in added}
        found |= {token for token in sentinels if self.token_id(token) is not None}
        for token in known:
            # SentencePiece finds the piece `▁<PRE>` in the plain text ` <PRE>` where the piece is an ordinary one.
            bare = token.lstrip("▁")
            if bare != token and self.token_id(token, by_text=False) in self._plain(f"a {bare} a"):
                found.add(bare)
        found |= {token for token, special in added.items() if special or _MARKUP.match(token)}
        special_tokens = [str(token) for token in getattr(self.tokenizer, "all_special_tokens", ())]
        found |= {token for token in special_tokens if self.token_id(token) is not None}
        return tuple(sorted((token for token in found if len(token) > 1), key=lambda token: (-len(token), token)))

    @cached_property
    def _control_pattern(self) -> re.Pattern[str]:
        # The look-ahead finds overlapping tokens too: each one must be cut.
        return re.compile(f"(?=(?:{'|'.join(re.escape(token) for token in self.control_strings)}))")

    def _safe_pieces(self, text: str) -> list[Span]:
        """Cut the text inside every control token, after its first character."""
        if not text:
            return []
        # The plain search first: it is many times faster than the pattern, and nearly every text passes it.
        if not any(token in text for token in self.control_strings):
            return [(0, len(text))]
        cuts = [0, *(match.start() + 1 for match in self._control_pattern.finditer(text)), len(text)]
        return list(pairwise(cuts))

    def _find_token(self, token: str, by_text: bool) -> int | None:
        ids = self._plain(token)
        if len(ids) == 1 and self._decodes_to(ids[0], token):
            return ids[0]
        if by_text:
            return None
        try:
            by_name = self.tokenizer.convert_tokens_to_ids(token)
        except (KeyError, ValueError, IndexError):  # mistral-common raises where others answer unk
            return None
        return by_name if isinstance(by_name, int) and self._decodes_to(by_name, token) else None

    def _decodes_to(self, token_id: int, token: str) -> bool:
        text = self.tokenizer.decode([token_id], skip_special_tokens=False)
        return text.replace("▁", " ").strip(" ") == token.replace("▁", " ").strip(" ")

    def _plain(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False, verbose=False)) if text else []

    def _pad(self, wanted: bool) -> str:
        # SentencePiece adds its blank always; fast tokenizers leave it out before a text that starts with one.
        return " " if wanted and self.adds_dummy_space else ""

    def _bare(self, text: str, encode: Callable[[str], list[int]]) -> tuple[str, list[int]]:
        """Ids of text without a leading space, and the anchor that stood before it meanwhile."""
        if not text or not self.adds_dummy_space:
            return "", encode(text)
        for anchor in _ANCHORS:
            ids = self._after(anchor, text, encode)
            if ids is not None:
                return anchor, ids
        raise ConfigError(
            f"The tokenizer adds a leading space to {text[:20]!r}... and nothing itax knows can keep it from doing so. "
            "Load the model's own fast tokenizer, or use a backend that assembles the prompt itself."
        )

    def _after(self, anchor: str, text: str, encode: Callable[[str], list[int]]) -> list[int] | None:
        base = self._plain(anchor)
        ids = encode(anchor + text)
        return ids[len(base) :] if ids[: len(base)] == base else None

    def _offsets(self, text: str) -> tuple[list[int], list[Span]]:
        call = cast(Any, self.tokenizer)
        encoded = call(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        return list(encoded["input_ids"]), [(int(start), int(end)) for start, end in encoded["offset_mapping"]]


def encoder_for(tokenizer: Tokenizer) -> Encoder:
    """The encoder of a tokenizer, made once for each; a tokenizer that gains tokens gets a new one."""
    try:
        size = len(cast(Any, tokenizer))
    except TypeError:  # a stand-in without a length
        size = 0
    return _encoder(cast(Any, tokenizer), size)


@lru_cache(maxsize=8)
def _encoder(tokenizer: Tokenizer, size: int) -> Encoder:
    return Encoder(tokenizer)


def _added_tokens(tokenizer: Tokenizer) -> Mapping[str, bool]:
    """Content and special flag of the tokens added to the vocabulary."""
    added = getattr(tokenizer, "added_tokens_decoder", None)
    if not isinstance(added, Mapping):  # mistral-common: it never parses control tokens from text
        return {}
    return {str(token): bool(getattr(token, "special", False)) for token in added.values()}
