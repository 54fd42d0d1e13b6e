"""Rules that end an answer where the method it was to complete ends."""

from __future__ import annotations

import re

from itax_metrics.records import Item

_DEFINITION = re.compile(r"^([ \t]*)(?:async[ \t]+)?def[ \t]", re.MULTILINE)
_TOKEN = re.compile(r"'''|\"\"\"|\\.|['\"#()\[\]{}\n]|\\\n", re.DOTALL)


def method_body(item: Item, completion: str) -> str:
    """Everything above the first line of code that stands no further right than the prompt's last `def`.

    Lines within brackets, within a string of several lines, or behind a backslash belong to the line before; comment
    lines end nothing. A prompt without `def`, and an answer that stays within the body, leave the answer as it is.
    """
    definitions = _DEFINITION.findall(item.prefix)
    if not definitions:
        return completion
    margin = len(definitions[-1].expandtabs())
    for start in _logical_lines(completion):
        line = completion[start:].split("\n", 1)[0]
        code = line.strip()
        if code and not code.startswith("#") and len(line.expandtabs()) - len(line.expandtabs().lstrip()) <= margin:
            return completion[:start]
    return completion


def _logical_lines(text: str) -> list[int]:
    """Where lines begin that continue no bracket, no string and no backslash."""
    starts, quote, depth, comment = [0], "", 0, False
    for found in _TOKEN.finditer(text):
        token = found.group()
        if token == "\n":
            comment = False
            if len(quote) == 1:  # an unclosed string of one line ends with it, as the tokenizer's error would
                quote = ""
            if not quote and depth == 0:
                starts.append(found.end())
        elif comment:
            # A backslash in a comment continues nothing.
            if token.endswith("\n"):
                comment = False
                starts.append(found.end())
        elif quote:
            if token == quote or (len(token) == 3 and token[0] == quote):
                quote = ""
        elif token in ("'''", '"""', "'", '"'):
            quote = token
        elif token == "#":
            comment = True
        elif token in "([{":
            depth += 1
        elif token in ")]}":
            depth = max(0, depth - 1)
    return starts
