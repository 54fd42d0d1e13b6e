"""The held-out items: written once into the package as rows, from compositions that training never shows.

    python -m itax_tasks.tune.tiny.heldout        # writes them again; a test compares the bytes' content

Three kinds: 480 single-line holes (two in each of 240 programs), 400 bodies below signature and docstring,
400 requests in prose, of which every second asks for code only. Within a kind no composition occurs twice. Each
program's inputs notice any one missing line, so an empty answer passes nowhere.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from itax_tasks.tune.tiny.chat_data import CODE_ONLY, ask
from itax_tasks.tune.tiny.checks import Input, check_source, every_line_counts, inputs_for
from itax_tasks.tune.tiny.draws import Draws
from itax_tasks.tune.tiny.masks import line_hole
from itax_tasks.tune.tiny.programs import Program, held_out_program

SEED = 20_241_119
INFILLING_PROGRAMS = 240
HOLES = 2
COMPLETIONS = 400
INSTRUCTIONS = 400

Row = dict[str, str]


def rows() -> list[Row]:
    """All rows, the same every time."""
    draws = Draws(SEED)
    made: list[Row] = []
    for number, (program, test) in enumerate(_programs(draws, INFILLING_PROGRAMS)):
        head = program.signature + program.docstring
        for line in sorted(draws.shuffled(range(len(program.body)))[:HOLES]):
            hole = line_hole(head, program, line)
            task_id = f"mini/infilling/{number:03d}/L{line + 1}"
            made.append(_row(task_id, hole.prefix, hole.suffix, hole.middle, program, test))
    for number, (program, test) in enumerate(_programs(draws, COMPLETIONS)):
        head = program.signature + program.docstring
        made.append(_row(f"mini/completion/{number:03d}", head, "", "".join(program.body), program, test))
    for number, (program, test) in enumerate(_programs(draws, INSTRUCTIONS)):
        request = ask(program, draws) + (CODE_ONLY if number % 2 else "")
        made.append(_row(f"mini/instruct/{number:03d}", request, "", program.source(), program, test))
    return made


def packed(made: list[Row]) -> bytes:
    """The rows as gzipped JSON lines, without a time stamp."""
    text = "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in made)
    return gzip.compress(text.encode("ascii"), compresslevel=9, mtime=0)


def _programs(draws: Draws, count: int) -> Iterator[tuple[Program, str]]:
    """Programs of different compositions with their tests."""
    seen: set[str] = set()
    while len(seen) < count:
        program = held_out_program(draws)
        inputs: tuple[Input, ...] = inputs_for(program.family, draws)
        if program.composition in seen or not every_line_counts(program, inputs):
            continue
        seen.add(program.composition)
        yield program, check_source(program, inputs)


def _row(task_id: str, prompt: str, suffix: str, answer: str, program: Program, test: str) -> Row:
    return {
        "task_id": task_id,
        "kind": task_id.split("/")[1],
        "composition": program.composition,
        "prompt": prompt,
        "suffix": suffix,
        "canonical_solution": answer,
        "entry_point": program.name,
        "test": test,
    }


if __name__ == "__main__":
    Path(str(resources.files("itax_tasks.benchmarks") / "mini_items.jsonl.gz")).write_bytes(packed(rows()))
