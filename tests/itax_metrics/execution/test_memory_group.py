"""The memory control group: what many processes take together ends in one verdict, and nothing is left behind."""

from __future__ import annotations

import errno
import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import itax_metrics.execution
from itax_metrics.execution import Limits, LocalExecutor, Program, probe, worker
from itax_metrics.execution.calls import Call, CallJudge
from itax_metrics.execution.codec import encode
from itax_metrics.execution.programs import StdioJudge
from itax_metrics.execution.sandbox import cgroup, memory_group
from itax_metrics.records import Status

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs are executed on Linux")

MIB = 1 << 20
SMALL = Limits(wall_seconds=30.0, memory_bytes=256 * MIB)
SPREAD = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        block = bytearray(60 << 20)
        time.sleep(60)
for _ in range(8):
    os.wait()
"""
"""Eight processes of 60 MiB each, and one that waits for them."""


@pytest.fixture
def alone() -> Iterator[LocalExecutor]:
    """One worker, whose group is the only one of this process."""
    needs_group()
    with LocalExecutor(workers=1) as running:
        yield running


def needs_group() -> None:
    """Skip where the layer is absent."""
    if not probe().contained:
        pytest.skip(probe().summary())
    if "memory_group" not in probe().layers:
        pytest.skip(f"no memory control group: {probe().missing['memory_group']}")


def own_groups() -> list[Path]:
    """The groups of this process's workers, newest last."""
    found = [path for place in cgroup.places() for path in place.glob(f"itax-{os.getpid()}-*")]
    return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]))


def highest(group: Path) -> int:
    """Bytes the group ever held."""
    first = group / "memory.max_usage_in_bytes"
    return int((first if first.exists() else group / "memory.peak").read_text())


def test_a_tree_never_holds_more_than_its_limit(alone: LocalExecutor) -> None:
    """Eight processes that may have 256 MiB together get no page more, which no look in intervals can promise."""
    before = set(own_groups())
    assert Status.PASSED is alone.run([Program("x = 1", limits=SMALL)])[0].status
    (group,) = set(own_groups()) - before
    seen, over = [0], threading.Event()

    def look() -> None:
        # The figure begins anew as soon as the worker has noticed a kill.
        while not over.wait(0.001):
            seen[0] = max(seen[0], highest(group))

    looking = threading.Thread(target=look)
    looking.start()
    (spread,) = alone.run([Program(SPREAD, limits=SMALL)])
    over.set()
    looking.join()
    assert Status.OUT_OF_MEMORY is spread.status
    assert f"over {256 * MIB} bytes in all its processes together" == spread.detail
    assert 100 * MIB < seen[0] <= 256 * MIB
    assert Status.PASSED is alone.run([Program("assert sorted([2, 1]) == [1, 2]", limits=SMALL)])[0].status


def test_a_clean_end_hides_no_killed_process(alone: LocalExecutor) -> None:
    """A program that waits for its killed children and runs to its end took too much all the same."""
    source = SPREAD.replace("sleep(60)", "sleep(1); os._exit(0)")
    assert Status.OUT_OF_MEMORY is alone.run([Program(source, limits=SMALL)])[0].status
    within = source.replace("range(8)", "range(3)")
    assert Status.PASSED is alone.run([Program(within, limits=SMALL)])[0].status


def test_limits_follow_the_program(alone: LocalExecutor) -> None:
    """What is too much for one program is not for the next, and is again for the one after."""
    large = Limits(wall_seconds=30.0, memory_bytes=1024 * MIB)
    source = SPREAD.replace("sleep(60)", "sleep(1); os._exit(0)")
    programs = [Program(f"{source}# {n}", limits=limits) for n, limits in enumerate((SMALL, large, SMALL, large))]
    expected = [Status.OUT_OF_MEMORY, Status.PASSED] * 2
    assert expected == [verdict.status for verdict in alone.run(programs)]


@pytest.mark.parametrize("turn", ["subprocess.run(command)", "os.execv(command[0], command)"])
def test_files_in_the_scratch_directories_count(alone: LocalExecutor, turn: str) -> None:
    """They are memory; where no process of the program is to blame, the next program has a template all the same."""
    full = "head -c 90M /dev/zero > a; head -c 90M /dev/zero > /dev/shm/b; sleep 60"
    source = f"import os, subprocess\ncommand = ['/bin/sh', '-c', {full!r}]\n{turn}"
    limits = Limits(wall_seconds=30.0, memory_bytes=100 * MIB)
    alone.run([Program("x = 1", limits=limits)])
    worker = alone.worker_pids
    verdicts = alone.run([Program(source, limits=limits)])
    verdicts += alone.run([Program("x = 2", limits=limits)])
    assert [Status.OUT_OF_MEMORY, Status.PASSED] == [verdict.status for verdict in verdicts]
    assert worker == alone.worker_pids


