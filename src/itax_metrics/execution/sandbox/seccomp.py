"""A seccomp filter, installed once in the worker: system calls no test program needs and kernels were broken through.

Covered: tracing and reading other processes' memory, io_uring, bpf, perf, userfaultfd, kernel keyrings, System V and
POSIX queues (they would outlive a program), mounting, modules, foreign-architecture calls; every socket, when asked.
Not covered: any call not on the list; the list is a tripwire behind the other layers, not an allow-list.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from . import syscalls

# name -> (x86_64, aarch64)
_REFUSED: dict[str, tuple[int, int]] = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "quotactl": (179, 60),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171), "syslog": (103, 116),
}  # fmt: skip
_SOCKET = (41, 198)
_ARCHES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_X32_BIT = 0x40000000


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def install(*, sockets: bool) -> None:
    """Refuse the listed calls with EPERM in this process and its children (`sockets` allows socket(2)).

    Raises:
        OSError: no seccomp here, or an architecture without a table.
    """
    machine = os.uname().machine
    if machine not in _ARCHES:
        raise OSError(f"seccomp: no table for {machine}")
    column, audit = _ARCHES[machine]
    numbers = sorted(pair[column] for pair in _REFUSED.values())
    if not sockets:
        numbers.append(_SOCKET[column])
    code = _instruction(_LOAD, 4)  # the architecture
    code += _instruction(_JUMP_EQUAL, audit, then=1)
    code += _instruction(_RETURN, _ERRNO | errno.EPERM)
    code += _instruction(_LOAD, 0)  # the call's number
    if machine == "x86_64":
        code += _instruction(_JUMP_GREATER_EQUAL, _X32_BIT, otherwise=1)
        code += _instruction(_RETURN, _ERRNO | errno.EPERM)
    for left, number in zip(range(len(numbers), 0, -1), numbers, strict=True):
        code += _instruction(_JUMP_EQUAL, number, then=left)
    code += _instruction(_RETURN, _ALLOW)
    code += _instruction(_RETURN, _ERRNO | errno.EPERM)
    program = _Program(len(code) // 8, code)
    syscalls.prctl(
        syscalls.PR_SET_SECCOMP, syscalls.SECCOMP_MODE_FILTER, ctypes.cast(ctypes.byref(program), ctypes.c_void_p)
    )


def _instruction(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)
