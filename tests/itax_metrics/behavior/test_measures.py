"""The measures, one statement each, on answers small enough to judge by eye."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import itax_metrics
from itax_metrics.behavior import BUILTIN, Reply, measure, select
from itax_metrics.behavior.acceptance import levenshtein
from itax_metrics.behavior.flagged import has_bars
from itax_metrics.records import Item, Status

HOLE = Item(
    "t", "def double(x):\n    # twice\n    ", "\n    return y_total\n\nprint(double(2))\n", "y_total = 2 * x", "c"
)
PROSE = "Here is the corrected function for your code base which works well"


def value(name: str, text: str, **known: Any) -> float | None:
    """One measure of one answer."""
    return measure(Reply(text, **known), select([name]))[name]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("ctr", "x = 1", 1.0),
        ("ctr", "Here is the code", 1.0),  # words are names to a lexer
        ("ctr", "a ? b", 0.5),  # the blank before an odd character is an error token of its own
        ("ctr", "é = 1", 2 / 3),
        ("ctr_strict", "é = 1", 1.0),
        ("ctr", "f(1", 0.0),
        ("ctr_lenient", "f(1", 1.0),
        ("ctr", "a)", 0.0),
        ("ctr", "", 0.0),
        ("ctr", "# a comment\n", 0.0),
        ("tokenize_error", "f(1", 1.0),
        ("tokenize_error", "f(1)", 0.0),
        ("nl", "x = 1  # because", 1.0),
        ("nl", "between = where", 0.0),
        ("nl", "THE FOLLOWING", 1.0),
        ("nl", "the  following", 0.0),
        ("nl_strict", "the  following", 1.0),
        ("nl", "one two three four five six seven eight", 1.0),
        ("nl", "one two three four five six seven", 0.0),
        ("nl", "one(two(three four five six seven eight", 1.0),
        ("nl", "one(two(three(four five six seven eight", 0.0),
        ("nl", "max_new_tokens_per_each_single_call_made_now", 1.0),  # runs of letters, not words
        ("nl_strict", "max_new_tokens_per_each_single_call_made_now", 0.0),
        ("def_cls", "x\n\tdef  f", 1.0),
        ("def_cls", "async def f", 0.0),
        ("def_cls_strict", "async def f", 1.0),
        ("def_cls", "public class A", 0.0),
        ("def_cls_strict", "public static class A", 1.0),
        ("def_cls", "definition of class", 0.0),
        ("declarations_any", "int main(int a) {", 1.0),
        ("declarations_any", "if (a) {", 0.0),
        ("declarations_any", "interface A {", 1.0),
        ("flagged", " \n", 1.0),
        ("flagged", "# note\n# more", 1.0),
        ("flagged", "x = 1\n- item", 1.0),
        ("flagged", "x = 1\n# heading", 1.0),
        ("flagged", "x = 1\n#comment", 0.0),
        ("flagged", "x = 1  # <|a|>", 1.0),
        ("flagged", "f(1", 1.0),
        ("flagged", "x = 1", 0.0),
        ("fence", "```python\nx\n```", 1.0),
        ("fence", "a = ~~~b", 0.0),
        ("fence", "~~~\nx\n~~~", 1.0),
        ("prose_share", PROSE, 1.0),
        ("prose_share", f"{PROSE}\n\n{'x' * 62} = 1", 0.5),
        ("prose_share", "return x if y else z", 0.0),
        ("prose_share", "x = foo(a, b)", 0.0),
        ("prose_share", "", 0.0),
        ("sentinel_leak", "x<|fim_pad|>", 1.0),
        ("sentinel_leak", "x<｜end▁of▁sentence｜>", 1.0),
        ("sentinel_leak", "vector<s> a; b << c", 0.0),
        ("sentinel_leak", "x</s>", 0.0),  # a closing tag of HTML right behind a word
        ("sentinel_leak", "x\n</s>", 1.0),
        ("empty", " \t\n", 1.0),
        ("empty", "x", 0.0),
        ("repetition", "value = compute()\n" * 4, 0.75),
        ("repetition", "}\n}\n}\n", 0.0),
        ("characters", "abc", 3.0),
    ],
)
def test_a_measure_of_the_text_alone(name: str, text: str, expected: float) -> None:
    """The value that its definition gives."""
    assert expected == pytest.approx(value(name, text))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("echo_prefix", "# twice\n    y_total = 2 * x", 0.0),  # one short line is no evidence
        ("echo_prefix", "def double(x):\n    # twice\n    y_total = 2 * x", 1.0),
        ("echo_prefix", "y_total = 2 * x", 0.0),
        ("echo_suffix", "y_total = 2 * x\n    return y_total", 1.0),
        ("echo_suffix", "y_total = 2 * x\n    return y_total\n\nprint(double(2))\nprint(1)", 1.0),
        ("echo_suffix", "y_total = 2 * x", 0.0),
        ("whole_rewrite", "```\ndef double(x):\n    return 2 * x\n```", 1.0),
        ("whole_rewrite", "def triple(x):\n    return 3 * x", 0.0),
        ("extra_def", "def f(): pass", 1.0),
        ("accepted_prefix", "y_total = 3 * x", 10 / 15),
        ("delete_characters", "y_total = 3 * x", 5.0),
        ("edit_similarity", "y_total = 3 * x", 14 / 15),
        ("edit_similarity", "", 0.0),
    ],
)
def test_a_measure_beside_the_item(name: str, text: str, expected: float) -> None:
    """The value that its definition gives."""
    assert expected == pytest.approx(value(name, text, item=HOLE))


@pytest.mark.parametrize("name", ["echo_prefix", "echo_suffix", "whole_rewrite", "accepted_prefix", "indent_broken"])
def test_what_needs_an_item_has_no_value_without_one(name: str) -> None:
    """None, which is no zero."""
    assert value(name, "x = 1") is None


def test_an_unfinished_line_is_echoed_when_it_is_begun_anew() -> None:
    """The prefix ends inside a line, and the answer writes the line from its start."""
    item = Item("t", "total = 0\nresult = compute(", ")\n", "total", "c")
    assert 1.0 == value("echo_prefix", "result = compute(total", item=item)


def test_a_passed_answer_is_accepted_whole() -> None:
    """Whatever its letters."""
    assert 1.0 == value("accepted_prefix", "other", item=HOLE, passed=True)
    assert 0.0 == value("delete_characters", "other", item=HOLE, passed=True)


def test_indentation_is_broken_where_python_says_so() -> None:
    """Only code that was not compiled is looked at."""
    broken = {"item": HOLE, "splice": lambda: "def f():\n    a\n  b\n"}
    assert 1.0 == value("indent_broken", "x", status=Status.COMPILE_ERROR, passed=False, **broken)
    assert 0.0 == value("indent_broken", "x", status=Status.ERROR, passed=False, **broken)
    assert 0.0 == value("indent_broken", "x", splice=lambda: "f(", item=HOLE, status=Status.COMPILE_ERROR)


def test_a_conditional_measure_has_a_value_only_where_its_condition_holds() -> None:
    """So that its mean is the conditional mean."""
    assert 0.0 == value("ctr_given_flagged", "f(1")
    assert value("ctr_given_flagged", "x = 1") is None
    assert 1.0 == value("ctr_given_failed", "x = 1", passed=False)
    assert value("ctr_given_failed", "x = 1", passed=True) is None
    assert value("ctr_given_failed", "x = 1") is None  # not executed is not failed


def test_processed_measures_read_the_post_processed_answer() -> None:
    """The stored text and what extraction makes of it have names of their own."""
    fenced = {"text": "Here:\n```\nx = 1\n```", "extract": lambda: "x = 1\n"}
    assert (1.0, 0.0) == (value("nl", **fenced), value("nl_processed", **fenced))
    assert value("nl_processed", "x = 1") is None


def test_this_is_code_in_java() -> None:
    """`nl_no_this` leaves the keyword out there, and only there."""
    assert 0.0 == value("nl_no_this", "this.x = 1;", item=Item("t", "", language="java"))
    assert 1.0 == value("nl_no_this", "this.x = 1", item=Item("t", ""))


def test_the_limit_is_unknown_without_a_count_of_tokens() -> None:
    """None, 0 and 1."""
    found = [value("hit_limit", "x"), value("hit_limit", "x", tokens=3), value("hit_limit", "x", flags=("hit_limit",))]
    assert [None, 0.0, 1.0] == found


def plain_levenshtein(one: str, other: str) -> int:
    """The textbook's table."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        last, row[0] = row[0], i
        for j, b in enumerate(other, start=1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


@given(st.text("abc\n", max_size=90), st.text("abc\n", max_size=90))
def test_the_edit_distance_is_the_textbook_s(one: str, other: str) -> None:
    """Against the table filled in cell by cell."""
    assert plain_levenshtein(one, other) == levenshtein(one, other)


def test_the_edit_distance_of_long_texts_is_the_textbook_s() -> None:
    """Beyond the length at which places are collected differently."""
    one, other = "abcab" * 130 + "x", "bacab" * 90
    assert plain_levenshtein(one, other) == levenshtein(one, other)


def test_two_very_long_texts_have_no_edit_similarity() -> None:
    """A defined value instead of minutes."""
    assert value("edit_similarity", "ab" * 50_000, item=Item("t", "", truth="ba" * 40_000 + "c")) is None


ANYTHING = st.one_of(
    st.text(st.characters(), max_size=120),
    st.lists(st.sampled_from(["<|", "|>", "\n", "def ", "class ", "```", " ", "(", "x", "\ud800", "\x00", "'"])).map(
        "".join
    ),
)


@settings(max_examples=150, deadline=None)
@given(ANYTHING)
def test_no_measure_fails_on_any_text(text: str) -> None:
    """Every measure of ours has a finite value or None, without help from the registry."""
    reply = Reply(text, HOLE, lambda: text.strip(), lambda: text, Status.COMPILE_ERROR, False, (), 3, 0.1)
    for behavior in BUILTIN:
        found = behavior.measure(reply)
        assert found is None or (behavior.unit not in ("rate", "share") or 0 <= found <= 1), behavior.name


@pytest.mark.parametrize("unit", ["a", "<|\n", "(", "\ud800", "def f(", "int f(a)) ", "```\n", "# \n", "if (a) {\n"])
def test_no_measure_is_quadratic(unit: str) -> None:
    """Ten times the answer takes no more than some thirty times the time, noise included."""

    def seconds(length: int) -> float:
        reply = Reply(unit * (length // len(unit)), HOLE, None, None, Status.ERROR, False)
        start = time.process_time()
        measure(reply, select(["all"]))
        return time.process_time() - start

    assert seconds(100_000) < 30 * seconds(10_000) + 0.2


def test_a_million_characters_take_seconds_at_most() -> None:
    """A model that never stopped."""
    start = time.process_time()
    measure(Reply("def f(x):\n    return x\n" * 42_000, HOLE), select(["all"]))
    assert time.process_time() - start < 30


def test_bars_are_looked_for_on_one_line() -> None:
    """`<|` and `|>` with a newline between them are no token."""
    assert [True, False, True] == [has_bars(text) for text in ("<|a|>", "<|\n|>", "<|\n<|x|>")]


NL_OF_TRUTHS = {"hefim": 0.00, "api": 1.61, "block": 0.06, "control": 0.01, "bigcodebench": 2.63}
FILES = {
    "hefim": ("hefim/HumanEval-SingleLineInfilling.jsonl.gz", "canonical_solution"),
    "api": ("safim/api_completion.jsonl.gz", "ground_truth"),
    "block": ("safim/block_completion.jsonl.gz", "ground_truth"),
    "control": ("safim/control_completion.jsonl.gz", "ground_truth"),
    "bigcodebench": ("bigcodebench/BigCodeBench.jsonl.gz", "canonical_solution"),
}


@pytest.fixture(scope="module")
def truths(data_dir: Path) -> Callable[[str], list[str]]:
    """The canonical answers of a benchmark."""

    def read(name: str) -> list[str]:
        file, field = FILES[name]
        with gzip.open(data_dir / file, "rt", encoding="utf-8") as lines:
            return [json.loads(line)[field] for line in lines]

    return read


@pytest.mark.parametrize("name", NL_OF_TRUTHS)
def test_how_often_canonical_answers_are_flagged(name: str, truths: Callable[[str], list[str]]) -> None:
    """The share of the benchmarks' own answers that `nl` flags, in percent; all of them false alarms."""
    texts = truths(name)
    found = sum(value("nl", text) or 0 for text in texts) / len(texts)
    assert NL_OF_TRUTHS[name] == round(100 * found, 2)


def test_the_measures_need_nothing_but_the_standard_library() -> None:
    """They run where no package is installed, such as under another Python."""
    source = Path(itax_metrics.__file__).resolve().parents[1]
    code = "from itax_metrics.behavior import Reply, measure, select; print(measure(Reply('x = 1'), select(['ctr'])))"
    shown = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "{'ctr': 1.0}" == shown.stdout.strip()
