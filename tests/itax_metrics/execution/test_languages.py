"""Programs in languages with processes of their own: compiled, run and judged behind the same fence."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from itax_metrics.errors import ExecutionError
from itax_metrics.execution import Limits, LocalExecutor, Program, VerdictCache, languages, probe
from itax_metrics.execution.languages import cpp, java
from itax_metrics.execution.languages.cache import ArtifactCache
from itax_metrics.execution.programs import StdioJudge
from itax_metrics.records import Status, Verdict

MIB = 1024 * 1024
PATIENT = 60.0
ALL = tuple(languages.PROCESSES)

SOURCES = {
    "cpp": "#include <iostream>\nint main() { long n; std::cin >> n; %s std::cout << n * 2 << '\\n'; }\n",
    "java": (
        "import java.util.*;\npublic class Main {\n  public static void main(String[] a) throws Exception {\n"
        "    long n = new Scanner(System.in).nextLong();\n    %s\n    System.out.println(n * 2);\n  }\n}\n"
    ),
    "csharp": (
        "using System;\nclass P {\n  static void Main() {\n    long n = long.Parse(Console.ReadLine());\n    %s\n"
        "    Console.WriteLine(n * 2);\n  }\n}\n"
    ),
    "pypy": "import os, sys\nn = int(input())\n%s\nprint(n * 2)\n",
}
"""Programs that double a number; the mark stands where a test puts its own statement."""

Run = Callable[..., Verdict]


def needs(language: str) -> None:
    """Skip where the compiler is not installed, naming the package."""
    lacking = languages.missing(language)
    if lacking is not None:
        pytest.skip(lacking)


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled programs and precompiled headers, one place for all modules of a session."""
    return tmp_path_factory.getbasetemp() / "compiled"


@pytest.fixture(scope="module")
def compiling(toolbox: Path) -> Iterator[LocalExecutor]:
    """One worker at a time, with a place for compiled programs."""
    if not probe().contained:
        pytest.skip(probe().summary())
    with LocalExecutor(workers=1, artifacts=toolbox) as running:
        yield running


@pytest.fixture(scope="module")
def run(compiling: LocalExecutor) -> Run:
    """Run the doubling program of a language with one more statement, on 21 and 4."""

    def once(language: str, statement: str = "", source: str | None = None, **limits: Any) -> Verdict:
        needs(language)
        judge = StdioJudge((("21\n", ("42",)), ("4\n", ("8",))))
        text = SOURCES[language] % statement if source is None else source
        return compiling.run([Program(text, language, judge, Limits(**{**_roomy(language), **limits}))])[0]

    return once


def _roomy(language: str) -> dict[str, Any]:
    return {"wall_seconds": PATIENT, "memory_bytes": languages.EXECEVAL[language].memory_bytes}


@pytest.mark.parametrize("language", ALL)
def test_a_right_program_passes(run: Run, language: str) -> None:
    """Input in, output out, exit status 0."""
    verdict = run(language)
    assert (Status.PASSED, "") == (verdict.status, verdict.detail)


@pytest.mark.parametrize(
    ("language", "statement"),
    [
        ("cpp", 'if (std::string(std::getenv("TZ")) != "UTC") return 3;'),
        ("java", 'if (!TimeZone.getDefault().getID().equals("UTC")) System.exit(3);'),
        ("csharp", 'if (Environment.GetEnvironmentVariable("TZ") != "UTC") Environment.Exit(3);'),
        ("pypy", "import time\nassert ('UTC', 'UTC') == time.tzname"),
    ],
)
def test_the_time_zone_is_fixed(run: Run, language: str, statement: str) -> None:
    """The machine's own stands in no key."""
    verdict = run(language, statement)
    assert (Status.PASSED, "") == (verdict.status, verdict.detail)


@pytest.mark.parametrize("language", ALL)
def test_execeval_limits_leave_room_to_run(run: Run, language: str) -> None:
    """The official figures for memory, files and processes do not hinder an ordinary program."""
    figures = languages.EXECEVAL[language]
    verdict = run(
        language,
        memory_bytes=figures.memory_bytes,
        processes=figures.processes,
        open_files=figures.open_files,
        file_bytes=figures.file_bytes,
    )
    assert (Status.PASSED, "") == (verdict.status, verdict.detail)


