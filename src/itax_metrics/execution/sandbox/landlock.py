"""Landlock: a second file layer inside the private tree, and the first one where namespaces are not allowed.

Covered: reading outside the given paths, any writing outside the scratch directories, changing mounts, tracing
processes outside; TCP (Linux 6.7) and signals or abstract sockets towards outside (Linux 6.12) when asked for.
Not covered: chmod, utime and stat of files outside, UDP, sockets with a path; kernels before 6.2 (truncation).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from typing import NamedTuple

from . import syscalls

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | (1 << 14) | (1 << 15)
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_TCP = 0b11
_SCOPES = 0b11
_RULE_PATH_BENEATH = 1


class _RulesetAttr(ctypes.Structure):
    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


class Ruleset(NamedTuple):
    """A ready ruleset; `apply` restricts the calling thread and all its later children for good."""

    descriptor: int
    network: bool
    """TCP is refused."""
    signals: bool
    """No signal reaches a process outside."""

    def apply(self) -> None:
        """Enter the domain; needs no_new_privs."""
        syscalls.raw(
            syscalls.NR_LANDLOCK_RESTRICT_SELF, ctypes.c_int(self.descriptor), ctypes.c_uint(0), what="landlock"
        )


def abi() -> int:
    """The Landlock version of this kernel; raises OSError where there is none."""
    none = ctypes.c_void_p(None)
    return syscalls.raw(
        syscalls.NR_LANDLOCK_CREATE_RULESET, none, ctypes.c_size_t(0), ctypes.c_uint(1), what="Landlock"
    )


def build(
    readable: Iterable[str], writable: Iterable[str], devices: Iterable[str], *, alone: bool, opened: Iterable[int] = ()
) -> Ruleset:
    """Prepare the ruleset.

    Args:
        opened: descriptors of further directories that may be read; no path needs to lead there.
        alone: no namespaces are there, so TCP and signals are refused here if the kernel can.

    Raises:
        OSError: no Landlock, or one that cannot stop truncation (before Linux 6.2).
    """
    version = abi()
    if version < 3:
        raise OSError(f"Landlock ABI {version} cannot stop files from being truncated; ABI 3 (Linux 6.2) is needed")
    rights = (1 << 15) - 1 if version < 5 else (1 << 16) - 1
    network, signals = alone and version >= 4, alone and version >= 6
    attributes = _RulesetAttr(rights, _TCP if network else 0, _SCOPES if signals else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    descriptor = syscalls.raw(
        syscalls.NR_LANDLOCK_CREATE_RULESET,
        ctypes.byref(attributes),
        ctypes.c_size_t(size),
        ctypes.c_uint(0),
        what="Landlock",
    )
    os.set_inheritable(descriptor, False)
    for path in readable:
        _allow(descriptor, path, _READ)
    for path in writable:
        _allow(descriptor, path, rights)
    for place in opened:
        _allow_opened(descriptor, place, _READ)
    for path in devices:
        _allow(descriptor, path, _READ_FILE | _WRITE_FILE | (rights & (1 << 15)))
    return Ruleset(descriptor, network, signals)


def _allow(ruleset: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not os.path.isdir(path):
            rights &= _FILE_RIGHTS
        _allow_opened(ruleset, descriptor, rights)
    finally:
        os.close(descriptor)


def _allow_opened(ruleset: int, place: int, rights: int) -> None:
    rule = _PathBeneath(rights, place)
    syscalls.raw(
        syscalls.NR_LANDLOCK_ADD_RULE,
        ctypes.c_int(ruleset),
        ctypes.c_int(_RULE_PATH_BENEATH),
        ctypes.byref(rule),
        ctypes.c_uint(0),
        what="Landlock rule",
    )
