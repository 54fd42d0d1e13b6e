"""A compiler that is not there is named before anything is generated or executed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("tree_sitter", reason="the extra `safim` is not installed")

from click.testing import CliRunner

from itax_metrics.errors import ConfigError
from itax_metrics.execution import languages
from itax_metrics.records import Item
from itax_metrics.store import read_score_dir
from itax_tasks.cli import cli
from itax_tasks.settings import Settings
from itax_tasks.tasks import task
from itax_tasks.toolchains import require_toolchains, used_languages

GONE = {"csharp": "C# programs need mcs: install the Debian package mono-mcs."}


def items(*runs_in: str | None) -> list[Item]:
    """Items of SAFIM by the language they run in."""
    return [Item(str(number), "", payload={"runs_in": language}) for number, language in enumerate(runs_in)]


def test_one_error_names_the_package_and_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what to do without it."""
    monkeypatch.setattr(languages, "missing", GONE.get)
    with pytest.raises(ConfigError, match=r"2 in csharp.*mono-mcs.*--predict_only"):
        require_toolchains(task("itax_safim"), items("csharp", "cpp", "csharp", None))


def test_items_that_need_nothing_missing_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """API calls are not executed, so a machine without compilers can judge them."""
    monkeypatch.setattr(languages, "missing", GONE.get)
    require_toolchains(task("itax_safim"), items("cpp", "java", None))
    require_toolchains(task("itax_hefim"), items("csharp"))


def test_languages_are_counted_by_what_runs_them() -> None:
    """API calls count nowhere."""
    assert {"pypy": 2, "cpp": 1} == used_languages(task("itax_safim"), items("pypy", None, "cpp", "pypy"))


def test_a_language_left_out_needs_no_toolchain(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`safim_languages` takes its items out."""
    monkeypatch.setattr(languages, "missing", GONE.get)
    kept = Settings(data_dir=data_dir, options=(("safim_languages", "python,cpp,java"),))
    require_toolchains(task("itax_safim_control"), task("itax_safim_control").load(kept).items)
    with pytest.raises(ConfigError, match="534 in csharp"):
        require_toolchains(
            task("itax_safim_control"), task("itax_safim_control").load(Settings(data_dir=data_dir)).items
        )


def test_stored_api_answers_are_scored_under_the_first_published_ids(data_dir: Path, tmp_path: Path) -> None:
    """All 310 published answers, called `block_completion_*`: 295 survive the official truncation."""
    loaded = task("itax_safim_api").load(Settings(data_dir=data_dir))
    answers = tmp_path / "answers.jsonl"
    rows = ({"task_id": item.task_id.replace("api_", "block_"), "completion": item.truth} for item in loaded.items)
    answers.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    out = tmp_path / "out"
    done = CliRunner().invoke(
        cli, ["score", "--task", "itax_safim_api", "--completions", str(answers), "--out", str(out)]
    )
    assert 0 == done.exit_code, done.output
    run, outcomes = read_score_dir(out)
    sums = {metric: sum(outcome.metrics[metric] or 0 for outcome in outcomes) for metric in outcomes[0].metrics}
    assert {"pass@1": 295, "pass@1_raw": 310, "pass@1_fixed": 310, "call_match": 295, "pass@1_lenient": 295} == sums
    assert {} == run.compilers
    assert "on" == run.tasks["itax_safim_api"].data["judging"]["shortcut"]