@pytest.mark.parametrize(
    ("language", "statement"),
    [("cpp", "n++;"), ("java", "n++;"), ("csharp", "n++;"), ("pypy", "n += 1")],
)
def test_a_wrong_program_fails(run: Run, language: str, statement: str) -> None:
    """The first wrong output decides."""
    verdict = run(language, statement)
    assert (Status.FAILED, "case 1 of 2: token 1 is '44' instead of '42'") == (verdict.status, verdict.detail)


@pytest.mark.parametrize("language", ALL)
def test_what_does_not_compile(run: Run, language: str) -> None:
    """A syntax error is the compiler's verdict, with its first complaint."""
    verdict = run(language, "n = = ;")
    assert Status.COMPILE_ERROR is verdict.status
    assert "error" in verdict.detail.lower()


@pytest.mark.parametrize(
    ("language", "statement", "detail"),
    [
        ("cpp", "return 3;", "exit status 3"),
        ("cpp", "*(volatile int *)8 = 1;", "SIGSEGV"),
        ("cpp", "throw 5;", "SIG"),
        ("java", "Object o = null; o.toString();", "NullPointerException"),
        ("java", "System.exit(3);", "exit status 3"),
        ("csharp", 'throw new Exception("why");', "why"),
        ("csharp", "Environment.Exit(3);", "exit status 3"),
        ("pypy", "1 / 0", "ZeroDivisionError"),
        ("pypy", "sys.exit(3)", "exit status 3"),
    ],
)
def test_a_run_that_fails(run: Run, language: str, statement: str, detail: str) -> None:
    """Crashes and exit statuses are errors, named."""
    verdict = run(language, statement)
    assert Status.ERROR is verdict.status
    assert detail in verdict.detail


@pytest.mark.parametrize(
    ("language", "statement"),
    [
        ("cpp", "for (volatile int i = 0;; i = i + 1) {}"),
        ("java", "for (;;) n = n * 3 + 1;"),
        ("csharp", "for (;;) n = n * 3 + 1;"),
        ("pypy", "while True: pass"),
    ],
)
def test_a_run_without_end(run: Run, language: str, statement: str) -> None:
    """Every language has the same clock."""
    if language == "java":
        statement = "while (n < Long.MAX_VALUE) n = n * 3 % 1000 + 1;"
    verdict = run(language, statement, wall_seconds=2.0)
    assert (Status.TIMEOUT, "case 1 of 2: over 2 s of wall time") == (verdict.status, verdict.detail)


@pytest.mark.parametrize(
    ("language", "statement"),
    [
        ("cpp", "for (;;) { volatile char *p = new char[1 << 24]; for (int i = 0; i < 1 << 24; i += 4096) p[i] = 1; }"),
        ("java", "List<long[]> l = new ArrayList<>(); while (n > 0) l.add(new long[1 << 20]);"),
        (
            "csharp",
            "var l = new System.Collections.Generic.List<byte[]>(); while (n > 0) l.Add(new byte[1 << 24]);",
        ),
        ("pypy", "x = [bytearray(1 << 24) for _ in range(10 ** 6)]"),
    ],
)
def test_memory_without_end(run: Run, language: str, statement: str) -> None:
    """Running into the memory limit is told apart from other ends."""
    assert Status.OUT_OF_MEMORY is run(language, statement, memory_bytes=512 * MIB).status


@pytest.mark.parametrize(
    ("language", "statement"),
    [
        ("cpp", "for (;;) std::cout << n << '\\n';"),
        ("java", "while (n > 0) System.out.println(n);"),
        ("csharp", "while (n > 0) Console.WriteLine(n);"),
        ("pypy", "while True: print(n)"),
    ],
)
def test_output_without_end(run: Run, language: str, statement: str) -> None:
    """A flood is stopped at the limit."""
    assert Status.OUTPUT_LIMIT is run(language, statement, output_bytes=MIB).status


def test_java_needs_a_public_class(run: Run) -> None:
    """Without a line that names a public class there is no file name, officially a compile error."""
    verdict = run("java", source="class Main { public static void main(String[] a) {} }")
    assert Status.COMPILE_ERROR is verdict.status
    assert "public" in verdict.detail


