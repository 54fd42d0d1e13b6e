"""The sheet that raters get: stratified, seeded, blind, and harmless whatever a model wrote."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter

import pytest

from itax_metrics.errors import DataError
from itax_metrics.failures.sheet import MEANINGS, MOST_CHARACTERS, Entry, as_csv, as_html, as_key, draw, shown
from itax_metrics.failures.taxonomy import TITLES, Category
from itax_metrics.records import Item, Outcome, Status


def outcomes(task: str, failed: int, passed: int = 0, text: str = "x = 1") -> list[Outcome]:
    """Failed answers, then passed ones."""
    return [
        Outcome(task, f"{task}/{n}", 0, "c", Status.FAILED if n < failed else Status.PASSED, n >= failed, text)
        for n in range(failed + passed)
    ]


def item(model: str, task: str, task_id: str) -> Item:
    """The place of every answer."""
    del model
    return Item(task_id, f"# before {task}\n", "# after\n", "truth()")


RUNS = {"base": outcomes("a", 80, 20) + outcomes("b", 30), "instruct": outcomes("a", 60)}


def test_every_model_and_benchmark_has_its_fifty() -> None:
    """Fewer only where fewer failed; passed answers are never drawn."""
    entries = draw(RUNS, item)
    assert {("base", "a"): 50, ("base", "b"): 30, ("instruct", "a"): 50} == Counter((e.model, e.task) for e in entries)
    assert all(int(entry.task_id.split("/")[1]) < 80 for entry in entries)


def test_equal_seeds_draw_equal_sheets() -> None:
    """And other seeds draw others."""
    assert draw(RUNS, item, seed=1) == draw(RUNS, item, seed=1)
    assert draw(RUNS, item, seed=1) != draw(RUNS, item, seed=2)


def test_a_model_s_sample_does_not_depend_on_the_others() -> None:
    """A model added later leaves labels of the first valid."""
    alone = {entry.row for entry in draw({"base": RUNS["base"]}, item)}
    assert alone == {entry.row for entry in draw(RUNS, item) if entry.model == "base"}


def test_raters_are_blind() -> None:
    """Neither model nor category stands in what they see, and the order mixes the models."""
    runs = {"secret-base": outcomes("a", 40), "secret-instruct": outcomes("a", 40)}
    entries = draw(runs, item)
    for text in (as_csv(entries), as_html(entries)):
        assert "secret" not in text
    first = [entry.model for entry in entries[:40]]
    assert 5 < first.count("secret-base") < 35
    assert "secret-base" in as_key(entries, 0)


def test_nothing_failed_nothing_to_label() -> None:
    """One clear error."""
    with pytest.raises(DataError, match="nothing to label"):
        draw({"base": outcomes("a", 0, 5)}, item)


HOSTILE = ["=cmd()", "</pre><script>alert(1)</script>", "\x00\ud800\x1b[2J", 'a,b\r\n"c"', "+1", "@x", "\u202eabc"]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_model_wrote_does_no_harm(text: str) -> None:
    """No cell begins a formula, no tag survives, every character can be written as UTF-8."""
    entries = draw({"m": outcomes("a", 1, text=text)}, item)
    (row,) = csv.DictReader(io.StringIO(as_csv(entries), newline=""))
    assert row["answer"].startswith("| ")
    page = as_html(entries)
    assert 1 == page.count("<script>")
    (as_csv(entries) + page + as_key(entries, 0)).encode("utf-8")
    assert "\x00" not in page


def test_a_rater_reads_what_the_categories_mean() -> None:
    """Each with its sentence, on a page that fits a phone and shows the text without the gutter of the CSV."""
    page = as_html(draw({"m": outcomes("a", 1, text="x = 1\n    y = 2")}, item))
    assert list(Category) == list(MEANINGS)
    assert all(f"<li><b>{TITLES[category]}</b>: " in page for category in Category)
    assert "<pre>x = 1\n    y = 2</pre>" in page
    assert 'name="viewport"' in page


def test_long_answers_are_cut_and_say_so() -> None:
    """A sheet stays readable."""
    assert shown("x" * (MOST_CHARACTERS + 7)).endswith("\n(7 more characters)")


def test_the_key_holds_what_the_rules_say() -> None:
    """By row."""
    (entry,) = draw({"m": outcomes("a", 1)}, item)
    assert isinstance(entry, Entry)
    assert entry.row == json.loads(as_key([entry], 3))["rows"][0]["row"]
