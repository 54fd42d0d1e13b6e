"""Pairs of base and instruct models, and which tasks each of the two is asked."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from itax_metrics.errors import ConfigError
from itax_tasks.spec import TaskSpec
from itax_tasks.tasks import TASKS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True)
class Pair:
    """A base model and what instruction tuning made of it."""

    name: str
    base: str
    instruct: str
    fim: str | None = None
    billions: float | None = None
    gpus: int | None = None
    """80 GB GPUs it needs; None where nobody has said."""
    presets: tuple[str, ...] = ()


@cache
def pairs() -> tuple[Pair, ...]:
    """The pairs of `pairs.toml`."""
    text = files("itax_tasks").joinpath("pairs.toml").read_text("utf-8")
    rows: Sequence[Mapping[str, Any]] = tomllib.loads(text)["pair"]
    return tuple(Pair(**{**row, "presets": tuple(row["presets"])}) for row in rows)


def preset(name: str) -> tuple[Pair, ...]:
    """The pairs of a preset, or the one pair of that name.

    Raises:
        ConfigError: neither; names what there is.
    """
    found = tuple(pair for pair in pairs() if name in (*pair.presets, pair.name))
    if not found:
        known = dict.fromkeys([*(name for pair in pairs() for name in pair.presets), *(pair.name for pair in pairs())])
        raise ConfigError(f"There is no preset {name!r}. Presets and pairs: {', '.join(known)}.")
    return found


def matrix(leaves: Sequence[str], *, speaks: bool) -> list[str]:
    """The tasks one model is asked: those named, and their siblings under the other conditions, one a condition.

    Args:
        leaves: itax tasks, groups already opened.
        speaks: the model is asked in a chat too; a base model is asked without one.
    """
    asked: list[str] = []
    for name in leaves:
        spec = TASKS[name]
        siblings: dict[str, str] = {}
        for other in TASKS.values():
            # Two names of one request (EvalPlus's own form has two) are asked once, under the name that was typed.
            if _stem(other) == _stem(spec) and (other.condition not in siblings or other is spec):
                siblings[other.condition] = other.name
        asked += [other for other in siblings.values() if speaks or not TASKS[other].in_chat]
    return list(dict.fromkeys(asked))


def _stem(spec: TaskSpec) -> str:
    return spec.name.removesuffix(f"_{spec.condition}")
