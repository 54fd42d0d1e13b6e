"""EvalPlus's rules: limits of time, second oracles."""

from __future__ import annotations

import pytest

from itax_tasks.benchmarks.evalplus.rules import PINNED, TODAY, digit_distance, pyramid_surface


@pytest.mark.parametrize(("seconds", "today", "pinned"), [(0.0, 4.0, 0.2), (0.06, 4.0, 0.24), (2.5, 10.0, 10.0)])
def test_the_limit_of_a_call(seconds: float, today: float, pinned: float) -> None:
    """Four times the reference, but not less than the floor."""
    assert today == pytest.approx(TODAY.limit(seconds))
    assert pinned == pytest.approx(PINNED.limit(seconds))


@pytest.mark.parametrize(("limits", "today", "pinned"), [(12.0, 14.0, 14.0), (60.0, 62.0, 62.0), (400.0, 62.0, 402.0)])
def test_the_limit_of_the_whole(limits: float, today: float, pinned: float) -> None:
    """The sum of the calls and two seconds; today at most a minute of calls."""
    assert (today, pinned) == (TODAY.whole(limits), PINNED.whole(limits))


@pytest.mark.parametrize(
    ("base", "height", "surface"), [(3, 4, 35), (4, 5, 59), (1, 2, 5), (0, 5, 0), (10.0, 12.0, 360)]
)
def test_a_pyramid(base: float, height: float, surface: int) -> None:
    """b^2 + 2 b sqrt(b^2/4 + h^2), rounded."""
    assert surface == pyramid_surface(base, height)


@pytest.mark.parametrize(
    ("first", "second", "distance"), [(1, 2, 1), (23, 56, 6), (123, 256, 7), (12345, 9, 1 + 2 + 3 + 4 + 4), (0, 0, 0)]
)
def test_a_distance_of_digits(first: int, second: int, distance: int) -> None:
    """Digit by digit from the right, missing ones being zero."""
    assert distance == digit_distance(first, second)
