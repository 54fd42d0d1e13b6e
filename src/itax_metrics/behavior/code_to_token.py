"""Code-to-token ratio: the share of a text's lexical tokens that look like code, read as Python whatever it is.

Source: the instruction-tuning-tax paper, section 4.2, and its artifact, whose rules `ctr` follows. English words are
names to a lexer, so plain prose scores 1: only characters that no token begins with, words that do not begin with an
ASCII letter, and text that cannot be tokenized to its end lower it.
"""

from __future__ import annotations

from itax_metrics.behavior.lexer import (
    COMMENT,
    DEDENT,
    ENDMARKER,
    ERRORTOKEN,
    FOREIGN_NAME,
    INDENT,
    NAME,
    NEWLINE,
    NL,
    NUMBER,
    OP,
    STRING,
    Lexed,
    lex,
)
from itax_metrics.behavior.reply import Reply, once

LAYOUT = frozenset((NEWLINE, NL, INDENT, DEDENT, ENDMARKER, COMMENT))
"""Left out of the ratio."""
CODE = frozenset((NAME, OP, NUMBER, STRING))
"""Counted as code by the artifact: keywords and ASCII names, operators, numbers, strings."""
CODE_STRICT = CODE | {FOREIGN_NAME}


@once
def ctr(reply: Reply) -> float:
    """Code tokens over tokens, in [0, 1]; 0 where the lexer gives up or nothing is left to count."""
    lexed = reply.lexed
    if lexed.error:
        return 0.0
    kinds = [token[0] for token in lexed.tokens]
    dropped = sum(map(kinds.count, LAYOUT))
    kept = len(kinds) - dropped
    return (kept - kinds.count(ERRORTOKEN) - kinds.count(FOREIGN_NAME)) / kept if kept else 0.0


def ctr_strict(reply: Reply) -> float:
    """The same with every name counted, as the paper's prose says; 0 where the lexer gives up."""
    return 0.0 if reply.lexed.error else _share(*_parts(reply))


def ctr_lenient(reply: Reply) -> float:
    """The same with what can be read: up to an error, then line by line."""
    code, kept = _parts(reply)
    if reply.lexed.error:
        tokens = reply.lexed.tokens
        reached = tokens[-1][2] if tokens else 0
        for line in reply.text[reached:].split("\n"):
            more, of = _counts(lex(line.strip()))
            code, kept = code + more, kept + of
    return _share(code, kept)


def tokenize_error(reply: Reply) -> float:
    """1 where Python's tokenizer raises on the text."""
    return float(bool(reply.lexed.error))


@once
def _parts(reply: Reply) -> tuple[int, int]:
    return _counts(reply.lexed)


def _counts(lexed: Lexed) -> tuple[int, int]:
    kinds = [token[0] for token in lexed.tokens]
    return sum(map(kinds.count, CODE_STRICT)), len(kinds) - sum(map(kinds.count, LAYOUT))


def _share(code: int, kept: int) -> float:
    return code / kept if kept else 0.0
