"""How much of an answer is written for a person to read."""

from __future__ import annotations

import re

from itax_metrics.behavior.reply import Reply

_FIRST_WORDS_OF_CODE = (
    "return|if|elif|else|for|while|with|import|from|assert|raise|yield|del|global|nonlocal|not|lambda|async|await|"
    "case|new|delete|throw|using|public|private|protected|static|const|final|int|long|char|bool|void|auto|class|def"
)
_WORD = r"[^\s(){}\[\]=<>+*/%&|^_#@\\]+"
_LINE = re.compile(
    rf"^[^\S\n]*(?:[-*+>][ ]|[0-9]+[.)][ ])?(?!(?:{_FIRST_WORDS_OF_CODE})\b)[^\W\d_](?:{_WORD})?(?:[ ]+{_WORD}){{3,}}"
    r"(?<!;)[^\S\n]*$",
    re.MULTILINE,
)


def prose_share(reply: Reply) -> float:
    """Characters of lines that read as prose over all characters of lines that are not blank, in [0, 1].

    A line of prose has four words or more, begins with a letter (a list mark may stand before it), has no character
    that only code needs and does not begin with a keyword. Comments are not prose here; a heuristic, not a parser.
    """
    if not reply.lines:
        return 0.0
    found = sum(len(match.group().strip()) for match in _LINE.finditer(reply.text))
    return found / sum(map(len, reply.lines))
