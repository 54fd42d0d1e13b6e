"""SAFIM's rules for answers of chat models: which fenced or quoted piece is the code, and where a new example begins.

Source: https://github.com/gonglinyuan/safim, `prompt_utils.py`, restated. Not taken over: among several pieces the
original also puts last but one those that hold the answer of its one-shot example, in zero-shot runs too, where no
example was shown; pieces with the placeholder rank last here as there.
"""

from __future__ import annotations

from collections.abc import Mapping

PLACEHOLDERS: Mapping[str, str] = {
    "python": "# TODO: Your code here",
    "java": "/* TODO: Your code here */",
    "cpp": "/* TODO: Your code here */",
    "csharp": "/* TODO: Your code here */",
}
"""What stands for the hole in the official prompt, by language."""

_FENCE = "```"
_NEXT_EXAMPLE = "\nComplete the code in "


def chosen_code(language: str, completion: str, shown: str = "") -> str:
    """SAFIM's `extract_code`.

    Closed fenced blocks count, with their right end stripped; where there is none, the first piece between backticks of
    each line; where there is none either, the whole answer with its right end stripped. A block that is never closed is
    no block. The first piece wins, but for pieces that hold the placeholder, which are last.

    Args:
        language: decides the placeholder.
        completion: the answer.
        shown: the example's answer, where an example was shown; pieces that hold it are last but one.
    """
    blocks: list[str] = []
    quoted: list[str] = []
    block: list[str] | None = None
    for line in completion.splitlines(keepends=True):
        if line.startswith(_FENCE):
            if block is None:
                block = []
            else:
                blocks.append("".join(block).rstrip())
                block = None
        elif block is not None:
            block.append(line)
        else:
            start = line.find("`") + 1
            end = line.find("`", start) if start else -1
            if end >= 0:
                quoted.append(line[start:end])
    pieces = blocks or quoted
    if not pieces:
        return completion.rstrip()
    placeholder, example = PLACEHOLDERS[language], shown.strip()
    fresh = [piece for piece in pieces if placeholder not in piece and not (example and example in piece)]
    if fresh:
        return fresh[0]
    # Pieces of one rank are told apart by their text, the later one in the alphabet first, as the original's sort does.
    repeated = [piece for piece in pieces if placeholder not in piece]
    return max(repeated or pieces)


def before_next_example(completion: str) -> str:
    """SAFIM's `truncate_fewshot`: the text before another example begins, without one line end."""
    place = completion.find(_NEXT_EXAMPLE)
    return completion if place < 0 else completion[:place].removesuffix("\n")
