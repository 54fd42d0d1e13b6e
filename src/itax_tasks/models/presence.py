"""Which of our model classes is loaded, so that tasks know what it takes.

lm-eval builds the model first and hands tasks its arguments, but never the model or its class. Our classes say here
that they are there; a stock backend says nothing and is taken to want strings.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

Takes = Literal["string", "ids", "native_suffix", "none"]


@dataclass(frozen=True, slots=True)
class Present:
    """What a loaded (or announced) model takes."""

    takes: Takes
    max_length: int | None = None
    """Its context in tokens; None: not known before it is loaded."""


_loaded: list[tuple[str, weakref.ref[Any]]] = []
_expected: dict[str, Present] = {}


def announce(model: Any, name: str) -> None:
    """Say that `model` is loaded; its class has `itax_takes`, and the model `max_length` where it knows one."""
    _loaded.append((name, weakref.ref(model)))


def present(name: str | None) -> Present | None:
    """The newest of our models of that name that is still alive, else the one that is expected."""
    if name is None:
        return None
    for known, reference in reversed(_loaded):
        model = reference()
        if known == name and model is not None:
            return Present(model.itax_takes, getattr(model, "max_length", None))
    return _expected.get(name)


@contextmanager
def expecting(name: str | None, takes: Takes | None) -> Iterator[None]:
    """Within this block tasks are built as for a model that will be loaded later (`itax run` checks before)."""
    if name is None or takes is None:
        yield
        return
    _expected[name] = Present(takes)
    try:
        yield
    finally:
        _expected.pop(name, None)
