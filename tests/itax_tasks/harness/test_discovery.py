"""Every door through which lm_eval finds the itax tasks, each in an interpreter of its own; and the task files behind.

A full index of lm_eval's own tasks costs six CPU seconds: the two tests that use the plain command pay it, no other.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import subprocess
import sys
import textwrap
import types
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import itax_tasks
from itax_tasks.harness import discovery
from itax_tasks.labels import label
from itax_tasks.paths import task_path
from itax_tasks.tasks import TASKS

lm_eval_tasks = pytest.importorskip("lm_eval.tasks")

BIN = Path(sys.executable).parent
YAML_FILES = sorted(Path(task_path()).rglob("*.yaml"))
FIM = '{"fim":"qwen2.5-coder"}'

needs_hook = pytest.mark.skipif(
    importlib.util.find_spec("_itax_lm_eval_hook") is None or not (BIN / "itax").exists(),
    reason="itax is on PYTHONPATH only; the import hook and the commands come with an installation",
)
needs_tested_lm_eval = pytest.mark.skipif(
    discovery.lm_eval_version() not in discovery.TESTED_LM_EVAL,
    reason="the import hook stays out of lm_eval releases it was never tried with",
)


def call(*command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder`, with discovery on unless a variable says otherwise."""
    environment = {key: value for key, value in os.environ.items() if key not in ("ITAX_NO_AUTOLOAD", "PYTHONWARNINGS")}
    # What runs here is harmless, so a machine that cannot contain programs will do.
    environment |= {"HF_HUB_OFFLINE": "1", "ITAX_SANDBOX": "prefer", **variables}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def succeed(*command: str, folder: Path, **variables: str) -> str:
    """As `call`, with status 0; returns standard output."""
    done = call(*command, folder=folder, **variables)
    assert 0 == done.returncode, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def python(code: str, folder: Path, **variables: str) -> Any:
    """Run code in a fresh interpreter and read the JSON text it prints last."""
    return json.loads(succeed(sys.executable, "-c", textwrap.dedent(code), folder=folder, **variables).splitlines()[-1])


def results_of(output: Path) -> dict[str, Any]:
    (path,) = output.rglob("results_*.json")
    results: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return results


@pytest.fixture
def own_tasks(tmp_path: Path) -> Path:
    """A user's own task folder with one task."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "own.yaml").write_text(
        "task: users_own\noutput_type: generate_until\ndataset_path: json\ntest_split: test\ndoc_to_text: q\n", "utf-8"
    )
    return folder


# Doors


@needs_hook
@needs_tested_lm_eval
def test_plain_lm_eval_lists_our_tasks_beside_its_own(tmp_path: Path) -> None:
    """`lm_eval ls subtasks`, with no itax option, shows itax_hefim and upstream's tasks."""
    listed = succeed(str(BIN / "lm_eval"), "ls", "subtasks", folder=tmp_path)
    assert "itax_hefim" in listed
    assert "hellaswag" in listed


@needs_hook
def test_include_path_works_with_the_hook_switched_off(tmp_path: Path) -> None:
    """`lm_eval --include_path "$(itax path)"` runs a task where ITAX_NO_AUTOLOAD is set."""
    path = succeed(str(BIN / "itax"), "path", folder=tmp_path).strip()
    assert task_path() == path
    succeed(
        *(str(BIN / "lm_eval"), "--model", "dummy", "--include_path", path, "--tasks", "itax_hand_infilling"),
        *("--metadata", FIM, "--limit", "2", "--confirm_run_unsafe_code", "--output_path", "out", "--log_samples"),
        folder=tmp_path,
        ITAX_NO_AUTOLOAD="1",
    )
    results = results_of(tmp_path / "out")
    assert 0.0 == results["results"]["itax_hand_infilling"]["pass@1,none"]
    assert "qwen2.5-coder" == results["configs"]["itax_hand_infilling"]["metadata"]["itax"]["fim"]["id"]


@needs_hook
def test_itax_run_needs_neither_hook_nor_option(tmp_path: Path) -> None:
    """`itax run` takes lm_eval's options, finds our tasks by itself, and keeps the samples unasked."""
    succeed(
        *(str(BIN / "itax"), "run", "--model", "dummy", "--tasks", "itax_hand_infilling", "--metadata", FIM),
        *("--limit", "2", "--confirm_run_unsafe_code", "--output_path", "out"),
        folder=tmp_path,
        ITAX_NO_AUTOLOAD="1",
    )
    assert 2 == results_of(tmp_path / "out")["n-samples"]["itax_hand_infilling"]["effective"]
    assert 1 == len(list((tmp_path / "out").rglob("samples_itax_hand_infilling_*.jsonl")))


