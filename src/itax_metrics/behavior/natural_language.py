"""Natural language in an answer: a discourse marker, or many words with hardly any punctuation of code.

Source: the instruction-tuning-tax paper, section 4.2; `nl` follows the rules of its artifact. Comments, docstrings and
strings are searched like everything else, so a perfect answer can be flagged: 2.63 % of BigCodeBench's own answers.
"""

from __future__ import annotations

import re

from itax_metrics.behavior.reply import Reply, once
from itax_metrics.behavior.words import word_pattern

MARKERS = (
    "here",
    "this",
    "explanation",
    "because",
    "therefore",
    "note",
    "please",
    "you",
    "we",
    "the following",
    "in summary",
    "overall",
    "i think",
    "let me",
)
"""The paper's fourteen discourse markers."""

PUNCTUATION = "(){}[]:=,+-*/%<>"
"""Characters of code, as the artifact counts them."""
PUNCTUATION_STRICT = "(){}[];:=<>+-*/%&|^!"

WORDS_NEEDED, PUNCTUATION_ALLOWED = 8, 2

_HINTS = tuple(dict.fromkeys(max(marker.split(), key=len) for marker in MARKERS))
"""The longest word of each marker."""

_MARKER = word_pattern(rf"(?<![{{w}}])(?:{'|'.join(MARKERS)})(?![{{w}}])", re.IGNORECASE)
_MARKER_STRICT = word_pattern(
    rf"(?<![{{w}}])(?:{'|'.join(marker.replace(' ', chr(92) + 's+') for marker in MARKERS)})(?![{{w}}])", re.IGNORECASE
)
_NO_THIS = word_pattern(
    rf"(?<![{{w}}])(?:{'|'.join(marker for marker in MARKERS if marker != 'this')})(?![{{w}}])", re.IGNORECASE
)
_RUN = re.compile("[A-Za-z]{3,}")
_WORD = word_pattern("(?<![{w}])[A-Za-z]+(?![{w}])")

THIS_IS_CODE = ("java", "cpp", "c++", "csharp", "c#")
"""Languages in which `this` is a keyword."""


@once
def nl(reply: Reply) -> float:
    """1 where a marker stands in the text, or at least 8 runs of three letters beside at most 2 characters of code."""
    text = reply.text
    return float(_has_marker(text) or (_little_code(text, PUNCTUATION) and _at_least(WORDS_NEEDED, _RUN, text)))


def nl_strict(reply: Reply) -> float:
    """1 by the paper's prose: markers over any white space; whole alphabetic words; a longer list of punctuation."""
    text = reply.text
    found = _may_have(text) and _MARKER_STRICT.search(text) is not None
    return float(found or (_little_code(text, PUNCTUATION_STRICT) and _WORD.count(text) >= WORDS_NEEDED))


def nl_no_this(reply: Reply) -> float:
    """`nl` without the marker `this` where the item's language has it as a keyword."""
    if reply.item is None or reply.item.language.lower() not in THIS_IS_CODE:
        return nl(reply)
    text = reply.text
    found = _may_have(text) and _NO_THIS.search(text) is not None
    return float(found or (_little_code(text, PUNCTUATION) and _at_least(WORDS_NEEDED, _RUN, text)))


def _has_marker(text: str) -> bool:
    return _may_have(text) and _MARKER.search(text) is not None


def _may_have(text: str) -> bool:
    """False where no marker can be: much cheaper than a pattern, and true of most code."""
    if not text.isascii():
        return True
    lower = text.lower()
    return any(hint in lower for hint in _HINTS)


def _little_code(text: str, punctuation: str) -> bool:
    return sum(map(text.count, punctuation)) <= PUNCTUATION_ALLOWED


def _at_least(times: int, pattern: re.Pattern[str], text: str) -> bool:
    return any(count == times for count, _ in enumerate(pattern.finditer(text), start=1))
