"""The items that cannot pass in an environment, told from the flags of outcomes."""

from __future__ import annotations

from itax_metrics.records import Outcome, Status
from itax_metrics.unavailable import unavailable, unavailable_note


def _outcome(name: str, sample: int, *flags: str) -> Outcome:
    return Outcome("itax_a", name, sample, name, Status.FAILED, False, "x", {}, flags=flags)


def test_an_item_is_named_once_however_many_samples_it_has() -> None:
    """Other flags do not count."""
    rows = [_outcome("b", 0, "env_unavailable"), _outcome("b", 1, "env_unavailable"), _outcome("a", 0, "hit_limit")]
    assert ("b",) == unavailable(rows)


def test_ten_items_are_named_and_the_rest_is_counted() -> None:
    """The rows hold all of them."""
    assert unavailable_note(tuple("abcdefghij")).endswith(": a, b, c, d, e, f, g, h, i, j")
    assert unavailable_note(tuple("abcdefghijkl")).endswith(", j and 2 more, in outcomes.jsonl")


def test_a_headline_that_compares_texts_is_not_said_to_fail() -> None:
    """Its flagged items can pass, also in rows stored before; what is true of the metrics that run tests is said."""
    note = unavailable_note(("a",), "exact_match")
    assert "count" not in note
    assert "whatever the answer is" not in note
    assert (
        "the tests of 1 item cannot pass in this environment (env_unavailable); exact_match runs none, and the metrics "
        "that do fail there unless the answer is the published one: a"
    ) == note
