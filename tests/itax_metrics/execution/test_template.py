"""The process that programs are copies of: limits hold whatever a copy turns into, and its loss costs no verdict."""

from __future__ import annotations

import faulthandler
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import itax_metrics.execution
from itax_metrics.execution import Limits, LocalExecutor, Program, probe
from itax_metrics.execution.calls import Call, CallJudge
from itax_metrics.execution.codec import encode
from itax_metrics.execution.pool import Pool
from itax_metrics.execution.sandbox import probe as probing
from itax_metrics.execution.worker import Worker, WorkerConfig
from itax_metrics.records import Status, Verdict

linux = pytest.mark.skipif(sys.platform != "linux", reason="programs are executed on Linux")


def children(process: int) -> list[int]:
    """All descendants, parents first."""
    below = [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return [*below, *(pid for child in below for pid in children(child))]


def run_apart(script: str) -> tuple[int, str, str]:
    """A script in a Python of its own: exit status, output, complaints."""
    sources = str(Path(itax_metrics.execution.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": sources}
    )
    return done.returncode, done.stdout, done.stderr


def test_exec_frees_the_template_too_early(executor: LocalExecutor) -> None:
    """A program that turns into another one is still waited for, judged by its exit, and ended at its limit."""
    limits = Limits(wall_seconds=1.0)
    turned = [
        Program("import os; os.execv('/bin/sh', ['sh', '-c', 'exit 3'])", limits=limits),
        Program("import os; os.execv('/bin/sleep', ['sleep', '100'])", limits=limits),
        Program("x = 1", limits=limits),
    ]
    verdicts = executor.run(turned)
    assert [Status.ERROR, Status.TIMEOUT, Status.PASSED] == [verdict.status for verdict in verdicts]
    assert "exit status 3" in verdicts[0].detail


@linux
def test_cpu_time_of_the_template_counts() -> None:
    """Whoever closes an executor is charged for all its processes, the template included, which programs do not see."""
    programs = [Program(f"pass  # {number}") for number in range(600)]
    probe()  # starts a worker of its own, once a process
    before = os.times()
    with LocalExecutor(workers=1, policy="prefer") as executor:
        executor.run(programs)
        used = sum(cpu_seconds(process) for pid in executor.worker_pids for process in [pid, *children(pid)])
    after = os.times()
    charged = after.children_user + after.children_system - before.children_user - before.children_system
    # The clock ticks of /proc are 10 ms, for user and system each; the template alone uses more than ten of them.
    assert charged > used - 0.06


def cpu_seconds(process: int) -> float:
    """Of a process and those it has waited for, as /proc shows it."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def test_exec_by_a_function_under_test(executor: LocalExecutor) -> None:
    """A function that turns its process into another program has returned nothing; the process ends at its limit."""
    limits = Limits(wall_seconds=1.0)
    turned = [
        by_calls("import os\ndef f(x): os.execv('/bin/sh', ['sh', '-c', 'exit 3'])", limits),
        by_calls("import os\ndef f(x): os.execv('/bin/sleep', ['sleep', '100'])", limits),
        by_calls("f = lambda x: x + 1", limits),
    ]
    verdicts = executor.run(turned)
    assert [Status.ERROR, Status.TIMEOUT, Status.PASSED] == [verdict.status for verdict in verdicts]
    assert "exit status 3" in verdicts[0].detail


def test_orders_far_longer_than_a_pipe_holds(executor: LocalExecutor) -> None:
    """Arguments of megabytes arrive whole, and shorter ones after them."""
    calls = tuple(Call(encode(["x" * size]), b"V" + encode(size)) for size in (3_000_000, 5, 2_000_000))
    short = (Call(encode(["yy"]), b"V" + encode(2)),)
    programs = [Program("f = len", judge=CallJudge("f", each)) for each in (calls, short, calls[1:], short + calls)]
    assert [Status.PASSED] * 4 == [verdict.status for verdict in executor.run(programs)]


def test_limits_may_change_between_programs(executor: LocalExecutor) -> None:
    """Each program has its own limits, not those of the program before."""
    grab = "block = bytearray(600 << 20)"
    small, large = Limits(memory_bytes=256 << 20), Limits(memory_bytes=2 << 30)
    programs = [Program(f"{grab}; {n}", limits=limits) for n, limits in enumerate((small, large, small, large))]
    expected = [Status.OUT_OF_MEMORY, Status.PASSED] * 2
    assert expected == [verdict.status for verdict in executor.run(programs)]


def test_large_programs_reach_it_whole(executor: LocalExecutor) -> None:
    """Code far larger than a pipe holds arrives as it was compiled, and so does a source that is compiled there."""
    values = ", ".join(str(number) for number in range(10_000, 24_000))
    longer = ", ".join(str(number) for number in range(10_000, 40_000))
    programs = [
        Program(f"values = [{values}]\nassert sum(values) == sum(range(10_000, 24_000))"),
        Program(f"values = [{longer}]\nassert sum(values) == sum(range(10_000, 40_000))"),
    ]
    assert [Status.PASSED] * 2 == [verdict.status for verdict in executor.run(programs)]


@pytest.mark.parametrize("form", ["plain", "calls"])
def test_its_loss_costs_no_verdict(form: str, executor: LocalExecutor) -> None:
    """Killed under a running program, it takes its worker along; the program runs again in a fresh one."""
    source = "import time; time.sleep(1.5); f = lambda x: x + 1"
    make = Program if form == "plain" else by_calls
    slow = [make(f"{source}; {number}", limits=Limits(wall_seconds=30.0)) for number in range(2)]
    with LocalExecutor(workers=1) as running:
        running.run([make("f = lambda x: x + 1")])
        (launcher,) = running.worker_pids
        family = children(launcher)
        if len(family) < 2:
            pytest.skip("no template without namespaces")
        thread = threading.Timer(0.5, os.kill, (family[1], signal.SIGKILL))
        thread.start()
        verdicts = running.run(slow)
        thread.join()
        assert [Status.PASSED] * 2 == [verdict.status for verdict in verdicts]
        assert (launcher,) != running.worker_pids


@linux
def test_the_shared_page_is_kept_from_programs() -> None:
    """A process forked afterwards that reads the page dies of it; this one, and the number, live on."""
    from itax_metrics.execution.sandbox import syscalls

    number = syscalls.SharedNumber()
    number.value = 7
    number.keep_from_children()
    child = os.fork()
    if child == 0:
        faulthandler.disable()
        os._exit(number.value)
    assert -signal.SIGSEGV == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert 7 == number.value


@linux
def test_the_interpreter_goes_on_from_huge_pages() -> None:
    """Its code has moved, or nothing has: either way it compiles, imports and calls libraries as before."""
    script = (
        "from itax_metrics.execution import huge_pages\n"
        "count = huge_pages.move_code()\n"
        "import decimal, json, re\n"
        "assert json.loads('[1.5]') == [1.5] and re.sub('a+', 'b', 'caat') == 'cbt'\n"
        "assert eval('decimal.Decimal(1) / 3 * 3') < 1\n"
        "held = [line.split()[1] for line in open('/proc/self/smaps_rollup') if line.startswith('AnonHugePages')]\n"
        "assert int(held[0]) >= count * huge_pages.SIZE // 1024\n"
        "print(count)\n"
    )
    status, printed, complaint = run_apart(script)
    assert (0, "") == (status, complaint)
    assert int(printed) >= 0


LIBRARY = """
static const char held[6 << 20] = {1};
const char *volatile keep = held;
char written[100] = {1};
int inside(void) { return keep[5]; }
void *const relocated[1 << 17] = {(void *)inside, [70000] = (void *)inside};
"""


@linux
def test_gaps_between_segments_are_not_read(tmp_path: Path) -> None:
    """A file whose segments are aligned to 2 MiB has unreadable mappings beside its code; those stay where they are."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler to make such a library")
    source, library = tmp_path / "aligned.c", tmp_path / "aligned.so"
    source.write_text(LIBRARY)
    layout = ["-Wl,-z,max-page-size=0x200000", "-Wl,-z,noseparate-code"]
    subprocess.run([compiler, "-shared", "-fPIC", *layout, "-o", library, source], check=True)
    script = (
        "import ctypes\n"
        f"library = ctypes.CDLL({str(library)!r})\n"
        "address = ctypes.cast(library.inside, ctypes.c_void_p).value\n"
        f"rights = [line.split()[1] for line in open('/proc/self/maps') if {library.name!r} in line]\n"
        "assert '---p' in rights, rights\n"
        "from itax_metrics.execution import huge_pages\n"
        "huge_pages._address_of_the_interpreter = lambda: address\n"
        "huge_pages.move_code()\n"
        "print(library.inside())\n"
    )
    assert (0, "0\n", "") == run_apart(script)


@linux
def test_a_crash_at_the_start_costs_the_huge_pages_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a worker dies of its move to huge pages the probe goes on without them, and says so."""
    if not probe().contained:
        pytest.skip(probe().summary())

    class Fragile(Worker):
        def wait_until_ready(self) -> None:
            if "huge_pages" not in dict(self.config.skip):
                self._process.kill()
            super().wait_until_ready()

    monkeypatch.setattr(probing, "Worker", Fragile)
    report = probing.probe.__wrapped__()
    assert (True, probe().layers) == (report.contained, report.layers)
    assert "crash" in report.missing["huge_pages"]


LOOK = """
import gc
held = [each for each in gc.get_objects() if type(each) is dict and "source" in each and "limits" in each]
assert not held, sorted(each["source"][:20] for each in held)
"""


def test_it_holds_no_other_program() -> None:
    """Neither those read together with the first one nor those after are to be found in a program's process."""
    if not probe().contained:
        pytest.skip(probe().summary())
    with LocalExecutor(workers=1) as running:
        programs = [*(Program(f"secret_{n} = {n}") for n in range(40)), Program(LOOK)]
        assert {Status.PASSED} == {verdict.status for verdict in running.run(programs)}
        (later,) = running.run([Program(f"{LOOK}# later")])
        assert (Status.PASSED, "") == (later.status, later.detail)
        looking = "\n    ".join(LOOK.splitlines())
        asked = [
            *(by_calls(f"f = lambda x: x + 1; {n}") for n in range(40)),
            by_calls(f"def f(x):{looking}\n    return x + 1"),
        ]
        assert {Status.PASSED} == {verdict.status for verdict in running.run(asked)}


WRAPPER = """#!{python} -I
import os, sys, types
_, isolated, script, configuration = sys.argv
execution = os.path.dirname(script)
for name, path in (("itax_metrics", os.path.dirname(execution)), ("itax_metrics.execution", execution)):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [path]
from itax_metrics.execution import processes
from itax_metrics.execution.sandbox import syscalls
{patch}
sys.argv = [script, configuration]
sys.path.insert(0, execution)
import zygote
zygote.boot()
"""
"""An interpreter whose worker starts with a patch."""
REFUSED_CLONE = """
def refusing(flags, *rest, real=syscalls.clone, **more):
    def start():
        raise OSError(22, "no such clone")
    return start if flags & {flags} else real(flags, *rest, **more)
syscalls.clone = refusing
"""
REFUSED_GROUP = """
def refusing(self, real=processes.Processes.join_group):
    # The worker is 1 among its processes, and a program is 1 in a namespace of its own; the template is neither.
    if {whoever} or os.getpid() != 1:
        raise OSError(13, "not for you")
    real(self)
processes.Processes.join_group = refusing
"""


def by_calls(source: str, limits: Limits | None = None) -> Program:
    """A program that is right if its function `f` adds one."""
    calls = tuple(Call(encode([number]), b"V" + encode(number + 1)) for number in range(3))
    return Program(source, limits=limits or Limits(), judge=CallJudge("f", calls))


PLAIN = (Program("x = 1"), Program("x = 2"), Program("assert False"))
BY_CALLS = (by_calls("f = lambda x: x + 1"), by_calls("f = lambda x: 1 + x"), by_calls("f = lambda x: x"))


def run_with(patch: str, folder: Path, programs: tuple[Program, ...] = PLAIN) -> list[Verdict]:
    """Programs in one worker whose modules are patched before it starts."""
    if not probe().contained:
        pytest.skip(probe().summary())
    interpreter = folder / "python"
    interpreter.write_text(WRAPPER.format(python=sys.executable, patch=patch))
    interpreter.chmod(0o755)
    skip = tuple(probe().missing.items())
    pool = Pool(1, lambda profile, size: WorkerConfig("prefer", profile, size, skip, interpreter=str(interpreter)))
    verdicts: dict[int, Verdict] = {}
    try:
        pool.run(programs, verdicts.__setitem__)
    finally:
        pool.close()
    return [verdicts[number] for number in range(len(programs))]


@pytest.mark.parametrize(
    "patch",
    [
        "",
        REFUSED_CLONE.format(flags="syscalls.CLONE_PARENT"),
        REFUSED_CLONE.format(flags="-1"),
        REFUSED_GROUP.format(whoever=False),
    ],
    ids=["nothing", "its clone", "every clone", "its place in the group"],
)
@pytest.mark.parametrize("programs", [PLAIN, BY_CALLS], ids=["plain", "calls"])
def test_without_it_the_worker_forks(patch: str, programs: tuple[Program, ...], tmp_path: Path) -> None:
    """Whatever the kernel refuses the template, programs are judged all the same."""
    verdicts = run_with(patch, tmp_path, programs)
    assert [Status.PASSED, Status.PASSED, Status.FAILED] == [verdict.status for verdict in verdicts], verdicts


@pytest.mark.parametrize("programs", [PLAIN, BY_CALLS], ids=["plain", "calls"])
def test_a_group_closed_to_programs_decides_nothing(programs: tuple[Program, ...], tmp_path: Path) -> None:
    """Where no process can join any more it is the engine that failed, and the reason is told."""
    for verdict in run_with(REFUSED_GROUP.format(whoever=True), tmp_path, programs):
        assert (Status.HARNESS_ERROR, True) == (verdict.status, "not for you" in verdict.detail), verdict


ALONE = """
import faulthandler, os
from itax_metrics.execution import template
from itax_metrics.execution.sandbox import syscalls

class Processes:
    become = None
    def fork_here(self): ...
    def join_group(self): {join}

def held():
    shared = [line for line in open("/proc/self/maps") if line.split()[1] == "rw-s"]
    return len(os.listdir("/proc/self/fd")), len(shared)

def refuse(*_, **__):
    raise OSError(24, "refused")

before = held()
{patch}
try:
    made = template.Template(Processes(), 0, {{}})
except OSError as error:
    print("refused" if "refused" in str(error) else error)
    after = held()
    assert before == after, (before, after)
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        print("nothing left")
else:
    faulthandler.disable()
    child = os.fork()
    if child == 0:
        made._page.value = 1
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    made.bury()
    assert before == held(), (before, held())
"""


@linux
@pytest.mark.parametrize(
    ("patch", "join"),
    [
        ("syscalls.clone = lambda *_: refuse", "..."),
        ("os.pidfd_open = refuse", "..."),
        ("syscalls.SharedNumber.keep_from_children = refuse", "..."),
        ("", "refuse()"),
    ],
    ids=["the clone", "its descriptor", "the page", "the group"],
)
def test_nothing_is_left_of_one_that_cannot_be(patch: str, join: str) -> None:
    """Pipes, page and process are gone again, whichever step is refused."""
    assert (0, "refused\nnothing left\n", "") == run_apart(ALONE.format(patch=patch, join=join))


@linux
def test_programs_of_the_worker_itself_have_no_page_either() -> None:
    """What the worker forks beside its template dies of touching the number that both share."""
    assert (0, f"{-signal.SIGSEGV}\n", "") == run_apart(ALONE.format(patch="", join="..."))
