"""Cores are those the process may run on, and no more than its control groups give time for."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from itax_metrics.execution import LocalExecutor, cores, executor
from itax_metrics.execution.cores import usable_cores, warn_of_load


@pytest.fixture(autouse=True)
def of_eight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with eight cores, on which nothing was warned about yet."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(cores.sys, "platform", "linux")
    warn_of_load.cache_clear()


def machine(root: Path, files: dict[str, str]) -> Path:
    """A folder with these files in the place of `/`."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    return root


def version_2(**quotas: str) -> dict[str, str]:
    """The files of a process in the group `/pod/job`, by the name of the group."""
    folders = {"root": "", "pod": "pod/", "job": "pod/job/"}
    return {
        "proc/self/cgroup": "0::/pod/job\n",
        **{f"sys/fs/cgroup/{folders[group]}cpu.max": f"{text}\n" for group, text in quotas.items()},
    }


def test_without_a_quota_all_cores_are_usable(tmp_path: Path) -> None:
    """No control groups at all, or groups without a bound."""
    assert 8 == usable_cores(tmp_path)
    assert 8 == usable_cores(machine(tmp_path, version_2(pod="max 100000", job="max 100000")))


@pytest.mark.parametrize(
    ("quota", "expected"), [("300000", 3), ("250000", 2), ("399000", 3), ("50000", 1), ("9900000", 8)]
)
def test_a_quota_of_version_2_bounds_them(tmp_path: Path, quota: str, expected: int) -> None:
    """Rounded down, at least one, at most those there are."""
    assert expected == usable_cores(machine(tmp_path, version_2(job=f"{quota} 100000")))


@pytest.mark.parametrize("least", ["job", "pod", "root"])
def test_the_least_quota_above_counts(tmp_path: Path, least: str) -> None:
    """Of the own group, of one above it, and of the root, which a container sees of its own group."""
    quotas = {**dict.fromkeys(("job", "pod", "root"), "600000 100000"), least: "100000 50000"}
    assert 2 == usable_cores(machine(tmp_path, version_2(**quotas)))


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize("group", ["job", "."])
def test_a_quota_of_version_1_bounds_them(tmp_path: Path, mount: str, group: str) -> None:
    """Alone or mounted with another controller; as a container sees it, too."""
    files = {
        "proc/self/cgroup": "4:memory:/job\n3:cpu,cpuacct:/job\n0::/job\n",
        f"sys/fs/cgroup/{mount}/{group}/cpu.cfs_quota_us": "350000\n",
        f"sys/fs/cgroup/{mount}/{group}/cpu.cfs_period_us": "100000\n",
    }
    assert 3 == usable_cores(machine(tmp_path, files))


def test_version_1_says_minus_one_for_no_bound(tmp_path: Path) -> None:
    """Its usual value."""
    files = {
        "proc/self/cgroup": "1:cpu:/\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    }
    assert 8 == usable_cores(machine(tmp_path, files))


def test_more_workers_than_cores_are_warned_about_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not refused; several processes on one machine count together; the default is never too many."""
    monkeypatch.setattr(executor, "usable_cores", lambda: 4)
    with caplog.at_level(logging.WARNING, "itax.execution"):
        assert (4, 2, 1) == tuple(LocalExecutor(share=share).workers for share in (1, 2, 9))
        LocalExecutor(workers=4)
        assert [] == caplog.records
        assert [5, 5] == [LocalExecutor(workers=5).workers for _ in range(2)]
        LocalExecutor(workers=4, share=2)
    first, second = (record.getMessage() for record in caplog.records)
    assert "5 programs at a time on 4 usable cores: wall limits may then be met by load" in first
    assert "8 programs at a time on 4 usable cores" in second
