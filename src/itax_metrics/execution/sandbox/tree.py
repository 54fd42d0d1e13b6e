"""The private file tree of a worker: read-only Python and system libraries, one small writable scratch.

Covered: nothing of the host but the interpreter, the system libraries, a few device nodes and a few public files of
/etc exists inside; everything is read-only except the scratch directory and /dev/shm, which are size-limited and
emptied between programs; /sys is absent, and /proc too unless a language asks for it.
Not covered: what lies under the interpreter's own prefixes and /usr is readable (installed packages included).
"""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Callable, Iterable

from . import syscalls

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    "ld.so.cache", "localtime", "timezone", "passwd", "group", "nsswitch.conf", "alternatives", "mime.types",
    "protocols", "services",
)  # fmt: skip
DEVICES = ("null", "zero", "full", "random", "urandom")
_INODES = 65536


def readable_paths(more: Iterable[str] = ()) -> list[str]:
    """Directories and files programs may read: the interpreter, its packages, the system libraries, and `more`."""
    wanted = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    # Not asked of sysconfig, whose table of build settings would weigh on every fork.
    wanted.add(os.path.dirname(os.__file__))
    wanted.update(path for path in sys.path if os.path.basename(path) == "lib-dynload")
    wanted.update(site.getsitepackages())
    wanted.add(os.path.dirname(os.path.realpath(sys.executable)))
    wanted.update(_mapped_directories())
    real = {os.path.realpath(path) for path in wanted} | {os.path.abspath(path) for path in wanted}
    real.update(path for path in _SYSTEM if not os.path.islink(path))
    real.update(f"/etc/{name}" for name in _ETC)
    real.update(os.path.abspath(path) for path in more)
    return _outermost(path for path in real if os.path.exists(path) and _is_narrow(path))


def _is_narrow(path: str) -> bool:
    """False for `/` and the directories that hold people's files: an odd prefix must not open those."""
    broad = {"/", "/home", "/root", "/tmp", "/var", "/etc", "/opt", "/mnt", "/srv", os.path.expanduser("~")}
    return path not in broad


def _mapped_directories() -> set[str]:
    """Where the shared libraries of this very process came from (module systems put them anywhere)."""
    found: set[str] = set()
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            path = line.rstrip("\n").partition("/")[2]
            if ".so" in path:
                found.add(os.path.dirname("/" + path))
    return found


def _outermost(paths: object) -> list[str]:
    kept: list[str] = []
    for path in sorted(paths):  # type: ignore[call-overload]
        if not any(path == above or path.startswith(above + "/") for above in kept):
            kept.append(path)
    return kept


def build(
    readable: list[str],
    scratch_bytes: int,
    *,
    proc: bool = False,
    before_closing: Callable[[str], None] = lambda scratch: None,
) -> str:
    """Replace this mount namespace's root by the private tree; returns the scratch directory's path.

    Args:
        before_closing: called with the scratch directory while the host's tree, and what the kernel allows beside it,
            is still there.
        proc: put in a /proc of the worker's own pid namespace, in which a process finds itself and nobody else's.

    Raises:
        OSError: a mount was refused; the process should give up, its tree may be half built.
    """
    base = "/tmp"
    # Links are followed here: behind the pivot an absolute one would point into the new tree.
    sources = {path: os.path.realpath(path) for path in [*readable, *(f"/dev/{device}" for device in DEVICES)]}
    syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.mount("tmpfs", base, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "mode=755,size=1m")
    os.mkdir(f"{base}/.host")
    # Pivot first: mounting over /tmp hid a part of the host's tree, which is visible again below /.host.
    syscalls.pivot_root(base, f"{base}/.host")
    os.chdir("/")
    for path in _SYSTEM:
        if os.path.islink(f"/.host{path}"):
            os.symlink(os.readlink(f"/.host{path}"), path)
    for path in readable:
        _bind(sources[path], path)
        syscalls.make_read_only(path)
    for device in DEVICES:
        _bind(sources[f"/dev/{device}"], f"/dev/{device}")
        syscalls.make_read_only(f"/dev/{device}", devices=True)
    os.symlink("/proc/self/fd", "/dev/fd")
    limits = f"mode=1777,size={scratch_bytes},nr_inodes={_INODES}"
    # An interpreter below /tmp needs that name for itself.
    scratch = "/scratch" if any(path.startswith("/tmp/") for path in readable) else "/tmp"
    for target in (scratch, "/dev/shm"):
        os.makedirs(target, exist_ok=True)
        syscalls.mount("tmpfs", target, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, limits)
    if proc:
        os.mkdir("/proc")
        closed = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC | syscalls.MS_RDONLY
        syscalls.mount("proc", "/proc", "proc", closed, "hidepid=2,subset=pid")
    before_closing(scratch)
    syscalls.detach("/.host")
    os.rmdir("/.host")
    syscalls.mount(
        "none",
        "/",
        None,
        syscalls.MS_REMOUNT | syscalls.MS_BIND | syscalls.MS_RDONLY | syscalls.MS_NOSUID | syscalls.MS_NODEV,
    )
    os.chdir(scratch)
    return scratch


def _bind(origin: str, path: str) -> None:
    source = "/.host" + origin
    if os.path.isdir(source):
        os.makedirs(path, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
    syscalls.mount(source, path, None, syscalls.MS_BIND | syscalls.MS_REC)
