"""Holes: a document becomes prefix, middle and suffix, which joined give it back unchanged."""

from __future__ import annotations

from dataclasses import dataclass

from itax_tasks.tune.tiny.draws import Draws
from itax_tasks.tune.tiny.programs import Program

KINDS = (("line", 0.6), ("block", 0.2), ("span", 0.2))
"""Shares of holes in training: one line of the body, some lines in a row, any run of characters of the body."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A document in three parts."""

    prefix: str
    middle: str
    suffix: str


def line_hole(head: str, program: Program, number: int) -> Hole:
    """Line `number` of the body is missing, its newline included.

    Args:
        head: everything above the body: signature, docstring, perhaps a header.
        program: owner of the body.
        number: from 0.
    """
    return _lines(head, program, number, number + 1)


def training_hole(head: str, program: Program, draws: Draws) -> Hole:
    """A hole of a drawn kind somewhere in the body."""
    kind = draws.weighted(KINDS)
    count = len(program.body)
    if kind == "line":
        return line_hole(head, program, draws.below(count))
    if kind == "block":
        first = draws.below(count - 1)
        return _lines(head, program, first, draws.between(first + 2, count))
    body = "".join(program.body)
    start = draws.below(len(body))
    end = draws.between(start + 1, len(body))
    return Hole(head + body[:start], body[start:end], body[end:])


def _lines(head: str, program: Program, first: int, end: int) -> Hole:
    return Hole(head + "".join(program.body[:first]), "".join(program.body[first:end]), "".join(program.body[end:]))
