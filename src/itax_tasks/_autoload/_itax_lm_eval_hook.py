"""Let plain `lm_eval` find the itax tasks and models, at one to two milliseconds an interpreter start.

Installed at the root of site-packages beside a one-line `.pth` file, because lm-eval 0.4.13 has no
plugin mechanism. It only notices when one of two lm_eval modules is imported, and then hands over to
`itax_tasks.harness.discovery`. It never raises. `ITAX_NO_AUTOLOAD=1` switches it off.

This file imports nothing but sys and os, since every Python process of the environment runs it.
"""

import os
import sys

TYPE_CHECKING = False  # typing's own would have to be imported
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

WATCHED = ("lm_eval.tasks.manager", "lm_eval.models")


class _Finder:
    """A meta-path finder that finds nothing itself; it adds one step after two modules have loaded."""

    @staticmethod
    def find_spec(
        name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        if name not in WATCHED:
            return None
        try:
            from importlib.machinery import PathFinder

            spec = PathFinder.find_spec(name, path, target)
            if spec is None or spec.loader is None:
                return None
            load = spec.loader.exec_module

            def exec_module(module: "ModuleType") -> None:
                load(module)
                _serve(module)

            # On the instance, so that the loader keeps its type and inspect.getsource keeps working.
            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
            return spec
        except Exception as error:  # a broken hook must never break somebody's interpreter
            _warn(error)
            return None


def _serve(module: "ModuleType") -> None:
    try:
        from itax_tasks.harness import discovery

        discovery.serve(module)
    except Exception as error:
        _warn(error)


def _warn(error: Exception) -> None:
    import warnings

    warnings.warn(
        f"itax could not register its tasks with lm_eval ({type(error).__name__}: {error}). "
        'Run `itax doctor`, or add --include_path "$(itax path)".',
        stacklevel=2,
    )


if not os.environ.get("ITAX_NO_AUTOLOAD"):
    sys.meta_path.insert(0, _Finder)
