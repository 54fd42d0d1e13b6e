"""Many programs at once: order, sharing, caching, interruption, lost workers."""

from __future__ import annotations

import io
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest

from itax_metrics.errors import ConfigError, ExecutionError
from itax_metrics.execution import Judge, Limits, LocalExecutor, Program, VerdictCache, probe
from itax_metrics.execution.progress import SHORT
from itax_metrics.records import Status, Verdict

PATIENT = Limits(wall_seconds=30.0)
KINDS = [
    ("x = {n}", Status.PASSED),
    ("assert {n} < 0", Status.FAILED),
    ("raise ValueError({n})", Status.ERROR),
    ("def {n}", Status.COMPILE_ERROR),
    ("import os; os._exit({n} % 2)", Status.ERROR),
]


def test_order_is_kept(executor: LocalExecutor) -> None:
    """Two hundred mixed programs come back in the order they went in, each reported once."""
    programs = [Program(KINDS[n % 5][0].format(n=n), limits=PATIENT) for n in range(200)]
    seen: dict[int, Verdict] = {}
    verdicts = executor.run(programs, on_verdict=lambda place, verdict: seen.update({place: verdict}))
    assert [KINDS[n % 5][1] for n in range(200)] == [verdict.status for verdict in verdicts]
    assert [seen[n] for n in range(200)] == verdicts


def test_nothing_to_run(executor: LocalExecutor) -> None:
    """No programs, no verdicts."""
    assert executor.run([]) == []


def test_equal_programs_run_once(executor: LocalExecutor) -> None:
    """Equal programs share one execution: their random draw is the same."""
    program = Program("import os\nraise ValueError(os.urandom(8))", limits=PATIENT)
    verdicts = executor.run([program] * 5)
    assert len({verdict.detail for verdict in verdicts}) == 1


def test_cached_programs_do_not_run(executor: LocalExecutor, tmp_path: Path) -> None:
    """A second run with the same cache executes nothing."""
    programs = [Program(f"import os\nraise ValueError({n}, os.urandom(8))", limits=PATIENT) for n in range(20)]
    with LocalExecutor(workers=1, cache=VerdictCache(tmp_path / "deep" / "verdicts.sqlite3")) as first:
        before = first.run(programs)
    with LocalExecutor(workers=1, cache=VerdictCache(tmp_path / "deep" / "verdicts.sqlite3")) as second:
        assert before == second.run(programs)
        assert second.worker_pids == ()


def test_broken_cache_costs_a_warning(executor: LocalExecutor, tmp_path: Path) -> None:
    """A file that is no database is reported and ignored."""
    path = tmp_path / "verdicts.sqlite3"
    path.write_bytes(b"this is not a database" * 100)
    with (
        LocalExecutor(workers=1, cache=VerdictCache(path)) as running,
        pytest.warns(RuntimeWarning, match="cannot be used"),
    ):
        assert running.run([Program("x = 1", limits=PATIENT)])[0].passed


def test_unwritable_cache_costs_a_warning(tmp_path: Path) -> None:
    """A place where no file can be made is reported and ignored."""
    (tmp_path / "file").write_text("")
    cache = VerdictCache(tmp_path / "file" / "verdicts.sqlite3")
    with pytest.warns(RuntimeWarning, match="ITAX_STATE_DIR"):
        cache.put({"a": Verdict(Status.PASSED)})
    assert cache.get_many(["a"]) == {}