def test_a_task_manager_given_our_folder_builds_a_task(tmp_path: Path) -> None:
    """TaskManager(include_path=itax_tasks.task_path(), metadata=...) is the door in Python."""
    code = f"""
        import json, itax_tasks
        from lm_eval.tasks import TaskManager
        manager = TaskManager(include_path=itax_tasks.task_path(), include_defaults=False, metadata={FIM})
        task = manager.load(["itax_hand_infilling"])["tasks"]["itax_hand_infilling"]
        print(json.dumps([type(task).__name__, task.doc_to_text(task.eval_docs[0])]))
    """
    kind, prompt = python(code, tmp_path, ITAX_NO_AUTOLOAD="1")
    assert "ItaxTask" == kind
    assert prompt.startswith("<|fim_prefix|>")
    assert prompt.endswith("<|fim_middle|>")


# How the hook behaves

INDEXED_ROOTS = """
    import json, logging, sys, warnings
    warnings.simplefilter("error")
    messages = []
    class Keep(logging.Handler):
        def emit(self, record):
            messages.append(record.getMessage())
    logging.getLogger("lm_eval").addHandler(Keep(logging.WARNING))
    import lm_eval.tasks.manager as manager
    from pathlib import Path
    from itax_tasks.harness import discovery
    build = manager.TaskIndex.build
    roots = []
    def spy(paths, **options):
        roots.append([str(path) for path in paths])
        return build(paths, **options)
    manager.TaskIndex.build = staticmethod(spy)
    asked = {asked}
    with discovery.only_itax_tasks():
        made = manager.TaskManager(include_path=asked)
    print(json.dumps([roots, messages, made.all_subtasks, made.include_path == asked]))
"""
"""Makes a manager with the hook on and lm_eval's own folder left out; prints what was scanned and what was said."""


@needs_hook
@needs_tested_lm_eval
@pytest.mark.parametrize("spelling", ["text", "list", "link resolved"])
def test_naming_our_folder_again_neither_scans_it_twice_nor_warns(tmp_path: Path, spelling: str) -> None:
    """However the folder is spelled, it is scanned once, and nothing is said of overridden tasks."""
    resolved = str(Path(itax_tasks.task_path()).resolve())
    asked = {"text": repr(task_path()), "list": repr([task_path()]), "link resolved": f"Path({resolved!r})"}[spelling]
    roots, messages, _, kept = python(INDEXED_ROOTS.replace("{asked}", asked), tmp_path)
    assert [[task_path()]] == roots
    assert [] == messages
    assert kept


@needs_hook
@needs_tested_lm_eval
def test_a_users_own_include_path_comes_after_ours(tmp_path: Path, own_tasks: Path) -> None:
    """--include_path keeps its meaning: the user's tasks are there beside ours, and would win over them."""
    roots, messages, names, kept = python(INDEXED_ROOTS.replace("{asked}", repr(str(own_tasks))), tmp_path)
    assert [[task_path(), str(own_tasks)]] == roots
    assert [] == messages
    assert {"users_own", "itax_hefim"} <= set(names)
    assert kept


SERVED = """
    import json
    import lm_eval.models, lm_eval.tasks.manager as manager
    from lm_eval.api.registry import model_registry
    built_in = "dummy" in model_registry
    ours = "itax-replay" in model_registry
    print(json.dumps([hasattr(manager.TaskManager.__init__, "__wrapped__"), ours, built_in]))
"""
"""Prints whether the hook served the tasks, whether the models, and whether lm_eval's own models are there."""


@needs_hook
@needs_tested_lm_eval
def test_the_hook_serves_tasks_and_models(tmp_path: Path) -> None:
    """After an import of lm_eval's two modules both are served, and the built-in models are still there."""
    assert [True, True, True] == python(SERVED, tmp_path)


def test_the_off_switch_leaves_lm_eval_alone(tmp_path: Path) -> None:
    """With ITAX_NO_AUTOLOAD neither tasks nor models are served."""
    assert [False, False, True] == python(SERVED, tmp_path, ITAX_NO_AUTOLOAD="1")


