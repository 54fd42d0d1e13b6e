"""Patterns that speak of word characters, frozen like the lexer's."""

from __future__ import annotations

import re
from dataclasses import dataclass

from itax_metrics.behavior.word_characters import ASCII_WORD, WORD


@dataclass(frozen=True, slots=True)
class WordPattern:
    """A pattern in which `{w}` stands for the inside of the class of word characters; two compiled forms of it."""

    narrow: re.Pattern[str]
    wide: re.Pattern[str]

    def search(self, text: str) -> re.Match[str] | None:
        """The first match; ASCII text is searched with the short class."""
        return (self.narrow if text.isascii() else self.wide).search(text)

    def count(self, text: str) -> int:
        """How often it matches, without overlap."""
        return sum(1 for _ in (self.narrow if text.isascii() else self.wide).finditer(text))


def word_pattern(pattern: str, flags: int = 0) -> WordPattern:
    """Compile both forms."""
    return WordPattern(
        re.compile(pattern.replace("{w}", ASCII_WORD), flags),
        re.compile(pattern.replace("{w}", WORD), flags),
    )
