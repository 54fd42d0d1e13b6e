"""A frozen lexer: the tokens of Python 3.11's `tokenize`, whatever interpreter runs this.

From 3.12 on the standard library's tokenizer gives other tokens for text that is not Python, and raises elsewhere; a
measure of model output may not move with the interpreter. Written from the language reference and from what
`tokenize.generate_tokens` was seen to answer; a test compares token for token on 3.11.

Covered: any string at all, lone surrogates and control characters included, in time linear in its length. Where
`tokenize` raises, `Lexed.error` says so and the tokens before it are kept.
Not covered: bytes and coding cookies, because the input is text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from itax_metrics.behavior.word_characters import ASCII_WORD, NO_START, WORD

NAME, OP, NUMBER, OPENING, CLOSING, NEWLINE, COMMENT, TRIPLE, STRING, BROKEN, JOIN, WORDS, LONE, END = range(1, 15)
"""Groups of the pattern below. Tokens have the kinds NAME, OP, NUMBER, NEWLINE, COMMENT, STRING and these:"""
NL, INDENT, DEDENT, ERRORTOKEN, ENDMARKER, FOREIGN_NAME = range(15, 21)
"""FOREIGN_NAME is a NAME that begins with a letter outside ASCII."""

KINDS = {
    NAME: "NAME",
    FOREIGN_NAME: "NAME",
    OP: "OP",
    NUMBER: "NUMBER",
    STRING: "STRING",
    COMMENT: "COMMENT",
    NEWLINE: "NEWLINE",
    NL: "NL",
    INDENT: "INDENT",
    DEDENT: "DEDENT",
    ERRORTOKEN: "ERRORTOKEN",
    ENDMARKER: "ENDMARKER",
}
"""Kind to the name that `tokenize` has for it."""

Token = tuple[int, int, int]
"""(kind, start, end): offsets into the text."""


@dataclass(frozen=True, slots=True)
class Lexed:
    """The tokens of one text, and why they end early."""

    tokens: list[Token]
    error: str = ""
    """What `tokenize` raises here: `TokenError` or `IndentationError`, with its reason; empty where it does not."""


_PREFIX_LETTERS = "bBfFrRuU"
_PREFIX = "(?:[bB][rR]?|[rR][bBfF]?|[fF][rR]?|[uU])?"
_DIGITS = "[0-9](?:_?[0-9])*"
_EXPONENT = f"[eE][-+]?{_DIGITS}"
_FLOAT = rf"(?:(?:{_DIGITS}\.(?:{_DIGITS})?|\.{_DIGITS})(?:{_EXPONENT})?|{_DIGITS}{_EXPONENT})"
_INTEGER = "0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0(?:_?0)*|[1-9](?:_?[0-9])*"
_NUMBER = f"{_DIGITS}[jJ]|{_FLOAT}[jJ]?|{_INTEGER}"
_OPERATOR = r"\*\*=?|//=?|>>=?|<<=?|!=|->|:=|[-+*/%&|^@=<>]=?|\.\.\.|\.(?![0-9])|[,:;~]"
_ESCAPE = r"\\(?!\r?\n)[^\n]"
_QUOTES = ("'", '"')

_PLAIN = frozenset((NAME, OP, NUMBER, STRING, COMMENT))
"""A match is the token, and nothing else follows from it."""

_BLANKS = re.compile(r"[ \f\t]*")
_NO_IDENTIFIER = re.compile(f"[{NO_START}]")
_CLOSING = {quotes: re.compile(rf"\\[\s\S]|{quotes}") for quotes in ("'", '"', "'''", '"""')}
"""An escaped character, which closes nothing, or the quotes."""


