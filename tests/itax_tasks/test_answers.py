"""Stored answers of every tool come in whole; a file that is not what it claims to be is refused by line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from itax_metrics.errors import DataError
from itax_tasks.answer import Answer, Stage
from itax_tasks.answers import Format, coverage, read_answers, uneven

Row = dict[str, Any]


def _write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the answers of a test lie."""
    return tmp_path / "answers.jsonl"


def _lm_eval(task_id: object, *texts: object, **document: object) -> Row:
    doc = {"task_id": task_id, "prompt": "p", **document}
    return {"doc_id": 0, "doc": doc, "target": "", "resps": [list(texts)], "filtered_resps": ["[]"], "filter": "none"}


# Formats


def test_a_completion_is_extracted_later() -> None:
    """The stage of an answer is `completion` unless it says otherwise."""
    assert "completion" == Answer("toy/0", 0, "x").stage


def test_itax_completions_are_read(file: Path) -> None:
    """{"task_id", "completion"}: a text to which extraction applies."""
    _write(file, {"task_id": "toy/0", "completion": "return 1\n"}, {"task_id": "toy/1", "completion": ""})
    assert (Answer("toy/0", 0, "return 1\n"), Answer("toy/1", 0, "")) == read_answers(file).answers


def test_a_solution_is_a_finished_program(file: Path) -> None:
    """{"task_id", "solution"}: extraction is skipped by default."""
    _write(file, {"task_id": "toy/0", "solution": "def f(): ..."})
    assert (Answer("toy/0", 0, "def f(): ...", "program"),) == read_answers(file).answers


@pytest.mark.parametrize("stage", ["completion", "program-raw", "program"])
def test_the_stage_can_be_named(stage: Stage, file: Path) -> None:
    """--stage wins over what the field suggests."""
    _write(file, {"task_id": "toy/0", "solution": "x"}, {"task_id": "toy/1", "completion": "x"})
    assert {stage} == {answer.stage for answer in read_answers(file, stage=stage).answers}


@pytest.mark.parametrize("format", [None, "hefim"])
def test_the_verdicts_of_the_official_scorer_are_kept(format: Format | None, file: Path) -> None:
    """Rows of HumanEval-Infilling's results file bring their own `passed`."""
    _write(
        file,
        {"task_id": "toy/0", "completion": "a", "result": "passed", "passed": True},
        {"task_id": "toy/0", "completion": "b", "result": "timed out", "passed": False},
        {"task_id": "toy/1", "completion": "c"},
    )
    assert {("toy/0", 0): True, ("toy/0", 1): False} == read_answers(file, format=format).recorded


@pytest.mark.parametrize("format", [None, "lm-eval"])
def test_lm_eval_samples_are_read(format: Format | None, file: Path) -> None:
    """Every response of a document is a sample of its item."""
    _write(file, _lm_eval("toy/0", "a", "b"), _lm_eval("toy/1", "c", "d"))
    expected = (Answer("toy/0", 0, "a"), Answer("toy/0", 1, "b"), Answer("toy/1", 0, "c"), Answer("toy/1", 1, "d"))
    assert expected == read_answers(file, format=format).answers


def test_a_truncated_prompt_is_flagged(file: Path) -> None:
    """What lm-eval's document says about its prompt stays with the answer."""
    _write(file, _lm_eval("toy/0", "a", truncated_prompt=True), _lm_eval("toy/1", "a", truncated_prompt=False))
    assert [("truncated_prompt",), ()] == [answer.flags for answer in read_answers(file).answers]


def test_flags_of_a_row_are_kept(file: Path) -> None:
    """A journal's flags survive."""
    _write(file, {"task_id": "toy/0", "completion": "a", "flags": ["truncated_prompt"]})
    assert ("truncated_prompt",) == read_answers(file).answers[0].flags


@pytest.mark.parametrize("name", ["answers.jsonl.gz", "answers.jsonl"])
def test_gzip_is_read_whatever_the_name(name: str, tmp_path: Path) -> None:
    """The first bytes decide, not the ending."""
    path = tmp_path / name
    path.write_bytes(gzip.compress(b'{"task_id": "toy/0", "completion": "a"}\n', mtime=0))
    assert "a" == read_answers(path).answers[0].text


def test_the_task_of_the_rows_is_known(file: Path) -> None:
    """A journal names its task; plain rows do not."""
    _write(file, {"task": "itax_hefim", "task_id": "toy/0", "completion": "a"})
    assert "itax_hefim" == read_answers(file).task
    _write(file, {"task_id": "toy/0", "completion": "a"})
    assert read_answers(file).task is None


def test_blank_lines_and_a_missing_last_newline_are_harmless(file: Path) -> None:
    """Two rows are two answers, with or without white space around them."""
    file.write_text('\n{"task_id": "toy/0", "completion": "a"}\r\n\n{"task_id": "toy/1", "completion": "b"}', "utf-8")
    assert ["a", "b"] == [answer.text for answer in read_answers(file).answers]


# Texts


@pytest.mark.parametrize("text", ["a\u2028b\x85c\x0c", "a\x00b", "\ud83d", "🙂", "a\r\nb\rc", "  \n"], ids=ascii)
def test_every_text_comes_back_as_it_was(text: str, file: Path) -> None:
    """Line separators of Unicode, NUL, lone surrogates: nothing is split, dropped or repaired."""
    _write(file, {"task_id": "toy/0", "completion": text})
    assert text == read_answers(file).answers[0].text


def test_a_million_characters_are_one_answer(file: Path) -> None:
    """A model that never stops is read like any other."""
    _write(file, {"task_id": "toy/0", "completion": "x = 1\n" * 170_000})
    assert 1_020_000 == len(read_answers(file).answers[0].text)


# Samples


def test_repeated_ids_are_samples(file: Path) -> None:
    """Rows of one task_id count 0, 1, ... in the order of the file, even when other items lie between."""
    _write(file, *({"task_id": task_id, "completion": "a"} for task_id in ("toy/0", "toy/1", "toy/0", "toy/0")))
    expected = [("toy/0", 0), ("toy/1", 0), ("toy/0", 1), ("toy/0", 2)]
    assert expected == [(answer.task_id, answer.sample) for answer in read_answers(file).answers]


def test_numbered_samples_keep_their_numbers(file: Path) -> None:
    """A field `sample` wins over the order of the rows."""
    _write(file, *({"task_id": "toy/0", "sample": sample, "completion": "a"} for sample in (1, 0)))
    assert [1, 0] == [answer.sample for answer in read_answers(file).answers]


def test_a_sample_given_twice_is_refused(file: Path) -> None:
    """Two answers cannot be the same sample; the message names it and the remedy."""
    _write(file, *({"task_id": "toy/0", "sample": 3, "completion": "a"} for _ in range(2)))
    with pytest.raises(DataError, match=r"'toy/0' sample 3\. Remove the duplicates, or number the samples"):
        read_answers(file)


@pytest.mark.parametrize("sample", [-1, "0", 1.5, True, [0]], ids=repr)
def test_a_sample_number_is_a_whole_number(sample: object, file: Path) -> None:
    """Anything else is refused by line."""
    _write(file, {"task_id": "toy/0", "completion": "a"}, {"task_id": "toy/1", "sample": sample, "completion": "a"})
    with pytest.raises(DataError, match=r"answers\.jsonl, line 2: sample is .* expected a whole number"):
        read_answers(file)


