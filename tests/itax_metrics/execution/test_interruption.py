"""The scoring process is killed at any moment: nothing is lost, nothing is counted twice, nothing stays behind."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import itax_metrics.execution
from itax_metrics.execution import Limits, LocalExecutor, Program, VerdictCache
from itax_metrics.records import Status

SOURCES = str(Path(itax_metrics.execution.__file__).parents[2])
COUNT = 60
SCRIPT = """
import sys
from pathlib import Path
from itax_metrics.execution import *
import itax_metrics.execution.executor as executor
executor._SAVE_EVERY_SECONDS = 0.05
count = int(sys.argv[2])
limits = Limits(wall_seconds=30)
programs = [Program(f"import time; time.sleep(0.02)\\nassert {n} % 3", limits=limits) for n in range(count)]
with LocalExecutor(workers=2, cache=VerdictCache(Path(sys.argv[1]))) as running:
    running.run(programs, on_verdict=lambda *_: print(*running.worker_pids, flush=True))
"""


def _programs() -> list[Program]:
    limits = Limits(wall_seconds=30)
    return [Program(f"import time; time.sleep(0.02)\nassert {n} % 3", limits=limits) for n in range(COUNT)]


def test_killed_at_random_moments(executor: LocalExecutor, tmp_path: Path) -> None:
    """Ten times SIGKILL amid runs over one cache: the last run completes it, each verdict true and once."""
    moments = random.Random(20)
    path, script = tmp_path / "verdicts.sqlite3", tmp_path / "host.py"
    script.write_text(SCRIPT)
    known = 0
    for _ in range(10):
        host = subprocess.Popen(
            [sys.executable, str(script), str(path), str(COUNT)],
            stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": SOURCES},
        )  # fmt: skip
        assert host.stdout is not None
        for _ in range(moments.randrange(1, COUNT // 3)):
            if not host.stdout.readline():
                break
        time.sleep(moments.random() / 50)
        host.kill()
        host.wait()
        host.stdout.close()
        now = len(_stored(path))
        assert now >= known
        known = now
    programs = _programs()
    reported: list[int] = []
    with LocalExecutor(workers=2, cache=VerdictCache(path)) as running:
        verdicts = running.run(programs, on_verdict=lambda place, verdict: reported.append(place))
    assert sorted(reported) == list(range(COUNT))
    assert [Status.PASSED if n % 3 else Status.FAILED for n in range(COUNT)] == [v.status for v in verdicts]
    rows = _stored(path)
    assert len(rows) == len(set(rows)) == COUNT


def test_nothing_outlives_the_host(executor: LocalExecutor, tmp_path: Path) -> None:
    """After SIGKILL to the host its workers, a running program and that one's daemon are gone within seconds."""
    mark = f"itax-orphan-{os.getpid()}"
    source = (
        "import os, time\nfor _ in range(3):\n    if os.fork() == 0:\n        os.setsid()\n"
        f"        os.execvp('sleep', ['{mark}', '1000'])\ntime.sleep(100)"
    )
    script = tmp_path / "host.py"
    script.write_text(
        "import sys\nfrom itax_metrics.execution import *\nlimits = Limits(wall_seconds=120)\n"
        "executor = LocalExecutor(workers=2)\n"
        "executor.run([Program('x = 1'), Program(sys.argv[1], limits=limits)],"
        " on_verdict=lambda *_: print(*executor.worker_pids, flush=True))\n"
    )
    host = subprocess.Popen(
        [sys.executable, str(script), source], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": SOURCES}
    )
    assert host.stdout is not None
    workers = {int(pid) for pid in host.stdout.readline().split()}
    assert workers
    give_up = time.monotonic() + 30
    while len(_named(mark)) < 3 and time.monotonic() < give_up:
        time.sleep(0.05)
    assert len(_named(mark)) == 3
    host.send_signal(signal.SIGKILL)
    host.wait()
    host.stdout.close()
    give_up = time.monotonic() + 10
    while (_named(mark) or _alive(workers)) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert not _named(mark)
    assert not _alive(workers)


def _stored(path: Path) -> list[str]:
    if not path.exists():
        return []
    connection = sqlite3.connect(path, timeout=30)
    try:
        return [key for (key,) in connection.execute("SELECT key FROM verdicts")]
    except sqlite3.OperationalError:
        return []
    finally:
        connection.close()


def _named(mark: str) -> list[str]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                command = Path(f"/proc/{entry}/cmdline").read_bytes()
            except OSError:
                continue
            if command.startswith(mark.encode()):
                found.append(entry)
    return found


def _alive(pids: set[int]) -> set[int]:
    found = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            found.add(pid)
    return found
