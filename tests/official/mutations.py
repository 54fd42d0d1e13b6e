"""One operator or constant of a line of Python changed: the control that tests must notice."""

from __future__ import annotations

import io
import tokenize

SWAPS = {
    "+": "-", "-": "+", "*": "+", "/": "*", "//": "+", "%": "+", "<": ">=", ">": "<=", "<=": ">", ">=": "<",
    "==": "!=", "!=": "==", "+=": "-=", "-=": "+=", "*=": "+=", "and": "or", "or": "and", "True": "False",
    "False": "True",
}  # fmt: skip


def mutate_line(line: str) -> str | None:
    """The line with its first operator, number or truth value changed; None where it has none.

    Indentation and everything after the changed token stay as they are.
    """
    indent = line[: len(line) - len(line.lstrip())]
    body = line.strip("\n")[len(indent) :]
    try:
        for token in tokenize.generate_tokens(io.StringIO(body).readline):
            new = SWAPS.get(token.string)
            if token.type == tokenize.NUMBER:
                new = str(int(token.string) + 1) if token.string.isdigit() else f"({token.string} + 1)"
            if new is not None:
                start, end = token.start[1], token.end[1]
                return indent + body[:start] + new + body[end:] + "\n"
    except (tokenize.TokenError, SyntaxError):
        pass  # an open bracket ends the line: what came before it had nothing to change
    return None
