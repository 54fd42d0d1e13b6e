"""Generated ids to the text that is stored: one rule for every backend of ours.

The text ends before whatever comes first: an end-of-text id, a stop token, or a stop string. Everything before it is
kept, control tokens included, because a decoder that drops them also hides where the answer should have ended. Control
tokens of FIM families are counted on ids, where writing their letters out is no leak.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from itax_tasks.fim.encoding import Encoder, encoder_for
from itax_tasks.fim.registry import load_formats

Finish = Literal["stop", "length"]


class Generation(str):
    """An answer with the facts of its making; lm-eval and its caches treat it as the text that it is."""

    tokens: int | None
    """Ids up to the end of the answer, the one that ended it included; None where a server does not say."""
    finish: Finish
    ended_by: str
    """The token or string that ended it; empty where the length did."""
    seconds: float | None
    """Its share of the wall time of its batch."""
    leaks: int | None
    """Control tokens of FIM families among the ids, ends of text apart; None where a server shows no ids."""

    __slots__ = ("ended_by", "finish", "leaks", "seconds", "tokens")

    def __new__(
        cls,
        text: str,
        *,
        tokens: int | None,
        finish: Finish,
        ended_by: str = "",
        seconds: float | None = None,
        leaks: int | None = 0,
    ) -> Generation:
        """Make one; the text is the value."""
        made = super().__new__(cls, text)
        made.tokens, made.finish, made.ended_by = tokens, finish, ended_by
        made.seconds, made.leaks = seconds, leaks
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by lm-eval's response cache, and between ranks."""
        return _unpickled, (str(self), self.facts())

    def facts(self) -> dict[str, Any]:
        """What results keep of it."""
        return {name: getattr(self, name) for name in ("tokens", "finish", "ended_by", "seconds", "leaks")}


def _unpickled(text: str, facts: Mapping[str, Any]) -> Generation:
    return Generation(text, **facts)


def facts_of(text: str) -> dict[str, Any] | None:
    """The facts of an answer, None for one of a backend that gives none."""
    return text.facts() if isinstance(text, Generation) else None


@dataclass(frozen=True)
class Stops:
    """What ends an answer, split into ids and strings for one tokenizer."""

    tokenizer: Any
    ends: frozenset[int]
    """End-of-text ids of the model."""
    texts: tuple[str, ...]
    """Every stop string, control tokens included: written out in letters they end an answer too."""

    @cached_property
    def encoder(self) -> Encoder:
        """The tokenizer's encoder."""
        return encoder_for(self.tokenizer)

    @cached_property
    def ids(self) -> frozenset[int]:
        """Stop strings that are control tokens, as ids, and the ends of text."""
        control = set(self.encoder.control_strings)
        found = (self.encoder.token_id(text, by_text=False) for text in self.texts if text in control)
        return self.ends | {token for token in found if token is not None}

    @cached_property
    def strings(self) -> tuple[str, ...]:
        """Stop strings that only the text shows."""
        control = set(self.encoder.control_strings)
        return tuple(text for text in self.texts if text not in control)

    @cached_property
    def sentinels(self) -> Mapping[int, str]:
        """The ids that count as leaks: control tokens of FIM families that are no end of text."""
        named = {token for fmt in load_formats().values() for token in (*fmt.sentinels, *fmt.tokens)}
        known = ((self.encoder.token_id(token), token) for token in named if token in self.encoder.control_strings)
        return {found: token for found, token in known if found is not None and found not in self.ends}

    def generation(self, ids: Sequence[int], *, seconds: float | None = None) -> Generation:
        """Cut generated ids at the first end and decode what is before it."""
        end = next((place for place, token in enumerate(ids) if token in self.ids), None)
        own = list(ids if end is None else ids[:end])
        text = self.text(own)
        at, found = min(((place, stop) for stop in self.texts if (place := text.find(stop)) >= 0), default=(-1, ""))
        if at >= 0:
            used = self._first_with(own, found)
            return self._made(text[:at], ids[:used], "stop", found, seconds)
        if end is not None:
            ended_by = self.text([ids[end]])
            return self._made(text, ids[: end + 1], "stop", ended_by, seconds)
        return self._made(text, ids, "length", "", seconds)

    def _made(self, text: str, ids: Sequence[int], finish: Finish, ended_by: str, seconds: float | None) -> Generation:
        leaks = sum(token in self.sentinels for token in ids)
        # Half a character at the end of the room: some decoders show it as U+FFFD, some drop it.
        shown = text.rstrip("\ufffd") if finish == "length" else text
        return Generation(shown, tokens=len(ids), finish=finish, ended_by=ended_by, seconds=seconds, leaks=leaks)

    def _first_with(self, ids: list[int], stop: str) -> int:
        """How many ids it takes until the text holds the stop string."""
        low, high = 1, len(ids)
        while low < high:
            middle = (low + high) // 2
            if stop in self.text(ids[:middle]):
                high = middle
            else:
                low = middle + 1
        return low

    @cached_property
    def _anchor(self) -> tuple[list[int], int]:
        """Ids decoded before an answer where the decoder would drop its leading blank, and their length as text.

        Source: meta-llama/codellama `llama/tokenizer.py`, `decode_infilling`.
        """
        if not self.encoder.adds_dummy_space:
            return [], 0
        ids = self.encoder.encode("=")
        return ids, len(self._text(ids))

    def text(self, ids: list[int]) -> str:
        """Generated ids as text, control tokens and leading blank kept."""
        before, length = self._anchor
        return self._text(before + ids)[length:]

    def piece(self, token: int) -> str:
        """One id as it reads within a text."""
        return self.text([token])

    def _text(self, ids: list[int]) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))


def stops_of(cache: dict[Any, Stops], tokenizer: Any, ends: frozenset[int], until: Sequence[str]) -> Stops:
    """The stops of a request, made once for each list of strings."""
    key = tuple(text for text in until if text)
    if key not in cache:
        cache[key] = Stops(tokenizer, ends, key)
    return cache[key]


def end_ids(tokenizer: Any, generation_config: Any | None) -> frozenset[int]:
    """The model's ends of text: the tokenizer's, and those its generation settings name."""
    named = getattr(generation_config, "eos_token_id", None)
    found = named if isinstance(named, (list, tuple)) else [named]
    return frozenset(token for token in (getattr(tokenizer, "eos_token_id", None), *found) if isinstance(token, int))


def configured_ends(tokenizer: Any, pretrained: str, revision: str | None) -> frozenset[int]:
    """The ends of text of a model that an engine holds, read from its files."""
    from transformers import GenerationConfig

    try:
        config = GenerationConfig.from_pretrained(pretrained, revision=revision or "main")
    except (OSError, ValueError):  # a checkpoint need not have one
        config = None
    return end_ids(tokenizer, config)
