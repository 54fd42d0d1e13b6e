"""Hostile programs in other languages reach nothing but themselves; one property per test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from itax_metrics.execution import Limits, LocalExecutor, Program, languages, probe
from itax_metrics.execution.programs import StdioJudge
from itax_metrics.records import Status, Verdict

Run = Callable[..., Verdict]

INCLUDES = (
    "#include <bits/stdc++.h>\n#include <dirent.h>\n#include <fcntl.h>\n#include <signal.h>\n#include <sys/socket.h>\n"
    "#include <netinet/in.h>\n#include <unistd.h>\n#include <sys/stat.h>\n"
)


@pytest.fixture(scope="module")
def compiling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalExecutor]:
    """One worker, with a place for compiled programs."""
    if not probe().contained:
        pytest.skip(probe().summary())
    with LocalExecutor(workers=1, artifacts=tmp_path_factory.getbasetemp() / "compiled") as running:
        yield running


@pytest.fixture(scope="module")
def run(compiling: LocalExecutor) -> Run:
    """Run one source on no input and say what it must print."""

    def once(language: str, source: str, *outputs: str) -> Verdict:
        lacking = languages.missing(language)
        if lacking is not None:
            pytest.skip(lacking)
        judge = StdioJudge(tuple(("", (output,)) for output in outputs))
        limits = Limits(wall_seconds=60.0, memory_bytes=languages.EXECEVAL[language].memory_bytes)
        return compiling.run([Program(source, language, judge, limits)])[0]

    return once


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of the host that everybody may read."""
    path = tmp_path / "secret.txt"
    path.write_text("42")
    for above in (path, *path.parents):
        if above.owner() == path.owner() and above.is_relative_to("/tmp"):
            above.chmod(above.stat().st_mode | 0o055)
    return path


def test_control(run: Run) -> None:
    """A program of this form passes when it prints what is wanted."""
    assert Status.PASSED is run("cpp", INCLUDES + 'int main() { puts("1"); }', "1", "1").status


def test_files_of_the_host_are_not_there(run: Run, secret: Path) -> None:
    """Neither the running program nor the compiler reads a file of the host."""
    reading = INCLUDES + f'int main() {{ std::ifstream f("{secret}"); puts(f ? "open" : "closed"); }}'
    assert Status.PASSED is run("cpp", reading, "closed").status
    including = f'#include <cstdio>\nint x =\n#include "{secret}"\n;\nint main() {{ printf("%d", x); }}'
    assert Status.COMPILE_ERROR is run("cpp", including, "42").status


def test_the_network_is_not_there(run: Run) -> None:
    """A listening socket of the host cannot be reached."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        source = INCLUDES + (
            "int main() { int s = socket(AF_INET, SOCK_STREAM, 0); sockaddr_in a{}; a.sin_family = AF_INET;\n"
            f"a.sin_port = htons({port}); a.sin_addr.s_addr = htonl(0x7f000001);\n"
            'puts(s < 0 || connect(s, (sockaddr *)&a, sizeof a) ? "no" : "yes"); }'
        )
        assert Status.PASSED is run("cpp", source, "no").status


def test_processes_of_the_host_are_not_there(run: Run) -> None:
    """A process of the same user can neither be seen nor be signalled."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as bystander:
        source = INCLUDES + f'int main() {{ kill({bystander.pid}, SIGKILL); kill(-1, SIGKILL); puts("1"); }}'
        run("cpp", source, "1")
        assert bystander.poll() is None
        bystander.send_signal(signal.SIGKILL)


def test_nothing_stays_between_cases(run: Run) -> None:
    """The second case finds neither a file nor a child of the first one, and its own files as they were."""
    source = INCLUDES + (
        'int main() { int n = 0; DIR *d = opendir("."); while (readdir(d)) n++;\n'
        'int fd = open("left", O_CREAT | O_WRONLY, 0644); close(fd); remove("test.out"); printf("%d", n);\n'
        "if (fork() == 0) { setsid(); sleep(100); } }"
    )
    assert Status.PASSED is run("cpp", source, "3", "3").status


def test_many_processes_are_refused(run: Run) -> None:
    """A fork bomb ends with its program."""
    source = (
        INCLUDES
        + 'int main() { for (int i = 0; i < 100000; i++) if (fork() < 0) { puts("1"); _exit(0); } sleep(100); }'
    )
    run("cpp", source, "1")
    assert Status.PASSED is run("cpp", INCLUDES + 'int main() { puts("1"); }', "1").status


def test_proc_shows_a_program_only_itself(run: Run) -> None:
    """Mono needs a /proc; in it there is one process, and no memory of another can be opened."""
    source = (
        "using System; using System.IO; using System.Linq;\nclass P {\n"
        '  static string Of(int pid, string what) { return "/proc/" + pid + "/" + what; }\n'
        "  static void Main() {\n"
        "    int mine = int.Parse(File.ReadAllText(\"/proc/self/stat\").Split(' ')[0]);\n"
        '    var seen = Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(n => n.All(char.IsDigit));\n'
        "    Console.WriteLine(seen.All(n => int.Parse(n) == mine));\n"
        "    for (int pid = 1; pid < 99; pid++) try {\n"
        '      using (File.OpenRead(Of(pid, "mem"))) {}\n'
        # Its own threads have numbers too.
        '      if (!File.ReadAllText(Of(pid, "status")).Contains("Tgid:\\t" + mine + "\\n")) Console.WriteLine(pid);\n'
        "    } catch (Exception) {}\n"
        '    Console.WriteLine(File.Exists("/proc/sys/kernel/hostname"));\n  }\n}\n'
    )
    verdict = run("csharp", source, "True\nFalse")
    assert (Status.PASSED, "") == (verdict.status, verdict.detail)


def test_java_annotations_run_no_code(run: Run) -> None:
    """The compiler that stays up processes no annotations, the only way a source runs code in it."""
    source = (
        "import java.util.Set; import javax.annotation.processing.*; import javax.lang.model.element.*;\n"
        "public class Main extends AbstractProcessor {\n"
        "  public boolean process(Set<? extends TypeElement> a, RoundEnvironment r) { System.exit(0); return true; }\n"
        "  @Deprecated public static void main(String[] a) { System.out.println(1); }\n}\n"
    )
    assert Status.PASSED is run("java", source, "1").status
    assert Status.PASSED is run("java", source + "\n", "1").status


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_programs_do_not_run_as_root(run: Run) -> None:
    """Started by root, programs run as nobody."""
    assert Status.PASSED is run("cpp", INCLUDES + 'int main() { printf("%d", getuid() == 0); }', "0").status
