"""Which measures there are, and what happens with those that other packages bring."""

from __future__ import annotations

from importlib import metadata
from types import SimpleNamespace
from typing import Any

import pytest

from itax_metrics.behavior import BUILTIN, Behavior, Reply, behaviors, measure, registry, select
from itax_metrics.errors import ConfigError

SAMPLES_FIELDS = {
    *("doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics", "doc_hash"),
    *("prompt_hash", "target_hash"),
}
"""What lm-eval writes into a row of its samples file; a metric of that name would replace it."""


def plug(monkeypatch: pytest.MonkeyPatch, loaded: Any) -> None:
    """One plug-in that brings this."""

    def load() -> Any:
        if isinstance(loaded, Exception):
            raise loaded
        return loaded

    point = SimpleNamespace(name="mine", value="mine:IT", load=load)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point] if group == "itax.behaviors" else [])
    behaviors.cache_clear()
    monkeypatch.setattr(registry, "behaviors", behaviors)


@pytest.fixture(autouse=True)
def _fresh() -> Any:
    """The table is built anew for each test, and for those after it."""
    behaviors.cache_clear()
    yield
    behaviors.cache_clear()


def test_no_measure_is_named_like_a_field_of_the_samples_file() -> None:
    """lm-eval would overwrite the field."""
    assert set() == SAMPLES_FIELDS & {behavior.name for behavior in BUILTIN}


def test_names_are_plain_and_unique() -> None:
    """They become columns everywhere."""
    names = [behavior.name for behavior in BUILTIN]
    assert sorted(set(names)) == sorted(names)
    assert all(name.isidentifier() for name in names)


def test_the_paper_s_figures_are_core() -> None:
    """Its three measures, with the two readings of the figure in parentheses."""
    core = {behavior.name for behavior in select()}
    wanted = {
        f"{name}{suffix}" for name in ("ctr", "nl", "def_cls") for suffix in ("", "_given_flagged", "_given_failed")
    }
    assert wanted <= core


def test_sets_and_names_mix() -> None:
    """`none` is empty, `all` is everything, and names come in the table's order."""
    assert () == select(["none"])
    assert set(behaviors()) == {behavior.name for behavior in select(["all"])}
    assert ["ctr", "nl"] == [behavior.name for behavior in select(["nl", "ctr"])]


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    """And with what there is."""
    with pytest.raises(ConfigError, match=r"no behaviour 'def_cl'. Did you mean def_cls"):
        select(["def_cl"])


def test_a_plug_in_brings_a_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is computed like ours."""
    plug(monkeypatch, Behavior("semicolons", lambda reply: reply.text.count(";"), "semicolons", "number"))
    assert {"semicolons": 2.0} == measure(Reply("a; b;"), select(["semicolons"]))


def test_a_plug_in_may_bring_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sequence of them."""
    plug(monkeypatch, [Behavior(name, lambda reply: 1.0, "one") for name in ("first_of", "second_of")])
    assert {"first_of", "second_of"} <= set(behaviors())


@pytest.mark.parametrize(
    ("loaded", "message"),
    [
        (ImportError("gone"), "cannot be loaded .ImportError: gone."),
        (print, "is no `itax_metrics.behavior.Behavior`"),
        (Behavior("with blank", lambda reply: 1.0, ""), "with a plain name"),
        (Behavior("ctr", lambda reply: 1.0, ""), "'ctr', and that name is taken"),
    ],
)
def test_a_plug_in_that_cannot_be_used_is_one_clear_error(
    loaded: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named, before anything is generated."""
    plug(monkeypatch, loaded)
    with pytest.raises(ConfigError, match=message):
        behaviors()


@pytest.mark.parametrize("wrong", [lambda reply: 1 / 0, lambda reply: "many", lambda reply: float("nan")])
def test_a_measure_that_fails_on_an_answer_has_no_value(wrong: Any, caplog: pytest.LogCaptureFixture) -> None:
    """None, and one line in the log."""
    registry._complain.cache_clear()
    behavior = Behavior("wrong", wrong, "")
    assert [{"wrong": None}] * 2 == [measure(Reply("x"), [behavior]) for _ in range(2)]
    assert 1 == len(caplog.records)
