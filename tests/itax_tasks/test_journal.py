"""The journal: raw responses on disk, readable by the scorer, never mixed and never half."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from itax_tasks import journal
from itax_tasks.answers import read_answers
from itax_tasks.scoring import Answer

ANSWERS = [
    Answer("toy/0", 0, "return 1\n"),
    Answer("toy/0", 1, "π \u2028 \r\n\ttab"),
    Answer("toy/1", 0, "", flags=("truncated_prompt",)),
]


def test_the_scorer_reads_what_was_written(tmp_path: Path) -> None:
    """Texts, samples, flags and the task's name survive the round trip."""
    stored = read_answers(journal.write_journal(tmp_path, "itax_hand_infilling", ANSWERS, {}))
    assert (tuple(ANSWERS), "itax_hand_infilling") == (stored.answers, stored.task)


def test_lone_surrogates_survive(tmp_path: Path) -> None:
    """What a broken decoder made is kept to the code point."""
    path = journal.write_journal(tmp_path, "t", [Answer("toy/0", 0, "a\ud800b")], {})
    assert "a\ud800b" == read_answers(path).answers[0].text


def test_facts_of_the_run_lie_beside_the_answers(tmp_path: Path) -> None:
    """Model and time are for the reader; whatever they are, they can be written."""
    path = journal.write_journal(tmp_path, "t", ANSWERS, {"model": "org/m", "where": Path("x")})
    assert {"model": "org/m", "where": "x"} == json.loads(path.with_suffix(".about.json").read_text("utf-8"))


def test_ranks_write_files_of_their_own(tmp_path: Path) -> None:
    """Two processes of one run never share a file."""
    paths = {journal.write_journal(tmp_path, "t", ANSWERS, {}, rank=rank) for rank in (0, 1)}
    assert 2 == len(paths)


def test_a_second_journal_of_the_same_second_replaces_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models scored by one process within a second keep both their answers."""
    monkeypatch.setattr(time, "gmtime", lambda *_: time.struct_time((2026, 1, 2, 3, 4, 5, 4, 2, 0)))
    first = journal.write_journal(tmp_path, "t", [Answer("toy/0", 0, "of the first model")], {})
    journal.write_journal(tmp_path, "t", [Answer("toy/0", 0, "of the second model")], {})
    assert "of the first model" == read_answers(first).answers[0].text


def test_a_write_that_breaks_off_leaves_no_journal(tmp_path: Path) -> None:
    """Half the answers must not pass for all of them."""

    def answers() -> list[Answer]:
        raise MemoryError

    def broken():  # type: ignore[no-untyped-def]
        yield ANSWERS[0]
        yield from answers()

    with pytest.raises(MemoryError):
        journal.write_journal(tmp_path, "t", broken(), {})
    assert [] == list((tmp_path / "journal").glob("*.jsonl"))


def test_only_old_files_are_removed(tmp_path: Path) -> None:
    """A month is kept; what is older makes room."""
    old = journal.write_journal(tmp_path, "old", ANSWERS, {})
    young = journal.write_journal(tmp_path, "young", ANSWERS, {})
    for path, days in ((old, 31), (young, 29)):
        then = time.time() - days * 24 * 3600
        os.utime(path, (then, then))
    journal.write_journal(tmp_path, "t", ANSWERS, {})
    assert (False, True) == (old.exists(), young.exists())