def test_locked_cache_costs_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file another process will not let go of is reported and ignored."""
    monkeypatch.setattr("itax_metrics.execution.cache._WAIT_SECONDS", 0.1)
    path = tmp_path / "verdicts.sqlite3"
    VerdictCache(path).put({"a": Verdict(Status.PASSED)})
    holder = sqlite3.connect(path)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.warns(RuntimeWarning, match="locked"):
        VerdictCache(path).put({"b": Verdict(Status.PASSED)})
    holder.close()


def test_undecided_verdicts_are_not_stored(tmp_path: Path) -> None:
    """harness_error is never remembered; everything else is, unchanged."""
    cache = VerdictCache(tmp_path / "verdicts.sqlite3")
    kept = Verdict(Status.PASSED, 0.25, ("tampered",), "é \u2028")
    cache.put({"a": kept, "b": Verdict(Status.HARNESS_ERROR), "c": Verdict(Status.HARNESS_ERROR, flags=("pending",))})
    assert {"a": kept} == cache.get_many(["a", "b", "c", "d"])


def test_many_keys(tmp_path: Path) -> None:
    """More keys than one statement may name."""
    cache = VerdictCache(tmp_path / "verdicts.sqlite3")
    cache.put({str(n): Verdict(Status.PASSED, n) for n in range(3000)})
    assert len(cache.get_many(str(n) for n in range(4000))) == 3000


def test_keys_follow_the_runtime(executor: LocalExecutor) -> None:
    """The same program under another policy is another key."""
    program = Program("x = 1")
    with LocalExecutor(policy="off") as bare:
        assert program.key(executor.runtime) != program.key(bare.runtime)


def test_no_verdict_depends_on_the_callers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locale, time zone and search path are fixed: none of them is part of a key."""
    foreign = {"LANG": "de_DE.ISO-8859-1", "LC_ALL": "de_DE.ISO-8859-1", "TZ": "Asia/Tokyo", "PATH": "/nowhere"}
    for name, value in foreign.items():
        monkeypatch.setenv(name, value)
    source = """
import locale, os, shutil, sys, time
assert ("C.UTF-8", "UTC") == (os.environ["LANG"], os.environ["TZ"])
assert not [name for name in os.environ if name.startswith("LC_")]
assert ("UTC", "UTC") == time.tzname, time.tzname
assert "utf-8" == locale.getpreferredencoding().lower()
assert shutil.which("sh") in ("/usr/bin/sh", "/bin/sh")
assert shutil.which("python3").startswith(os.path.dirname(sys.executable))
"""
    with LocalExecutor(workers=1) as fresh:
        verdict = fresh.run([Program(source, limits=PATIENT)])[0]
    assert Status.PASSED is verdict.status, verdict


def test_killed_workers_lose_nothing(executor: LocalExecutor) -> None:
    """SIGKILL to the workers in the middle of a run: every program still gets its true verdict."""
    with LocalExecutor(workers=2) as running:
        killed: list[int] = []

        def strike(place: int, verdict: Verdict) -> None:
            if place in (20, 60) and running.worker_pids:
                killed.append(running.worker_pids[0])
                os.kill(killed[-1], signal.SIGKILL)

        programs = [Program(f"import time; time.sleep(0.01)\nassert {n} != 50", limits=PATIENT) for n in range(100)]
        verdicts = running.run(programs, on_verdict=strike)
    assert killed
    assert [Status.FAILED if n == 50 else Status.PASSED for n in range(100)] == [v.status for v in verdicts]


def test_worker_killed_while_idle(executor: LocalExecutor) -> None:
    """A warm worker that died between two runs is replaced unnoticed."""
    with LocalExecutor(workers=1) as running:
        assert running.run([Program("x = 1", limits=PATIENT)])[0].passed
        os.kill(running.worker_pids[0], signal.SIGKILL)
        time.sleep(0.2)
        assert running.run([Program("x = 2", limits=PATIENT)])[0].passed


def test_program_that_always_loses_its_worker(executor: LocalExecutor) -> None:
    """Two workers lost with one program: the program is to blame, its neighbours are not."""
    with LocalExecutor(workers=1) as running:
        stop = threading.Event()

        def hunt() -> None:
            while not stop.wait(0.5):
                for pid in running.worker_pids:
                    os.kill(pid, signal.SIGKILL)

        hunter = threading.Thread(target=hunt)
        hunter.start()
        try:
            verdict = running.run([Program("import time; time.sleep(25)", limits=PATIENT)])[0]
        finally:
            stop.set()
            hunter.join()
        assert Status.ERROR is verdict.status
        assert running.run([Program("x = 1", limits=PATIENT)])[0].passed


def test_profiles(executor: LocalExecutor) -> None:
    """Programs of several import profiles run in one call."""
    programs = [Program(f"x = {n}", profile=("bare", "numpy")[n % 2], limits=PATIENT) for n in range(10)]
    assert all(verdict.passed for verdict in executor.run(programs))


@pytest.mark.parametrize(
    "program",
    [
        Program("x", language="cobol"),
        Program("x", profile="everything"),
        Program("x", judge=Judge(kind="by_eye")),  # type: ignore[arg-type]
    ],
)
def test_unknown_kinds_are_refused(program: Program) -> None:
    """What the engine does not know is an error before anything runs."""
    with pytest.raises(ExecutionError, match="Nothing was executed"):
        LocalExecutor(policy="off").run([Program("x = 1"), program])


