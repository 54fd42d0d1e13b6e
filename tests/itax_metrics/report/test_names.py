"""Short names of benchmarks stay distinct."""

from __future__ import annotations

import pytest

from itax_metrics.report.names import shortened
from itax_tasks.tasks import TASKS

WIDTH = 30
WORDINGS = ("fimchat", "chat", "chat_b", "prefill")


def test_a_name_that_fits_stays() -> None:
    """Whatever it is made of."""
    names = ["itax_hand / itax_hand_chat", "x" * WIDTH]
    assert dict(zip(names, names, strict=True)) == shortened(names, WIDTH)


def test_a_pair_says_once_what_its_halves_share() -> None:
    """The four wordings of one benchmark are four rows."""
    names = [f"itax_mini_infilling / itax_mini_infilling_{wording}" for wording in WORDINGS]
    assert [f"itax_mini_infilling / _{wording}" for wording in WORDINGS] == list(shortened(names, WIDTH).values())


def test_a_longer_pair_keeps_its_end() -> None:
    """The first half is cut, the wording stands."""
    name = "itax_classeval_infilling / itax_classeval_infilling_fimchat"
    assert {name: "itax_classeval_in.. / _fimchat"} == shortened([name], WIDTH)


def test_names_that_end_differently_are_cut_in_the_middle() -> None:
    """A name alone is cut at its end; beside another that would look like it, both keep their ends."""
    one, other = "itax_hefim_random_span_light_fimchat", "itax_hefim_random_span_light_prefill"
    assert {one: "itax_hefim_random_span_light.."} == shortened([one], WIDTH)
    both = {one: "itax_hefim_random_spa..fimchat", other: "itax_hefim_random_spa..prefill"}
    assert both == shortened([one, other], WIDTH)


def test_names_that_no_cut_tells_apart_stay_whole() -> None:
    """Better a wide table than two rows of one name."""
    names = [f"itax_mini_{middle}{'y' * 40}" for middle in "ab"]
    assert dict(zip(names, names, strict=True)) == shortened([*names, names[0]], 8)


@pytest.mark.parametrize("width", [12, 20, WIDTH])
def test_no_two_of_our_tasks_look_alike(width: int) -> None:
    """Alone, and paired with every other of its family."""
    pairs = [
        f"{one.name} / {other.name}"
        for one in TASKS.values()
        for other in TASKS.values()
        if one.family == other.family and one is not other
    ]
    for names in (list(TASKS), pairs):
        found = shortened(names, width)
        assert names == list(found)
        assert len(names) == len(set(found.values()))