def test_the_other_forms_of_test_are_limited_too(alone: LocalExecutor) -> None:
    """Programs judged by what they print or return get the same verdict."""
    printing = Program(f"{SPREAD}\nprint(1)", judge=StdioJudge((("", ("1",)),)), limits=SMALL)
    body = SPREAD.replace("\n", "\n    ")
    judge = CallJudge("f", (Call(encode([1]), b"V" + encode(1), seconds=30.0),))
    calling = Program(f"def f(x):\n    {body}\n    return x", judge=judge, limits=SMALL)
    assert [Status.OUT_OF_MEMORY] * 2 == [verdict.status for verdict in alone.run([printing, calling])]


def test_programs_have_no_way_to_the_group(alone: LocalExecutor) -> None:
    """The descriptors that lead to it are closed in a program; what it finds open is its channel."""
    source = """
import os
def is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
assert [number for number in range(3, 256) if is_open(number)] == [200]
assert not os.path.exists('/sys/fs/cgroup')
"""
    verdict = alone.run([Program(source, limits=SMALL)])[0]
    assert (Status.PASSED, "") == (verdict.status, verdict.detail)


def test_groups_end_with_their_workers() -> None:
    """A closed executor leaves none behind."""
    needs_group()
    before = own_groups()
    with LocalExecutor(workers=2) as running:
        running.run([Program(f"x = {n}") for n in range(40)])
        assert len(own_groups()) > len(before)
    assert before == own_groups()


def test_abandoned_groups_are_removed() -> None:
    """The next start removes groups whose owner is gone, and none that is held."""
    needs_group()
    held = cgroup.Group()
    try:
        abandoned = held.path.with_name("itax-1-999999999")
        abandoned.mkdir()
        cgroup.Group().close()
        assert (True, False) == (held.path.exists(), abandoned.exists())
    finally:
        held.close()
    assert not held.path.exists()


def described(folder: Path, mounts: str, groups: str) -> Path:
    """A /proc/self as the kernel would write it."""
    (folder / "mountinfo").write_text(mounts)
    (folder / "cgroup").write_text(groups)
    return folder


def test_absence_is_explained(tmp_path: Path) -> None:
    """No memory controller, or one that nobody handed on, is a reason in words."""
    own = tmp_path / "user" / "shell"
    own.mkdir(parents=True)
    mounts = f"40 30 0:38 / {tmp_path} rw,relatime - cgroup2 cgroup2 rw\n"
    with pytest.raises(cgroup.Unavailable, match="no memory control group is mounted here"):
        cgroup.places(described(tmp_path, "", "0::/user/shell\n"))
    with pytest.raises(cgroup.Unavailable, match="version 1 are not mounted here"):
        cgroup.places(described(tmp_path, mounts, "4:memory:/user/shell\n0::/user/shell\n"))
    with pytest.raises(cgroup.Unavailable, match=r"neither .*/user/shell nor .*/user hands memory limits on"):
        cgroup.places(described(tmp_path, mounts, "0::/user/shell\n"))
    if "memory_group" not in probe().layers:
        assert probe().missing["memory_group"]


def test_version_2_is_found_where_it_is_delegated(tmp_path: Path) -> None:
    """Below the own group where that hands limits on, else beside it, unless that would leave a limit."""
    own = tmp_path / "user" / "shell"
    own.mkdir(parents=True)
    mounts = f"40 30 0:38 / {tmp_path} rw,relatime - cgroup2 cgroup2 rw\n"
    proc = described(tmp_path, mounts, "0::/user/shell\n")
    (own.parent / "cgroup.subtree_control").write_text("cpu memory pids\n")
    (own / "memory.max").write_text("max\n")
    assert [own.parent] == cgroup.places(proc)
    (own / "memory.max").write_text("1073741824\n")
    with pytest.raises(cgroup.Unavailable, match="has a memory limit"):
        cgroup.places(proc)
    (own / "cgroup.subtree_control").write_text("memory\n")
    assert [own] == cgroup.places(proc)


def test_version_1_is_found_below_a_container_root(tmp_path: Path) -> None:
    """The path that the kernel names is read from the root of the mount, not of the machine."""
    mounts = f"35 31 0:32 /docker/a {tmp_path} rw - cgroup cgroup rw,memory\n"
    assert [tmp_path / "b"] == cgroup.places(described(tmp_path, mounts, "4:memory:/docker/a/b\n0::/\n"))


FILES_1 = {
    "memory.limit_in_bytes": "",
    "memory.memsw.limit_in_bytes": "",
    "memory.max_usage_in_bytes": "0\n",
    "memory.memsw.max_usage_in_bytes": "0\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
    "cgroup.procs": "",
}
FILES_2 = {
    "memory.max": "",
    "memory.swap.max": "",
    "memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n",
    "cgroup.procs": "",
}