def test_bad_settings_are_refused() -> None:
    """Settings that cannot be honoured name the variable to change."""
    with pytest.raises(ConfigError, match="ITAX_SANDBOX"):
        LocalExecutor(policy="maybe")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="ITAX_WORKERS"):
        LocalExecutor(workers=0)


def test_failing_callback_ends_the_run(executor: LocalExecutor) -> None:
    """An exception of the caller's own function comes out, and no worker stays behind."""
    with LocalExecutor(workers=1) as running:

        def fail(place: int, verdict: Verdict) -> None:
            raise LookupError("mine")

        with pytest.raises(LookupError, match="mine"):
            running.run([Program("x = 1", limits=PATIENT)], on_verdict=fail)
        assert running.worker_pids == ()


def test_runs_from_a_thread(executor: LocalExecutor) -> None:
    """A run started in a short-lived thread leaves workers the next run can use."""
    outcomes: list[Verdict] = []
    with LocalExecutor(workers=1) as running:
        thread = threading.Thread(target=lambda: outcomes.extend(running.run([Program("x = 1", limits=PATIENT)])))
        thread.start()
        thread.join()
        outcomes += running.run([Program("x = 2", limits=PATIENT)])
    assert [verdict.passed for verdict in outcomes] == [True, True]


def test_forked_host_gets_its_own_workers(executor: LocalExecutor) -> None:
    """A forked copy of the host process does not disturb the workers of the original."""
    with LocalExecutor(workers=1) as running:
        assert running.run([Program("x = 1", limits=PATIENT)])[0].passed
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                status = 0 if running.run([Program("x = 2", limits=PATIENT)])[0].passed else 2
                running.close()
            finally:
                os._exit(status)
        verdicts = running.run([Program(f"x = {n}", limits=PATIENT) for n in range(20)])
        assert os.waitpid(pid, 0)[1] == 0
        assert all(verdict.passed for verdict in verdicts)


def test_interrupt_keeps_what_is_known(executor: LocalExecutor, tmp_path: Path) -> None:
    """Ctrl-C ends the run at once, leaves no worker, and the verdicts so far are in the cache."""
    script = tmp_path / "host.py"
    script.write_text(
        "import signal, sys\nfrom pathlib import Path\n"
        # A job started in the background may have been told to ignore Ctrl-C.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from itax_metrics.execution import *\n"
        "programs = [Program(f'x = {n}', limits=Limits(wall_seconds=60)) for n in range(10)]\n"
        "programs.append(Program('import time; time.sleep(50)', limits=Limits(wall_seconds=60)))\n"
        "executor = LocalExecutor(workers=1, cache=VerdictCache(Path(sys.argv[1])))\n"
        "def note(place, verdict):\n"
        "    if place == 9: print('go', *executor.worker_pids, flush=True)\n"
        "try:\n    executor.run(programs, on_verdict=note)\n"
        "except KeyboardInterrupt:\n    print('interrupted', executor.worker_pids, flush=True)\n"
    )
    path = tmp_path / "verdicts.sqlite3"
    host = subprocess.Popen(
        [sys.executable, str(script), str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **_source_path()},
    )
    assert host.stdout is not None
    word, pid = host.stdout.readline().split()
    assert word == "go"
    time.sleep(0.5)
    host.send_signal(signal.SIGINT)
    assert host.stdout.readline().strip() == "interrupted ()"
    assert host.wait(timeout=60) == 0
    assert not Path(f"/proc/{pid}").exists()
    rows = sqlite3.connect(path).execute("SELECT count(*) FROM verdicts").fetchone()
    assert rows == (10,)


def test_killed_host_leaves_nothing(executor: LocalExecutor, tmp_path: Path) -> None:
    """SIGKILL to the host process: its workers and their programs end by themselves."""
    script = tmp_path / "host.py"
    script.write_text(
        "import threading, time\nfrom itax_metrics.execution import *\n"
        "executor = LocalExecutor(workers=1)\n"
        "programs = [Program('x = 1'), Program('import time; time.sleep(100)', limits=Limits(wall_seconds=120))]\n"
        "executor.run(programs, on_verdict=lambda *_: print(*executor.worker_pids, flush=True))\n"
    )
    host = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env={**os.environ, **_source_path()}
    )
    assert host.stdout is not None
    pid = int(host.stdout.readline())
    host.kill()
    host.wait()
    for _ in range(300):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.1)
    pytest.fail("the worker outlived its host by 30 s")


