"""Hostile programs, a row each: what it tries, and the source that passes only if it succeeds.

Run as a script it executes every row under the user it is started as, and prints what came of them as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SHARED_PROCESS = "program and tests share a process: see the box in execution/trial.py"
TOKEN = "hf_planted_for_the_attack_tests"


@dataclass(frozen=True)
class Attack:
    """One hostile program."""

    name: str
    tries: str
    source: str
    """Passes only if the attack worked. `{victim}` and the like are filled in by `Host`."""
    limits: dict[str, Any] = field(default_factory=dict)
    status: str = ""
    """The verdict that is due, where it matters which."""
    known: str = ""
    """Why it works all the same."""
    harmless: bool = False
    """It may pass: what counts is what is left behind."""
    needs: str = ""
    """A layer without which nothing is promised."""


class Host:
    """What an attack could hurt: a file, a listener, a process, a token, shared memory."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="itax-hostile-")
        self.root = Path(self._folder.name)
        self.root.chmod(0o777)
        self.victim = self.root / "victim"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", 0))
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract.bind(f"\0itax-hostile-{os.getpid()}")
        self.abstract.listen()
        for endpoint in (self.listener, self.datagrams, self.abstract):
            endpoint.setblocking(False)
        self.bystander = subprocess.Popen(["sleep", "1000"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.mark = f"itax-hostile-mark-{os.getpid()}"
        self.renew()

    def renew(self) -> None:
        """Everything intact again."""
        self.victim.write_text("intact")
        self.victim.chmod(0o666)

    def fill_in(self, source: str) -> str:
        """The source with the places of this host in it."""
        places = {
            "victim": str(self.victim),
            "folder": str(self.root),
            "port": str(self.listener.getsockname()[1]),
            "udp": str(self.datagrams.getsockname()[1]),
            "abstract": self.abstract.getsockname()[1:].decode(),
            "bystander": str(self.bystander.pid),
            "host": str(os.getpid()),
            "mark": self.mark,
        }
        for name, value in places.items():
            source = source.replace("{" + name + "}", value)
        return source

    def harm(self) -> list[str]:
        """What is no longer as it was."""
        found = []
        if not self.victim.exists() or self.victim.read_text() != "intact":
            found.append("the file was changed")
        elif self.victim.stat().st_mode & 0o777 != 0o666:
            found.append("the file's mode was changed")
        if len(list(self.root.iterdir())) != 1:
            found.append("something was left in the folder")
        for endpoint, take in ((self.listener, "accept"), (self.abstract, "accept"), (self.datagrams, "recv")):
            try:
                getattr(endpoint, take)(*([1] if take == "recv" else []))
                found.append(f"{take} got something")
            except BlockingIOError:
                pass
        if self.bystander.poll() is not None:
            found.append("the other process died")
        if any(name.startswith("itax-hostile") for name in os.listdir("/dev/shm")):
            found.append("something was left in /dev/shm")
        if self._survivors():
            found.append("a process survived")
        return found

    def _survivors(self) -> bool:
        for _ in range(20):
            if not any(self._is_marked(entry) for entry in os.listdir("/proc") if entry.isdigit()):
                return False
            time.sleep(0.1)
        return True

    def _is_marked(self, pid: str) -> bool:
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(self.mark.encode())
        except OSError:
            return False

    def close(self) -> None:
        """Take everything away."""
        self.bystander.kill()
        self.bystander.wait()
        for endpoint in (self.listener, self.datagrams, self.abstract):
            endpoint.close()
        self._folder.cleanup()


_MARKED = "os.execvp('sleep', ['{mark}', '1000'])"
_FORK = "import os, time\n"
_EACH_FD = "for fd in range(3, 1024):\n    try: {}\n    except OSError: continue\n    {}\n"
_LIBC = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
_FAIL = "\nraise SystemError('nothing came of it')"
_BIG = """
import os, time
started = []
for _ in range({count}):
    pid = os.fork()
    if pid == 0:
        kept = bytearray({size} << 20)
        for at in range(0, len(kept), 4096): kept[at] = 1
        time.sleep(5)
        os._exit(0)
    started.append(pid)
assert all(os.waitpid(pid, 0)[1] == 0 for pid in started)
"""

ATTACKS = [
    # The 29 programs the engine was first measured with.
    Attack("exit-zero", "end with a friendly status", "import sys; sys.exit(0)"),
    Attack("system-exit", "end with SystemExit", "raise SystemExit"),
    Attack("hard-exit", "end without cleaning up", "import os; os._exit(0)"),
    Attack("segfault", "crash the interpreter", "import ctypes; ctypes.string_at(0)"),
    Attack(
        "forge-by-frames",
        "report a pass through the engine's frames",
        "import os, sys\nheld = sys._getframe(1).f_locals\nos.write(held['channel'], held['mark'] + b'P')\nos._exit(0)",
        known=SHARED_PROCESS,
    ),
    Attack(
        "steal-answers",
        "find what only the host process knows",
        "import gc, sys\nframe, seen = sys._getframe(), []\nwhile frame:\n    seen += [repr(frame.f_locals)]\n"
        "    frame = frame.f_back\n"
        "seen += [o for o in gc.get_objects() if isinstance(o, (str, dict)) and o is not seen]\n"
        "wanted = 'attack_' + 'tests'\nassert any(wanted in repr(o) for o in seen if o is not globals())",
    ),
    Attack(
        "always-equal",
        "answer with an object that equals everything",
        "class Any:\n    def __eq__(self, other): return True\nassert Any() == 42",
        known=SHARED_PROCESS,
    ),
    Attack("posix-system", "write by a shell", "import posix\nassert posix.system('echo x > {victim}') == 0"),
    Attack(
        "posix-spawn",
        "write by a spawned shell",
        "import os\npid = os.posix_spawn('/bin/sh', ['sh', '-c', 'echo x > {victim}'], {})\n"
        "assert os.waitpid(pid, 0)[1] == 0",
    ),
    Attack(
        "reload-posix",
        "get fresh functions past a guard in Python",
        "import importlib, os, posix\nimportlib.reload(os)\nposix.unlink('{victim}')",
    ),
    Attack("write-outside", "change a file of the host", "open('{victim}', 'w').write('x')"),
    Attack("delete-outside", "delete a file of the host", "import os; os.unlink('{victim}')"),
    Attack("read-secret", "read a file of the host", "assert open('{victim}').read()"),
    Attack(
        "loopback", "reach a server of the host", "import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
    ),
    Attack(
        "kill-parent",
        "kill what started it",
        "import os\nfor number in (15, 9): os.kill(os.getppid() or {host}, number)",
        harmless=True,
    ),
    Attack("kill-all", "kill everybody", "import os; os.kill(-1, 9)"),
    Attack(
        "fork-bomb",
        "leave forty processes in forty sessions",
        f"{_FORK}for _ in range(40):\n    if os.fork() == 0:\n        os.setsid()\n        {_MARKED}\ntime.sleep(0.3)",
        harmless=True,
    ),
    Attack(
        "daemon",
        "leave a grandchild in a session of its own",
        f"{_FORK}if os.fork() == 0:\n    os.setsid()\n"
        f"    if os.fork() == 0:\n        {_MARKED}\n    os._exit(0)\ntime.sleep(0.3)",
        harmless=True,
    ),
    Attack("address-space", "take five gigabytes", "x = bytearray(5 << 30)", status="out_of_memory"),
    Attack(
        "flood-stdout",
        "write 32 MB to the bare descriptor",
        "import os\nfor _ in range(512): os.write(1, bytes(65536))",
        harmless=True,
    ),
    Attack("real-stdin", "read what the harness reads", "import os\nassert os.read(0, 1)"),
    Attack(
        "swallow-timeout",
        "catch whatever ends it",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        {"wall_seconds": 1.0},
        status="timeout",
    ),
    Attack(
        "deaf",
        "ignore every signal",
        "import signal\nfor n in range(1, 65):\n"
        "    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\n"
        "while True: pass",
        {"wall_seconds": 1.0},
        status="timeout",
    ),
    Attack(
        "thread-outlives",
        "keep a thread running",
        "import threading\ndef run():\n    while True: pass\nthreading.Thread(target=run).start()",
        harmless=True,
    ),
    Attack(
        "fill-shm",
        "fill shared memory",
        "f = open('/dev/shm/itax-hostile', 'wb')\nfor _ in range(4000): f.write(bytes(1 << 20))",
    ),
    Attack(
        "leave-files",
        "leave files behind",
        "import tempfile\ntempfile.mkdtemp(); open('/dev/shm/itax-hostile', 'w'); open('left', 'w')",
        harmless=True,
    ),
    Attack(
        "ptrace-parent",
        "trace what started it",
        _LIBC
        + "for pid in (os.getppid(), {host}, {bystander}):\n    if libc.ptrace(16, pid, 0, 0) == 0: break\nelse: 1 / 0",
    ),
    Attack(
        "parent-memory",
        "write into what started it",
        "import os\nfor pid in (os.getppid(), {host}, {bystander}, 1):\n"
        "    try: open(f'/proc/{pid}/mem', 'r+b'); break\n"
        "    except OSError: pass\nelse: 1 / 0",
    ),
    Attack(
        "pickle-into-harness",
        "send an object that runs code when it is unpickled",
        "import os, pickle\nclass Bomb:\n    def __reduce__(self): return os.system, ('echo x > {victim}',)\n"
        f"text = pickle.dumps(Bomb())\n{_EACH_FD.format('os.write(fd, text)', 'pass')}{_FAIL}",
    ),
    # Three that were aimed at this engine's first form.
    Attack(
        "verdict-to-every-fd",
        "write a pass to whatever is open",
        f"import os\n{_EACH_FD.format('os.write(fd, b chr(80))'.replace('b chr(80)', repr(b'P')), 'pass')}os._exit(0)",
    ),
    Attack(
        "forge-under-other-name",
        "walk the frames from code under another file name",
        "import os, sys\ncode = compile('held = sys._getframe(2).f_locals', 'trial.py', 'exec')\nexec(code)\n"
        "os.write(held['channel'], held['mark'] + b'P')\nos._exit(0)",
        known=SHARED_PROCESS,
    ),
    Attack(
        "memory-of-six",
        "take 2.4 GB in six processes under a limit of one",
        _BIG.format(count=6, size=400),
        {"memory_bytes": 1 << 30},
        status="out_of_memory",
        needs="memory_of_all",
    ),
    # Written since.
    Attack(
        "environment-token",
        "find a token of the shell",
        f"import os, subprocess\nassert {TOKEN[:9]!r} in str(dict(os.environ)) + "
        "subprocess.getoutput('env; cat /proc/*/environ')",
    ),
    Attack(
        "out-of-scratch",
        "leave the scratch directory by its parent",
        "open('../../../../' + '{victim}'[1:], 'a').write('x')",
    ),
    Attack(
        "link-out", "write through a link", "import os\nos.symlink('{victim}', 'link')\nopen('link', 'w').write('x')"
    ),
    Attack(
        "hard-link",
        "write to a system file by a second name",
        "import os\nos.link('/etc/passwd', 'p')\nopen('p', 'a').write('x')",
    ),
    Attack(
        "inherited-directories",
        "step out through a descriptor that was left open",
        f"import os\n{_EACH_FD.format('os.listdir(fd)', 'break')}else: 1 / 0",
    ),
    Attack(
        "inherited-descriptors",
        "read from a descriptor that was left open",
        "import os, stat\nfor fd in range(3, 1024):\n"
        "    try: kind = os.fstat(fd).st_mode\n    except OSError: continue\n"
        "    if not stat.S_ISFIFO(kind): break\nelse: 1 / 0",
    ),
    Attack(
        "run-from-memory",
        "run a program that lies in no file",
        "import os\nfd = os.memfd_create('x', 0)\nos.write(fd, b'#!/bin/sh\\necho x > {victim}\\n')\n"
        "assert os.system(f'/bin/sh -c \". /proc/self/fd/{fd}\"; echo x > {victim}') == 0",
    ),
    Attack(
        "new-namespaces", "get capabilities in a fresh user namespace", _LIBC + "assert libc.unshare(0x10000000) == 0"
    ),
    Attack(
        "clone-namespaces",
        "the same by clone",
        _LIBC + "pid = libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)\nif pid == 0: os._exit(0)\nassert pid > 0",
    ),
    Attack(
        "mount", "mount over a system directory", _LIBC + "assert libc.mount(b'none', b'/usr', b'tmpfs', 0, None) == 0"
    ),
    Attack(
        "enter-namespace",
        "enter the host's namespaces",
        _LIBC + "fd = os.open('/proc/1/ns/mnt', os.O_RDONLY)\nassert libc.setns(fd, 0) == 0",
    ),
    Attack("pidfd-of-host", "signal a process of the host by a pidfd", "import os\nos.pidfd_open({bystander})"),
    Attack(
        "limits-of-host",
        "lower the limits of a process of the host",
        "import resource\nresource.prlimit({bystander}, resource.RLIMIT_CPU, (0, 0))",
    ),
    Attack(
        "raise-limits",
        "raise its own limits",
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))",
    ),
    Attack("become-root", "become root", "import os\nassert os.getuid() != 0\nos.setuid(0)"),
    Attack(
        "set-uid-shell",
        "make a set-uid program that works",
        "import os, shutil\nshutil.copy('/bin/sh', 'sh'); os.chown('sh', 0, 0)\n"
        "os.chmod('sh', 0o4755)\nassert os.stat('sh').st_uid == 0 != os.getuid()",
    ),
    Attack(
        "priority",
        "outrun everybody",
        "import os\nos.setpriority(os.PRIO_PROCESS, 0, -20)\nassert os.getpriority(os.PRIO_PROCESS, 0) == -20",
    ),
    Attack(
        "kernel-doors",
        "open one of the doors kernels were broken through",
        _LIBC + "for number in (425, 321, 298, 323, 250, 248, 101, 310, 304):\n"
        "    if libc.syscall(number, 0, 0, 0, 0, 0) >= 0: break\nelse: 1 / 0",
        needs="seccomp",
    ),
    Attack(
        "udp",
        "send a datagram to the host",
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.sendto(b'x', ('127.0.0.1', {udp}))",
        harmless=True,
    ),
    Attack(
        "abstract-socket",
        "reach a socket of the host that has no path",
        "import socket\nsocket.socket(socket.AF_UNIX).connect('\\0{abstract}')",
    ),
    Attack("outside-network", "reach the network", "import socket\nsocket.create_connection(('192.0.2.1', 53), 2)"),
    Attack(
        "plant-in-site",
        "plant code for the next interpreter",
        "import site\nopen(site.getsitepackages()[0] + '/itax-hostile.pth', 'w').write('import os')",
    ),
    Attack(
        "poison-builtins",
        "change what the next program finds",
        "import builtins\nbuiltins.len = builtins.sorted = lambda *a: [1, 2, 3]\nraise AssertionError",
    ),
    Attack(
        "recursion",
        "overflow the C stack",
        "import sys\nsys.setrecursionlimit(10**9)\nclass A: pass\n"
        "A.__getattr__ = lambda s, n: getattr(s, n + 'x')\nrepr(A().x)",
    ),
    Attack(
        "atexit",
        "turn a failure into an exit",
        "import atexit, os\natexit.register(os._exit, 0)\nassert False",
        status="failed",
    ),
    Attack(
        "stop-itself",
        "stop instead of ending",
        "import os; os.kill(os.getpid(), 19)\nwhile True: pass",
        {"wall_seconds": 1.0},
        status="timeout",
    ),
    Attack(
        "zombies",
        "leave dead children",
        f"{_FORK}for _ in range(40):\n    if os.fork() == 0: os._exit(0)",
        harmless=True,
    ),
    Attack(
        "thread-bomb",
        "start ten thousand threads",
        "import threading, time\nfor _ in range(10_000): threading.Thread(target=time.sleep, args=(50,)).start()",
        {"wall_seconds": 10.0},
        needs="process_count",
    ),
    Attack("huge-file", "make a file of a terabyte", "open('f', 'wb').truncate(1 << 40)"),
    Attack("terminal", "type into the terminal", "import fcntl\nfcntl.ioctl(open('/dev/tty', 'r+b', 0), 0x5412, b'x')"),
    Attack(
        "system-v",
        "leave shared memory that outlives it",
        _LIBC + "assert libc.shmget(0, 4096, 0o1600) != -1",
        needs="seccomp",
    ),
    Attack(
        "cpu-time",
        "use CPU time beyond its limit, deaf to the warning",
        "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
        {"cpu_seconds": 1.0},
        status="timeout",
    ),
    Attack(
        "sleeping-memory",
        "take 1.2 GB in one forked tree while asleep",
        "import os\nif os.fork() == 0: os.setsid()\n" + _BIG.format(count=3, size=220),
        {"memory_bytes": 1 << 30},
        status="out_of_memory",
        needs="memory_of_all",
    ),
]


