"""Score directories that are broken or odd, through every verb that reads them: one clear error, or defined values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from itax_metrics.errors import ItaxError
from itax_metrics.records import Outcome, Run, Status, TaskRun
from itax_metrics.store import write_score_dir
from itax_tasks.cli import cli

TASK = "itax_hefim"
BASE, INSTRUCT = "Qwen/Qwen2.5-Coder-7B", "Qwen/Qwen2.5-Coder-7B-Instruct"
NAMES = [f"item/{i}" for i in range(8)]

Rows = list[Outcome]
Verb = tuple[str, ...]

VERBS: dict[str, Verb] = {
    "compare": ("compare", "BASE", "INSTRUCT", "--resamples", "100"),
    "report": ("report", "BASE", "INSTRUCT", "--resamples", "100"),
    "report of a series": ("report", "--series", "BASE", "INSTRUCT", "INSTRUCT", "--resamples", "100"),
    "route": ("route", "BASE", "INSTRUCT"),
    "behave": ("behave", "INSTRUCT"),
    "label": ("label", "sheet", "BASE", "INSTRUCT"),
    "paper": ("paper", "compare", "BASE", "INSTRUCT"),
    "export": ("export", "INSTRUCT", "--format", "model-index", "--source", "https://example.org", "--out", "card"),
}


def rows(solved: str, text: str = "x = 1\n") -> Rows:
    """An answer for each digit: 1 passed, 0 failed."""
    return [
        Outcome(
            TASK,
            name,
            0,
            name,
            Status.PASSED if c == "1" else Status.FAILED,
            c == "1",
            text,
            {"pass@1": float(c == "1")},
            behaviors={"ctr": 1.0, "nl": 0.0},
            category=None if c == "1" else "functional_mismatch",
        )
        for name, c in zip(NAMES, solved, strict=False)
    ]


def write(folder: Path, model: str, answers: Sequence[Outcome], task: str = TASK) -> Path:
    """A score directory."""
    data = {"sha256": "a", "source": "p"}
    about = TaskRun(task, 1.0, "raw", "itax", "pass@1", "raw", data, {}, 1, len(answers), metrics=("pass@1",))
    return write_score_dir(folder, Run(model=model, tasks={task: about}), [replace(row, task=task) for row in answers])


def spoiled(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Changes the bytes of the instruct side's rows."""

    def apply(folder: Path) -> None:
        file = write(folder, INSTRUCT, rows("10101010")) / "outcomes.jsonl"
        file.write_bytes(change(file.read_bytes()))

    return apply


def holding(*answers: Outcome, task: str = TASK) -> Callable[[Path], None]:
    """Writes these answers as the instruct side."""

    def apply(folder: Path) -> None:
        write(folder, INSTRUCT, answers, task)

    return apply


def changed(field: str, value: object) -> Callable[[bytes], bytes]:
    """Sets a field of the first row."""

    def apply(content: bytes) -> bytes:
        first, _, rest = content.partition(b"\n")
        return json.dumps({**json.loads(first), field: value}).encode() + b"\n" + rest

    return apply


BROKEN = {
    "an empty file": spoiled(lambda content: b""),
    "binary junk": spoiled(lambda content: bytes(range(256)) * 8),
    "a cut-off row": spoiled(lambda content: content[:-40]),
    "a duplicate item": spoiled(lambda content: content + content.splitlines(keepends=True)[0]),
    "a row that is no object": spoiled(lambda content: b"[1, 2]\n" + content),
    "a verdict of no list": spoiled(changed("verdict", "perhaps")),
    "text that is no text": spoiled(changed("completion", 7)),
    "no folder": lambda folder: None,
}
"""What no verb can read."""

ODD = {
    "all passed": holding(*rows("11111111")),
    "none passed": holding(*rows("00000000")),
    "NaN": holding(*(replace(row, seconds=float("nan"), behaviors={"ctr": float("nan")}) for row in rows("10101010"))),
    "a million characters": holding(*rows("0", "x = 1  # here\n" * 71_500), *rows("00101010")[1:]),
    "binary text": holding(*rows("10101010", "".join(map(chr, range(256))) * 4)),
    "lone surrogates": holding(*rows("10101010", "\ud800 \udfff = '\ud83d'\n\u202e</script>")),
    "blank answers": holding(*rows("10101010", "")),
}
"""What every verb must give an answer to."""

UNPAIRED = {
    "no shared items": holding(*(replace(row, task_id=f"other/{i}") for i, row in enumerate(rows("10101010")))),
    "a missing item": holding(*rows("1010101")),
    "no shared task": holding(*rows("10101010"), task="itax_mbpp"),
}
"""What does not pair."""
PAIRING = ("compare", "report", "report of a series", "route")


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[Path], None]], Result]:
    """Runs a verb on a good base side and the instruct side that is given."""
    monkeypatch.chdir(tmp_path)

    def run(verb: str, instruct: Callable[[Path], None]) -> Result:
        base = write(tmp_path / "base", BASE, rows("11001100"))
        instruct(tmp_path / "instruct")
        names = {"BASE": str(base), "INSTRUCT": str(tmp_path / "instruct")}
        return CliRunner().invoke(cli, [names.get(word, word) for word in VERBS[verb]])

    return run


def numbers(folder: Path) -> Iterator[str]:
    """Constants that no JSON knows, in the files that a verb wrote."""
    for file in folder.rglob("*.json"):
        yield from re.findall(r"(?<![\w\"])(?:NaN|-?Infinity)\b(?=[,\s\]}])", file.read_text("utf-8"))


def refused(result: Result, *words: str) -> None:
    """One error of ours or of the command line, which names its matter; no traceback."""
    assert result.exit_code != 0
    assert isinstance(result.exception, (ItaxError, SystemExit)), repr(result.exception)
    said = str(result.exception) if isinstance(result.exception, ItaxError) else result.output
    assert any(word in said for word in words), said


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_be_read_is_one_clear_error(
    kind: str, verb: str, told: Callable[[str, Callable[[Path], None]], Result]
) -> None:
    """It names the folder or file."""
    refused(told(verb, BROKEN[kind]), "outcomes.jsonl", "instruct")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind", ODD)
def test_odd_answers_give_defined_values(
    kind: str, verb: str, told: Callable[[str, Callable[[Path], None]], Result], tmp_path: Path
) -> None:
    """The verb does its work, and no file of JSON holds what JSON does not know."""
    result = told(verb, ODD[kind])
    assert 0 == result.exit_code, result.output + repr(result.exception)
    assert result.output.encode("utf-8")
    for folder in (tmp_path / "base", tmp_path / "instruct"):
        for file in folder.iterdir():
            file.unlink()
    assert [] == list(numbers(tmp_path))


@pytest.mark.parametrize("verb", PAIRING)
@pytest.mark.parametrize("kind", UNPAIRED)
def test_runs_that_do_not_pair_are_one_clear_error(
    kind: str, verb: str, told: Callable[[str, Callable[[Path], None]], Result]
) -> None:
    """It says what is missing and on which side."""
    refused(told(verb, UNPAIRED[kind]), "missing in", "no item", "itax_mbpp")
