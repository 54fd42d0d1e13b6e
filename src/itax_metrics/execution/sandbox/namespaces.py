"""A worker's own user, pid, mount, network, ipc and uts namespaces.

Covered: processes outside are neither visible nor signallable; killing the first process of a program's pid
namespace kills every descendant, sessions and double forks included; no network but a private loopback; no
System V or POSIX queue of the host.
Not covered: kernel bugs; the sum of CPU time of one program's processes (for memory see `memory`).
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import NoReturn

from . import syscalls

NOBODY = 65534
_ALL = (
    syscalls.CLONE_NEWNS | syscalls.CLONE_NEWNET | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWPID
)


def enter() -> int | None:
    """Move this process into new namespaces; its next child is pid 1 of the new pid namespace.

    Returns:
        The user id programs can change to, beside the worker's own: nobody's if the worker was started by root.

    Raises:
        OSError: the machine does not allow it; nothing has changed unless the user namespace is a new one.
    """
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        mapped = _unshare_as_root()
    else:
        syscalls.unshare(syscalls.CLONE_NEWUSER | _ALL)
        mapped = False
    if not mapped:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{uid} {uid} 1")
        _write("/proc/self/gid_map", f"{gid} {gid} 1")
    return NOBODY if mapped else None


def _unshare_as_root() -> bool:
    """Unshare; True when nobody's id exists inside, beside root's."""
    # Only a process that stayed outside may map a second id, and programs should run as nobody: the process limit
    # does not count for uid 0.
    os.setgroups([])
    target = os.getpid()
    tell_read, tell_write = os.pipe()
    helper = os.fork()
    if helper == 0:
        os.close(tell_write)
        _map_two_ids(target, tell_read)
    os.close(tell_read)
    try:
        syscalls.unshare(syscalls.CLONE_NEWUSER | _ALL)
        os.write(tell_write, b"x")
    finally:
        os.close(tell_write)
        status = os.waitpid(helper, 0)[1]
    return status == 0


def _map_two_ids(target: int, go: int) -> NoReturn:
    status = 1
    try:
        if os.read(go, 1):
            ids = f"0 0 1\n{NOBODY} {NOBODY} 1\n"
            _write(f"/proc/{target}/uid_map", ids)
            _write(f"/proc/{target}/gid_map", ids)
            status = 0
    except OSError:
        status = 1
    finally:
        os._exit(status)


def forbid_user_namespaces() -> None:
    """No further user namespace below this one; raises OSError where /proc/sys is read-only."""
    _write("/proc/sys/user/max_user_namespaces", "0")


def raise_loopback() -> None:
    """Bring `lo` of the private network up: tests that talk to themselves keep working."""
    # Through ctypes: the modules socket and fcntl would weigh on every fork of the worker.
    af_inet, sock_dgram, siocgifflags, siocsifflags, up = 2, 2, 0x8913, 0x8914, 1
    probe = syscalls.libc.socket(af_inet, sock_dgram, 0)
    request = ctypes.create_string_buffer(struct.pack("16sH22x", b"lo", 0))
    if probe < 0 or syscalls.libc.ioctl(probe, ctypes.c_ulong(siocgifflags), request) != 0:
        raise OSError("the loopback interface cannot be asked")
    flags = struct.unpack_from("16sH", request)[1]
    request = ctypes.create_string_buffer(struct.pack("16sH22x", b"lo", flags | up))
    syscalls.libc.ioctl(probe, ctypes.c_ulong(siocsifflags), request)
    os.close(probe)


def open_own_pid_namespace() -> int:
    """A descriptor of the pid namespace this process lives in."""
    return os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)


def next_child_in_new_pid_namespace(own: int) -> None:
    """Let the next fork start a nested pid namespace.

    A process may unshare pids only while its children still go to its own namespace, hence the way back first.
    """
    syscalls.setns(own, syscalls.CLONE_NEWPID)
    syscalls.unshare(syscalls.CLONE_NEWPID)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
