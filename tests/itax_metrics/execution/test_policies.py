"""What happens where the machine does not give every layer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from itax_metrics.execution import Limits, LocalExecutor, Program, SandboxReport, VerdictCache, executor, probe
from itax_metrics.execution.worker import Worker, WorkerConfig
from itax_metrics.records import Status

PATIENT = Limits(wall_seconds=30.0)
REASON = "left out by this test"


@pytest.fixture
def without_namespaces(monkeypatch: pytest.MonkeyPatch) -> SandboxReport:
    """A machine that, as many containers do, forbids user namespaces."""
    real = probe()
    if not real.usable:
        pytest.skip(real.summary())
    worker = Worker(WorkerConfig("prefer", skip=tuple({**real.missing, "namespaces": REASON}.items())))
    worker.wait_until_ready()
    worker.kill()
    # Contained by landlock and seccomp alone it may be here, on most such machines it is not.
    report = SandboxReport(tuple(worker.ready["layers"]), worker.ready["missing"], frozenset({"network"}))
    monkeypatch.setattr(executor, "probe", lambda: report)
    return report


@pytest.fixture
def fallback(without_namespaces: SandboxReport) -> Iterator[LocalExecutor]:
    """An executor that prefers what there is."""
    with LocalExecutor(workers=1, policy="prefer") as running:
        yield running


def test_require_executes_nothing_uncontained(without_namespaces: SandboxReport, tmp_path: Path) -> None:
    """Without containment `require` leaves everything pending, says why and names both remedies."""
    marker = tmp_path / "ran"
    with LocalExecutor(cache=VerdictCache(tmp_path / "verdicts.sqlite3")) as running:
        verdict = running.run([Program(f"open({str(marker)!r}, 'w')")])[0]
    assert Status.HARNESS_ERROR is verdict.status
    assert verdict.flags == ("pending",)
    assert not verdict.decided
    for word in (REASON, "itax score", "ITAX_SANDBOX=prefer"):
        assert word in verdict.detail
    assert not marker.exists()
    assert not (tmp_path / "verdicts.sqlite3").exists()


def test_require_still_uses_the_cache(without_namespaces: SandboxReport, tmp_path: Path) -> None:
    """A verdict that is known needs no execution, whatever the machine allows."""
    cache = VerdictCache(tmp_path / "verdicts.sqlite3")
    running = LocalExecutor(cache=cache)
    program = Program("assert False")
    from itax_metrics.records import Verdict

    cache.put({program.key(running.runtime): Verdict(Status.FAILED, 0.5)})
    assert [Verdict(Status.FAILED, 0.5)] == running.run([program])


def test_other_systems_execute_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """On macOS and Windows every policy leaves programs pending."""
    monkeypatch.setattr("sys.platform", "darwin")
    verdict = LocalExecutor(policy="off", workers=1).run([Program("x = 1")])[0]
    assert verdict.flags == ("pending",)
    assert "Linux" in verdict.detail


def test_prefer_runs_with_what_there_is(fallback: LocalExecutor) -> None:
    """Verdicts are the same without namespaces."""
    sources = ["x = 1", "assert 0", "1 / 0", "def", "import os; os._exit(0)", "bytearray(5 << 30)"]
    wanted = ["passed", "failed", "error", "compile_error", "error", "out_of_memory"]
    verdicts = fallback.run([Program(source, limits=PATIENT) for source in sources])
    assert wanted == [verdict.status.value for verdict in verdicts]
    assert "namespaces" not in fallback.describe()["layers"]


def test_fallback_kills_descendants(fallback: LocalExecutor) -> None:
    """Without a pid namespace a daemon in a session of its own is found and killed as well."""
    source = (
        "import os, time\nreader, writer = os.pipe()\n"
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        os.write(writer, str(os.getpid()).encode()); time.sleep(100)\n    os._exit(0)\n"
        "raise ValueError(os.read(reader, 20).decode())"
    )
    verdict = fallback.run([Program(source, limits=PATIENT)])[0]
    pid = int(verdict.detail.rpartition(" ")[2])
    assert not Path(f"/proc/{pid}").exists()


def test_fallback_kills_what_hangs(fallback: LocalExecutor) -> None:
    """The wall limit holds without namespaces, and the scratch directory is emptied."""
    source = "import os\nopen('left', 'w').close()\nos.fork()\nwhile True: pass"
    verdicts = fallback.run(
        [Program(source, limits=Limits(wall_seconds=1.0)), Program("import os; assert not os.listdir('.')")]
    )
    assert [verdict.status for verdict in verdicts] == [Status.TIMEOUT, Status.PASSED]


def test_fallback_landlock_guards_files(fallback: LocalExecutor, tmp_path: Path) -> None:
    """Where Landlock exists, files outside can be neither read nor written without namespaces."""
    if "landlock" in probe().missing:
        pytest.skip(probe().missing["landlock"])
    secret = tmp_path / "secret"
    secret.write_text("token")
    reading, writing = fallback.run(
        [Program(f"open({str(secret)!r}).read()"), Program(f"open({str(secret)!r}, 'w').write('x')")]
    )
    assert reading.detail.startswith("PermissionError")
    assert writing.detail.startswith("PermissionError")
    assert secret.read_text() == "token"


def test_fallback_seccomp_guards_network(fallback: LocalExecutor) -> None:
    """Where seccomp exists, no socket can be made without namespaces."""
    if "seccomp" in probe().missing:
        pytest.skip(probe().missing["seccomp"])
    verdict = fallback.run([Program("import socket; socket.socket()", limits=PATIENT)])[0]
    assert verdict.detail.startswith("PermissionError")


def test_off_runs_with_limits_only() -> None:
    """`off` says so in its record and still judges."""
    with LocalExecutor(workers=1, policy="off") as running:
        verdicts = running.run([Program("x = 1", limits=PATIENT), Program("bytearray(5 << 30)", limits=PATIENT)])
        assert running.describe()["layers"] == ["off"]
    assert [verdict.status for verdict in verdicts] == [Status.PASSED, Status.OUT_OF_MEMORY]


def test_engine_that_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """If no worker comes up every program is a harness error with the reason, and nothing hangs or raises."""
    monkeypatch.setattr("itax_metrics.execution.worker.sys.executable", "/nonexistent/python")
    with LocalExecutor(workers=2, policy="off") as running:
        verdicts = running.run([Program(f"x = {n}") for n in range(5)])
    assert {Status.HARNESS_ERROR} == {verdict.status for verdict in verdicts}
    assert "/nonexistent/python" in verdicts[0].detail