def test_java_class_names() -> None:
    """The first line with `public ... class X` names the file, whatever stands around it."""
    assert "A" == java.class_name(
        "/* public class A */ public class B {}".replace(" public class B {}", "\nclass B {}")
    )
    assert "B" == java.class_name("public class A { } public static class B { }")
    assert java.class_name("public class A") is None
    assert java.class_name("public\nclass A {}") is None


def test_java_sees_its_inner_classes(run: Run) -> None:
    """All classes of a source are there when it runs."""
    source = (
        "import java.util.*;\nclass Twice { static long of(long n) { return n * 2; } }\npublic class M {\n"
        "  interface F { long f(long n); }\n  public static void main(String[] a) {\n"
        "    F f = new F() { public long f(long n) { return Twice.of(n); } };\n"
        "    System.out.println(f.f(new Scanner(System.in).nextLong()));\n  }\n}\n"
    )
    assert Status.PASSED is run("java", source=source).status


@pytest.mark.parametrize("language", ["java", "csharp"])
def test_a_compiler_survives_its_sources(run: Run, language: str) -> None:
    """After a source that no compiler likes the next one compiles."""
    deep = "n = " + "(" * 400_000 + "1" + ")" * 400_000 + ";"
    assert Status.COMPILE_ERROR is run(language, deep).status
    assert Status.PASSED is run(language).status


def test_cpp_sees_no_header_it_did_not_include(run: Run) -> None:
    """Precompiled headers bring neither names that clash nor functions that were not asked for."""
    ours = (
        "#include <iostream>\nusing namespace std;\nint bitset, regex, thread;\n"
        "int main() { long n; cin >> n; cout << n * 2; }"
    )
    assert Status.PASSED is run("cpp", source=ours).status
    lacking = "#include <iostream>\nint main() { long n; std::cin >> n; std::regex r; std::cout << n * 2; }"
    assert Status.COMPILE_ERROR is run("cpp", source=lacking).status


@pytest.mark.parametrize(
    ("expected", "source"),
    [
        ("all", "// x\n\n#include <bits/stdc++.h>\nint main() {}"),
        ("all", "#include <iostream>\n# include <bits/stdc++.h>  // y\nint main() {}"),
        ("stream", "#include <cstdio>\n/* a\n b */\n#include <iostream>\nint main() {}"),
        ("plain", "#include <cstdio>\nint main() {}"),
        ("plain", "#define int long long\n#include <bits/stdc++.h>\nint main() {}"),
        ("plain", '#pragma GCC optimize("O3")\n#include <bits/stdc++.h>\n'),
        ("plain", "#ifdef X\n#include <bits/stdc++.h>\n#endif\n"),
        ("plain", ""),
    ],
)
def test_precompiled_headers_stand_first_or_nowhere(expected: str, source: str) -> None:
    """Only includes before the first other line are taken from a precompiled header."""
    assert expected == cpp.header_set(source)


def test_precompiled_headers_change_no_binary(run: Run, toolbox: Path, tmp_path: Path) -> None:
    """The binary is the one of ExecEval's own command line, byte for byte."""
    source = "#include <iostream>\n#include <vector>\nint main() { std::vector<int> v(3); std::cout << v.size(); }\n"
    assert Status.FAILED is run("cpp", source=source).status
    (tmp_path / "test.cpp").write_text(source)
    before = ["-std=c++17", "-s", "-x", "c++", "-O2", "-w", "-DONLINE_JUDGE"]
    headers = ["-include", "limits.h", "-include", "math.h"]
    command = ["g++", *before, *headers, "test.cpp", "-o", "test.out", "-static", "-lm"]
    subprocess.run(command, cwd=tmp_path, check=True)
    official = (tmp_path / "test.out").read_bytes()
    assert any(path.read_bytes().endswith(official) for path in (toolbox / "programs").rglob("*") if path.is_file())