def written(folder: Path, files: dict[str, str]) -> Path:
    """A group's files as the kernel would show them."""
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_version_2_tells_whose_limit_a_kill_was_for(tmp_path: Path) -> None:
    """A kill counts as the group's own only where the group itself was out of memory."""
    group = memory_group.MemoryGroup(str(written(tmp_path, FILES_2)))
    events = tmp_path / "memory.events"
    assert group.has_killed() is None
    events.write_text(events.read_text().replace("max 0", "max 7").replace("oom_kill 0", "oom_kill 1"))
    assert "from outside" == group.has_killed()
    events.write_text(events.read_text().replace("oom 0", "oom 1").replace("oom_kill 1", "oom_kill 2"))
    assert "by its limit" == group.has_killed()
    assert group.has_killed() is None


@pytest.mark.parametrize("peak", ["memory.max_usage_in_bytes", "memory.memsw.max_usage_in_bytes"])
def test_version_1_tells_whose_limit_a_kill_was_for(tmp_path: Path, peak: str) -> None:
    """Either of its two limits, once use came up to it, makes a kill the group's own; else it came from outside."""
    group = memory_group.MemoryGroup(str(written(tmp_path, FILES_1)))
    events = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"
    group.allow(512 * MIB)
    (tmp_path / peak).write_text(f"{300 * MIB}\n")
    (tmp_path / "memory.oom_control").write_text(events.format(1))
    assert "from outside" == group.has_killed()
    (tmp_path / peak).write_text(f"{512 * MIB - 4096}\n")
    assert group.has_killed() is None
    (tmp_path / "memory.oom_control").write_text(events.format(2))
    assert "by its limit" == group.has_killed()