def test_import_is_light() -> None:
    """Importing the engine pulls in no heavy library and starts nothing."""
    heavy = "{'torch', 'transformers', 'lm_eval', 'itax_tasks', 'datasets', 'pandas', 'scipy', 'tqdm', 'matplotlib'}"
    code = f"import sys, itax_metrics.execution; print(sorted({heavy} & set(sys.modules)))"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **_source_path()}
    )
    assert out.stdout.strip() == "[]"


def test_progress_goes_to_stderr_when_asked(executor: LocalExecutor, capfd: pytest.CaptureFixture[str]) -> None:
    """The bar carries its label and nothing is shown without asking."""
    executor.run([Program("x = 3", limits=PATIENT)])
    assert capfd.readouterr() == ("", "")
    with warnings.catch_warnings(), LocalExecutor(workers=1, progress="judging") as running:
        warnings.simplefilter("ignore")
        running.run([Program("x = 3", limits=PATIENT)])
    out, err = capfd.readouterr()
    assert out == ""
    assert "judging" in err


KNOWN = [Program(source, limits=PATIENT) for source in ("x = 1", "assert 0", "assert 0", "1 / 0")]


def test_progress_counts_verdicts_and_tells_the_rate(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A line at a time where there is no terminal, with those that were known from an earlier run."""
    with LocalExecutor(workers=1, progress="judging", cache=VerdictCache(tmp_path / "verdicts")) as running:
        running.run(KNOWN)
        first = capfd.readouterr().err.splitlines()
        running.run([*KNOWN, Program("y = 2", limits=PATIENT), Program("def", limits=PATIENT)])
        second = capfd.readouterr().err.splitlines()
    counted = r"judging: {}, \d+\.\d a second, {}"
    assert re.fullmatch(counted.format("4/4", "pass 1, fail 2, error 1"), first[-1])
    assert re.fullmatch(counted.format("1/6", "pass 1"), second[0])
    assert re.fullmatch(counted.format("6/6", "pass 2, fail 2, compile 1, error 1"), second[-1])


def test_progress_on_a_terminal_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """It carries label, rate and the count of each verdict."""
    pytest.importorskip("tqdm")
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    with LocalExecutor(workers=1, progress="judging") as running:
        running.run(KNOWN)
    last = terminal.getvalue().rstrip().rpartition("\r")[2]
    assert re.search(r"judging: +100%.*4/4 .*(program/s|s/program), pass 1, fail 2, error 1\]", last)


def test_progress_has_a_name_for_every_verdict() -> None:
    """Each its own, so that nothing decided is left out of the counts."""
    assert set(Status) == set(SHORT)
    assert len(SHORT) == len(set(SHORT.values()))


def test_probe_speaks_plainly() -> None:
    """The report's one line says either what holds or what is lacking and why."""
    assert probe().summary().startswith(("contained: ", "not contained: "))
    assert "\n" not in probe().summary()


def _source_path() -> dict[str, str]:
    import itax_metrics.execution

    return {"PYTHONPATH": str(Path(itax_metrics.execution.__file__).parents[2])}


def test_programs_expected_to_be_slow_start_first() -> None:
    """Whatever their place and profile; what was expected is no part of the key."""
    order: list[int] = []
    programs = [Program(f"x = {n}", limits=PATIENT, slow=n in (7, 19)) for n in range(20)]
    with LocalExecutor(workers=1) as running:
        running.run(programs, on_verdict=lambda place, _: order.append(place))
    assert [7, 19, 0, 1] == order[:4]
    assert 1 == len({Program("x", slow=slow).key("") for slow in (False, True)})


def test_a_slow_program_holds_nobody_up() -> None:
    """Nothing waits behind it in the queue of its worker, while another worker is idle."""
    ended: list[int] = []
    programs = [Program("import time; time.sleep(2)", limits=PATIENT, slow=True)]
    programs += [Program(f"y = {n}", limits=PATIENT) for n in range(40)]
    with LocalExecutor(workers=2) as running:
        running.run(programs, on_verdict=lambda place, _: ended.append(place))
    assert 0 == ended[-1]
