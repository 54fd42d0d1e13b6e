"""What a worker does once, before its first program: environment, libraries, and getting out of sight."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import types
from collections.abc import Iterator

# Loaded before the first fork. Each module here costs every program page tables (one in C five mappings, some 10 us),
# one that is not here costs its users an import: the list holds pure Python that many programs use, and math.
_COMMON = "collections contextlib copy enum functools io itertools math operator os re string sys time typing"

_LENT_HOME = "itax-home"
"""`environments.HOME`, which cannot be imported behind the fence."""
_DATA = "itax-data"
"""`environments.DATA`, likewise."""
_DATA_FOLDERS = {"SEABORN_DATA": "seaborn", "SCIKIT_LEARN_DATA": "scikit_learn", "NLTK_DATA": "nltk"}
"""Where libraries look for data before they try the network: variable to folder in `_DATA`."""


def volunteer_for_the_oom_killer() -> None:
    """End before the process that holds the model when the machine runs out of memory."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as adjust:
        adjust.write("1000")


def set_environment(scratch: str) -> None:
    """Point the home and temporary folders at the scratch directory, and libraries at an environment's own data."""
    os.environ.update(HOME=scratch, TMPDIR=scratch)
    # The loader has used them; programs have no business with them.
    for name in ("LD_LIBRARY_PATH", "LD_BIND_NOW"):
        os.environ.pop(name, None)
    for name, folder in _DATA_FOLDERS.items():
        place = os.path.join(sys.prefix, _DATA, folder)
        if os.path.isdir(place):
            os.environ[name] = place


@contextlib.contextmanager
def borrowed_home(scratch: str) -> Iterator[None]:
    """What the packages of a pinned environment expect to find in a home folder, while they are imported."""
    lent = os.path.join(sys.prefix, _LENT_HOME)
    if not os.path.isdir(lent):
        yield
        return
    import shutil

    # Entry by entry: the mode of the scratch directory itself must stay.
    names = [entry.name for entry in os.scandir(lent) if entry.is_dir()]
    for name in names:
        shutil.copytree(os.path.join(lent, name), os.path.join(scratch, name))
    yield
    for name in names:
        shutil.rmtree(os.path.join(scratch, name))


def preload(extra: list[str]) -> list[str]:
    """Import what many programs use, and `extra`; those of `extra` that could be imported."""
    loaded = []
    for name in [*_COMMON.split(), *extra]:
        # A broken package is the program's problem when it imports it, not the worker's.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
            loaded.append(name)
    return [name for name in loaded if name in extra]


def hide_engine() -> None:
    """Take the engine's modules, its script and its arguments out of programs' sight."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "itax_metrics"]:
        del sys.modules[name]
    sys.modules["__main__"] = types.ModuleType("__main__")
    sys.argv = [""]
