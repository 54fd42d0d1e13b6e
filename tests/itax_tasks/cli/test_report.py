"""`itax report` from files to files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from itax_metrics.errors import ConfigError, DataError, MissingExtraError
from itax_metrics.records import Outcome, Run, Status, TaskRun
from itax_metrics.store import write_score_dir
from itax_tasks.cli.compare import compare
from itax_tasks.cli.report import report


def _write(folder: Path, model: str, solved: str, condition: str = "raw") -> str:
    name = "itax_hand_infilling" if condition == "raw" else f"itax_hand_infilling_{condition}"
    task = TaskRun(name, 1.0, condition, "itax", "pass@1", "raw", {"sha256": "a"}, {}, 1, len(solved))
    rows = [
        Outcome(task.task, f"hand/{i}", 0, "", Status.PASSED if c == "1" else Status.FAILED, c == "1", "x\n")
        for i, c in enumerate(solved)
    ]
    return str(write_score_dir(folder, Run(model=model, tasks={task.task: task}), rows))


@pytest.fixture
def scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    return [_write(tmp_path / "base", "m-7B", "1111100"), _write(tmp_path / "instruct", "m-7B-it", "1000011")]


def _run(*arguments: str):
    return CliRunner().invoke(report, list(arguments), catch_exceptions=False)


def test_two_folders_give_a_report(scores: list[str], tmp_path: Path):
    """The table and findings on the terminal; page, Markdown, JSON and figures on disk."""
    result = _run(*scores)
    assert 0 == result.exit_code
    assert "itax_hand_infilling" in result.stdout
    assert "undecided" in result.stdout
    assert {"report.html", "report.md", "report.json", "figures"} == {p.name for p in (tmp_path / "report").iterdir()}


def test_what_does_not_count_is_said_on_the_terminal(scores: list[str], tmp_path: Path):
    """Base raw against instruct in a chat answers no finding, and a line above the answers says why."""
    chat = _write(tmp_path / "chat", "m-7B-it", "1000011", "chat")
    printed = _run(scores[0], chat, "--across", "condition").stdout
    assert "note: itax_hand_infilling (raw / chat): the two sides were not asked alike" in printed
    assert "1: no infilling benchmark among the pairs" in printed
    assert "not asked alike" not in _run(*scores).stdout


def test_png_beside_each_svg(scores: list[str], tmp_path: Path):
    """--png draws every figure a second time; a report without it leaves no old picture behind."""
    pytest.importorskip("vl_convert")
    _run(*scores, "--png")
    figures = tmp_path / "report" / "figures"
    drawn = {file.stem for file in figures.glob("*.svg")}
    assert drawn >= {"tax", "slope_1"}
    assert drawn == {file.stem for file in figures.glob("*.png")}
    _run(*scores)
    assert [] == list(figures.glob("*.png"))


def test_png_without_its_extra_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Before any file is read."""
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(MissingExtraError, match="plots"):
        _run(str(tmp_path / "nowhere"), str(tmp_path / "nothing"), "--png")


def test_programs_read_json(scores: list[str], tmp_path: Path):
    """--json prints what report.json holds."""
    printed = json.loads(_run(*scores, "--json", "--out", "r").stdout)
    assert json.loads((tmp_path / "r" / "report.json").read_text("utf-8")) == printed
    assert ["m-7B"] == [pair["label"] for pair in printed["pairs"]]


def test_a_comparison_file_alone_or_with_its_folders(scores: list[str], tmp_path: Path):
    """Alone: no flips. With the folders: its settings and the flips. With other folders: refused."""
    CliRunner().invoke(compare, [*scores, "--seed", "5", "--resamples", "300"], catch_exceptions=False)
    assert "A comparison file holds no answers" in _page(tmp_path, _run("comparison.json"))
    assert "seed 5" in _page(tmp_path, _run("comparison.json", *scores))
    with pytest.raises(DataError, match="belongs to other score directories"):
        _run("comparison.json", *reversed(scores))


def _page(tmp_path: Path, result) -> str:
    assert 0 == result.exit_code
    return (tmp_path / "report" / "report.html").read_text("utf-8")


def test_several_pairs_stand_side_by_side(scores: list[str], tmp_path: Path):
    """Two pairs of one base model: labels tell them apart, and the section across pairs is there."""
    other = _write(tmp_path / "late", "m-7B-late", "1110011")
    page = _page(tmp_path, _run(*scores, scores[0], other))
    assert "m-7B / m-7B-late" in page
    assert 'id="across"' in page