@needs_hook
def test_a_manager_without_defaults_is_left_alone(tmp_path: Path) -> None:
    """Whoever asks for no defaults gets exactly the folders named."""
    code = """
        import json
        from lm_eval.tasks import TaskManager
        print(json.dumps(TaskManager(include_defaults=False).all_tasks))
    """
    assert [] == python(code, tmp_path)


UNTESTED = """
    from itax_tasks.harness import discovery
    discovery.lm_eval_version = lambda: "9.9.9"
"""


@needs_hook
def test_an_untested_lm_eval_is_left_alone(tmp_path: Path) -> None:
    """In a release the hook was never tried with it does nothing."""
    assert [False, False, True] == python(textwrap.dedent(UNTESTED) + textwrap.dedent(SERVED), tmp_path)


@needs_hook
def test_doctor_says_that_lm_eval_was_never_tried(tmp_path: Path) -> None:
    """`itax doctor` names the untested release, those that were tested, and the way round."""
    code = textwrap.dedent(UNTESTED) + "import sys; from itax_tasks.cli import main; sys.argv[1:] = ['doctor']; main()"
    said = call(sys.executable, "-c", code, folder=tmp_path).stdout
    assert f"lm-eval 9.9.9 was never tried with the import hook (tested: {discovery.TESTED_LM_EVAL[0]})" in said
    assert "--include_path" in said


def test_doctor_says_that_discovery_is_switched_off(tmp_path: Path) -> None:
    """`itax doctor` names the variable that switches the hook off."""
    code = "import sys; from itax_tasks.cli import main; sys.argv[1:] = ['doctor']; main()"
    said = call(sys.executable, "-c", code, folder=tmp_path, ITAX_NO_AUTOLOAD="1").stdout
    if discovery.lm_eval_version() in discovery.TESTED_LM_EVAL:
        assert "ITAX_NO_AUTOLOAD switches discovery off" in said
    assert "models registered: none" in said


def stand_in(name: str, **attributes: Any) -> types.ModuleType:
    """A module of that name with a TaskManager like lm_eval's."""

    class TaskManager:
        def __init__(self, include_path: Any = None, include_defaults: bool = True) -> None:
            self.seen = (include_path, include_defaults)

    module = types.ModuleType(name)
    vars(module).update(TaskManager=TaskManager, **attributes)
    return module


def test_an_lm_eval_with_discovery_of_its_own_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where upstream reads entry points, the manager stays as it is."""
    monkeypatch.setattr(discovery, "lm_eval_version", lambda: discovery.TESTED_LM_EVAL[0])
    module = stand_in("lm_eval.tasks.manager", discover_plugin_task_paths=lambda: [])
    before = module.TaskManager.__init__
    discovery.serve(module)
    assert before is module.TaskManager.__init__


def test_serving_twice_wraps_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """`itax run` and the hook may both serve one manager."""
    monkeypatch.setattr(discovery, "lm_eval_version", lambda: discovery.TESTED_LM_EVAL[0])
    module = stand_in("lm_eval.tasks.manager")
    discovery.serve(module)
    once = module.TaskManager.__init__
    discovery.serve(module)
    assert once is module.TaskManager.__init__
    assert ([task_path()], True) == module.TaskManager().seen


@needs_hook
@pytest.mark.parametrize(
    "broken",
    ["raise RuntimeError('broken on purpose')", "def serve(module): raise RuntimeError('broken on purpose')"],
    ids=["at import", "in serve"],
)
def test_a_broken_itax_is_a_warning_and_never_an_error(tmp_path: Path, broken: str) -> None:
    """lm_eval imports and works where itax does not, and the warning says what to do."""
    package = tmp_path / "stand_in" / "itax_tasks" / "harness"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("", "utf-8")
    (package / "__init__.py").write_text("", "utf-8")
    (package / "discovery.py").write_text(broken + "\n", "utf-8")
    code = textwrap.dedent(SERVED)
    done = call(sys.executable, "-c", code, folder=tmp_path, PYTHONPATH=str(tmp_path / "stand_in"))
    assert 0 == done.returncode, done.stderr
    assert [False, False, True] == json.loads(done.stdout)
    assert "itax could not register its tasks with lm_eval (RuntimeError: broken on purpose)" in done.stderr
    assert "--include_path" in done.stderr


@needs_hook
def test_the_hook_imports_nothing_of_itax_by_itself(tmp_path: Path) -> None:
    """An interpreter that never imports lm_eval loads the hook's one file, and no other of ours."""
    code = "import json, sys; print(json.dumps([name for name in sys.modules if 'itax' in name]))"
    loaded = python(code, tmp_path)
    # An editable installation may bring a finder of its build backend.
    assert ["_itax_lm_eval_hook"] == [name for name in loaded if "editable" not in name]


