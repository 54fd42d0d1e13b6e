"""The `itax` command: verbs and help, and errors as one line with a status."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import itax_tasks
from itax_metrics.errors import ConfigError, DataError, MissingExtraError
from itax_tasks import cli as package
from itax_tasks.cli import VERBS, cli, main


def _main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    """The status with which the console script ends."""
    monkeypatch.setattr(sys, "argv", ["itax", *arguments])
    try:
        main()
    except SystemExit as end:
        return end.code
    return 0


def _itax(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from itax_tasks.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_help_lists_every_verb_with_its_sentence() -> None:
    """What there is, at one glance."""
    shown = CliRunner().invoke(cli, ["--help"], catch_exceptions=False).stdout
    for name, (_, sentence) in VERBS.items():
        assert f"  {name} " in shown
        assert sentence in shown


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str, option: str) -> None:
    """Both spellings, with the verb's own text, and no work done."""
    result = CliRunner().invoke(cli, [verb, option], catch_exceptions=False)
    assert 0 == result.exit_code
    assert f"{verb} [" in result.stdout or f" {verb}\n" in result.stdout


def test_the_version_is_printed() -> None:
    """`itax --version` names the installed distribution."""
    assert f"itax, version {itax_tasks.__version__}\n" == CliRunner().invoke(cli, ["--version"]).stdout


def test_an_error_is_one_line_and_status_1(tmp_path: Path) -> None:
    """A refusal goes to standard error without a traceback."""
    (tmp_path / "a.jsonl").write_text("")
    ended = _itax("score", "--task", "itax_hefim", "--completions", str(tmp_path / "a.jsonl"), "--out", str(tmp_path))
    assert (1, "") == (ended.returncode, ended.stdout)
    assert f"DataError: {tmp_path / 'a.jsonl'} holds no answers.\n" == ended.stderr


@pytest.mark.parametrize("arguments", [["compere"], ["--nonsense"], ["path", "extra"], ["fim", "nonsense"]])
def test_a_wrong_command_line_is_status_2(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown verbs and options are told from refusals."""
    assert 2 == _main(monkeypatch, *arguments)


def test_a_mistyped_verb_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The message shows what was typed."""
    _main(monkeypatch, "compere")
    assert "'compere'" in capsys.readouterr().err


def test_success_is_status_0(monkeypatch: pytest.MonkeyPatch) -> None:
    """A verb that does its work says so."""
    assert 0 == _main(monkeypatch, "path")


def test_help_is_status_0(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking is no error."""
    assert 0 == _main(monkeypatch, "score", "--help")


@pytest.mark.parametrize(
    ("raised", "status", "shown"),
    [
        (DataError("rows are missing. Fetch them."), 1, "DataError: rows are missing. Fetch them.\n"),
        (MissingExtraError("--model vllm", "vllm"), 1, "pip install 'itax-tasks[vllm]'"),
        (click.UsageError("no such thing"), 2, "no such thing"),
        (click.exceptions.Exit(1), 1, ""),
        (click.exceptions.Exit(3), 3, ""),
        (FileNotFoundError(2, "No such file", "/nowhere/x"), 1, "ConfigError: /nowhere/x cannot be read or written"),
        (KeyboardInterrupt(), 130, "Stopped."),
    ],
    ids=repr,
)
def test_every_end_of_a_verb_has_its_status(
    raised: BaseException,
    status: int,
    shown: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Refusals, wrong usage, a verb's own status and Ctrl-C: no traceback, and the status scripts rely on."""

    @click.command()
    def broken() -> None:
        raise raised

    monkeypatch.setattr(package, "broken", broken, raising=False)
    monkeypatch.setitem(VERBS, "broken", ("itax_tasks.cli:broken", "Fails."))
    assert status == _main(monkeypatch, "broken")
    assert shown in capsys.readouterr().err


def test_a_failing_doctor_is_status_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Something every measurement needs does not work: scripts can see it."""
    from itax_tasks.cli import doctor

    monkeypatch.setattr(doctor, "examine", lambda: iter([doctor.Finding("!!", "no sandbox")]))
    assert 1 == _main(monkeypatch, "doctor")
    assert "[!!] no sandbox\n" == capsys.readouterr().out


@pytest.mark.parametrize("verb", [["demo", "--replay"], ["label", "sheet", "scores"], ["tune", "tiny", "--short"]])
def test_a_folder_that_cannot_be_made_is_refused_before_the_work(verb: list[str], tmp_path: Path) -> None:
    """One message that names option and folder; nothing was read or trained."""
    (tmp_path / "file").touch()
    out = str(tmp_path / "file" / "below")
    result = CliRunner().invoke(cli, [*verb, "--out", out])
    assert isinstance(result.exception, ConfigError), repr(result.exception)
    assert f"--out {out} cannot be written" in str(result.exception)


def test_the_doctor_names_the_file_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the task that alone needs it; both are in the tables."""
    from itax_tasks import data
    from itax_tasks.cli import doctor
    from itax_tasks.tasks import TASKS

    monkeypatch.setattr(data, "find", lambda file, _: None if file.name == "prompt_utils.py" else tmp_path)
    (finding,) = [found for found in doctor._data() if found.mark == "--"]
    assert "3 of 4 files, without prompt_utils.py (only itax_safim_official_instructed" in finding.what
    assert set(doctor._ONE_TASK) <= set(data.files())
    assert {said.split()[0] for said in doctor._ONE_TASK.values()} <= set(TASKS)
