"""Workers are bounded by free memory: of the machine, of its control groups, by what a profile needs and keeps."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from itax_metrics.execution import LocalExecutor, pool, room
from itax_metrics.execution.programs import Limits, Program
from itax_metrics.execution.room import GIB, available_bytes, bytes_of, fitting, unclaimed_bytes, used_bytes
from itax_metrics.records import Status, Verdict

MIB = 1024**2


def machine(root: Path, files: dict[str, str]) -> Path:
    """A folder with these files in the place of `/`."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    return root


def process(number: int, parent: int, mib: int) -> dict[str, str]:
    """What the kernel shows of a process that holds so much, and as much again of files."""
    return {
        f"proc/{number}/stat": f"{number} (a ) b) S {parent} 1 1 0\n",
        f"proc/{number}/statm": f"9999999 {2 * mib * MIB // PAGE} {mib * MIB // PAGE} 1 0 1 0\n",
        f"proc/{number}/smaps_rollup": f"0-1 ---p 0 00:00 0 [rollup]\nRss: 1 kB\nPss: {2 * mib * 1024} kB\n"
        f"Pss_File: {mib * 1024} kB\n",
    }


PAGE = os.sysconf("SC_PAGESIZE")
MEMINFO = {"proc/meminfo": f"MemTotal: 99 kB\nMemAvailable: {8 * GIB // 1024} kB\n"}


def test_a_profile_with_libraries_needs_more() -> None:
    """Seven GiB are room for three workers with numpy and for many without."""
    assert (3, 28) == (fitting(["numpy"] * 40, 7 * GIB), fitting(["bare"] * 40, 7 * GIB))
    assert bytes_of("numpy") == bytes_of("bare@ds1000")


def test_no_memory_is_no_room() -> None:
    """Less than one worker needs, or less than nothing."""
    assert (0, 0) == (fitting(["bare"], GIB // 8), fitting(["bare"], -GIB))


def test_workers_of_several_profiles_are_counted_in_their_order() -> None:
    """The first that does not fit is the last that is looked at."""
    assert 2 == fitting(["bare", "numpy", "java", "bare"], 3 * GIB)


def test_a_worker_keeps_what_it_has_not_used_yet(tmp_path: Path) -> None:
    """Of two workers, one holds 30 MiB and one more than it was taken to need."""
    root = machine(tmp_path, {**MEMINFO, **process(7, 1, 30), **process(8, 1, 300)})
    assert 8 * GIB - (256 - 30) * MIB == unclaimed_bytes([("bare", 7), ("bare", 8)], root=root)


def test_what_a_worker_started_counts_as_its_own(tmp_path: Path) -> None:
    """Processes below it, however far; files that several of them show are nobody's."""
    files = {**process(7, 1, 30), **process(9, 8, 40), **process(8, 7, 50), **process(10, 1, 60)}
    assert {7: 120 * MIB} == used_bytes([7], machine(tmp_path, files) / "proc")


def test_sizes_that_are_secret_count_once(tmp_path: Path) -> None:
    """Where the kernel does not tell shared pages apart, those of the largest process are taken."""
    root = machine(tmp_path, {**process(7, 1, 30), **process(8, 7, 50)})
    (root / "proc/8/smaps_rollup").unlink()
    assert {7: 50 * MIB} == used_bytes([7], root / "proc")


def test_the_kernel_tells_sizes() -> None:
    """A process with 64 MiB of its own, below one that has ended meanwhile or not."""
    code = "held = b'x' * (64 << 20); print(len(held), flush=True); input()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process_:
        assert process_.stdout is not None
        process_.stdout.readline()
        assert 64 * MIB <= used_bytes([process_.pid])[process_.pid] < 128 * MIB
        process_.kill()
    assert {process_.pid: 0} == used_bytes([process_.pid])


def test_pools_on_one_machine_share_what_is_free(tmp_path: Path) -> None:
    """Each counts on its part, and keeps what its own workers have not used yet."""
    root = machine(tmp_path, {**MEMINFO, **process(7, 1, 56)})
    assert 2 * GIB - 200 * MIB == unclaimed_bytes([("bare", 7)], 4, root)


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


def test_every_group_above_bounds_it_too(tmp_path: Path) -> None:
    """The nearest one has no limit, the one above has, the root has none."""
    files = {
        "proc/self/cgroup": "0::/user/job/step\n",
        "sys/fs/cgroup/user/job/step/memory.max": "max\n",
        "sys/fs/cgroup/user/job/memory.max": f"{4 * GIB}\n",
        "sys/fs/cgroup/user/job/memory.current": f"{GIB}\n",
        "sys/fs/cgroup/user/memory.max": f"{7 * GIB}\n",
        "sys/fs/cgroup/user/memory.current": f"{GIB}\n",
    }
    assert 3 * GIB == available_bytes(machine(tmp_path, {**MEMINFO, **files}))


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
    monkeypatch.setattr(pool, "unclaimed_bytes", lambda running, share: 0)
    sources = [f"assert {number} != 3" for number in range(12)]
    programs = [Program(source, limits=Limits(wall_seconds=10.0)) for source in sources]
    with caplog.at_level(logging.WARNING, "itax.execution"), LocalExecutor(workers=3, policy="prefer") as executor:
        verdicts = executor.run(programs)
        assert 1 == len(executor.worker_pids)
    assert [Status.PASSED] * 3 + [Status.FAILED] + [Status.PASSED] * 8 == [verdict.status for verdict in verdicts]
    assert 1 == sum("1 workers instead of 3" in record.message for record in caplog.records)


@pytest.mark.parametrize(("share", "most"), [(1, 2), (2, 1)])
def test_the_bound_holds_while_workers_run(monkeypatch: pytest.MonkeyPatch, share: int, most: int) -> None:
    """As much memory stays free as before, because workers and programs are small: no more are started all the same."""
    monkeypatch.setattr(room, "available_bytes", lambda root=None: 600 * MIB)
    monkeypatch.setattr(pool, "_LOOK_SECONDS", 0.0, raising=False)
    programs = [
        Program(f"import time; time.sleep(0.02); {number}", limits=Limits(wall_seconds=30.0)) for number in range(40)
    ]
    up: list[int] = []

    def count(_: int, __: Verdict) -> None:
        up.append(len(executor.worker_pids))

    with LocalExecutor(workers=6, policy="prefer", share=share) as executor:
        verdicts = executor.run(programs, on_verdict=count)
    assert [Status.PASSED] * 40 == [verdict.status for verdict in verdicts]
    assert most == max(up)


def test_a_lost_worker_is_replaced_where_there_is_room_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its program is tried again in a fresh one, and nothing waits for ever."""
    monkeypatch.setattr(pool, "unclaimed_bytes", lambda running, share: 0)
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
