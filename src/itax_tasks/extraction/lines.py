"""Rules that keep some of the lines of an answer."""

from __future__ import annotations


def first_line(completion: str) -> str:
    """Everything up to the first newline, with one newline after it.

    The natural reading of a single-line hole whose truth ends in a newline; a truth of one line is
    kept exactly. Leading white space is part of the answer and stays.
    """
    return completion.split("\n", 1)[0] + "\n"


def first_text_line(completion: str) -> str:
    """The first line that is not blank, as it stands and without its newline; nothing where all are.

    The artifact of the instruction-tuning-tax paper keeps no more of an answer to a single-line hole.
    """
    return next((line for line in completion.splitlines() if line.strip()), "")
