"""Declarations of functions and classes in an answer, which a hole seldom asks for.

Source: the instruction-tuning-tax paper, section 4.2; `def_cls` follows the rules of its artifact, in every language.
A perfect answer can hold a nested function, and an answer to a chat holds the function itself: read it by condition.
"""

from __future__ import annotations

import re

from itax_metrics.behavior.reply import Reply, once
from itax_metrics.behavior.words import word_pattern

_BLANK = r"[^\S\n]"
_MODIFIER = "public|private|protected|internal|static|final|abstract|sealed|partial|virtual|override|readonly|unsafe"
_DECLARATION = word_pattern(rf"^{_BLANK}*(?:def|class){_BLANK}+[{{w}}]", re.MULTILINE)
_STRICT = word_pattern(
    rf"^{_BLANK}*(?:(?:async{_BLANK}+)?def|(?:(?:{_MODIFIER}){_BLANK}+)*class){_BLANK}+[{{w}}]", re.MULTILINE
)
_OTHER_KEYWORD = word_pattern(
    rf"^{_BLANK}*(?:template{_BLANK}*<[^\n]*>{_BLANK}*)?(?:(?:{_MODIFIER}){_BLANK}+)*"
    rf"(?:interface|enum|record|struct|union|namespace){_BLANK}+[{{w}}]",
    re.MULTILINE,
)
_HEADER = word_pattern(
    rf"^{_BLANK}*(?!(?:if|else|for|while|switch|catch|return|new|do|try|using|lock)\b)"
    rf"[{{w}}][{{w}}<>\[\],.:&*?]*(?:{_BLANK}+[{{w}}<>\[\],.:&*?]+)+{_BLANK}*\([^;{{}}\n]*\)[^;{{}}()\n]*\{{",
    re.MULTILINE,
)


@once
def def_cls(reply: Reply) -> float:
    """1 where a line begins, after blanks, with `def` or `class`, blanks and a word character."""
    text = reply.text
    return float(("def" in text or "class" in text) and _DECLARATION.search(text) is not None)


def def_cls_strict(reply: Reply) -> float:
    """1 where a line declares a function or class, with `async` or modifiers before it."""
    return float(_STRICT.search(reply.text) is not None)


def declarations_any(reply: Reply) -> float:
    """1 as `def_cls_strict`, or for another kind of type, or for the header of a function in a language of braces."""
    text = reply.text
    found = _STRICT.search(text) or _OTHER_KEYWORD.search(text) or ("{" in text and _HEADER.search(text))
    return float(bool(found))


def extra_def(reply: Reply) -> float | None:
    """1 where the answer declares more functions and classes than the truth; None without a truth."""
    if reply.item is None or not reply.item.truth:
        return None
    return float(declared(reply.text) > declared(reply.item.truth))


def declared(text: str) -> int:
    """How many functions and classes a text declares, as `def_cls_strict` reads it."""
    return _STRICT.count(text) if "def" in text or "class" in text else 0
