"""How many more workers the machine's free memory has room for."""

from __future__ import annotations

import contextlib
from pathlib import Path

from . import languages
from .worker import PROFILES

GIB = 1024**3
BARE_BYTES = GIB // 4
"""A worker without libraries and one of its programs: the limits of most benchmarks leave them no more."""
PROCESS_BYTES = GIB
"""A compiler that is kept, and a virtual machine."""
LIBRARY_BYTES = 2 * GIB
"""Libraries and a program that uses them. TensorFlow with a small network takes 0.7 to 1.3 GiB; the 30 GiB that
BigCodeBench allows a program would leave most machines one worker."""

_UNLIMITED = 1 << 60
"""What control groups say for no limit is larger."""


def more_workers(profile: str, available: int | None = None) -> int:
    """Workers of this profile that can be started now without using up the memory that is free.

    Args:
        profile: name of a profile, with `@ENVIRONMENT` where it runs in a pinned one.
        available: free bytes; what `available_bytes` finds when None.

    Returns:
        At least 0. The caller starts its first worker in any case.
    """
    free = available_bytes() if available is None else available
    return free // bytes_of(profile)


def bytes_of(profile: str) -> int:
    """What a worker of this profile and its program are taken to need.

    >>> bytes_of("bare") < bytes_of("java") < bytes_of("bare@ds1000") == bytes_of("numpy")
    True
    """
    name, _, environment = profile.partition("@")
    if environment or PROFILES.get(name):
        return LIBRARY_BYTES
    return PROCESS_BYTES if name in languages.PROCESSES else BARE_BYTES


def available_bytes(root: Path = Path("/")) -> int:
    """Memory that can still be used, by machine and control groups; what no file tells is no bound.

    Args:
        root: where `proc` and `sys` are found.
    """
    found = [_UNLIMITED]
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = (root / "proc/meminfo").read_text("ascii").splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    with contextlib.suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text("utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "memory":
                base, limit, used = "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            elif not controllers:
                base, limit, used = "sys/fs/cgroup", "memory.max", "memory.current"
            else:
                continue
            # In a container the group itself is the root of what can be seen.
            for folder in (root / base / path.lstrip("/"), root / base):
                with contextlib.suppress(OSError, ValueError):
                    most, now = (int((folder / name).read_text("ascii")) for name in (limit, used))
                    if most < _UNLIMITED:
                        found.append(max(0, most - now + _cached(folder)))
                    break
    return min(found)


def _cached(folder: Path) -> int:
    """File pages of a group that the kernel drops when memory is wanted; the count of what is used has them."""
    with contextlib.suppress(OSError, ValueError):
        rows = dict(line.split() for line in (folder / "memory.stat").read_text("ascii").splitlines())
        return int(rows.get("total_inactive_file", rows.get("inactive_file", 0)))
    return 0
