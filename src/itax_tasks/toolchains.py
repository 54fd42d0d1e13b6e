"""Which languages the answers to some items run in, and whether all of them can be run here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from itax_metrics.errors import ConfigError
from itax_metrics.execution import languages
from itax_metrics.records import Item
from itax_tasks.spec import TaskSpec


def require_toolchains(spec: TaskSpec, items: Iterable[Item]) -> None:
    """See to it that every language of these items can be compiled and run here.

    Raises:
        ConfigError: naming, once for all languages, the Debian packages that bring what is missing.
    """
    used = used_languages(spec, items)
    lacking = {name: why for name in used if (why := languages.missing(name)) is not None}
    if lacking:
        rows = ", ".join(f"{used[name]} in {name}" for name in lacking)
        raise ConfigError(
            f"{spec.name} cannot execute the answers to all these items here ({rows}). {' '.join(lacking.values())} "
            "Or generate here with --predict_only and `itax score` on a machine that has them."
        )


def used_languages(spec: TaskSpec, items: Iterable[Item]) -> Counter[str]:
    """Items by the engine's language their programs run in."""
    return Counter(name for name in map(spec.runs_in, items) if name is not None)
