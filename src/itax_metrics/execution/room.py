"""How many more workers the machine's free memory has room for.

Covered: a worker keeps room for what its profile is taken to need from its start on, used or not; several pools on one
machine each count on their share.
Not covered: programs that use more than their profile is taken to need; other processes that grow later.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from . import control_groups, languages
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
_PAGE = os.sysconf("SC_PAGESIZE")


def unclaimed_bytes(running: Sequence[tuple[str, int]], share: int = 1, root: Path = Path("/")) -> int:
    """Free memory that no running worker is still going to use.

    Args:
        running: profile and process id of each worker; what it holds already is missing from the free memory.
        share: pools on this machine that start workers, this one included; each counts on as much.
        root: where `proc` and `sys` are found.

    Returns:
        Bytes; negative where the running workers may come to need more than there is.
    """
    used = used_bytes([process for _, process in running], root / "proc")
    claimed = sum(max(0, bytes_of(profile) - used[process]) for profile, process in running)
    return available_bytes(root) // max(1, share) - claimed


def fitting(profiles: Sequence[str], unclaimed: int) -> int:
    """How many of these workers, in this order, the unclaimed bytes have room for.

    >>> fitting(["numpy", "bare", "bare"], LIBRARY_BYTES + BARE_BYTES)
    2
    """
    for count, profile in enumerate(profiles):
        unclaimed -= bytes_of(profile)
        if unclaimed < 0:
            return count
    return len(profiles)


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
    for version, folder in control_groups.folders("memory", root):
        limit, used = _FILES[version]
        with contextlib.suppress(OSError, ValueError):
            most, now = (int((folder / name).read_text("ascii")) for name in (limit, used))
            if most < _UNLIMITED:
                found.append(max(0, most - now + _cached(folder)))
    return min(found)


_FILES = {1: ("memory.limit_in_bytes", "memory.usage_in_bytes"), 2: ("memory.max", "memory.current")}


def _cached(folder: Path) -> int:
    """File pages of a group that the kernel drops when memory is wanted; the count of what is used has them."""
    with contextlib.suppress(OSError, ValueError):
        rows = dict(line.split() for line in (folder / "memory.stat").read_text("ascii").splitlines())
        return int(rows.get("total_inactive_file", rows.get("inactive_file", 0)))
    return 0


def used_bytes(processes: Sequence[int], proc: Path = Path("/proc")) -> dict[int, int]:
    """What each process and its descendants hold together, mapped files left out; rather too little than too much."""
    below: dict[int, list[int]] = {}
    for folder in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name in parentheses is the program's choice, the fields behind the last one are not.
            parent = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
            below.setdefault(parent, []).append(int(folder.name))
    used = {}
    for process in processes:
        tree = [process]
        for each in tree:
            tree += below.get(each, ())
        shares = [_proportional(proc / str(each)) for each in tree]
        known = [share for share in shares if share is not None]
        # Those that share pages by a fork would count them once each, so the largest has to do.
        used[process] = sum(known) if len(known) == len(shares) else max(_private(proc / str(each)) for each in tree)
    return used


def _proportional(folder: Path) -> int | None:
    """Memory of a process, each shared page by its part; None where the kernel does not tell this user."""
    try:
        lines = (folder / "smaps_rollup").read_text("ascii").splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        # It has ended, or the kernel has no such file: then `_private` will not be 0.
        return None if _private(folder) else 0
    except OSError:
        return None
    sizes = {line.split()[0]: int(line.split()[1]) * 1024 for line in lines}
    return sizes.get("Pss:", 0) - sizes.get("Pss_File:", 0)


def _private(folder: Path) -> int:
    """Resident memory of a process that no file backs, shared with the process it was forked from or not."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        resident, of_files = (folder / "statm").read_text("ascii").split()[1:3]
        return (int(resident) - int(of_files)) * _PAGE
    return 0
