"""Test inputs as EvalPlus calls a function with them: JSON knows no tuple, set or complex number.

Source: `mbpp_deserialize_inputs` in `evalplus/data/mbpp.py`, the same at commit 1895d2f6 (2023) and today: the ids of
the MBPP problems and what becomes of their inputs, restated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Arguments = list[Any]
"""The positional arguments of one call."""


def _each(arguments: Arguments) -> Arguments:
    return [tuple(argument) for argument in arguments]


def _elements(arguments: Arguments) -> Arguments:
    return [[tuple(element) for element in argument] for argument in arguments]


def _elements_of_first(arguments: Arguments) -> Arguments:
    return [[tuple(element) for element in arguments[0]], arguments[1]]


def _second(arguments: Arguments) -> Arguments:
    return [arguments[0], tuple(arguments[1])]


def _sets_in_first(arguments: Arguments) -> Arguments:
    # An empty list becomes an empty dict, officially.
    return [[set(element) if isinstance(element, list) and element else {} for element in arguments[0]]]


def _float_and_complex(arguments: Arguments) -> Arguments:
    return [float(arguments[0]), complex(arguments[1])]


def _first_of_two(arguments: Arguments) -> Arguments:
    return [tuple(arguments[0]), arguments[1]]


def _each_and_elements(arguments: Arguments) -> Arguments:
    return _each(_elements(arguments))


def _first_and_lists_in_it(arguments: Arguments) -> Arguments:
    return [tuple(tuple(element) if isinstance(element, list) else element for element in arguments[0])]


def _first_of_three(arguments: Arguments) -> Arguments:
    return [tuple(arguments[0]), arguments[1], arguments[2]]


def _values_of_first(arguments: Arguments) -> Arguments:
    return [{key: tuple(held) for key, held in arguments[0].items()}, *arguments[1:]]


def _complex(arguments: Arguments) -> Arguments:
    return [complex(arguments[0])]


def _all_the_way_down(arguments: Arguments) -> Arguments:
    def frozen(value: Any) -> Any:
        return tuple(frozen(element) for element in value) if isinstance(value, list) else value

    return [frozen(argument) for argument in arguments]


_BY_IDS: tuple[tuple[Callable[[Arguments], Arguments], tuple[int, ...]], ...] = (
    (
        _each,
        (2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616, 630, 726, 740, 744, 809),
    ),
    (_elements, (63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780)),
    (_elements_of_first, (75, 413, 444, 753)),
    (_second, (106, 750)),
    (_sets_in_first, (115,)),
    (_float_and_complex, (124,)),
    (_first_of_two, (250, 405, 446, 617, 720, 763, 808)),
    (_each_and_elements, (259, 401, 445)),
    (_first_and_lists_in_it, (278,)),
    (_first_of_three, (307,)),
    (_values_of_first, (722,)),
    (_complex, (252,)),
    (_all_the_way_down, (580, 615, 791)),
)

CONVERSIONS: Mapping[str, Callable[[Arguments], Arguments]] = {
    f"Mbpp/{number}": convert for convert, numbers in _BY_IDS for number in numbers
}
"""Problem to what becomes of each of its inputs; those of every other problem are taken as they stand."""


def as_called(task_id: str, inputs: Sequence[Arguments]) -> list[Arguments]:
    """The argument lists of one problem, with the types its solutions are called with."""
    convert = CONVERSIONS.get(task_id)
    return list(inputs) if convert is None else [convert(arguments) for arguments in inputs]