def test_a_program_is_judged_by_its_own_use_alone(tmp_path: Path) -> None:
    """What an earlier one held with the same limit is forgotten."""
    group = memory_group.MemoryGroup(str(written(tmp_path, FILES_1)))
    group.allow(512 * MIB)
    (tmp_path / "memory.max_usage_in_bytes").write_text(f"{512 * MIB}\n")
    group.allow(512 * MIB)
    (tmp_path / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
    assert "from outside" == group.has_killed()
    assert group.held < 512 * MIB


@pytest.mark.parametrize(("files", "peak"), [(FILES_1, "memory.max_usage_in_bytes"), (FILES_2, "memory.peak")])
def test_what_was_held_is_told(tmp_path: Path, files: dict[str, str], peak: str) -> None:
    """In either version, with the kill."""
    written(tmp_path, {**files, peak: "0\n"})
    group = memory_group.MemoryGroup(str(tmp_path))
    group.allow(4096 * MIB)
    (tmp_path / peak).write_text(f"{3000 * MIB}\n")
    for name in ("memory.oom_control", "memory.events"):
        if (tmp_path / name).exists():
            (tmp_path / name).write_text((tmp_path / name).read_text().replace("oom_kill 0", "oom_kill 1"))
    assert ("from outside", 3000) == (group.has_killed(), group.held // MIB)


STARVED = r"""
import os, sys
with open(os.path.join(sys.argv[1], "cgroup.procs"), "w") as members:
    members.write(str(os.getpid()))
from itax_metrics.execution import Limits, LocalExecutor, Program
from itax_metrics.execution.calls import Call, CallJudge
from itax_metrics.execution.codec import encode
from itax_metrics.execution.programs import StdioJudge
limits = Limits(wall_seconds=60.0, memory_bytes=8 << 30)
body = f"block = b'x' * ({sys.argv[2]} << 20)"
calls = CallJudge("f", (Call(encode([1]), b"V" + encode(1), seconds=30.0),))
programs = [
    Program(body, limits=limits),
    Program(f"{body}\nprint(1)", judge=StdioJudge((("", ("1",)),)), limits=limits),
    Program(f"def f(x):\n    {body}\n    return x", judge=calls, limits=limits),
    Program("x = 1", limits=limits),
]
with LocalExecutor(workers=1) as executor:
    print(*(verdict.status.value for verdict in executor.run(programs)))
"""


def starved(outer_mib: int, taken_mib: int) -> list[str]:
    """Verdicts on programs that take so much, inside a group that has less than they want and may have."""
    needs_group()
    try:
        outer = cgroup.Group()
        for name in ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.max"):
            if (outer.path / name).exists():
                (outer.path / name).write_text(str(outer_mib * MIB))
    except OSError as error:
        pytest.skip(f"no group around the engine can be limited: {error}")
    if not (outer.path / "memory.limit_in_bytes").exists():
        pytest.skip("version 2 keeps a group with processes from having groups with limits below it")
    sources = str(Path(itax_metrics.execution.__file__).parents[2])
    try:
        done = subprocess.run(
            [sys.executable, "-c", STARVED, str(outer.path), str(taken_mib)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": sources},
        )
    finally:
        outer.close()
    assert 0 == done.returncode, done.stderr
    return done.stdout.split()


def test_a_full_group_outside_decides_nothing() -> None:
    """What the kernel kills for a limit around the program's own is the engine's failure, and is not kept."""
    assert ["harness_error"] * 3 + ["passed"] == starved(200, 600)


def test_who_takes_more_than_is_kept_free_is_out_of_memory() -> None:
    """The limit may be more than the machine has; a program that takes all of it decides about itself."""
    assert ["out_of_memory"] * 3 + ["passed"] == starved(2200, 3000)


def test_a_limit_that_is_refused_half_way_is_set_the_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only the limit with swap stays high, later programs get both limits as they are due."""
    group = memory_group.MemoryGroup(str(written(tmp_path, FILES_1)))
    plain, with_swap = tmp_path / "memory.limit_in_bytes", tmp_path / "memory.memsw.limit_in_bytes"
    real, busy = os.pwrite, True

    def pwrite(file: int, data: bytes, at: int) -> int:
        is_swap = os.path.samestat(os.fstat(file), with_swap.stat())
        if is_swap and busy:
            raise OSError(errno.EBUSY, "busy")
        if not is_swap and int(data) > int(with_swap.read_text() or sys.maxsize):
            raise OSError(errno.EINVAL, "over the limit with swap")
        os.ftruncate(file, 0)
        return real(file, data, at)

    busy = False
    monkeypatch.setattr(os, "pwrite", pwrite)
    group.allow(4096)
    for wanted in (4096, 8192, 2048, 1024):
        busy = True
        group.allow(1024)
        assert "1024" == plain.read_text()
        busy = False
        group.allow(wanted)
        assert [str(wanted)] * 2 == [plain.read_text(), with_swap.read_text()]
        group.allow(4096)


def test_a_mount_without_a_source_is_passed_over(tmp_path: Path) -> None:
    """The kernel leaves nothing between two spaces for it; the mounts after it are found all the same."""
    mounts = (
        "31 23 0:28 / /sys/fs rw - tmpfs  rw,mode=755\n"
        f"35 31 0:32 / {tmp_path} rw shared:3 - cgroup  rw,memory\n"
        "36 31 0:33 /\n"
    )
    assert [tmp_path / "b"] == cgroup.places(described(tmp_path, mounts, "4:memory:/b\n"))


def test_names_of_another_owner_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of another pid namespace may have this one's number, and hold as many groups as it likes."""
    monkeypatch.setattr(cgroup, "_numbers", itertools.count())
    monkeypatch.setattr(cgroup, "places", lambda: [tmp_path])
    held = []
    for number in range(20):
        path = tmp_path / f"itax-{os.getpid()}-{number}"
        path.mkdir()
        held.append(cgroup._locked(path))
    try:
        group = cgroup.Group()
        assert f"itax-{os.getpid()}-20" == group.path.name
        group.close()
    finally:
        for lock in held:
            assert lock is not None
            os.close(lock)


def test_a_group_that_nobody_can_join_is_no_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal stands under `missing`, and programs are judged without it."""
    needs_group()
    (written(tmp_path, FILES_2) / "cgroup.procs").unlink()
    (tmp_path / "cgroup.procs").symlink_to("/dev/full")

    class Refusing:
        path = tmp_path

        def close(self) -> None: ...

    monkeypatch.setattr(cgroup, "Group", Refusing)
    started = worker.Worker(worker.WorkerConfig(policy="prefer"))
    started.wait_until_ready()
    try:
        assert "memory_group" not in started.ready["layers"]
        assert "no process can join it" in started.ready["missing"]["memory_group"]
    finally:
        started.kill()


@pytest.mark.parametrize("lacking", ["memory_group", "seccomp"])
def test_a_worker_with_other_layers_than_the_probe_runs_nothing(lacking: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts are kept under the probe's layers, so a worker that did not get one of them is refused by name."""
    needs_group()
    real = worker.Worker._greet

    def greet(self: worker.Worker) -> dict[str, Any]:
        ready = real(self)
        return {**ready, "layers": [name for name in ready["layers"] if name != lacking], "missing": {lacking: "full"}}

    monkeypatch.setattr(worker.Worker, "_greet", greet)
    with LocalExecutor(workers=1) as running:
        (verdict,) = running.run([Program("x = 1")])
    assert (Status.HARNESS_ERROR, True) == (verdict.status, f"{lacking} (full)" in verdict.detail)