# Refusals


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ([1, 2], "expected one JSON object a line, found list"),
        ("text", "expected one JSON object a line, found str"),
        (None, "expected one JSON object a line, found NoneType"),
        ({}, "cannot tell the format"),
        ({"task_id": "toy/1"}, "cannot tell the format"),
        ({"completion": "a"}, "cannot tell the format"),
        ({"task_id": 7, "completion": "a"}, "task_id is 7"),
        ({"task_id": "", "completion": "a"}, "task_id is ''"),
        ({"task_id": "toy/1", "completion": None}, "completion is NoneType, expected text"),
        ({"task_id": "toy/1", "solution": ["a"]}, "solution is list, expected text"),
        ({"task_id": "toy/1", "completion": "a", "flags": 5}, "flags"),
        ({"task_id": "toy/1", "completion": "a", "flags": "truncated_prompt"}, "flags"),
        ({"task_id": "toy/1", "completion": "a", "flags": [["x"]]}, "flags"),
        (_lm_eval(None, "a"), "no task_id; these are not the samples of an itax task"),
        ({**_lm_eval("toy/1"), "doc": "text"}, "no task_id; these are not the samples of an itax task"),
        ({**_lm_eval("toy/1"), "resps": []}, "is this a generate_until task"),
        ({**_lm_eval("toy/1"), "resps": [["a"], ["b"]]}, "is this a generate_until task"),
        (_lm_eval("toy/1", [-1.5, False]), "response 0 is list, expected text"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_a_row_of_the_wrong_shape_is_refused_by_line(row: object, complaint: str, file: Path) -> None:
    """One message: file, line and what is wrong with it."""
    _write(file, {"task_id": "toy/0", "completion": "a"}, row)
    with pytest.raises(DataError) as refusal:
        read_answers(file)
    assert f"{file}, line 2: " in str(refusal.value)
    assert complaint in str(refusal.value)


def test_a_named_format_is_held_to(file: Path) -> None:
    """--format lm-eval on plain rows says what is missing instead of guessing."""
    _write(file, {"task_id": "toy/0", "completion": "a"})
    with pytest.raises(DataError, match="line 1: the document has no task_id"):
        read_answers(file, format="lm-eval")


def test_an_unknown_shape_names_the_option(file: Path) -> None:
    """The message shows the fields found, the shapes expected and --format."""
    _write(file, {"id": 1, "output": "x"})
    with pytest.raises(DataError, match=r"fields \['id', 'output'\]\. Expected .* name it with --format"):
        read_answers(file)


def test_answers_of_two_tasks_are_refused(file: Path) -> None:
    """The message names both and the remedy."""
    _write(file, *({"task": task, "task_id": task, "completion": "a"} for task in ("itax_b", "itax_a")))
    with pytest.raises(DataError, match="mixes the answers of itax_a and itax_b; give one file per task"):
        read_answers(file)


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_cut_last_line_is_called_cut(end: str, file: Path) -> None:
    """An interrupted writer: the line is named, and that the file is to be written again."""
    file.write_text('{"task_id": "toy/0", "completion": "a"}\n{"task_id": "toy/1", "comp' + end, "utf-8")
    with pytest.raises(DataError, match=r"line 2: not JSON .*cut off: write it again"):
        read_answers(file)


def test_a_broken_line_in_the_middle_is_not_called_cut(file: Path) -> None:
    """Only the last line can have been cut."""
    file.write_text('{"task_id": "toy/0"\n{"task_id": "toy/1", "completion": "a"}\n', "utf-8")
    with pytest.raises(DataError, match="line 1: not JSON") as refusal:
        read_answers(file)
    assert "cut off" not in str(refusal.value)


@pytest.mark.parametrize(
    "line", ["[" * 100_000, '{"task_id": "toy/0", "completion": "a", "sample": ' + "9" * 5000 + "}"]
)
def test_json_no_parser_likes_is_refused_too(line: str, file: Path) -> None:
    """Endless nesting or endless digits end in the same message as any broken line."""
    file.write_text(line + "\n", "utf-8")
    with pytest.raises(DataError, match="line 1: "):
        read_answers(file)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\x00\x00", b"\xff\xfe{\x00}\x00", bytes(range(256))], ids=repr)
def test_binary_junk_is_called_no_text(content: bytes, file: Path) -> None:
    """A picture, UTF-16 or a model file: refused with the byte where it stops being text."""
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"is not UTF-8 text \(.* at byte \d+\); expected JSON lines"):
        read_answers(file)


@pytest.mark.parametrize("content", [gzip.compress(b"{}" * 500, mtime=0)[:-9], b"\x1f\x8b\x08\x00junk junk junk"])
def test_a_broken_gzip_cannot_be_read(content: bytes, file: Path) -> None:
    """Cut or corrupt: one message with the file's name."""
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"answers\.jsonl cannot be read"):
        read_answers(file)


