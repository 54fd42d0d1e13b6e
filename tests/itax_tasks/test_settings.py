"""Settings: metadata before environment before default, and every refusal names its source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from itax_metrics.errors import ConfigError
from itax_tasks.settings import VERSIONED, Settings, default_state_dir, read_settings
from itax_tasks.tasks import TASKS


def test_nothing_given_means_the_defaults() -> None:
    """Without metadata and environment, programs are contained and run at the official speed."""
    assert Settings(state_dir=default_state_dir()) == read_settings({}, {})


def test_the_environment_is_read(tmp_path: Path) -> None:
    """Every `ITAX_*` variable reaches its setting."""
    environ = {
        "ITAX_DATA_DIR": str(tmp_path),
        "ITAX_STATE_DIR": str(tmp_path / "state"),
        "ITAX_SANDBOX": "prefer",
        "ITAX_TIME_SCALE": "2.5",
        "ITAX_EXECUTOR": "local",
        "ITAX_WORKERS": "3",
    }
    expected = Settings(tmp_path, tmp_path / "state", "prefer", 2.5, "local", 3)
    assert expected == read_settings({}, environ)


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an explicit environment the variables of this process count."""
    monkeypatch.setenv("ITAX_TIME_SCALE", "4")
    assert 4.0 == read_settings().time_scale


def test_metadata_beats_the_environment() -> None:
    """What stands in the results file wins over what stands in the shell."""
    assert 2.0 == read_settings({"time_scale": 2}, {"ITAX_TIME_SCALE": "5"}).time_scale


def test_empty_variable_is_no_setting() -> None:
    """`ITAX_SANDBOX=` is the same as leaving it out."""
    assert "require" == read_settings({}, {"ITAX_SANDBOX": "", "ITAX_WORKERS": ""}).sandbox


def test_foreign_metadata_is_left_alone() -> None:
    """Model arguments travel in the same mapping and are none of our business."""
    assert read_settings({}, {}) == read_settings({"pretrained": "org/model", "tokenizer": "x"}, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sandbox", "maybe"),
        ("executor", "slurm"),
        ("time_scale", "fast"),
        ("time_scale", "0"),
        ("time_scale", "-1"),
        ("time_scale", "nan"),
        ("time_scale", "inf"),
        ("workers", "0"),
        ("workers", "-2"),
        ("workers", "2.0"),
        ("workers", "many"),
        ("workers", "²"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused(name: str, value: str) -> None:
    """The message names the variable and shows the value."""
    with pytest.raises(ConfigError) as refusal:
        read_settings({}, {f"ITAX_{name.upper()}": value})
    assert f"ITAX_{name.upper()} is {value!r}" in str(refusal.value)


def test_a_refusal_names_the_metadata_key() -> None:
    """A bad value from --metadata is not blamed on the environment."""
    with pytest.raises(ConfigError, match="--metadata \"sandbox\" is 'no'"):
        read_settings({"sandbox": "no"}, {"ITAX_SANDBOX": "off"})


def test_a_data_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    """A mistyped ITAX_DATA_DIR is found at once, not when a file is missing."""
    with pytest.raises(ConfigError, match=r"ITAX_DATA_DIR names .*nowhere, which is not a folder"):
        read_settings({}, {"ITAX_DATA_DIR": str(tmp_path / "nowhere")})


@pytest.mark.parametrize("name", ["data_dir", "state_dir"])
def test_home_is_expanded(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` works in both folder settings, where no shell has expanded it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine").mkdir()
    assert tmp_path / "mine" == getattr(read_settings({name: "~/mine"}, {}), name)


def test_the_record_names_no_folder_of_this_machine(tmp_path: Path) -> None:
    """Results keep what moves a score and nothing private."""
    record = Settings(data_dir=tmp_path, state_dir=tmp_path, time_scale=2.0).record()
    assert {
        "sandbox": "require",
        "time_scale": 2.0,
        "executor": "local",
        "workers": None,
        "data_version": None,
        "options": {},
    } == record
    assert str(tmp_path) not in json.dumps(record)


def test_fetched_files_live_below_the_state_folder(tmp_path: Path) -> None:
    """The cache of official files moves with ITAX_STATE_DIR."""
    assert tmp_path / "data" == Settings(state_dir=tmp_path).cache_dir


@pytest.mark.parametrize("benchmark", VERSIONED)
def test_every_benchmark_with_several_versions_names_them(benchmark: str) -> None:
    """Before it looks for data."""
    spec = next(spec for spec in TASKS.values() if spec.family == benchmark)
    with pytest.raises(ConfigError, match=f"data_version is 'v9', and {benchmark} has v0"):
        spec.load(read_settings({"data_version": "v9"}, {}))


def test_a_version_of_an_unknown_benchmark_is_refused() -> None:
    """A misspelt pair would leave the benchmark at its own version."""
    with pytest.raises(ConfigError, match=r"ITAX_DATA_VERSION .*'humanevl' is no benchmark with several versions"):
        read_settings({}, {"ITAX_DATA_VERSION": "humanevl=v0.1.9,mbpp=v0.1.0"})


def test_a_version_that_nothing_would_read_is_refused() -> None:
    """One of the benchmarks suffices; a pair for another does not."""
    plain, pair = (read_settings({"data_version": text}, {}) for text in ("v0.1.9", "humaneval=v0.1.9"))
    read_settings({}, {}).require_version_of(["hefim"])
    plain.require_version_of(["hefim", "humaneval"])
    pair.require_version_of(["humaneval"])
    with pytest.raises(ConfigError, match=r"names no version of mbpp. Name it, such as mbpp=VERSION"):
        pair.require_version_of(["mbpp", "hefim"])
    with pytest.raises(ConfigError, match="the data of hefim, safim have one version"):
        plain.require_version_of(["hefim", "safim", "hefim"])
