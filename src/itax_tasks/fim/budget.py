"""Fit a document into a token budget before the prompt is assembled, so that no sentinel is ever cut.

Kept are the end of the prefix and the beginning of the suffix, 3 : 1; what one side does not need the other gets.
The ratio is llama.cpp's (`format_prompt_infill`). Cuts fall between characters, never inside one.

Covered: every format and order; the count is that of the ids `render` builds, exactly.
Not covered: cutting at line or syntax borders; repository-level prompts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from itax_metrics.errors import ConfigError

from .encoding import Span, Tokenizer
from .layout import Layout, fill
from .registry import FimFormat
from .render import layout

_PREFIX_SHARE = 3
_SHARES = 4
# A tokenizer without offsets is asked again at most this often for one cut.
_PROBES = 10
_UNKNOWN: Span = (-1, -1)


@dataclass(frozen=True, slots=True)
class Budgeted:
    """A document that fits."""

    prefix: str
    suffix: str
    truncated: bool
    tokens: int
    """Ids of the rendered prompt; an upper bound where `counted` is False."""
    counted: bool = True
    """False if the document was so short that nothing had to be tokenised."""


def budget(
    fmt: FimFormat,
    prefix: str,
    suffix: str,
    tokenizer: Tokenizer,
    max_prompt_tokens: int,
    *,
    order: str | None = None,
    path: str = "",
    language: str = "",
) -> Budgeted:
    """Cut prefix and suffix so that the rendered prompt has at most `max_prompt_tokens` ids.

    Args:
        fmt: a format of the registry.
        prefix: code before the hole; its end is kept.
        suffix: code after the hole; its beginning is kept.
        tokenizer: the model's own.
        max_prompt_tokens: the model's context less the tokens to be generated.
        order: as in `render`; so are `path` and `language`.

    Raises:
        ConfigError: the sentinels alone do not fit.
    """
    shape = layout(fmt, tokenizer, order=order, path=path, language=language)
    before, after = _Side.of(shape, "P"), _Side.of(shape, "S")
    fixed = len(shape.lead())
    for kind, value in shape.parts:
        if kind == "token":
            shape.token(value)
            fixed += 1
        elif value not in (before.template, after.template):
            fixed += len(shape.run(value, "", ""))
    room = max_prompt_tokens - fixed
    bound = before.bound(prefix) + after.bound(suffix)
    if bound <= room:
        return Budgeted(prefix, suffix, False, fixed + bound, counted=False)
    least_before, least_after = before.least(), after.least()
    if room < least_before + least_after:
        raise ConfigError(
            f"A prompt of {max_prompt_tokens} tokens cannot hold even an empty {fmt.id} FIM prompt "
            f"({fixed + least_before + least_after} tokens). Raise max_length or lower max_gen_toks."
        )
    spans_before, spans_after = before.spans(prefix), after.spans(suffix)
    n_before, n_after = len(spans_before), len(spans_after)
    if n_before + n_after <= room:
        return Budgeted(prefix, suffix, False, fixed + n_before + n_after)
    share = max(least_before, min(room * _PREFIX_SHARE // _SHARES, room - least_after))
    if n_before < share:
        share = n_before
    elif n_after < room - share:
        share = room - n_after
    prefix, n_before = before.tail(prefix, spans_before, share)
    suffix, n_after = after.head(suffix, spans_after, room - share)
    return Budgeted(prefix, suffix, True, fixed + n_before + n_after)


@dataclass(frozen=True, slots=True)
class _Side:
    """The run of text that holds the prefix or the suffix, with the literal text around it."""

    shape: Layout
    template: str
    before: str
    after: str

    @classmethod
    def of(cls, shape: Layout, name: str) -> _Side:
        marker = f"{{{name}}}"
        template = next(value for kind, value in shape.parts if kind == "text" and marker in value)
        before, _, after = template.partition(marker)
        return cls(shape, template, fill(before, shape.fields), fill(after, shape.fields))

    def bound(self, text: str) -> int:
        """More ids than this the run cannot have: one a byte, and a leading space."""
        whole = self.before + text + self.after
        # A composing normaliser may write one character as up to three.
        return 1 + (len(whole) if whole.isascii() else 3 * len(whole.encode("utf-8", "surrogatepass")))

    def least(self) -> int:
        """The ids of the run around an empty text."""
        return len(self.spans(""))

    def spans(self, text: str) -> list[Span]:
        """For each id of the run the characters of `text` it stands for; all `_UNKNOWN` without offsets."""
        whole = self.before + text + self.after
        keeps = self.shape.keeps_dummy_space(self.template)
        spans = self.shape.encoder.spans(whole, dummy_space=keeps)
        if spans is None:
            return [_UNKNOWN] * len(self.shape.encoder.encode(whole, dummy_space=keeps))
        shift = len(self.before)
        return [(max(begin - shift, 0), min(end - shift, len(text))) for begin, end in spans]

    def tail(self, text: str, spans: list[Span], most: int) -> tuple[str, int]:
        """A longest end of the text whose run has at most `most` ids, and their number."""

        def kept(spans: list[Span], length: int) -> int:
            literal = sum(end <= 0 for _, end in spans)
            first = literal + len(spans) - most
            return length - spans[first][0] if first < len(spans) else 0

        return self._cut(text, spans, most, kept, lambda length: text[len(text) - length :])

    def head(self, text: str, spans: list[Span], most: int) -> tuple[str, int]:
        """A longest beginning of the text whose run has at most `most` ids, and their number."""

        def kept(spans: list[Span], length: int) -> int:
            literal = sum(begin >= length for begin, _ in spans)
            last = most - literal - 1
            return spans[last][1] if last >= 0 else 0

        return self._cut(text, spans, most, kept, lambda length: text[:length])

    def _cut(
        self,
        text: str,
        spans: list[Span],
        most: int,
        kept: Callable[[list[Span], int], int],
        piece: Callable[[int], str],
    ) -> tuple[str, int]:
        length = len(text)
        if len(spans) > most and spans[0] == _UNKNOWN:
            return self._search(length, len(spans), most, piece)
        while len(spans) > most:
            # A shorter text may tokenise differently at its edge, so the count is taken anew.
            length = max(min(kept(spans, length), length - 1), 0)
            spans = self.spans(piece(length))
        return piece(length), len(spans)

    def _search(self, length: int, ids: int, most: int, piece: Callable[[int], str]) -> tuple[str, int]:
        fits, too_long = 0, length
        tokens = self.least()
        probe = length * most // ids
        for _ in range(_PROBES):
            if not fits < probe < too_long:
                break
            count = len(self.spans(piece(probe)))
            if count <= most:
                fits, tokens = probe, count
            else:
                too_long = probe
            probe = (fits + too_long) // 2
        return piece(fits), tokens
