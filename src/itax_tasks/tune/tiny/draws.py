"""A seeded stream of choices that is the same on every Python version and machine."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

Thing = TypeVar("Thing")


class Draws:
    """Choices from one seed.

    Only `random.Random.random` is used, the one method whose sequence the standard library promises to keep;
    `choice`, `sample` and `shuffle` may change between versions.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def below(self, n: int) -> int:
        """A whole number from 0 to n - 1."""
        return int(self._random() * n)

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self._random() < probability

    def pick(self, things: Sequence[Thing]) -> Thing:
        """One of the things, each equally likely."""
        return things[self.below(len(things))]

    def weighted(self, things: Sequence[tuple[Thing, float]]) -> Thing:
        """One of the things, by weights that add up to 1."""
        at = self._random()
        for thing, weight in things:
            at -= weight
            if at < 0:
                return thing
        return things[-1][0]

    def shuffled(self, things: Sequence[Thing]) -> list[Thing]:
        """All things in a new order (Fisher-Yates)."""
        mixed = list(things)
        for last in range(len(mixed) - 1, 0, -1):
            other = self.below(last + 1)
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed
