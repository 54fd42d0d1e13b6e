"""The example of a plug-in, as its entry point makes it known."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PLUGIN = Path(__file__).resolve().parents[2] / "examples" / "behavior_plugin"

CODE = """
from itax_metrics.behavior import Reply, behaviors, measure, select
assert "apology" in behaviors()
assert "apology" in {behavior.name for behavior in select()}
print([measure(Reply(text), select(["apology"]))["apology"] for text in ("I apologize: x = 1", "x = 1")])
"""


def test_its_pyproject_has_six_lines() -> None:
    """No more is needed, and the entry point is in the right group."""
    text = (PLUGIN / "pyproject.toml").read_text("utf-8")
    assert 6 == len(text.splitlines())
    assert {"itax.behaviors": {"apologies": "itax_apologies:APOLOGY"}} == tomllib.loads(text)["project"]["entry-points"]


def test_an_installed_plug_in_is_found(tmp_path: Path) -> None:
    """Its measure stands beside ours; the installation is laid out by hand, as pip would."""
    about = tmp_path / "itax_apologies-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: itax-apologies\nVersion: 0.1\n", "utf-8")
    points = tomllib.loads((PLUGIN / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]
    lines = [f"[{group}]\n" + "\n".join(f"{k} = {v}" for k, v in named.items()) for group, named in points.items()]
    (about / "entry_points.txt").write_text("\n".join(lines), "utf-8")
    (tmp_path / "itax_apologies.py").write_text((PLUGIN / "itax_apologies.py").read_text("utf-8"), "utf-8")
    environ = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    shown = subprocess.run([sys.executable, "-c", CODE], env=environ, capture_output=True, text=True, check=True)
    assert "[1.0, 0.0]" == shown.stdout.strip()


@pytest.mark.packaging
def test_pip_installs_it(tmp_path: Path) -> None:
    """From its folder, with nothing but its pyproject."""
    # pip builds inside the folder it is given: the repository must not fill with what it leaves.
    copied = shutil.copytree(PLUGIN, tmp_path / "source")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(tmp_path), str(copied)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"pip cannot build here: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    assert (tmp_path / "itax_apologies.py").is_file()
    assert any(tmp_path.glob("itax_apologies-0.1.dist-info/entry_points.txt"))
