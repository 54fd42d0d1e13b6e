"""The tax in a bottle: a tiny base model and its instruct descendant, trained from nothing by `itax tune tiny`.

Both travel with the package (`bundled`), are held to items that training never showed
(`itax_tasks.benchmarks.mini`), and lose infilling to instruction tuning as larger pairs do. How much they
lose was set by the recipe; it is no evidence about any other model.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from itax_metrics.errors import ConfigError

NAMES = ("itax-tiny-base", "itax-tiny-instruct")

__all__ = ["NAMES", "bundled"]


def bundled(name: str) -> Path:
    """The folder of a model of the pair, to be given to any tool as `pretrained`.

    Raises:
        ConfigError: a name that is not in `NAMES`, or an installation without the weights.
    """
    if name not in NAMES:
        raise ConfigError(f"There is no bundled model {name!r}; the tiny pair is {' and '.join(NAMES)}.")
    folder = Path(str(resources.files("itax_tasks.tune.tiny") / "weights" / name.removeprefix("itax-tiny-")))
    if not (folder / "model.safetensors").is_file():
        raise ConfigError(f"{name} is not in this installation. Train it with: itax tune tiny --out DIR")
    return folder