def test_a_source_is_compiled_once(compiling: LocalExecutor, toolbox: Path, tmp_path: Path) -> None:
    """The same source with other cases takes the compiled program of the first time."""
    needs("cpp")
    limits = Limits(**_roomy("cpp"))
    source = "#include <cstdio>\nint main() { std::puts(__TIME__ __DATE__); }\n"
    compiling.run([Program(source, "cpp", StdioJudge((("", ("x",)),)), limits)])
    kept = {path: path.stat().st_mtime_ns for path in (toolbox / "programs").rglob("*") if path.is_file()}
    compiling.run([Program(source, "cpp", StdioJudge((("", ("y",)),)), limits)])
    assert kept == {path: path.stat().st_mtime_ns for path in (toolbox / "programs").rglob("*") if path.is_file()}


def test_broken_compiled_programs_are_made_again(tmp_path: Path) -> None:
    """What is cut short, or no file of ours, counts as absent."""
    cache = ArtifactCache(tmp_path)
    cache.put("a" * 64, {"x": "aGVsbG8="})
    assert {"x": "aGVsbG8="} == cache.get("a" * 64)
    (stored,) = tmp_path.rglob("a" * 64)
    for broken in (stored.read_bytes()[:-1], b"nonsense", b""):
        stored.write_bytes(broken)
        assert cache.get("a" * 64) is None


def test_old_compiled_programs_make_room(tmp_path: Path) -> None:
    """The oldest files go when the directory is full."""
    cache = ArtifactCache(tmp_path, largest_bytes=3000)
    for number in range(9):
        cache.put(f"{number}" * 64, {"x": "QUJD" * 200})
        for path in tmp_path.rglob(f"{number}" * 64):
            os.utime(path, (number, number))
    assert cache.get("0" * 64) is None
    assert cache.get("8" * 64) is not None


def test_a_missing_compiler_is_named_before_anything_runs(
    executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says which package brings it, and no program has run."""
    monkeypatch.setattr("itax_metrics.execution.languages.base.SEARCH_PATH", "/nowhere")
    seen: list[Verdict] = []
    programs = [Program("print(1)", judge=StdioJudge((("", ("1",)),))), Program("", "java", StdioJudge(()))]
    with pytest.raises(ExecutionError, match="apt-get install default-jdk-headless"):
        executor.run(programs, on_verdict=lambda _, verdict: seen.append(verdict))
    assert not seen
    assert {} == languages.toolchains()


def test_a_compiler_that_does_not_work_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A toolchain that fails a right program stops the run, instead of failing every program."""
    needs("pypy")
    if not probe().contained:
        pytest.skip(probe().summary())
    monkeypatch.setattr("itax_metrics.execution.languages.python.FLAGS", ("--no-such-flag",))
    with LocalExecutor(workers=1) as running, pytest.raises(ExecutionError, match="pypy does not work"):
        running.run([Program("print(1)", "pypy", StdioJudge((("", ("1",)),)))])


def test_the_compiler_is_part_of_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verdict reached with one compiler is not taken for another's."""
    needs("pypy")
    if not probe().contained:
        pytest.skip(probe().summary())
    program = Program("print(1)", "pypy", StdioJudge((("", ("1",)),)), Limits(**_roomy("pypy")))
    cache = VerdictCache(tmp_path / "verdicts.sqlite3")
    for version in ("one", "two"):
        monkeypatch.setattr(languages, "version", lambda _, version=version: version)
        with LocalExecutor(workers=1, cache=cache) as running:
            assert Status.PASSED is running.run([program])[0].status
    monkeypatch.setattr(languages, "version", lambda _: "two")
    with LocalExecutor(workers=1, cache=cache) as running:
        assert running.run([program])[0].passed
        assert running.worker_pids == ()


def test_environments_are_python(executor: LocalExecutor) -> None:
    """A compiled program with a Python environment is refused, and nothing runs."""
    with pytest.raises(ExecutionError, match="Environments are Python's"):
        executor.run([Program("", "cpp", StdioJudge(()), environment="ds1000")])


def test_versions_are_described(compiling: LocalExecutor) -> None:
    """The record of a run holds the compilers there are."""
    compilers = compiling.describe()["compilers"]
    assert compilers == languages.toolchains()
    assert {name for name in ALL if languages.missing(name) is None} == set(compilers)
