"""SAFIM's truncations of control expressions and API calls, and the siblings that keep every published answer.

Source: Gong et al. 2024, https://github.com/gonglinyuan/safim, `prompt_utils.py`, restated. The official rules count
parentheses and know neither strings nor comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_LITERAL = r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_TOKENS = {
    False: re.compile(rf"//[^\n]*|/\*.*?\*/|{_LITERAL}|[()\[\]{{}}]", re.DOTALL),
    True: re.compile(rf"#[^\n]*|\"\"\".*?\"\"\"|'''.*?'''|{_LITERAL}|[()\[\]{{}}]", re.DOTALL),
}
"""Literals, comments and brackets; the key says whether the language is Python."""
_GOES_ON = (".", "[", "(", "->", "::", "?.", "!.")
"""What may follow a call and belong to it: a member, an index, another call."""


def first_text_line(completion: str) -> str:
    """The first line that is not blank, without its line end; indentation stays. Python's control rule."""
    return next((line for line in completion.splitlines() if line.strip()), "")


def until_unopened(completion: str) -> str:
    """Everything before the first `)` that nothing opened. The control rule of the other languages."""
    depth = 0
    for place, character in enumerate(completion):
        if character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth < 0:
                return completion[:place]
    return completion


def control(language: str, completion: str) -> str:
    """SAFIM's `truncate_control`."""
    return first_text_line(completion) if language == "python" else until_unopened(completion)


def api_call(completion: str) -> str:
    """SAFIM's `truncate_api_call`: everything up to the first `)` that leaves nothing open.

    It takes chained calls apart, which 15 of the 310 published answers are.
    """
    depth = 0
    for place, character in enumerate(completion):
        if character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth <= 0:
                return completion[: place + 1]
    return completion


def control_fixed(language: str, completion: str) -> str:
    """`control` that reads over literals and comments: `s[i] == ')'` stays whole."""
    if language == "python":
        return first_text_line(completion)
    for place, mark, depth in brackets(language, completion):
        if mark == ")" and depth < 0:
            return completion[:place]
    return completion


def api_call_fixed(language: str, completion: str) -> str:
    """`api_call` that reads over literals and follows a chain of calls to its end."""
    for place, mark, depth in brackets(language, completion):
        if mark == ")" and depth < 0:
            return completion[:place]
        if mark == ")" and depth == 0 and not completion[place + 1 :].lstrip().startswith(_GOES_ON):
            return completion[: place + 1]
    return completion


def until_unopened_brace(language: str, completion: str) -> tuple[str, bool]:
    """Everything before the first closing bracket that nothing opened, and whether every other one was closed."""
    depth = 0
    for place, _, depth in brackets(language, completion):
        if depth < 0:
            return completion[:place], True
    return completion, depth == 0


def brackets(language: str, code: str) -> Iterator[tuple[int, str, int]]:
    """(place, bracket, brackets open after it) for each of `()[]{}` outside literals and comments."""
    depth = 0
    for found in _TOKENS[language == "python"].finditer(code):
        mark = found.group()
        if mark in _OPENING:
            depth += 1
        elif mark in _CLOSING:
            depth -= 1
        else:
            continue
        yield found.start(), mark, depth