def lex(text: str) -> Lexed:
    """The tokens of a text; never raises."""
    out: list[Token] = []
    add = out.append
    size, position, depth, joined = len(text), 0, 0, False
    indents = [0]
    ascii_only = text.isascii()
    blank_tail = False
    strict_lines = False  # `tokenize` remembers a broken string: later triple-quoted ones may not run over lines freely
    while True:  # one physical line a turn
        dead = 0
        match = _matcher(ascii_only, dead)
        if depth == 0 and not joined:
            if position >= size:
                break
            start = _BLANKS.match(text, position).end()  # type: ignore[union-attr]  # matches the empty string too
            if start == size:
                blank_tail = True
                break
            if text[start] in "#\r\n":
                end = _line_end(text, start, size)
                if text[start] == "#":
                    stop = end
                    while stop > start and text[stop - 1] in "\r\n":
                        stop -= 1
                    add((COMMENT, start, stop))
                    start = stop
                add((NL, start, end))
                position = end
                continue
            column = start - position if text.startswith(" " * (start - position), position) else -1
            if column < 0:
                column = _column(text[position:start])
            if column > indents[-1]:
                indents.append(column)
                add((INDENT, position, start))
            while column < indents[-1]:
                if column not in indents:
                    return Lexed(out, "IndentationError: unindent does not match any outer indentation level")
                indents.pop()
                add((DEDENT, start, start))
            position = start
        elif position >= size:
            return Lexed(out, "TokenError: EOF in multi-line statement")
        joined = False
        while True:  # one token a turn
            found = match(text, position)
            if found is None:
                # No token begins here: every blank before the odd character is an error of its own, as in `tokenize`.
                start = _BLANKS.match(text, position).end()  # type: ignore[union-attr]
                out.extend([(ERRORTOKEN, at, at + 1) for at in range(position, start + 1)])
                position = start + 1
                continue
            kind = found.lastindex or END
            end = found.end()
            if kind in _PLAIN:
                add((kind, found.start(kind), end))
                position = end
            elif kind == OPENING:
                depth += 1
                add((OP, end - 1, end))
                position = end
            elif kind == CLOSING:
                depth -= 1
                add((OP, end - 1, end))
                position = end
            elif kind == NEWLINE:
                add((NL if depth > 0 else NEWLINE, found.start(kind), end))
                position = end
                break
            elif kind == WORDS:
                start = found.start(kind)
                first = text[start]
                foreign = not first.isascii()
                # A word that cannot be an identifier is an operator to `tokenize`.
                add((OP if foreign and _NO_IDENTIFIER.match(first) else FOREIGN_NAME if foreign else NAME, start, end))
                position = end
            elif kind == TRIPLE:
                start = found.start(kind)
                closing = _CLOSING[text[end - 3 : end]]
                position = _closed(closing, text, end, _line_end(text, end, size) if strict_lines else size)
                kind = STRING
                if position < 0 and strict_lines:
                    kind, position = _over_lines(closing, text, _line_end(text, end, size), size)
                if position < 0:
                    return Lexed(out, "TokenError: EOF in multi-line string")
                add((kind, start, position))
                if kind == ERRORTOKEN:
                    break
                if "\n" in text[end:position]:
                    dead, strict_lines = 0, False
                    match = _matcher(ascii_only, dead)
            elif kind == LONE:
                # This quote is never closed on its line, so no later one of its kind is: look for none again.
                dead |= 1 << _QUOTES.index(text[end - 1])
                match = _matcher(ascii_only, dead)
            elif kind == BROKEN:
                start = found.start(kind)
                closing = _CLOSING[found.group(kind).lstrip(_PREFIX_LETTERS)[0]]
                kind, position = _over_lines(closing, text, end, size)
                if position < 0:
                    return Lexed(out, "TokenError: EOF in multi-line string")
                add((kind, start, position))
                strict_lines = kind == ERRORTOKEN
                if strict_lines:
                    break
                dead = 0
                match = _matcher(ascii_only, dead)
            elif kind == JOIN:
                joined = True
                position = end
                break
            else:
                position = size
                break
    last = "" if blank_tail else text[text.rfind("\n") + 1 :]
    if last and last[-1] != "\r" and not last.strip().startswith("#"):
        add((NEWLINE, size, size))
    out.extend([(DEDENT, size, size)] * (len(indents) - 1))
    add((ENDMARKER, size, size))
    return Lexed(out)


@lru_cache(maxsize=8)
def _matcher(ascii_only: bool, dead: int) -> Callable[[str, int], re.Match[str] | None]:
    """The pattern of one token after its blanks; `dead` has a bit for each quote not to be tried."""
    word = ASCII_WORD if ascii_only else WORD
    alive = [quote for number, quote in enumerate(_QUOTES) if not dead & 1 << number]
    bodies = [rf"{quote}[^\n{quote}\\]*(?:{_ESCAPE}[^\n{quote}\\]*)*" for quote in alive]
    closed = "|".join(body + quote for body, quote in zip(bodies, alive, strict=True)) or "(?!)"
    broken = "|".join(rf"{body}\\\r?\n" for body in bodies) or "(?!)"
    lone = "|".join(alive) or "(?!)"
    groups = (
        rf"[A-Za-z_][{word}]*(?![{word}'\"])",
        _OPERATOR,
        _NUMBER,
        r"[(\[{]",
        r"[)\]}]",
        r"\r?\n",
        r"\#[^\r\n]*",
        rf"{_PREFIX}(?:'''|\"\"\")",
        f"{_PREFIX}(?:{closed})",
        f"{_PREFIX}(?:{broken})",
        r"\\\r?\n",
        # A string prefix before a quote that is never closed is a name, so the word comes first.
        f"[{word}]+",
        lone,
        r"\Z",
    )
    return re.compile(rf"[ \f\t]*(?:{'|'.join(f'({group})' for group in groups)})").match


def _line_end(text: str, position: int, size: int) -> int:
    found = text.find("\n", position)
    return size if found < 0 else found + 1


def _column(blanks: str) -> int:
    """Where blanks lead to: a tab to the next multiple of eight, a form feed back to the margin."""
    column = 0
    for blank in blanks:
        column = column + 1 if blank == " " else (column // 8 + 1) * 8 if blank == "\t" else 0
    return column


def _closed(closing: re.Pattern[str], text: str, position: int, end: int) -> int:
    """Behind the closing quotes of a string, looked for up to `end`; -1 where there are none."""
    for found in closing.finditer(text, position, end):
        if text[found.start()] != "\\":
            return found.end()
    return -1


def _over_lines(closing: re.Pattern[str], text: str, position: int, size: int) -> tuple[int, int]:
    """A string that goes on after a backslash at the end of its line: (kind, end); (STRING, -1) if the text ends."""
    while position < size:
        end = _line_end(text, position, size)
        found = _closed(closing, text, position, end)
        if found >= 0:
            return STRING, found
        if not text.endswith(("\\\n", "\\\r\n"), position, end):
            return ERRORTOKEN, end
        position = end
    return STRING, -1
