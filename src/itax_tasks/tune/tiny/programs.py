"""Synthetic programs: one function of one to three steps and a final, described in words by its docstring.

Held out are compositions, i.e. the sequence of operation names, constants and names of variables left
aside: one in eight of all sequences with at least two steps. Every single operation is seen in training,
so what the held-out items test is composing known operations in an order never shown.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from itax_tasks.tune.tiny.draws import Draws
from itax_tasks.tune.tiny.operations import FINALS, LETTERS, STEPS, Family, Operation

FAMILIES: tuple[tuple[Family, float], ...] = (("list", 0.5), ("text", 0.3), ("number", 0.2))
STEP_COUNTS = ((1, 0.25), (2, 0.45), (3, 0.30))
HELD_OUT_STEP_COUNTS = ((2, 0.6), (3, 0.4))
HELD_OUT_SHARE = 8
"""One composition in this many is kept out of training."""

ARGUMENTS: dict[Family, tuple[str, ...]] = {
    "list": ("values", "numbers", "items"),
    "text": ("text", "word", "line"),
    "number": ("n", "value", "number"),
}
VARIABLES = ("out", "result", "current")
VERBS = [
    "make",
    "get",
    "find",
    "build",
    "pick",
    "read",
    "load",
    "scan",
    "send",
    "take",
    "test",
    "turn",
    "draw",
    "drop",
    "fold",
    "form",
    "join",
    "keep",
    "lift",
    "mark",
    "mix",
    "move",
    "pack",
    "pass",
    "plan",
    "play",
    "push",
    "rate",
    "rank",
    "save",
    "seek",
    "show",
    "sift",
    "sort",
    "spin",
    "step",
    "trim",
    "wrap",
]
NOUNS = [
    "apple",
    "area",
    "band",
    "bell",
    "bird",
    "boat",
    "book",
    "box",
    "card",
    "city",
    "cloud",
    "coin",
    "cup",
    "door",
    "dust",
    "fish",
    "flag",
    "fruit",
    "game",
    "gate",
    "gold",
    "hill",
    "house",
    "key",
    "lamp",
    "leaf",
    "light",
    "map",
    "moon",
    "nest",
    "park",
    "pearl",
    "rain",
    "ring",
    "road",
    "rock",
    "rose",
    "salt",
    "sand",
    "ship",
    "snow",
    "star",
    "stone",
    "sun",
    "tree",
    "wave",
    "wind",
    "wood",
]


@dataclass(frozen=True, slots=True)
class Program:
    """One function: what it does in words, and its lines."""

    family: Family
    composition: str
    """Family and operation names in order: what held out means."""
    name: str
    argument: str
    clauses: tuple[str, ...]
    """Imperative clauses, the final last."""
    body: tuple[str, ...]
    """Lines below the docstring, indented, each with its newline; the last returns."""

    @property
    def request(self) -> str:
        """What the function does: `keep the even numbers, then return the sum`."""
        return ", then ".join(self.clauses)

    @property
    def call(self) -> str:
        """The function with its argument: `pick_moon(values)`."""
        return f"{self.name}({self.argument})"

    @property
    def signature(self) -> str:
        """The `def` line."""
        return f"def {self.call}:\n"

    @property
    def docstring(self) -> str:
        """One indented docstring line."""
        return f'    """{self.request[0].upper()}{self.request[1:]}."""\n'

    def source(self, *, docstring: bool = True) -> str:
        """The whole function."""
        return self.signature + (self.docstring if docstring else "") + "".join(self.body)


def held_out(composition: str) -> bool:
    """True where training must never show this composition; single steps are always shown."""
    if composition.count(">") < 2:
        return False
    return int(hashlib.md5(composition.encode(), usedforsecurity=False).hexdigest(), 16) % HELD_OUT_SHARE == 0


def training_program(draws: Draws) -> Program:
    """A program whose composition is not held out."""
    while True:
        program = _draw(draws, draws.weighted(STEP_COUNTS))
        if not held_out(program.composition):
            return program


def held_out_program(draws: Draws) -> Program:
    """A program whose composition is held out."""
    while True:
        program = _draw(draws, draws.weighted(HELD_OUT_STEP_COUNTS))
        if held_out(program.composition):
            return program


def _draw(draws: Draws, count: int) -> Program:
    family = draws.weighted(FAMILIES)
    steps: list[Operation] = []
    while len(steps) < count:
        step = draws.pick(STEPS[family])
        if step not in steps:
            steps.append(step)
    final = draws.pick(FINALS[family])
    argument, variable = draws.pick(ARGUMENTS[family]), draws.pick(VARIABLES)
    clauses, body = [], []
    read = argument
    for step in steps:
        words, code = _filled(step, read, draws)
        clauses.append(words)
        body.append(f"    {variable} = {code}\n")
        read = variable
    words, code = _filled(final, read, draws)
    clauses.append(words)
    body.append(f"    return {code}\n")
    return Program(
        family=family,
        composition=f"{family}:{'>'.join(operation.name for operation in (*steps, final))}",
        name=f"{draws.pick(VERBS)}_{draws.pick(NOUNS)}",
        argument=argument,
        clauses=tuple(clauses),
        body=tuple(body),
    )


def _filled(operation: Operation, variable: str, draws: Draws) -> tuple[str, str]:
    """Words and code of one operation with its constants."""
    k = draws.between(operation.low, operation.high)
    a = draws.pick(LETTERS)
    b = draws.pick([letter for letter in LETTERS if letter != a])
    return operation.words.format(k=k, a=a, b=b), operation.code.format(v=variable, k=k, a=a, b=b)
