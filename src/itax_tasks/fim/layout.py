"""A template taken apart: control tokens that become single ids, and the runs of text between them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from itax_metrics.errors import ConfigError

from .encoding import Encoder
from .registry import FimFormat, fim_option

Part = tuple[Literal["token", "text"], str]

_FIELD = re.compile(r"\{(P|S|language|header|repo|(?:path|code)\d*)\}")


@dataclass(frozen=True, slots=True)
class Layout:
    """One prompt shape on one tokenizer, ready to take any prefix and suffix."""

    fmt: FimFormat
    encoder: Encoder
    parts: tuple[Part, ...]
    fields: Mapping[str, str]
    """Everything but `P` and `S`."""

    def ids(self, prefix: str, suffix: str) -> list[int]:
        """The ids of the whole prompt, the leading ones included."""
        ids = self.lead()
        for kind, value in self.parts:
            ids += [self.token(value)] if kind == "token" else self.run(value, prefix, suffix)
        return ids

    def run(self, template: str, prefix: str, suffix: str) -> list[int]:
        """The ids of one run of text."""
        text = fill(template, {**self.fields, "P": prefix, "S": suffix})
        return self.encoder.encode(text, dummy_space=self.keeps_dummy_space(template))

    def keeps_dummy_space(self, template: str) -> bool:
        """True if this run starts as SentencePiece starts a text."""
        return any(template.startswith(f"{{{name}}}") for name in self.fmt.dummy_space)

    def lead(self) -> list[int]:
        """What the prompt starts with: the family's own token, else whatever the tokenizer leads with."""
        if self.fmt.bos is None:
            return list(self.encoder.lead)
        if self.parts[:1] == (("token", self.fmt.bos),):
            return []
        return [self.token(self.fmt.bos)]

    def token(self, token: str) -> int:
        """The id of a control token.

        Raises:
            ConfigError: this tokenizer does not have it as one id; names it.
        """
        token_id = self.encoder.token_id(token, by_text=not self.fmt.needs_ids)
        if token_id is None:
            raise missing_sentinel(self.fmt, token)
        return token_id


def missing_sentinel(fmt: FimFormat, token: str) -> ConfigError:
    """The error for a tokenizer that lacks a token of the chosen family."""
    return ConfigError(
        f"FIM family {fmt.id!r} needs {token!r} as one token, and this tokenizer has no single id that decodes back to "
        f"it. `itax fim detect MODEL` shows which family the tokenizer carries; name that one with "
        f"{fim_option('<family>')}, or load the model's own tokenizer."
    )


def split_template(template: str, tokens: Sequence[str]) -> tuple[Part, ...]:
    """Cut a template at its control tokens; the text between two tokens stays one run."""
    return _split_template(template, tuple(tokens))


@lru_cache(maxsize=256)
def _split_template(template: str, tokens: tuple[str, ...]) -> tuple[Part, ...]:
    longest_first = sorted(tokens, key=lambda token: -len(token))
    pattern = re.compile("(" + "|".join(re.escape(token) for token in longest_first) + ")")

    def parts() -> Iterator[Part]:
        for index, piece in enumerate(pattern.split(template)):
            if piece:
                yield ("token" if index % 2 else "text", piece)

    return tuple(parts())


def fill(template: str, fields: Mapping[str, str]) -> str:
    """Put the fields into a template in one pass, so that braces inside somebody's code stay what they are."""
    return _FIELD.sub(lambda match: fields[match.group(1)], template)
