"""The tax in a bottle: a tiny base model and its instruct descendant, trained from nothing by `itax tune tiny`.

Both travel with the package (`bundled`), are held to items that training never showed
(`itax_tasks.benchmarks.mini`), and lose infilling to instruction tuning as larger pairs do. How much they
lose was set by the recipe; it is no evidence about any other model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from itax_metrics.errors import ConfigError

NAMES = ("itax-tiny-base", "itax-tiny-instruct")
NOTICE = (
    "The size of this tax was set by the recipe that trained this pair: by how long it was tuned, and on what. "
    "It is no evidence about any other model."
)
"""Stands wherever the pair's tax is shown."""

_NAMED = re.compile(rf"(?:^|(?<=[=,]))pretrained=({'|'.join(NAMES)})(?=,|$)")

__all__ = ["NAMES", "NOTICE", "bundled", "name_of", "place_of", "with_folders"]


def bundled(name: str) -> Path:
    """The folder of a model of the pair, to be given to any tool as `pretrained`.

    Raises:
        ConfigError: a name that is not in `NAMES`, or an installation without the weights.
    """
    if name not in NAMES:
        raise ConfigError(f"There is no bundled model {name!r}; the tiny pair is {' and '.join(NAMES)}.")
    folder = _folder(name)
    if not (folder / "model.safetensors").is_file():
        raise ConfigError(f"{name} is not in this installation. Train it with: itax tune tiny --out DIR")
    return folder


def name_of(model: str) -> str:
    """The name of the pair's model in that folder; any other model as it stands."""
    return next((name for name in NAMES if Path(model) == _folder(name)), model)


def place_of(model: str) -> str:
    """The folder of a model of the pair; any other model as it stands."""
    return str(bundled(model)) if model in NAMES else model


def with_folders(arguments: Sequence[str]) -> list[str]:
    """Command-line arguments with the folder in place of `pretrained=itax-tiny-base` and its sibling."""
    return [_NAMED.sub(lambda found: f"pretrained={bundled(found[1])}", argument) for argument in arguments]


def _folder(name: str) -> Path:
    return Path(str(resources.files("itax_tasks.tune.tiny") / "weights" / name.removeprefix("itax-tiny-")))
