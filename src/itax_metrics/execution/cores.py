"""How many cores programs may keep busy here."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
from pathlib import Path

from . import control_groups

log = logging.getLogger("itax.execution")


def usable_cores(root: Path = Path("/")) -> int:
    """The cores this process may use: those it may run on, and no more than its control groups give time for.

    A quota is rounded down, to one core at least: a program that shares the rest of a core may meet its wall limit.

    Args:
        root: where `proc` and `sys` are found.
    """
    if sys.platform != "linux":
        return os.cpu_count() or 1
    cores = len(os.sched_getaffinity(0))
    quotas = [quota for version, folder in control_groups.folders("cpu", root) if (quota := _quota(version, folder))]
    return max(1, min(cores, *map(int, quotas))) if quotas else cores


def _quota(version: int, folder: Path) -> float | None:
    """Cores' worth of time that a group gives; None where it sets no bound."""
    with contextlib.suppress(OSError, ValueError):
        if version == 2:
            time, period = (folder / "cpu.max").read_text("ascii").split()
        else:
            time, period = ((folder / f"cpu.cfs_{name}_us").read_text("ascii") for name in ("quota", "period"))
        # "max" and -1 stand for no bound; the former is no number.
        if int(time) > 0 and int(period) > 0:
            return int(time) / int(period)
    return None


@functools.lru_cache
def warn_of_load(programs: int, cores: int) -> None:
    """Say once in a process that more programs run at a time than there are cores."""
    if programs > cores:
        log.warning(
            "itax: %d programs at a time on %d usable cores: wall limits may then be met by load. That is not "
            "refused. Fewer workers (ITAX_WORKERS) or ranks avoid it.",
            *(programs, cores),
        )
