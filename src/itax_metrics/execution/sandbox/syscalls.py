"""The few Linux system calls the standard library does not offer on every supported Python, through ctypes.

`os.unshare` and `os.setns` exist from Python 3.12 only; mount, capset, Landlock and seccomp not at all.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

CLONE_FILES = 0x00000400
CLONE_VFORK = 0x00004000
CLONE_PARENT = 0x00008000
CLONE_NEWNS = 0x00020000
_CLONE_PARENT_SETTID = 0x00100000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2

# These numbers are the same on every architecture (calls added since Linux 5.1 share one table).
_NR_CLONE3 = 435
NR_MOUNT_SETATTR = 442
NR_LANDLOCK_CREATE_RULESET = 444
NR_LANDLOCK_ADD_RULE = 445
NR_LANDLOCK_RESTRICT_SELF = 446
_NR_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

AT_FDCWD = -100
AT_RECURSIVE = 0x8000
MOUNT_ATTR_RDONLY = 1
MOUNT_ATTR_NOSUID = 2
MOUNT_ATTR_NODEV = 4

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def _fail(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")


def raw(number: int, *arguments: object, what: str) -> int:
    """Call `number` with the given ctypes values; raises OSError naming `what`."""
    answer = int(libc.syscall(ctypes.c_long(number), *arguments))
    if answer < 0:
        raise _fail(what)
    return answer


def unshare(flags: int) -> None:
    """Move this process (or, for pids, its next children) into new namespaces."""
    if libc.unshare(flags) != 0:
        raise _fail("unshare")


def setns(descriptor: int, kind: int) -> None:
    """Enter the namespace behind an open descriptor."""
    if libc.setns(descriptor, kind) != 0:
        raise _fail("setns")


def prctl(option: int, value: int, more: ctypes.c_void_p | None = None) -> None:
    """prctl(2) with the unused arguments zero."""
    nothing = ctypes.c_ulong(0)
    if libc.prctl(option, ctypes.c_ulong(value), nothing if more is None else more, nothing, nothing) != 0:
        raise _fail(f"prctl({option})")


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """mount(2)."""
    done = libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        options.encode() if options else None,
    )
    if done != 0:
        raise _fail(f"mount {target}")


def make_read_only(target: str, *, devices: bool = False) -> None:
    """Make a mount and everything mounted below it read-only, without set-uid (and device) files."""
    wanted = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | (0 if devices else MOUNT_ATTR_NODEV)
    attributes = (ctypes.c_uint64 * 4)(wanted, 0, 0, 0)
    try:
        raw(
            NR_MOUNT_SETATTR,
            ctypes.c_int(AT_FDCWD),
            ctypes.c_char_p(os.fsencode(target)),
            ctypes.c_uint(AT_RECURSIVE),
            ctypes.byref(attributes),
            ctypes.c_size_t(ctypes.sizeof(attributes)),
            what=f"mount_setattr {target}",
        )
    except OSError:
        # Before Linux 5.12: the top mount only, and flags the source is locked to must be repeated.
        held = os.statvfs(target).f_flag & (MS_NOSUID | MS_NODEV | 8 | 1024 | 2048)
        mount("none", target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | held)


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root of this mount namespace and hang the old one at `old`."""
    number = _NR_PIVOT_ROOT.get(os.uname().machine)
    if number is None:
        raise OSError(f"pivot_root: unknown architecture {os.uname().machine}")
    raw(number, ctypes.c_char_p(os.fsencode(new)), ctypes.c_char_p(os.fsencode(old)), what="pivot_root")


def detach(target: str) -> None:
    """Unmount `target` and all below it, now or as soon as it is unused."""
    if libc.umount2(os.fsencode(target), MNT_DETACH) != 0:
        raise _fail(f"umount {target}")


# Version 3 header (64-bit capability sets) for "this thread", and three empty sets.
_CAP_HEADER = (ctypes.c_uint32 * 2)(0x20080522, 0)
_NO_CAPS = (ctypes.c_uint32 * 6)(0, 0, 0, 0, 0, 0)


def drop_capabilities() -> None:
    """Give up every capability for good (with no_new_privs, exec cannot bring one back)."""
    if libc.capset(_CAP_HEADER, _NO_CAPS) != 0:
        raise _fail("capset")


def has_capabilities() -> bool:
    """True when this thread could use any capability."""
    held = (ctypes.c_uint32 * 6)()
    if libc.capget(_CAP_HEADER, held) != 0:
        raise _fail("capget")
    effective_and_permitted = (0, 1, 3, 4)
    return any(held[place] for place in effective_and_permitted)


# Keeps the interpreter lock, so that the child goes on in the same thread as if nothing had happened.
_locked = ctypes.PyDLL(None, use_errno=True)
_fork = _locked.fork
_fork.restype = ctypes.c_int
_syscall = _locked.syscall
_syscall.restype = ctypes.c_long
_mmap = libc.mmap
_mmap.restype = ctypes.c_void_p
_munmap = libc.munmap
_PAGE = os.sysconf("SC_PAGESIZE")


def fork() -> int:
    """fork(2) without the interpreter's at-fork hooks: half the page faults of `os.fork` in the child.

    Right only in a process with one thread, for a child that needs none of the hooks; the caller seeds `random`.
    """
    child = int(_fork())
    if child < 0:
        raise _fail("fork")
    return child


def clone(flags: int, signal_at_end: int, *, number_to: int | None = None) -> Callable[[], int]:
    """A function that does clone3(2) with these flags, without the interpreter's hooks; see `fork` for when to use it.

    It returns 0 in the child and raises OSError where there is none. The child's process id is also written to the
    address `number_to`, before anything of it runs.
    """
    # Flags, then pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls: 64 bits each.
    told = 0 if number_to is None else _CLONE_PARENT_SETTID
    arguments = (ctypes.c_uint64 * 8)(flags | told, 0, 0, number_to or 0, signal_at_end, 0, 0, 0)
    where, number, size = ctypes.byref(arguments), ctypes.c_long(_NR_CLONE3), ctypes.c_size_t(64)

    def start() -> int:
        child = int(_syscall(number, where, size))
        if child < 0:
            raise _fail("clone3")
        return child

    return start


class SharedNumber:
    """A number on a page of its own, one and the same in this process and those that it forks."""

    def __init__(self) -> None:
        size = ctypes.c_size_t(_PAGE)
        readable_and_writable, shared_anonymous = 3, 0x21
        found = _mmap(None, size, readable_and_writable, shared_anonymous, -1, ctypes.c_long(0))
        if found in (None, ctypes.c_void_p(-1).value):
            raise _fail("mmap")
        self.address: int = found
        self._number = ctypes.c_int.from_address(found)

    @property
    def value(self) -> int:
        """What was written last, by whomever."""
        return self._number.value

    @value.setter
    def value(self, value: int) -> None:
        self._number.value = value

    def keep_from_children(self) -> None:
        """Leave the page out of what this process forks from here on."""
        do_not_fork = 10
        if libc.madvise(ctypes.c_void_p(self.address), ctypes.c_size_t(_PAGE), do_not_fork) != 0:
            raise _fail("madvise")

    def close(self) -> None:
        """Give the page back; neither address nor value mean anything from here on."""
        if self.address:
            _munmap(ctypes.c_void_p(self.address), ctypes.c_size_t(_PAGE))
            self.address = 0
            self._number = ctypes.c_int()


def trim_heap() -> None:
    """Hand freed memory back, so that no fork copies the page tables of it; does nothing where libc cannot."""
    trim = getattr(libc, "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))
