"""What a program leaves behind, processes and files, is removed before the next one starts.

Covered: directories nested to any depth, names of any kind, modes that forbid entry, links (never followed).
Not covered: without a pid namespace, a program that forks faster than this kills; the worker is then given up.
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import time


def kill_stragglers(session: int) -> None:
    """Without a pid namespace: kill the program's group, then every orphan that comes to this process.

    Raises:
        OSError: some are still there after five seconds.
    """
    give_up = time.monotonic() + 5
    with contextlib.suppress(OSError):
        os.killpg(session, signal.SIGKILL)
    while time.monotonic() < give_up:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                for child in _children():
                    with contextlib.suppress(OSError):
                        os.kill(child, signal.SIGKILL)
        except ChildProcessError:
            return
    raise OSError("the program's descendants cannot be killed")


def _children() -> list[int]:
    mine, found = os.getpid(), []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as status:
                if int(status.read().rpartition(b")")[2].split()[1]) == mine:
                    found.append(int(name))
    return found


_TICK_NS = 50_000_000


class Directory:
    """A writable directory that every program finds empty, with the rights it had at first."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._mode = stat.S_IMODE(os.stat(path).st_mode)
        self._clean: tuple[int, ...] | None = None

    def restore(self) -> None:
        """Empty it if anything may have changed since it was last known to be empty.

        Raises:
            OSError: something in it cannot be removed.
        """
        now = os.stat(self._path)
        if (now.st_mode, now.st_size, now.st_nlink, now.st_ctime_ns) == self._clean:
            return
        if stat.S_IMODE(now.st_mode) != self._mode:
            os.chmod(self._path, self._mode)
        with contextlib.suppress(OSError):
            # Access lists are attributes too, and a default one would reach the next program's files.
            for name in os.listxattr(self._path):
                os.removexattr(self._path, name)
        empty(self._path)
        now = os.stat(self._path)
        # Change times advance in ticks: only an old one shows that nothing has happened since.
        settled = time.time_ns() - now.st_ctime_ns > _TICK_NS
        self._clean = (now.st_mode, now.st_size, now.st_nlink, now.st_ctime_ns) if settled else None


def empty(directory: str) -> None:
    """Delete everything below, without following links and without recursion (a program chose the depth)."""
    for _ in range(100_000):
        names = os.listdir(directory)
        if not names:
            return
        for name in names:
            path = f"{directory}/{name}"
            try:
                os.unlink(path)
            except (IsADirectoryError, PermissionError):
                _remove_directory(path)
    raise OSError("the scratch directory fills faster than it empties")


def _remove_directory(path: str) -> None:
    os.chmod(path, 0o700)
    try:
        os.rmdir(path)
        return
    except OSError:
        pass
    for entry in list(os.scandir(path)):
        if entry.is_dir(follow_symlinks=False):
            # Lift what is below to the top: no path grows long, no call nests.
            os.chmod(entry.path, 0o700)
            _lift(entry.path)
        else:
            os.unlink(entry.path)
    with contextlib.suppress(OSError):
        os.rmdir(path)


def _lift(path: str) -> None:
    top = path.rsplit("/", 2)[0]
    os.rename(path, f"{top}/{os.urandom(8).hex()}")
