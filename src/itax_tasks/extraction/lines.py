"""Rules that keep some of the lines of an answer."""

from __future__ import annotations


def first_line(completion: str) -> str:
    """Everything up to the first newline, with one newline after it.

    The natural reading of a single-line hole whose truth ends in a newline; a truth of one line is
    kept exactly. Leading white space is part of the answer and stays.
    """
    return completion.split("\n", 1)[0] + "\n"
