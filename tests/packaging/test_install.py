"""What a user installs: a wheel and an editable tree, each in a fresh environment, run with the plain command, removed.

Nothing here touches the checkout or the environment the tests run in: packages are built from a copy of the source.
pip is called as it is configured on the machine; where it cannot download anything, these tests are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytestmark = pytest.mark.packaging

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
SDIST_INCLUDES: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]


def call(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder` as a user would who has only just opened a terminal."""
    ours = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "ITAX_NO_AUTOLOAD", "ITAX_DATA_DIR", "PYTHONWARNINGS")
    environment = {key: value for key, value in os.environ.items() if key not in ours}
    # The programs are our own answers, so a machine that cannot contain programs will do.
    environment |= {"HF_HUB_OFFLINE": "1", "ITAX_SANDBOX": "prefer"}
    return subprocess.run(
        [str(part) for part in command], cwd=folder, env=environment, capture_output=True, text=True, timeout=900
    )


def succeed(*command: str | Path, folder: Path) -> str:
    """As `call`, with status 0; returns standard output."""
    done = call(*command, folder=folder)
    assert 0 == done.returncode, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-5000:]}"
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def package_index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips these tests where pip cannot download the build backend, which every installation from source needs."""
    folder = tmp_path_factory.mktemp("probe")
    done = call(sys.executable, "-m", "pip", "download", "--no-deps", "hatchling", folder=folder)
    if done.returncode != 0:
        why = (done.stderr.strip().splitlines() or ["no message"])[-1]
        pytest.skip(f"pip cannot download from a package index here, and a fresh environment needs one: {why}")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source tree, symbolic links kept as such."""
    copy = tmp_path_factory.mktemp("source") / "itax"
    copy.mkdir()
    for name in (*SDIST_INCLUDES, "pyproject.toml", ".gitignore"):
        entry = REPOSITORY / name
        if entry.is_dir():
            shutil.copytree(entry, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        elif entry.exists():
            shutil.copy2(entry, copy / name)
    return copy


@pytest.fixture(scope="module")
def built(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel made from that sdist."""
    pytest.importorskip("build", reason="the extra `dev` is not installed")
    folder = tmp_path_factory.mktemp("dist")
    succeed(sys.executable, "-m", "build", "--outdir", folder, source, folder=folder)
    return folder


def one(folder: Path, pattern: str) -> Path:
    """The only file of that pattern."""
    (path,) = folder.glob(pattern)
    return path


def files_below(folder: Path) -> Iterator[str]:
    """Names relative to `folder`, links followed, without byte code."""
    for parent, _, names in os.walk(folder, followlinks=True):
        for name in names:
            path = (Path(parent) / name).relative_to(folder)
            if "__pycache__" not in path.parts:
                yield path.as_posix()


# What the archives hold


@pytest.mark.xdist_group("packaging_wheel")
def test_the_wheel_holds_all_of_both_packages(source: Path, built: Path) -> None:
    """Code, task files, tables, embedded problems and typing marks, and beside them nothing but the hook."""
    with zipfile.ZipFile(one(built, "*.whl")) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    hook = {name for name in files_below(source / "src") if name.startswith("itax_tasks/_autoload/")}
    wanted = (set(files_below(source / "src")) - hook) | {name.rpartition("/")[2] for name in hook}
    assert sorted(wanted) == sorted(held)
    for name in (
        "itax_tasks_lm_eval.pth",
        "_itax_lm_eval_hook.py",
        "itax_tasks/py.typed",
        "itax_metrics/py.typed",
        "itax_tasks/task_yamls/_base_yaml",
        "itax_tasks/task_yamls/hefim/itax_hefim.yaml",
        "itax_tasks/data_files.toml",
        "itax_tasks/fim/formats.toml",
        "itax_tasks/benchmarks/hand_items.jsonl",
    ):
        assert name in held


@pytest.mark.xdist_group("packaging_wheel")
def test_the_wheel_names_licence_command_and_plugins(built: Path) -> None:
    """Its metadata carry the licence text, the console script, and the entry points later lm_eval releases read."""
    with zipfile.ZipFile(one(built, "*.whl")) as wheel:
        (licence,) = [name for name in wheel.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
        assert b"Apache License" in wheel.read(licence)
        (entry_points,) = [name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt")]
        text = wheel.read(entry_points).decode("utf-8")
        (record,) = [name for name in wheel.namelist() if name.endswith(".dist-info/RECORD")]
        recorded = wheel.read(record).decode("utf-8")
    for line in ("itax = itax_tasks.cli:main", "[lm_eval.tasks]", "itax = itax_tasks.task_yamls", "[lm_eval.models]"):
        assert line in text.splitlines()
    # pip removes what RECORD lists.
    assert "itax_tasks_lm_eval.pth,sha256=" in recorded
    assert "_itax_lm_eval_hook.py,sha256=" in recorded


@pytest.mark.xdist_group("packaging_wheel")
def test_the_sdist_holds_the_source_and_its_tests(source: Path, built: Path) -> None:
    """Everything that belongs to it is in it; the task files stand at least where the package has its link to them."""
    with tarfile.open(one(built, "*.tar.gz")) as sdist:
        held = {member.name.partition("/")[2] for member in sdist.getmembers() if not member.isdir()}
    wanted = {name for name in files_below(source) if name != ".gitignore" and not name.startswith("task_yamls/")}
    assert set() == wanted - held
    for name in ("LICENSE", "Makefile", "constraints.txt", "tests/conftest.py", "src/itax_tasks/task_yamls/_base_yaml"):
        assert name in held


@pytest.mark.xdist_group("packaging_wheel")
def test_the_source_tree_gives_the_same_wheel_as_the_sdist(source: Path, built: Path, tmp_path: Path) -> None:
    """`pip install .` and the published archive install the same files."""
    succeed(sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", tmp_path, source, folder=tmp_path)
    with zipfile.ZipFile(one(tmp_path, "*.whl")) as tree, zipfile.ZipFile(one(built, "*.whl")) as sdist:
        assert sorted(tree.namelist()) == sorted(sdist.namelist())


# A fresh environment


class FreshEnvironment:
    """A virtual environment and an empty folder beside it to work in, far from any checkout."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "environment"
        self.work = folder / "work"
        self.work.mkdir()
        venv.create(self.home, with_pip=True)
        self.bin = self.home / "bin"
        self.python = self.bin / "python"

    def install(self, *what: str | Path) -> None:
        """`pip install` under the constraints of the repository."""
        constraints = REPOSITORY / "constraints.txt"
        succeed(self.python, "-m", "pip", "install", "-c", constraints, *what, folder=self.work)

    def run_plain_command(self, answers: Path) -> None:
        """Run lm_eval with no itax option on stored answers that all solve their problem; all must pass."""
        succeed(
            *(self.bin / "lm_eval", "--model", "itax-replay", "--model_args", f"completions={answers}"),
            *("--tasks", "itax_hand_infilling", "--confirm_run_unsafe_code", "--output_path", "OUT", "--log_samples"),
            folder=self.work,
        )
        (results,) = (self.work / "OUT").rglob("results_*.json")
        assert 1.0 == json.loads(results.read_text("utf-8"))["results"]["itax_hand_infilling"]["pass@1,none"]
        (samples,) = (self.work / "OUT").rglob("samples_itax_hand_infilling_*.jsonl")
        count = len(answers.read_text("utf-8").splitlines())
        assert count == len(samples.read_text("utf-8").splitlines())

    def uninstall(self) -> None:
        """Remove itax; nothing of it may be left, and lm_eval must work as if it had never been there."""
        succeed(self.python, "-m", "pip", "uninstall", "-y", "itax-tasks", folder=self.work)
        assert [] == [path for path in self.home.rglob("*itax*") if "site-packages" in path.parts]
        assert not (self.bin / "itax").exists()
        done = call(self.python, "-c", "import lm_eval.tasks.manager", folder=self.work)
        assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


@pytest.fixture
def fresh(tmp_path: Path) -> FreshEnvironment:
    return FreshEnvironment(tmp_path)


@pytest.fixture
def canonical_answers(tmp_path: Path) -> Path:
    """The answer that solves it, for every embedded infilling problem."""
    items = REPOSITORY / "src" / "itax_tasks" / "benchmarks" / "hand_items.jsonl"
    rows = [json.loads(line) for line in items.read_text("utf-8").splitlines()]
    answers = [
        {"task_id": row["task_id"], "completion": row["canonical_solution"]}
        for row in rows
        if row["kind"] in ("line", "block")
    ]
    assert answers
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(answer) + "\n" for answer in answers), "utf-8")
    return path


@pytest.mark.xdist_group("packaging_wheel")
def test_a_wheel_serves_the_plain_command_and_leaves_nothing_behind(
    built: Path, fresh: FreshEnvironment, canonical_answers: Path
) -> None:
    """Installed from a wheel, lm_eval finds task and model with no itax option; uninstalled, every trace is gone."""
    fresh.install(one(built, "*.whl"))
    path = Path(succeed(fresh.bin / "itax", "path", folder=fresh.work).strip())
    assert path.is_relative_to(fresh.home.resolve())
    fresh.run_plain_command(canonical_answers)
    fresh.uninstall()


@pytest.mark.xdist_group("packaging_editable")
def test_an_editable_tree_serves_the_plain_command_and_leaves_nothing_behind(
    source: Path, fresh: FreshEnvironment, canonical_answers: Path
) -> None:
    """The same from `pip install -e`, where the task files are those of the source tree, not copies."""
    fresh.install("-e", source)
    path = Path(succeed(fresh.bin / "itax", "path", folder=fresh.work).strip())
    assert (source / "task_yamls").resolve() == path.resolve()
    fresh.run_plain_command(canonical_answers)
    fresh.uninstall()
    assert (source / "src" / "itax_tasks" / "task_yamls").is_symlink()