def test_a_series_is_one_base_and_its_checkpoints(scores: list[str], tmp_path: Path):
    """Each checkpoint against the base, the first against the last; the figure; flips of the last alone."""
    later = _write(tmp_path / "later", "m-7B-it-2", "0000011")
    page = _page(tmp_path, _run("--series", *scores, later))
    content = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    assert ["m-7B-it", "m-7B-it-2"] == [row["checkpoint"] for row in content["across"]["series"]]
    assert "points lost from the first to the last: infilling +14.3" in content["findings"][6]["evidence"]
    assert (tmp_path / "report" / "figures" / "series_1.svg").is_file()
    assert '<a href="#series">' in page
    assert '<h3 id="series">' in page
    assert [0, 7] == [sum(len(task["flips"]) for task in pair["details"].values()) for pair in content["pairs"]]
    with pytest.raises(ConfigError, match="the base model's, then two checkpoints or more"):
        _run("--series", *scores)


def test_refusals_name_the_argument(scores: list[str], tmp_path: Path):
    """An odd number of folders, a file that is no comparison, binary junk, another schema, a missing folder."""
    with pytest.raises(ConfigError, match=r"base is left\s+over"):
        _run(scores[0])
    for name, content in (("empty.json", b""), ("junk.json", b"\x00\xff\xfe"), ("other.json", b'{"a": 1}')):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=rf"{name} is neither a score directory nor"):
            _run(name)
    old = {"schema_version": 0, "benchmarks": [], "base": {}, "instruct": {}, "settings": {}}
    (tmp_path / "old.json").write_text(json.dumps(old))
    with pytest.raises(DataError, match="schema_version is 0"):
        _run("old.json")
    with pytest.raises(DataError, match="does not exist"):
        _run(scores[0], "nowhere")


def test_prompts_of_embedded_items_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A real item of the package: its text next to the hole stands on the page, unless it is not wanted."""
    from itax_tasks.settings import read_settings
    from itax_tasks.tasks import TASKS

    monkeypatch.chdir(tmp_path)
    loaded = TASKS["itax_hand_infilling"].load(read_settings())
    item = loaded.items[0]
    task = TaskRun("itax_hand_infilling", 1.0, "raw", "itax", "pass@1", "raw", loaded.data, {}, 1, 1)
    folders = []
    for name, status in (("b", Status.PASSED), ("i", Status.FAILED)):
        row = Outcome(task.task, item.task_id, 0, "", status, status is Status.PASSED, "x")
        folders.append(str(write_score_dir(tmp_path / name, Run(model=name, tasks={task.task: task}), [row])))
    line = next(line for line in item.prefix.splitlines() if line.startswith("def "))
    assert line.split("(")[0] in _page(tmp_path, _run(*folders))
    assert line.split("(")[0] not in _page(tmp_path, _run(*folders, "--no-prompts"))


def test_prompts_of_other_data_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The same id stands for another text there; the page says why nothing is shown."""
    from itax_tasks.settings import read_settings
    from itax_tasks.tasks import TASKS

    monkeypatch.chdir(tmp_path)
    item = TASKS["itax_hand_infilling"].load(read_settings()).items[0]
    task = TaskRun("itax_hand_infilling", 1.0, "raw", "itax", "pass@1", "raw", {"sha256": "a"}, {}, 1, 1)
    folders = []
    for name, status in (("b", Status.PASSED), ("i", Status.FAILED)):
        row = Outcome(task.task, item.task_id, 0, "", status, status is Status.PASSED, "x")
        folders.append(str(write_score_dir(tmp_path / name, Run(model=name, tasks={task.task: task}), [row])))
    page = _page(tmp_path, _run(*folders))
    line = next(line for line in item.prefix.splitlines() if line.startswith("def "))
    assert line.split("(")[0] not in page
    assert "Prompts of itax_hand_infilling are not shown" in page


def test_one_argument_alone_is_named_for_what_it_is(scores: list[str], tmp_path: Path):
    """A file of another kind, a name that is not there, a score directory without its partner."""
    (tmp_path / "README.md").write_text("# words")
    with pytest.raises(DataError, match=r"README\.md is neither a score directory nor a comparison file"):
        _run("README.md")
    with pytest.raises(DataError, match=r"NOTHING\.md does not exist"):
        _run("NOTHING.md")
    with pytest.raises(ConfigError, match="1 score directory cannot be paired"):
        _run(scores[0])


def test_a_folder_that_cannot_be_written_is_refused_at_once(
    scores: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Before anything is compared."""
    monkeypatch.setattr("itax_tasks.cli.report.pair_from_scores", lambda *_, **__: pytest.fail("compared"))
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"--out .*below cannot be written"):
        _run(*scores, "--out", str(tmp_path / "file" / "below"))
