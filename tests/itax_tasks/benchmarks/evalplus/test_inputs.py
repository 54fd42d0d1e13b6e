"""Inputs as EvalPlus calls a function with them."""

from __future__ import annotations

import pytest

from itax_tasks.benchmarks.evalplus.inputs import CONVERSIONS, Arguments, as_called


@pytest.mark.parametrize(
    ("number", "stored", "called"),
    [
        (2, [[1, 2], [3]], [(1, 2), (3,)]),
        (63, [[[1, 2], [3, 4]]], [[(1, 2), (3, 4)]]),
        (75, [[[6, 24]], 6], [[(6, 24)], 6]),
        (106, [[5, 6], [9, 10]], [[5, 6], (9, 10)]),
        (115, [[[1, 2], [], {}]], [[{1, 2}, {}, {}]]),
        (124, ["0", "1j"], [0.0, 1j]),
        (250, [[10, 8], 4], [(10, 8), 4]),
        (259, [[[1, 3], [4, 5]], [[6, 7], [3, 9]]], [((1, 3), (4, 5)), ((6, 7), (3, 9))]),
        (278, [[1, 5, [1, 2], "a"]], [(1, 5, (1, 2), "a")]),
        (307, [["HELLO", 5, [], True], 2, 50], [("HELLO", 5, [], True), 2, 50]),
        (722, [{"A": [6.2, 70]}, 6.0, 70], [{"A": (6.2, 70)}, 6.0, 70]),
        (252, ["1j"], [1j]),
        (580, [[4, [7, [1]], []]], [(4, (7, (1,)), ())]),
        (3, [[1, 2]], [[1, 2]]),
    ],
)
def test_each_conversion(number: int, stored: Arguments, called: Arguments) -> None:
    """Values and types, level by level."""
    (found,) = as_called(f"Mbpp/{number}", [stored])
    assert called == found
    assert repr(called) == repr(found)


def test_a_problem_of_humaneval_is_taken_as_it_stands() -> None:
    """The same numbers mean nothing there."""
    assert [[[1, 2]]] == as_called("HumanEval/2", [[[1, 2]]])


def test_the_stored_inputs_stay_as_they_are() -> None:
    """They belong to the data."""
    stored: list[Arguments] = [[[1, [2]]]]
    as_called("Mbpp/580", stored)
    assert [[[1, [2]]]] == stored


def test_the_number_of_problems_with_a_conversion() -> None:
    """As many as the official table lists."""
    assert 62 == len(CONVERSIONS)