@needs_hook
def test_the_entry_points_name_the_same_folder_and_models() -> None:
    """An lm_eval that discovers plugins by itself will find what the hook serves."""
    (tasks,) = [point for point in metadata.entry_points(group="lm_eval.tasks") if point.name == "itax"]
    spec = importlib.util.find_spec(tasks.value)
    assert spec is not None
    assert [Path(task_path()).resolve()] == [Path(p).resolve() for p in spec.submodule_search_locations or ()]
    models = {point.name: point.value for point in metadata.entry_points(group="lm_eval.models")}
    assert dict(discovery.MODELS) == {name: models.get(name) for name in discovery.MODELS}


# The task files


@pytest.fixture(scope="module")
def index() -> dict[str, Any]:
    """lm_eval's own index of our folder, by name."""
    entries: dict[str, Any] = lm_eval_tasks.TaskManager(include_path=task_path(), include_defaults=False).task_index
    return entries


def parsed(path: Path) -> dict[str, Any]:
    """A task file as lm_eval reads it, includes and functions resolved."""
    from lm_eval.tasks._yaml_loader import load_yaml

    content: dict[str, Any] = load_yaml(path, resolve_func=True)
    return content


@pytest.mark.parametrize("path", YAML_FILES, ids=lambda path: path.stem)
def test_every_file_resolves(path: Path) -> None:
    """lm_eval's loader reads the file, and every function it names can be imported; the file has the task's name."""
    content = parsed(path)
    assert path.stem == content.get("group", content.get("task"))


def test_no_file_is_swallowed(index: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """lm_eval drops a file it cannot index without a word: as many names are indexed as there are files."""
    with caplog.at_level(logging.WARNING, logger="lm_eval"):
        assert {path.stem for path in YAML_FILES} == set(index)
    assert len(YAML_FILES) == len(index)
    assert not caplog.records


def test_tasks_and_files_are_the_same(index: dict[str, Any]) -> None:
    """Every task of the table has a file, and every file that is no group a task of the table."""
    assert set(TASKS) == {name for name, entry in index.items() if "group" not in entry.cfg}


@pytest.mark.parametrize("name", sorted(TASKS))
def test_a_file_says_what_the_table_says(index: dict[str, Any], name: str) -> None:
    """The file is the one `make labels` writes, and lm_eval reads the table's figures from it."""
    spec, content = TASKS[name], parsed(index[name].yaml_path)
    assert label(spec) == Path(index[name].yaml_path).read_text("utf-8")
    assert spec.family == Path(index[name].yaml_path).parent.name
    assert name == content["task"]
    assert list(spec.rules) == [metric["metric"] for metric in content["metric_list"]]
    assert {"mean"} == {metric["aggregation"] for metric in content["metric_list"]}
    assert all(metric["higher_is_better"] is True for metric in content["metric_list"])
    assert spec.version == content["metadata"]["version"]
    assert spec.max_gen_toks == content["generation_kwargs"]["max_gen_toks"]
    assert content["unsafe_code"] is True


def test_groups_list_only_names_that_exist(index: dict[str, Any]) -> None:
    """A group never promises a task that is not there."""
    groups = {name: entry.cfg["task"] for name, entry in index.items() if "group" in entry.cfg}
    assert groups
    for name, members in groups.items():
        assert members, name
        assert set(members) <= set(index), name


def test_every_name_of_ours_has_the_prefix(index: dict[str, Any]) -> None:
    """Names and tags start with itax, since a name of upstream's would be overridden without an error."""
    names = {*index, *(tag for entry in index.values() for tag in entry.tags)}
    assert set() == {name for name in names if name != "itax" and not name.startswith("itax_")}
    assert set() == {name for name in discovery.MODELS if not name.startswith("itax-")}
