"""The frozen lexer: equal to the standard library's on 3.11, total, and linear."""

from __future__ import annotations

import io
import itertools
import re
import sys
import time
import tokenize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itax_metrics.behavior.lexer import KINDS, lex
from itax_metrics.behavior.word_characters import NO_START, WORD_BEYOND_ASCII

on_311 = pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the reference is the tokenizer of Python 3.11")

Answer = tuple[list[tuple[str, str, int, int]], str]

PIECES = [
    *"abrfux'\"\\\n\r\t\f (){}[]#:.,;0123_eE+-*/=?!$<>@é²٣‘",
    *("'''", '"""', "\\\n", "\\\r\n", "\n    ", "\n  ", "0x", "1.5e3", "1_0j", "def f", "class ", "b'", 'rb"', "F'"),
    *("...", "->", ":=", "**=", "\ud800", "\x00", "   ", "\n'\\\n"),
]
SNIPPETS = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def reference(text: str) -> Answer:
    """What the standard library says: (kind, text, start, end) of each token, and the name of the error."""
    starts = [0, *itertools.accumulate(map(len, io.StringIO(text)))]

    def offset(place: tuple[int, int]) -> int:
        row, column = place
        return len(text) if row > len(starts) - 1 else min(len(text), starts[row - 1] + column)

    found = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            found.append((tokenize.tok_name[token.type], token.string, offset(token.start), offset(token.end)))
    except (tokenize.TokenError, SyntaxError) as error:
        return found, f"{type(error).__name__}: {error.args[0]}"
    return found, ""


def ours(text: str) -> Answer:
    """The same from the frozen lexer."""
    lexed = lex(text)
    return [(KINDS[kind], text[start:end], start, end) for kind, start, end in lexed.tokens], lexed.error


def comparable(answer: Answer) -> Answer:
    """Tokens without text stand on a line of their own in `tokenize`; their offset says nothing."""
    tokens, error = answer
    return [(kind, text, start if text else 0, end if text else 0) for kind, text, start, end in tokens], error


@on_311
@settings(max_examples=600, deadline=None)
@given(SNIPPETS)
def test_it_gives_the_tokens_of_python_3_11(text: str) -> None:
    """Kind, text and place of every token, and the error."""
    assert comparable(reference(text)) == comparable(ours(text))


@on_311
@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_it_gives_them_for_any_text(text: str) -> None:
    """The whole of Unicode."""
    assert comparable(reference(text)) == comparable(ours(text))


@on_311
def test_the_table_of_word_characters_is_that_of_python_3_11() -> None:
    """Derived anew from the interpreter's own tables."""
    beyond = [chr(code) for code in range(128, 0x110000)]
    word, start = re.compile(f"[{WORD_BEYOND_ASCII}]"), re.compile(f"[{NO_START}]")
    assert [c for c in beyond if re.match(r"\w", c)] == [c for c in beyond if word.match(c)]
    assert [c for c in beyond if re.match(r"\w", c) and not c.isidentifier()] == [c for c in beyond if start.match(c)]


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(st.characters(), max_size=80), st.binary(max_size=80).map(lambda raw: raw.decode("latin-1"))))
def test_it_never_raises(text: str) -> None:
    """Lone surrogates, control characters and bytes read as text included; tokens stay inside the text, in order."""
    places = [place for _, start, end in lex(text).tokens for place in (start, end)]
    assert sorted(places) == places
    assert not places or 0 <= places[0] <= places[-1] <= len(text)


TEXTS = {
    "x = f'{a}' + \"it's\"\n": "NAME OP STRING OP STRING NEWLINE ENDMARKER",
    "it's\n": "NAME ERRORTOKEN NAME NEWLINE ENDMARKER",
    "a ? b$ !\n": "NAME ERRORTOKEN ERRORTOKEN NAME ERRORTOKEN ERRORTOKEN ERRORTOKEN NEWLINE ENDMARKER",
    "‘x’": "ERRORTOKEN NAME ERRORTOKEN NEWLINE ENDMARKER",
    "if x:\n    y\n": "NAME NAME OP NEWLINE INDENT NAME NEWLINE DEDENT ENDMARKER",
    "0777 1_0 1__0 .5 1..real": ("NUMBER NUMBER NUMBER NUMBER NAME NUMBER NUMBER OP NAME NEWLINE ENDMARKER"),
    "'a\\\nb' # c": "STRING COMMENT NEWLINE ENDMARKER",
    "# only": "COMMENT NL ENDMARKER",
    "": "ENDMARKER",
    "\ud800\x00": "ERRORTOKEN ERRORTOKEN NEWLINE ENDMARKER",
    "² ٣ é\U00010d50": "OP OP NAME ERRORTOKEN NEWLINE ENDMARKER",
}
"""Texts that other versions of Python split differently, with 3.11's answer; U+10D50 is a letter from Unicode 16 on."""


@pytest.mark.parametrize("text", TEXTS)
def test_the_answer_does_not_depend_on_the_interpreter(text: str) -> None:
    """3.11's tokens on whatever runs this."""
    assert TEXTS[text].split() == [kind for kind, *_ in ours(text)[0]]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("f(1", "TokenError: EOF in multi-line statement"),
        ("a)", "TokenError: EOF in multi-line statement"),
        ("x \\\n", "TokenError: EOF in multi-line statement"),
        ("'''abc", "TokenError: EOF in multi-line string"),
        ("if x:\n    y\n  z\n", "IndentationError: unindent does not match any outer indentation level"),
    ],
)
def test_where_the_standard_library_raises_it_says_so(text: str, error: str) -> None:
    """The reason is kept and nothing is raised."""
    assert error == lex(text).error


UNITS = [
    "'\\",
    '"\\',
    "$",
    "1_",
    "01",
    "(",
    ")",
    "'''\n",
    "'\\\nx\n'''\n\\",
    "a",
    "\x00",
    "\ud800",
    "\t",
    "\\\n",
    "é?",
    "1e",
]


def seconds(text: str) -> float:
    """CPU seconds of one text."""
    start = time.process_time()
    lex(text)
    return time.process_time() - start


@pytest.mark.parametrize("unit", UNITS)
def test_the_time_is_linear(unit: str) -> None:
    """Ten times the text takes no more than some thirty times the time, noise included."""
    assert seconds(unit * (150_000 // len(unit))) < 30 * seconds(unit * (15_000 // len(unit))) + 0.2


@pytest.mark.parametrize("text", ["(" + " " * 1_000_000 + "?", "'\\" * 500_000, "x = [1, 2]\n" * 90_000])
def test_a_million_characters_take_seconds_at_most(text: str) -> None:
    """Also where a pattern would try again from every blank, or look for a closing quote from every quote."""
    assert seconds(text) < 20
