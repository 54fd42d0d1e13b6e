"""Pinned environments: made whole or not at all, checked before use, named in keys and records."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from itax_metrics.errors import ConfigError, ExecutionError
from itax_metrics.execution import LocalExecutor, Program, environment_creation, environments, probe
from itax_metrics.execution.environments import Pins
from itax_metrics.records import Status

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
BARE = ("-m", "venv", "--without-pip")
"""Ten times as fast, where nothing is installed."""
EMPTY = Pins("toy", HERE, (), "this test", True, ("json",))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the environment `toy`, which holds nothing but Python; made once."""
    folder = tmp_path_factory.mktemp("environments")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environments, "pinned", lambda: {"toy": EMPTY})
        patch.setattr(environment_creation, "_VENV", BARE)
        environment_creation.create("toy", folder)
    return folder


@pytest.fixture
def toy(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to be spoiled."""
    monkeypatch.setattr(environments, "pinned", lambda: {"toy": EMPTY})
    monkeypatch.setattr(environment_creation, "_VENV", BARE)
    shutil.copytree(made / "toy", tmp_path / "toy", symlinks=True)
    return tmp_path


def add(folder: Path, name: str, version: str) -> None:
    """Something installed by hand."""
    (libraries,) = (folder / "lib").glob("python*/site-packages")
    made = libraries / f"{name}-{version}.dist-info"
    made.mkdir()
    (made / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_every_list_of_pins_is_sound() -> None:
    """Names and versions are well formed, none appears twice, and each list says where it comes from."""
    for pins in environments.pinned().values():
        names = [pin.partition("==")[0].lower().replace("_", "-") for pin in pins.requirements]
        assert sorted(set(names)) == sorted(names)
        assert pins.source
        assert pins.imports
        unpinned = [pin for pin in pins.requirements if not environment_creation._PIN.fullmatch(pin)]
        assert {"PyYAML", "python-Levenshtein-wheels"} >= set(unpinned)
        assert not (pins.complete and unpinned)


def test_a_created_environment_is_found(toy: Path) -> None:
    """With its interpreter, its digest and a manifest that says the same."""
    found = environments.find("toy", toy)
    manifest = json.loads((toy / "toy" / environments.MANIFEST).read_text())
    assert manifest["sha256"] == found.sha256 == environments.digest(found.distributions)
    assert manifest["pins_sha256"] == EMPTY.sha256
    asked = subprocess.run([found.interpreter, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True)
    assert str(toy / "toy") == asked.stdout.strip()
    assert ["toy"] == os.listdir(toy)


def test_scripts_name_the_final_place(made: Path) -> None:
    """No file of an environment's `bin` speaks of the place where it was built."""
    scripts = [path for path in (made / "toy" / "bin").iterdir() if path.is_file() and not path.is_symlink()]
    assert scripts
    assert not [path for path in scripts if b".building-" in path.read_bytes()]
    assert ["toy"] == os.listdir(made)
    assert 0o755 == stat.S_IMODE((made / "toy").stat().st_mode)


def test_a_changed_environment_is_refused(toy: Path) -> None:
    """What was added or taken away is named, and so is the remedy."""
    add(toy / "toy", "intruder", "1.0")
    with pytest.raises(ExecutionError, match=r"intruder==1.0 was added. .*`itax env create toy` --force"):
        environments.find("toy", toy)


def test_force_makes_it_again(toy: Path) -> None:
    """The changed one is replaced and nothing is left beside it."""
    add(toy / "toy", "intruder", "1.0")
    environment_creation.create("toy", toy, force=True)
    assert environments.find("toy", toy)
    assert ["toy"] == os.listdir(toy)


def test_what_is_there_is_not_made_again(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Creating twice looks for no Python the second time."""
    monkeypatch.setattr(environment_creation, "find_python", None)
    assert environment_creation.create("toy", toy)


def test_a_failed_creation_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The installer's last lines are in the message; no folder is left that could be taken for an environment."""
    wanted = replace(EMPTY, requirements=("no-such-thing==1.0",))
    monkeypatch.setattr(environments, "pinned", lambda: {"toy": wanted})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(ExecutionError, match=r"toy: the packages could not be installed: .*no-such-thing"):
        environment_creation.create("toy", tmp_path)
    assert [] == os.listdir(tmp_path)


def test_a_module_that_does_not_load_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment counts as made when what it is for can be imported."""
    monkeypatch.setattr(environments, "pinned", lambda: {"toy": replace(EMPTY, imports=("no_such_module",))})
    monkeypatch.setattr(environment_creation, "_VENV", BARE)
    with pytest.raises(ExecutionError, match=r"toy: no_such_module does not work: .*ModuleNotFoundError"):
        environment_creation.create("toy", tmp_path)
    assert [] == os.listdir(tmp_path)


def test_unknown_names() -> None:
    """There are no pins for them."""
    with pytest.raises(ConfigError, match="no pinned environment 'nonesuch'"):
        environment_creation.create("nonesuch", Path("/nowhere"))


def test_a_missing_environment_is_an_error_before_anything_runs(tmp_path: Path) -> None:
    """The command that makes it is named, and no worker was started."""
    with LocalExecutor(workers=1, environments_folder=tmp_path) as executor:
        with pytest.raises(ExecutionError, match="itax env create classeval"):
            executor.run([Program("pass"), Program("pass", environment="classeval")])
        assert () == executor.worker_pids


def test_programs_run_in_their_environment(toy: Path) -> None:
    """The interpreter is the environment's, for its programs and no others; the record names it."""
    if not probe().contained:
        pytest.skip(probe().summary())
    prefix = str(toy / "toy")
    inside = f"import sys\nassert sys.prefix == {prefix!r}, sys.prefix"
    outside = inside.replace("==", "!=")
    with LocalExecutor(workers=1, environments_folder=toy) as executor:
        programs = [Program(inside, environment="toy"), Program(outside), Program(inside)]
        statuses = [verdict.status for verdict in executor.run(programs)]
        assert [Status.PASSED, Status.PASSED, Status.FAILED] == statuses
        assert environments.find("toy", toy).sha256 == executor.describe()["environments"]["toy"]["sha256"]


def test_the_environment_is_part_of_the_key(toy: Path) -> None:
    """Its name, its Python and the digest of what is installed."""
    with LocalExecutor(workers=1, environments_folder=toy) as executor:
        executor._environments["toy"] = found = environments.find("toy", toy)
        runtime = executor._runtime("python", "toy")
        assert runtime == f"{executor.runtime}/toy-{found.python}-{found.sha256}"
    assert Program("pass").key("r") != Program("pass", environment="toy").key("r")


@pytest.mark.data
def test_classeval(tmp_path: Path) -> None:
    """The real environment can be made from the registry, and a program finds its libraries in it."""
    if not probe().contained:
        pytest.skip(probe().summary())
    created = environment_creation.create("classeval", tmp_path)
    pins = environments.pinned()["classeval"]
    assert sorted(map(environments.normalised, pins.requirements)) == list(created.distributions)
    source = "import numpy, gensim, openpyxl, docx\nassert numpy.__version__ == '1.26.4'\nnumpy.mat([1])"
    with LocalExecutor(workers=1, environments_folder=tmp_path) as executor:
        (verdict,) = executor.run([Program(source, environment="classeval")])
    assert Status.PASSED is verdict.status, verdict
