"""`itax env create|list|verify` on a toy environment that holds nothing but Python."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from itax_metrics.errors import ConfigError, ExecutionError
from itax_metrics.execution import environment_creation, environment_data, environments
from itax_metrics.execution.environment_data import Resource
from itax_metrics.execution.environments import Pins
from itax_tasks.cli.env import env


@pytest.fixture(autouse=True)
def _pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two environments, of which only `toy` gets made."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    toy = Pins("toy", python, (), "this test", True, ("json",))
    other = Pins("other", "3.99", ("thing==1.0",), "nobody", False, ("thing",))
    monkeypatch.setattr(environments, "pinned", lambda: {"toy": toy, "other": other})
    monkeypatch.setattr(environment_creation, "_VENV", ("-m", "venv", "--without-pip"))
    monkeypatch.setenv("ITAX_STATE_DIR", str(tmp_path))


def _env(*arguments: str) -> Result:
    return CliRunner().invoke(env, arguments, catch_exceptions=True)


def test_create_and_list(tmp_path: Path) -> None:
    """What was made is shown with its digest, what was not with the command that makes it."""
    created = _env("create", "toy")
    assert 0 == created.exit_code, created.output
    digest = environments.find("toy", tmp_path / "envs").sha256[:12]
    assert f"toy: ready, cpython {sys.version.split()[0]}, 0 distributions, sha256 {digest}" in created.stdout
    listed = _env("list").stdout
    assert "toy: Python" in listed
    assert f"sha256 {digest}" in listed
    assert "other: Python 3.99, 1 pins (nobody)\n  not created (itax env create other)" in listed


def test_verify(tmp_path: Path) -> None:
    """An environment whose manifest tells something else is refused."""
    _env("create", "toy")
    assert 0 == _env("verify").exit_code
    manifest = tmp_path / "envs" / "toy" / environments.MANIFEST
    manifest.write_text(manifest.read_text().replace('"distributions": []', '"distributions": ["thing==1.0"]'))
    refused = _env("verify", "toy")
    assert isinstance(refused.exception, ExecutionError)
    assert "thing==1.0 is missing" in refused.stderr
    assert "thing==1.0 is missing" in _env("list").stdout


def test_no_python_for_it() -> None:
    """Creating one for a Python that is not here says what to install."""
    result = _env("create", "other")
    assert isinstance(result.exception, ExecutionError)
    assert "uv python install 3.99" in str(result.exception)


@pytest.mark.parametrize("verb", ["create", "verify"])
def test_unknown_name(verb: str) -> None:
    """The names there are stand in the message."""
    result = _env(verb, "nonesuch")
    assert isinstance(result.exception, ConfigError)
    assert "toy, other" in str(result.exception)


def test_data_are_put_in_from_a_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest is shown; a mirror without the file is refused by name."""
    resources = (Resource("https://example.invalid/tips.csv", "seaborn/tips.csv"),)
    monkeypatch.setattr(environment_data, "listed", lambda: {"toy": resources})
    (tmp_path / "tips.csv").write_text("tip\n1\n")
    created = _env("create", "toy", "--with-data", "--data-from", str(tmp_path))
    assert 0 == created.exit_code, created.output
    assert f"data {environments.find('toy', tmp_path / 'envs').data[:12]}" in created.stdout
    refused = _env("create", "toy", "--with-data", "--data-from", str(tmp_path / "nowhere"))
    assert isinstance(refused.exception, ExecutionError)
    assert "1 of 1 data files of toy could not be fetched: tips.csv" in str(refused.exception)


def test_data_that_go_with_older_pins_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made again with the same pins it keeps them; with others it says that they are gone, and what brings them."""
    resources = (Resource("https://example.invalid/tips.csv", "seaborn/tips.csv"),)
    monkeypatch.setattr(environment_data, "listed", lambda: {"toy": resources})
    (tmp_path / "tips.csv").write_text("tip\n1\n")
    assert 0 == _env("create", "toy", "--with-data", "--data-from", str(tmp_path)).exit_code
    again = _env("create", "toy", "--force")
    assert "data " in again.stdout
    assert "gone" not in again.stderr
    manifest = tmp_path / "envs" / "toy" / environments.MANIFEST
    manifest.write_text(manifest.read_text().replace('"pins_sha256": "', '"pins_sha256": "0'))
    other = _env("create", "toy", "--force")
    assert 0 == other.exit_code, other.output
    assert "its data are gone; put them in again with `itax env create toy --with-data`" in other.stderr


def test_a_mirror_alone_is_no_request() -> None:
    """--data-from without --with-data would be forgotten in silence."""
    assert "add --with-data" in str(_env("create", "toy", "--data-from", "x").exception)


def test_verify_without_any_environment_says_so() -> None:
    """And how one is made."""
    assert "itax env create toy | other" in _env("verify").stdout
