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
_OTHERS = ("interface", "enum", "record", "struct", "union", "namespace")
_OTHER_KEYWORD = word_pattern(
    rf"^{_BLANK}*(?:template{_BLANK}*<[^\n]*>{_BLANK}*)?(?:(?:{_MODIFIER}){_BLANK}+)*"
    rf"(?:{'|'.join(_OTHERS)}){_BLANK}+[{{w}}]",
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
    return float(_may_declare(text) and _DECLARATION.search(text) is not None)


def def_cls_strict(reply: Reply) -> float:
    """1 where a line declares a function or class, with `async` or modifiers before it."""
    return float(_may_declare(reply.text) and _STRICT.search(reply.text) is not None)


def declarations_any(reply: Reply) -> float:
    """1 as `def_cls_strict`, or for another kind of type, or for the header of a function in a language of braces."""
    text = reply.text
    if def_cls_strict(reply) or ("{" in text and "(" in text and _HEADER.search(text)):
        return 1.0
    return float(any(word in text for word in _OTHERS) and _OTHER_KEYWORD.search(text) is not None)


def extra_def(reply: Reply) -> float | None:
    """1 where the answer declares more functions and classes than the truth; None without a truth."""
    if reply.item is None or not reply.item.truth:
        return None
    return float(declared(reply.text) > declared(reply.item.truth))


def declared(text: str) -> int:
    """How many functions and classes a text declares, as `def_cls_strict` reads it."""
    return _STRICT.count(text) if _may_declare(text) else 0


def _may_declare(text: str) -> bool:
    return "def" in text or "class" in text
