"""The script a fresh worker process starts with: finds its own package without importing it.

Run as `python -I zygote.py CONFIG`. Importing `itax_metrics` itself could load anything; only the modules of
`itax_metrics.execution` that serve programs are loaded, below two empty stand-ins for the parent packages, and all
of them disappear from `sys.modules` before the first program runs.
"""

from __future__ import annotations

import os
import sys
import types

_PACKAGES = ("itax_metrics", "itax_metrics.execution")


def boot() -> None:
    """Put empty parent packages in place, serve, and never return to the caller's world."""
    here = os.path.dirname(os.path.abspath(__file__))
    for name, path in zip(_PACKAGES, (os.path.dirname(here), here), strict=True):
        package = types.ModuleType(name)
        package.__path__ = [path]
        sys.modules[name] = package
    from itax_metrics.execution.serving import main

    main(sys.argv[1])


if __name__ == "__main__":
    boot()
