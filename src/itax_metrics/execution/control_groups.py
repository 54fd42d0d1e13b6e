"""Where the kernel tells the limits of this process's control groups: its own and every one above it.

Covered: versions 1 and 2, controllers that are mounted together, containers that see no more than their own group.
Not covered: file systems of control groups that are mounted elsewhere than below `/sys/fs/cgroup`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

_MOUNTS = Path("sys/fs/cgroup")


def folders(controller: str, root: Path = Path("/")) -> Iterator[tuple[int, Path]]:
    """Version (1 or 2) and folder of each group that may bound this process; some of them need not exist.

    Args:
        controller: `memory` or `cpu`.
        root: where `proc` and `sys` are found.
    """
    lines: list[str] = []
    with contextlib.suppress(OSError):
        lines = (root / "proc/self/cgroup").read_text("utf-8", "surrogateescape").splitlines()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from ((2, folder) for folder in _upwards(root / _MOUNTS, path))
        elif controller in controllers.split(","):
            # Distributions link the single name to the joint one; containers may have only the latter.
            mounts = dict.fromkeys((controller, controllers))
            base = next((found for name in mounts if (found := root / _MOUNTS / name).is_dir()), None)
            if base is not None:
                yield from ((1, folder) for folder in _upwards(base, path))


def _upwards(base: Path, path: str) -> Iterator[Path]:
    """The group, those above it and the root, which in a container is the group itself: its path is the host's."""
    own = Path(path.lstrip("/"))
    for part in (own, *own.parents):
        yield base / part
