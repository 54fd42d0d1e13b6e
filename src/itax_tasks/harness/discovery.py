"""Put the itax tasks and models where lm-eval looks for them, once its modules have loaded.

lm-eval 0.4.13 scans its own folder and `--include_path`, nothing else. `serve` is called by the import
hook after `lm_eval.tasks.manager` and `lm_eval.models` have loaded, one call each, so a change in one
of them cannot take the other down. Both are left alone where upstream discovers plugins by itself
(it reads the entry points of our distribution) and in lm-eval versions this was never run with.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from itax_tasks.models.presence import Takes
from itax_tasks.paths import task_path

TESTED_LM_EVAL = ("0.4.13",)
"""The lm-eval releases the hook was run with; in any other it does nothing and `itax doctor` says so."""

MODELS = {
    "itax-replay": "itax_tasks.models.replay:ReplayLM",
    "itax-hf": "itax_tasks.models.hf:ItaxHF",
    "itax-vllm": "itax_tasks.models.vllm:ItaxVLLM",
    "itax-sglang": "itax_tasks.models.sglang:ItaxSGLang",
    "itax-completions": "itax_tasks.models.completions:ItaxCompletions",
}
"""Model name to `module:class`, registered lazily."""

TAKES: dict[str, Takes] = {
    "itax-replay": "none",
    "itax-hf": "ids",
    "itax-vllm": "ids",
    "itax-sglang": "ids",
    "itax-completions": "native_suffix",
}
"""What each of them takes, for checks made before one is loaded."""

_only_ours = False


def serve(module: ModuleType) -> None:
    """Add our tasks or our models to the lm_eval module that has just loaded."""
    if lm_eval_version() not in TESTED_LM_EVAL:
        return
    if module.__name__ == "lm_eval.tasks.manager":
        serve_tasks(module)
    elif module.__name__ == "lm_eval.models":
        serve_models()


def serve_tasks(manager: ModuleType) -> None:
    """Wrap `TaskManager.__init__` so that our YAML folder stands between lm-eval's own and the user's.

    A manager made with `include_defaults=False` is left alone: its maker asked for exactly what was named.
    """
    if upstream_discovers_tasks(manager) or hasattr(manager.TaskManager.__init__, "__wrapped__"):
        return
    original = manager.TaskManager.__init__
    signature = inspect.signature(original)

    @functools.wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        asked = bound.arguments.get("include_path")
        if bound.arguments.get("include_defaults"):
            bound.arguments["include_path"] = [task_path(), *_without_ours(asked)]
            bound.arguments["include_defaults"] = not _only_ours
        original(*bound.args, **bound.kwargs)
        self.include_path = asked

    manager.TaskManager.__init__ = init


def serve_models() -> None:
    """Register our model classes by lazy name, keeping any that are registered already."""
    from lm_eval.api.registry import model_registry

    for name, target in MODELS.items():
        if name not in model_registry:
            model_registry.register(name, target=target)


def upstream_discovers_tasks(manager: ModuleType) -> bool:
    """True in an lm-eval that reads the entry point group `lm_eval.tasks` itself."""
    return hasattr(manager, "discover_plugin_task_paths")


def lm_eval_version() -> str | None:
    """The installed lm-eval release, None when there is none."""
    try:
        return metadata.version("lm_eval")
    except metadata.PackageNotFoundError:
        return None


@contextmanager
def only_itax_tasks() -> Iterator[None]:
    """Within this block lm-eval indexes our folder alone, which spares some six CPU seconds a start."""
    global _only_ours
    _only_ours = True
    try:
        yield
    finally:
        _only_ours = False


def _without_ours(include_path: Any) -> list[Any]:
    """The user's folders; ours is dropped, so that naming it too neither scans twice nor warns."""
    given = include_path if isinstance(include_path, (list, tuple)) else [include_path] if include_path else []
    ours = Path(task_path()).resolve()
    return [path for path in given if Path(path).resolve() != ours]
