"""The score directory: what is written comes back, and what is broken is named."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from types import MappingProxyType

import pytest

from itax_metrics.errors import DataError
from itax_metrics.records import Outcome, Run, Status, TaskRun
from itax_metrics.store import read_score_dir, write_atomic, write_score_dir

TASK = TaskRun(
    task="itax_hand",
    version=1.0,
    condition="raw",
    protocol="official",
    headline="pass@1",
    extraction="whole",
    data={"source": "package", "sha256": "ab" * 32, "rows": 2, "files": []},
    limits={"wall_seconds": 10.0},
    samples_per_item=1,
    n_items=2,
    fim={"id": "qwen", "order": "PSM", "trained": "yes"},
    metrics=("pass@1", "pass@1_first_line"),
)
RUN = Run(
    model="org/model",
    tasks={"itax_hand": TASK},
    revision="abc",
    sandbox={"policy": "require", "layers": ["seccomp"], "missing": {}},
    interpreter="CPython 3.11.7",
    compilers={"g++": "13.2"},
    environments={"ds1000": {"python": "cpython 3.10.13", "sha256": "ab"}},
    created="2026-01-01T00:00:00Z",
    notes=("one warning",),
)


def _outcome(**changes) -> Outcome:
    fields = {
        "task": "itax_hand",
        "task_id": "mini/1",
        "sample": 0,
        "cluster": "mini/1",
        "verdict": Status.PASSED,
        "passed": True,
        "completion": "    return 1\n",
        "metrics": {"pass@1": 1.0, "pass@1_first_line": None},
        "behaviors": {"ctr": 0.5},
        "flags": ("hit_limit",),
        "category": "functional",
        "tokens": 5,
        "seconds": 0.25,
    }
    return Outcome(**{**fields, **changes})


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    return write_score_dir(tmp_path / "scores", RUN, [_outcome(), _outcome(task_id="mini/2")])


def _edit_row(scores: Path, change) -> None:
    file = scores / "outcomes.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    change(rows[1])
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _edit_run(scores: Path, change) -> None:
    settings = json.loads((scores / "run.json").read_text())
    change(settings)
    (scores / "run.json").write_text(json.dumps(settings))


@pytest.mark.parametrize("compress", [False, True])
def test_what_is_written_comes_back(tmp_path: Path, compress: bool):
    """Run and outcomes survive the trip unchanged, plain and packed."""
    outcomes = [
        _outcome(),
        _outcome(sample=1, detail="AssertionError", plus_passed=False, test_classes={"TestA": True}),
        _outcome(
            task_id="mini/2", category=None, tokens=None, seconds=None, verdict=Status.HARNESS_ERROR, passed=False
        ),
    ]
    folder = write_score_dir(tmp_path / "scores", RUN, iter(outcomes), compress=compress)
    assert (RUN, outcomes) == read_score_dir(folder)


def test_rows_hold_exactly_the_agreed_keys(scores: Path):
    """A plain row has the thirteen keys; the three others stand only where there is something to say."""
    row = json.loads((scores / "outcomes.jsonl").read_text().splitlines()[0])
    expected = "task task_id sample cluster verdict passed completion metrics behaviors flags category tokens seconds"
    assert set(expected.split()) == set(row)


def test_lone_surrogates_survive(tmp_path: Path):
    """Text that no encoding can hold comes back as it was."""
    text = "a\ud800b\u2028c\x00\x85d\r\ne"
    folder = write_score_dir(tmp_path, RUN, [_outcome(completion=text)])
    assert text == read_score_dir(folder)[1][0].completion


def test_numbers_that_are_none_become_none(scores: Path):
    """NaN and infinity, written by us or by others, are read as None."""
    write_score_dir(scores, RUN, [_outcome(metrics={"pass@1": float("nan")}, seconds=float("inf"))])
    assert "NaN" not in (scores / "outcomes.jsonl").read_text()
    file = scores / "outcomes.jsonl"
    file.write_text(file.read_text().replace('"ctr": 0.5', '"ctr": NaN'))
    _forget_digest(scores)
    outcome = read_score_dir(scores)[1][0]
    assert (outcome.metrics, outcome.behaviors, outcome.seconds) == ({"pass@1": None}, {"ctr": None}, None)


def _forget_digest(folder: Path) -> None:
    """As if another writer, which states no digest, had written the folder."""
    settings = json.loads((folder / "run.json").read_text())
    del settings["outcomes"]["sha256"]
    (folder / "run.json").write_text(json.dumps(settings))


def test_rows_of_another_run_are_noticed(tmp_path: Path):
    """A folder with one run's settings and another's rows, equal in number, is refused."""
    write_score_dir(tmp_path / "one", RUN, [_outcome(completion="a")])
    write_score_dir(tmp_path / "two", RUN, [_outcome(completion="b")])
    (tmp_path / "one" / "outcomes.jsonl").write_bytes((tmp_path / "two" / "outcomes.jsonl").read_bytes())
    with pytest.raises(DataError, match="belongs to another"):
        read_score_dir(tmp_path / "one")


def test_equal_runs_give_equal_bytes(tmp_path: Path):
    """Writing twice gives the same files, packed ones too, and leaves nothing else behind."""
    for name in ("one", "two"):
        write_score_dir(tmp_path / name, RUN, [_outcome()], compress=True)
    one, two = ({file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two
    assert {"run.json", "outcomes.jsonl.gz"} == set(one)


def test_read_only_mappings_are_written(tmp_path: Path):
    """Records may hold read-only views instead of dicts."""
    run = Run(model="m", tasks=MappingProxyType({"itax_hand": TASK}), sandbox=MappingProxyType({"layers": ("a",)}))
    folder = write_score_dir(tmp_path, run, [_outcome(metrics=MappingProxyType({"pass@1": 1.0}))])
    assert read_score_dir(folder)[0].sandbox == {"layers": ["a"]}


def test_failure_while_writing_keeps_the_old_scores(scores: Path):
    """An error halfway leaves the earlier directory as it was, without temporary files."""
    before = {file.name: file.read_bytes() for file in scores.iterdir()}

    def breaks_off():
        yield _outcome(task_id="mini/9")
        raise RuntimeError("engine died")

    with pytest.raises(RuntimeError, match="engine died"):
        write_score_dir(scores, RUN, breaks_off())
    assert before == {file.name: file.read_bytes() for file in scores.iterdir()}


def test_changing_to_packed_leaves_one_file(scores: Path):
    """Rewriting as .gz removes the plain file, so that the two cannot contradict each other."""
    write_score_dir(scores, RUN, [_outcome()], compress=True)
    assert {"run.json", "outcomes.jsonl.gz"} == {file.name for file in scores.iterdir()}


def test_two_outcome_files_are_refused(scores: Path):
    """Plain and packed side by side: which one holds is not guessed."""
    (scores / "outcomes.jsonl.gz").write_bytes(gzip.compress(b"{}"))
    with pytest.raises(DataError, match=r"both outcomes\.jsonl and outcomes\.jsonl\.gz"):
        read_score_dir(scores)


def test_writing_a_duplicate_is_refused(tmp_path: Path):
    """Two rows of one sample are refused before anything is on disk."""
    with pytest.raises(DataError, match=r"row 2 .*second row for sample 0 of 'mini/1'"):
        write_score_dir(tmp_path, RUN, [_outcome(), _outcome()])
    assert list(tmp_path.iterdir()) == []


def test_foreign_task_is_refused(tmp_path: Path):
    """A row of a task that the run does not know is refused, naming both."""
    with pytest.raises(DataError, match=r"'other' is not among the run's tasks \(itax_hand\)"):
        write_score_dir(tmp_path, RUN, [_outcome(task="other")])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: row.pop("verdict"), "line 2: field 'verdict' is missing"),
        (lambda row: row.update(verdict="maybe"), "line 2: unknown verdict 'maybe' \\(known: passed, failed"),
        (lambda row: row.update(task_id="mini/1"), "line 2: a second row for sample 0 of 'mini/1'"),
        (lambda row: row.update(passed=1), "line 2: field 'passed' should be true or false, found int"),
        (lambda row: row.update(sample="0"), "line 2: field 'sample' should be a whole number, found str"),
        (lambda row: row.update(sample=True), "line 2: field 'sample' should be a whole number, found bool"),
        (lambda row: row.update(sample=-1), "line 2: sample -1 is negative"),
        (lambda row: row.update(completion=None), "line 2: field 'completion' should be text, found NoneType"),
        (lambda row: row.update(metrics=[1]), "line 2: field 'metrics' should be an object, found list"),
        (lambda row: row.update(metrics={"pass@1": "1"}), "line 2: metrics 'pass@1' should be a number or null"),
        (lambda row: row.update(flags=[1]), "line 2: field 'flags' should hold text only"),
        (lambda row: row.update(task="other"), "line 2: task 'other' is not among the run's tasks"),
    ],
)
def test_broken_rows_are_named_by_line(scores: Path, change, message: str):
    """Each kind of broken row is one DataError with file, line and field."""
    _edit_row(scores, change)
    with pytest.raises(DataError, match=rf"outcomes\.jsonl, {message}"):
        read_score_dir(scores)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"task": "itax_mi', "line 1: not complete JSON"),
        (b"\x80\x02\xff", "line 1: not text"),
        (b"[1]\n", "line 1: expected a JSON object, found list"),
        (b"", "holds no outcomes"),
        (b"[" * 100_000, "line 1: not complete JSON"),
    ],
)
def test_broken_files_are_named(scores: Path, content: bytes, message: str):
    """Cut off, binary, of another shape, or empty: one DataError that says so."""
    (scores / "outcomes.jsonl").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_score_dir(scores)


def test_a_file_cut_between_rows_is_noticed(scores: Path):
    """Losing whole lines is noticed by the row count in run.json."""
    file = scores / "outcomes.jsonl"
    file.write_text(file.read_text().splitlines(keepends=True)[0])
    with pytest.raises(DataError, match=r"holds 1 rows, run\.json beside it speaks of 2"):
        read_score_dir(scores)


def test_a_cut_off_archive_is_named(tmp_path: Path):
    """Half a gzip file is refused as such."""
    folder = write_score_dir(tmp_path, RUN, [_outcome()], compress=True)
    file = folder / "outcomes.jsonl.gz"
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(DataError, match="no complete gzip file"):
        read_score_dir(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda run: run.update(schema_version=2), "schema_version is 2, this itax reads 1"),
        (lambda run: run.pop("schema_version"), "schema_version is None"),
        (lambda run: run.pop("model"), "field 'model' is missing"),
        (lambda run: run["tasks"]["itax_hand"].pop("limits"), "task 'itax_hand': field 'limits' is missing"),
        (lambda run: run["tasks"].update(itax_hand=3), "task 'itax_hand' should be an object"),
        (lambda run: run.update(outcomes=3), "field 'outcomes' should be an object"),
    ],
)
def test_broken_settings_are_named(scores: Path, change, message: str):
    """run.json of another schema or with holes is refused, naming the field."""
    _edit_run(scores, change)
    with pytest.raises(DataError, match=rf"run\.json: {message}"):
        read_score_dir(scores)


def test_lm_eval_output_is_recognised(tmp_path: Path):
    """Pointing at lm-eval's own folder says to score it first."""
    (tmp_path / "org__model").mkdir()
    (tmp_path / "org__model" / "results_2026-01-01.json").write_text("{}")
    with pytest.raises(DataError, match=r"lm-eval's output, not scores\. Run `itax score"):
        read_score_dir(tmp_path)


def test_wrong_places_are_told_apart(tmp_path: Path, scores: Path):
    """No folder, a file, an empty folder, and a folder without outcomes each get their own sentence."""
    (tmp_path / "empty").mkdir()
    for place, message in [
        (tmp_path / "nowhere", "does not exist"),
        (scores / "run.json", "is a file"),
        (tmp_path / "empty", "holds no run.json"),
    ]:
        with pytest.raises(DataError, match=message):
            read_score_dir(place)
    (scores / "outcomes.jsonl").unlink()
    with pytest.raises(DataError, match=r"holds run\.json but no outcomes\.jsonl"):
        read_score_dir(scores)


def test_text_files_are_replaced_whole(tmp_path: Path):
    """write_atomic replaces a file and leaves no temporary one."""
    write_atomic(tmp_path / "a.json", "old")
    write_atomic(tmp_path / "a.json", "new")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.json", "new")]
