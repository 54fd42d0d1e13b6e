"""Cost of a solved item, on pairs small enough to divide by hand."""

from __future__ import annotations

import pytest

from itax_metrics.cost import paired_cost
from itax_metrics.pairing import PairedTask, pair
from itax_metrics.records import Outcome, Run, Status, TaskRun

RUN = Run("m", {"t": TaskRun("t", 1.0, "raw", "official", "pass@1", "raw", {"sha256": "0"}, {}, 1, 1)})


def paired(*items: tuple[int | None, bool, int | None, bool]) -> PairedTask:
    """Items as (tokens of base, passed, tokens of instruct, passed)."""

    def side(at: int) -> tuple[Run, list[Outcome]]:
        rows = []
        for number, item in enumerate(items):
            passed = bool(item[at + 1])
            status = Status.PASSED if passed else Status.FAILED
            rows.append(Outcome("t", f"i{number}", 0, f"c{number}", status, passed, "xy", tokens=item[at]))
        return RUN, rows

    return pair(side(0), side(2)).tasks[0]


def test_failed_answers_are_paid_for() -> None:
    """Base: 10 + 30 tokens for two solved; instruct: 20 + 40 for one."""
    found = paired_cost(paired((10, True, 20, True), (30, True, 40, False)), "tokens")
    assert (2, 20.0, 60.0, 3.0) == (found.n_items, found.base, found.instruct, found.ratio)


def test_a_model_that_solves_nothing_has_no_cost() -> None:
    """No division by zero, and no ratio."""
    found = paired_cost(paired((10, True, 20, False)), "tokens")
    assert (10.0, None, None, None) == (found.base, found.instruct, found.ratio, found.ratio_ci95)


def test_items_without_a_count_are_left_out_on_both_sides() -> None:
    """Paired: an item counts for both or for neither."""
    found = paired_cost(paired((10, True, None, True), (30, True, 60, True)), "tokens")
    assert (1, 2.0) == (found.n_items, found.ratio)


def test_nothing_counted_gives_nothing() -> None:
    """A defined value."""
    found = paired_cost(paired((None, True, None, True)), "tokens")
    assert (0, None, None) == (found.n_items, found.base, found.ratio)


def test_characters_need_no_tokenizer() -> None:
    """Two for every answer."""
    assert 2.0 == paired_cost(paired((None, True, None, True)), "characters").base


def test_the_interval_is_seeded_and_holds_the_ratio() -> None:
    """Forty items at twice the cost, with some spread."""
    task = paired(*((10 + n % 7, n % 5 > 0, 20 + n % 11, n % 4 > 0) for n in range(40)))
    found = paired_cost(task, "tokens")
    assert found.ratio_ci95 is not None
    assert found.ratio is not None
    assert found.ratio_ci95.low < found.ratio < found.ratio_ci95.high
    assert found == paired_cost(task, "tokens")


def test_equal_sides_have_the_ratio_one_without_spread() -> None:
    """A model against itself."""
    found = paired_cost(paired(*((10 + n, n % 3 > 0, 10 + n, n % 3 > 0) for n in range(30))), "tokens")
    assert (1.0, pytest.approx((1.0, 1.0))) == (found.ratio, found.ratio_ci95)
