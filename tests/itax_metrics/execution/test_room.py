"""Workers are bounded by free memory: of the machine, of its control groups, by what a profile needs."""

from __future__ import annotations

import logging
import os
import signal
import threading
from pathlib import Path

import pytest

from itax_metrics.execution import LocalExecutor, pool
from itax_metrics.execution.programs import Limits, Program
from itax_metrics.execution.room import GIB, available_bytes, bytes_of, more_workers
from itax_metrics.records import Status


def machine(root: Path, files: dict[str, str]) -> Path:
    """A folder with these files in the place of `/`."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    return root


MEMINFO = {"proc/meminfo": f"MemTotal: 99 kB\nMemAvailable: {8 * GIB // 1024} kB\n"}


def test_a_profile_with_libraries_needs_more() -> None:
    """Seven GiB are room for three workers with numpy and for many without."""
    assert (3, 28) == (more_workers("numpy", 7 * GIB), more_workers("bare", 7 * GIB))
    assert bytes_of("numpy") == bytes_of("bare@ds1000")


def test_no_memory_is_no_room() -> None:
    """Less than one worker needs."""
    assert 0 == more_workers("bare", GIB // 8)


def test_the_machine_says_what_is_available(tmp_path: Path) -> None:
    """Without control groups."""
    assert 8 * GIB == available_bytes(machine(tmp_path, MEMINFO))


def test_a_group_of_version_2_bounds_it(tmp_path: Path) -> None:
    """Its limit less what it uses, without the files it could drop."""
    group = "sys/fs/cgroup/job"
    files = {
        "proc/self/cgroup": "0::/job\n",
        f"{group}/memory.max": f"{4 * GIB}\n",
        f"{group}/memory.current": f"{3 * GIB}\n",
        f"{group}/memory.stat": f"anon 7\ninactive_file {GIB}\n",
    }
    assert 2 * GIB == available_bytes(machine(tmp_path, {**MEMINFO, **files}))


def test_a_group_without_limit_bounds_nothing(tmp_path: Path) -> None:
    """`max` in version 2, a huge number in version 1."""
    files = {
        "proc/self/cgroup": "4:memory:/job\n0::/\n",
        "sys/fs/cgroup/memory.max": "max\n",
        "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "9223372036854771712\n",
        "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "5\n",
    }
    assert 8 * GIB == available_bytes(machine(tmp_path, {**MEMINFO, **files}))


def test_inside_a_container_its_own_group_is_the_root(tmp_path: Path) -> None:
    """The path in `/proc/self/cgroup` is the host's and cannot be seen."""
    files = {
        "proc/self/cgroup": "4:memory:/docker/abc\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{2 * GIB}\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{3 * GIB}\n",
    }
    assert 0 == available_bytes(machine(tmp_path, {**MEMINFO, **files}))


def test_this_machine_has_some() -> None:
    """By its real files."""
    assert 0 < available_bytes() < 1 << 50


def test_without_room_one_worker_does_all(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """And it is said once."""
    monkeypatch.setattr(pool, "more_workers", lambda profile: 0)
    sources = [f"assert {number} != 3" for number in range(12)]
    programs = [Program(source, limits=Limits(wall_seconds=10.0)) for source in sources]
    with caplog.at_level(logging.WARNING, "itax.execution"), LocalExecutor(workers=3, policy="prefer") as executor:
        verdicts = executor.run(programs)
        assert 1 == len(executor.worker_pids)
    assert [Status.PASSED] * 3 + [Status.FAILED] + [Status.PASSED] * 8 == [verdict.status for verdict in verdicts]
    assert 1 == sum("1 workers instead of 3" in record.message for record in caplog.records)


def test_a_lost_worker_is_replaced_where_there_is_room_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its program is tried again in a fresh one, and nothing waits for ever."""
    monkeypatch.setattr(pool, "more_workers", lambda profile: 0)
    with LocalExecutor(workers=2, policy="prefer") as executor:
        slow = Program("import time\ntime.sleep(0.5)", limits=Limits(wall_seconds=10.0))
        programs = [slow, *(Program(f"x = {number}", limits=Limits(wall_seconds=10.0)) for number in range(6))]

        def shoot() -> None:
            for pid in executor.worker_pids:
                os.kill(pid, signal.SIGKILL)

        timer = threading.Timer(0.25, shoot)
        executor.run([Program("pass", limits=Limits(wall_seconds=10.0))])
        timer.start()
        verdicts = executor.run(programs)
        timer.cancel()
    assert [Status.PASSED] * 7 == [verdict.status for verdict in verdicts]
