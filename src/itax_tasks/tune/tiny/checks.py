"""Tests for a generated program: inputs are drawn, and the program itself says what is expected.

The programs run in this process: they are composed of the fixed expressions of `operations`, never of
anything a model or a user wrote. Answers of models are judged by `itax_metrics.execution`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from itax_tasks.tune.tiny.draws import Draws
from itax_tasks.tune.tiny.operations import LETTERS, Family
from itax_tasks.tune.tiny.programs import Program

Input = list[int] | str | int

INPUTS = 8
"""Calls a test makes."""


def inputs_for(family: Family, draws: Draws) -> tuple[Input, ...]:
    """Inputs of one test, the first of each list and text family being empty."""
    return tuple(_input(family, number, draws) for number in range(INPUTS))


def results(source: str, name: str, inputs: Sequence[Input]) -> list[Any] | None:
    """What the function returns for each input; None where the source does not compile or a call raises."""
    namespace: dict[str, Any] = {}
    try:
        exec(compile(source, "<generated>", "exec"), namespace)
        function: Callable[[Any], Any] = namespace[name]
        return [function(list(given) if isinstance(given, list) else given) for given in inputs]
    except Exception:
        return None


def check_source(program: Program, inputs: Sequence[Input]) -> str:
    """`def check(candidate)` with one assertion per input."""
    expected = results(program.source(), program.name, inputs)
    assert expected is not None, program.source()
    lines = [f"    assert candidate({given!r}) == {value!r}\n" for given, value in zip(inputs, expected, strict=True)]
    return "def check(candidate):\n" + "".join(lines)


def every_line_counts(program: Program, inputs: Sequence[Input]) -> bool:
    """True where the inputs notice any one missing line, and the results are not all alike."""
    expected = results(program.source(), program.name, inputs)
    if expected is None or len({repr(value) for value in expected}) < 3:
        return False
    for gone in range(len(program.body) - 1):
        kept = list(program.body[:gone] + program.body[gone + 1 :])
        # Without its first line a program would read an unknown name; with the argument instead it is a fair mutant.
        if gone == 0:
            kept[0] = program.body[0].split(" = ")[0] + f" = {program.argument}\n" + kept[0]
        if results(program.signature + "".join(kept), program.name, inputs) == expected:
            return False
    return True


def _input(family: Family, number: int, draws: Draws) -> Input:
    if family == "list":
        return [draws.between(-9, 20) for _ in range(number and draws.between(3, 9))]
    if family == "text":
        words = []
        for _ in range(number and draws.between(1, 4)):
            letters = [draws.pick(LETTERS) for _ in range(draws.between(1, 5))]
            words.append("".join(letter.upper() if draws.chance(0.25) else letter for letter in letters))
        return " ".join(words) + (draws.pick(("", "", "!", "7")) if number else "")
    return draws.between(-30, 30) if number % 2 else draws.between(0, 150)
