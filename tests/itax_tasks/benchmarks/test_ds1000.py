"""DS-1000: rows, prompts, programs. Whole runs in its environment are in tests/official."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from itax_metrics.errors import DataError
from itax_metrics.execution import LocalExecutor, environment_creation, environments
from itax_metrics.records import Item, Status
from itax_metrics.store import read_score_dir
from itax_tasks.benchmarks import ds1000
from itax_tasks.rescore import Submission, score_to_directory
from itax_tasks.scoring import Answer
from itax_tasks.settings import Settings
from itax_tasks.tasks import task

CONTEXT = (
    "exec_context = 'values = [3, 1, 2]\\n[insert]'\n"
    "def test_execution(solution):\n"
    "    space = {}\n    exec(exec_context.replace('[insert]', solution), space)\n"
    "    assert space['result'] == [1, 2, 3]\n"
)
STRING = "def test_string(solution):\n    assert 'sorted' in solution\n"


def item(context: str = CONTEXT, library: str = "Tensorflow") -> Item:
    """A question that needs no library; its worker has none loaded."""
    return Item("DS-1000/0", "Problem", payload={"context": context, "library": library, "shots": ()})


@pytest.fixture(scope="module")
def settings(data_dir: Path) -> Settings:
    """Where the official files are."""
    return Settings(data_dir=data_dir)


def test_every_row_is_an_item(settings: Settings) -> None:
    """A thousand questions over seven libraries, in the order of their numbers."""
    loaded = ds1000.load("none", settings)
    assert [f"DS-1000/{number}" for number in range(1000)] == [item.task_id for item in loaded.items]
    libraries = Counter(item.payload["library"] for item in loaded.items)
    expected = {"Pandas": 291, "Numpy": 220, "Matplotlib": 155, "Sklearn": 115, "Scipy": 106, "Pytorch": 68}
    assert {**expected, "Tensorflow": 45} == libraries
    assert set(ds1000.PROFILES) == set(libraries)


def test_perturbations_of_one_question_are_one_cluster(settings: Settings) -> None:
    """Statistics resample questions, not their variants."""
    items = ds1000.load("none", settings).items
    assert len({item.cluster for item in items}) < 500
    assert all(item.cluster.startswith(f"{item.payload['library']}/") for item in items)


def test_the_paper_s_shots_are_asked_for_by_name(settings: Settings, tmp_path: Path) -> None:
    """Without the published demonstrations the task is not built with others; a sibling carries ours."""
    nowhere = replace(settings, state_dir=tmp_path)
    assert nowhere.data_dir is not None
    if any((folder / ds1000.SHOTS_FILE).is_file() for folder in (nowhere.data_dir, nowhere.data_dir / "ds1000")):
        assert 3 == len(ds1000.load("paper", nowhere).items[0].payload["shots"])
    else:
        with pytest.raises(DataError, match=ds1000.SHOTS_FILE):
            ds1000.load("paper", nowhere)
    assert ds1000.OWN_SHOTS == ds1000.load("own", settings).items[0].payload["shots"]


def test_the_conversation_holds_system_shots_and_question() -> None:
    """The paper's form: a system sentence, pairs of turns, the question last."""
    asked = replace(item(), payload={**item().payload, "shots": (("Q1", "A1"), ("Q2", "A2"))})
    roles = [role for role, _ in ds1000.paper_dialogue(asked).turns]
    assert ["system", "user", "assistant", "user", "assistant", "user"] == roles
    assert ("user", "Problem") == ds1000.paper_dialogue(asked).turns[-1]
    assert ("system", "user") == tuple(role for role, _ in ds1000.official_dialogue(asked).turns)


@pytest.mark.parametrize(
    ("context", "answer", "status"),
    [
        (CONTEXT, "result = sorted(values)", Status.PASSED),
        (CONTEXT, "result = values", Status.FAILED),
        (CONTEXT, "result = '''it's \"\"\" \\n'''", Status.FAILED),
        (CONTEXT, "result =", Status.ERROR),
        (CONTEXT + STRING, "result = sorted(values)", Status.PASSED),
        (CONTEXT + STRING, "values.sort(); result = values", Status.FAILED),
    ],
)
def test_the_context_decides(executor: LocalExecutor, context: str, answer: str, status: Status) -> None:
    """The answer is inserted as text; where the context checks its wording, that counts too."""
    program = ds1000.decide(item(context), answer, ds1000.LIMITS)
    assert ds1000.ENVIRONMENT == program.environment
    assert status == executor.run([replace(program, environment=None)])[0].status


def test_rates_are_reported_by_library_and_perturbation(settings: Settings) -> None:
    """Both are groups of the item."""
    spec = task("itax_ds1000_raw")
    assert spec.groups is not None
    items = spec.load(settings).items
    assert ("Pandas", "Origin", "env_ok") == tuple(spec.groups(items[0]))
    assert ("Matplotlib", "Origin") == tuple(spec.groups(items[519]))


def test_rows_that_need_a_network_are_flagged(settings: Settings) -> None:
    """Fifteen rows fetch data at test time; the rate without them is a group of its own."""
    spec = task("itax_ds1000_raw")
    assert spec.flags is not None
    flagged = [item for item in spec.load(settings).items if "env_unavailable" in spec.flags(item)]
    assert 15 == len(flagged)
    assert {"Matplotlib": 14, "Sklearn": 1} == Counter(item.payload["library"] for item in flagged)


def test_rows_whose_data_were_put_into_the_environment_are_not_flagged(settings: Settings, tmp_path: Path) -> None:
    """They are judged like the others."""
    data = tmp_path / "envs" / ds1000.ENVIRONMENT / environments.DATA
    data.mkdir(parents=True)
    (data / environments.DATA_MANIFEST).write_text('{"sha256": "ab"}')
    items = ds1000.load("none", replace(settings, state_dir=tmp_path)).items
    assert [] == [item for item in items if ds1000.flags(item)]
    assert "env_ok" in ds1000.groups(items[519])


def test_a_score_directory_names_the_pinned_environment(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its Python and its digest; two runs that differ there are not compared."""
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    pins = environments.Pins("toy", here, (), "this test", True, ("json",))
    monkeypatch.setattr(environments, "pinned", lambda: {"toy": pins})
    monkeypatch.setattr(environment_creation, "_VENV", ("-m", "venv", "--without-pip"))
    monkeypatch.setattr(ds1000, "ENVIRONMENT", "toy")
    made = environment_creation.create("toy", tmp_path / "envs")
    answers = (Answer("DS-1000/0", 0, "result = df"),)
    submission = Submission("itax_ds1000_raw", answers, tmp_path / "answers.jsonl", partial=True)
    score_to_directory([submission], tmp_path / "out", replace(settings, state_dir=tmp_path), model={}, progress=False)
    run, _ = read_score_dir(tmp_path / "out")
    assert {"toy": {"python": made.python, "sha256": made.sha256}} == run.environments