@pytest.mark.parametrize("content", ["", "\n\n  \n"])
def test_an_empty_file_holds_no_answers(content: str, file: Path) -> None:
    """No rows is an error, not a rate of nothing."""
    file.write_text(content)
    with pytest.raises(DataError, match="holds no answers"):
        read_answers(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Missing files and folders end in the same clear error."""
    for path in (tmp_path / "nowhere.jsonl", tmp_path):
        with pytest.raises(DataError, match=f"{path} cannot be read"):
            read_answers(path)


def test_coverage_names_both_gaps_in_order() -> None:
    """Items without answer in the items' order, answers without item once each in the order met."""
    answers = [Answer(task_id, 0, "") for task_id in ("z", "b", "y", "z")]
    met = coverage(answers, ["c", "b", "a"])
    assert (("c", "a"), ("z", "y")) == (met.missing, met.unknown)


def test_answers_of_classeval_s_pipeline_are_read(file: Path) -> None:
    """One JSON list of rows, each with the samples of one class."""
    file.write_text(json.dumps([{"task_id": "ClassEval_0", "predict": ["a", "b"]}, {"task_id": "x", "predict": ["c"]}]))
    assert [("ClassEval_0", 0, "a"), ("ClassEval_0", 1, "b"), ("x", 0, "c")] == [
        (answer.task_id, answer.sample, answer.text) for answer in read_answers(file).answers
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('[{"task_id": "x"', "cut off"),
        ('[{"a": 1}, 2]', "line 1: cannot tell the format"),
        ("[]", "line 1: expected one"),
    ],
)
def test_a_list_of_the_wrong_shape_is_refused(content: str, complaint: str, file: Path) -> None:
    """Cut off, of other rows, or empty."""
    file.write_text(content)
    with pytest.raises(DataError, match=complaint):
        read_answers(file)


def test_predictions_must_be_texts(file: Path) -> None:
    """Named as ClassEval's, a row is held to its form."""
    file.write_text('{"task_id": "x", "predict": [1]}')
    with pytest.raises(DataError, match="`predict` is no list of texts"):
        read_answers(file)


def test_tokens_and_the_limit_come_back_from_a_run(tmp_path: Path) -> None:
    """Only the run could count them; rows of ours carry them, and so does what our filter left in lm-eval's rows."""
    ours = tmp_path / "ours.jsonl"
    ours.write_text('{"task_id": "a", "completion": "x", "tokens": 7}\n', "utf-8")
    brief = json.dumps([{"flags": ["hit_limit"], "tokens": 5}])
    row = {"doc": {"task_id": "a"}, "resps": [["x"]], "filtered_resps": [brief]}
    theirs = tmp_path / "samples.jsonl"
    theirs.write_text(json.dumps(row) + "\n", "utf-8")
    found = [read_answers(path).answers[0] for path in (ours, theirs)]
    assert [(7, ()), (5, ("hit_limit",))] == [(answer.tokens, answer.flags) for answer in found]


@pytest.mark.parametrize("left", ["no json", "[]", "[3]", "{}"])
def test_a_row_without_our_notes_has_no_tokens(left: str, tmp_path: Path) -> None:
    """Written by an earlier version, or under --predict_only."""
    path = tmp_path / "samples.jsonl"
    row = {"doc": {"task_id": "a"}, "resps": [["x"]], "filtered_resps": [left]}
    path.write_text(json.dumps(row) + "\n", "utf-8")
    assert read_answers(path).answers[0].tokens is None


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("a1 b1 c2", ""),
        ("a1 a1 b1 b2", ""),
        ("a1 b1 c1 a1", "1 of 3 items have more than 1 answer (a); 1 of the answers too many repeat"),
        ("a1 b1 c1 a2", "1 of 3 items have more than 1 answer (a)"),
        ("a1 a2 b1 b2 c1", "1 of 3 items have fewer than 2 answers (c)"),
        ("a1 a2 b1", "1 of 2 items have more than 1 answer (a)"),
    ],
)
def test_items_with_more_or_fewer_answers_than_most_are_named(rows: str, expected: str) -> None:
    """The usual number is that of most items, the smaller one where as many have either; repeats are counted."""
    said = uneven([Answer(row[0], number, row[1]) for number, row in enumerate(rows.split())])
    assert said.startswith(expected)
    assert bool(said) == bool(expected)
    assert ("word for word" in said) == ("repeat" in expected)
