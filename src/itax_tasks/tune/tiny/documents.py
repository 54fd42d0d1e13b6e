"""Pretraining documents: programs as plain text, and programs with a hole in the Qwen fill-in-the-middle format."""

from __future__ import annotations

from dataclasses import dataclass

from itax_tasks import fim
from itax_tasks.tune.tiny.draws import Draws
from itax_tasks.tune.tiny.masks import training_hole
from itax_tasks.tune.tiny.programs import Program, training_program

FIM_SHARE = 0.5
HEADER_SHARE = 0.5
"""Documents that open with a comment saying what shall be implemented; without them a request in prose
means nothing to the base model, and instruction tuning starts from zero."""
CONTEXT_WEIGHT = 0.2
"""Loss weight of what is not body or middle: signature, docstring and code around a hole."""
COPY_WEIGHT = 8.0
"""Loss weight of the `def` line below such a comment. Its name is one word in sixty; at weight 1 whether a model
learns to copy it is chance, and a base that does not copy never follows a request."""
END = "<|endoftext|>"
FAMILY = "qwen2.5-coder"


@dataclass(frozen=True, slots=True)
class Example:
    """One training text in pieces, each with the loss weight of its tokens."""

    pieces: tuple[tuple[str, float], ...]

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(piece for piece, _ in self.pieces)


def document(draws: Draws, fim_share: float = FIM_SHARE) -> Example:
    """One document, ended by `<|endoftext|>`.

    Args:
        draws: the stream of choices.
        fim_share: how often it has a hole; replay during tuning has fewer.
    """
    program = training_program(draws)
    head = head_of(program, draws)
    if draws.chance(fim_share):
        hole = training_hole(head, program, draws)
        prompt = fim.render(fim.fim_format(FAMILY), hole.prefix, hole.suffix).text
        return Example(((prompt, CONTEXT_WEIGHT), (hole.middle + END, 1.0)))
    header, rest = split_header(head)
    if header:
        # What follows a header can be read off it: learning to copy it is what a request in prose needs later.
        below = rest.removeprefix(program.signature) + "".join(program.body) + END
        return Example(((header, CONTEXT_WEIGHT), (program.signature, COPY_WEIGHT), (below, 1.0)))
    return Example(((head, CONTEXT_WEIGHT), ("".join(program.body) + END, 1.0)))


def split_header(head: str) -> tuple[str, str]:
    """The comment line, if there is one, and what stands below it."""
    start = head.index("def ")
    return head[:start], head[start:]


def head_of(program: Program, draws: Draws) -> str:
    """Everything above the body; a program always says somewhere what it does."""
    if not draws.chance(HEADER_SHARE):
        return program.signature + program.docstring
    header = f"# Task: implement {program.call} to {program.request}.\n"
    return header + program.signature + (program.docstring if draws.chance(0.5) else "")