def strike(run: Callable[..., Any], host: Host, attack: Attack) -> tuple[Any, list[str]]:
    """Run one attack; its verdict, and what is wrong afterwards."""
    host.renew()
    verdict = run(host.fill_in(attack.source), **attack.limits)
    wrong = host.harm()
    if verdict.passed and not attack.harmless:
        wrong.append("passed")
    if attack.status and verdict.status.value != attack.status:
        wrong.append(f"{verdict.status.value} instead of {attack.status}")
    if not verdict.decided:
        wrong.append("the engine failed")
    for source, status in (("assert sorted([3, 1]) == [1, 3]", "passed"), ("assert len('ab') == 3", "failed")):
        if run(source).status.value != status:
            wrong.append("the next program was misjudged")
    return verdict, wrong


def main() -> None:
    """Every row, as JSON."""
    from itax_metrics.execution import Limits, LocalExecutor, Program, probe

    os.environ["HF_TOKEN"] = TOKEN
    report = probe()
    found: dict[str, Any] = {"contained": report.contained, "summary": report.summary(), "layers": list(report.layers)}
    if report.contained:
        with closing(Host()) as host, LocalExecutor(workers=1) as executor:

            def run(source: str, **limits: Any) -> Any:
                return executor.run([Program(source, limits=Limits(**{"wall_seconds": 30.0, **limits}))])[0]

            for attack in ATTACKS:
                verdict, wrong = strike(run, host, attack)
                found[attack.name] = [wrong, verdict.status.value, verdict.detail]
    print(json.dumps(found))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    main()
    sys.exit(0)
