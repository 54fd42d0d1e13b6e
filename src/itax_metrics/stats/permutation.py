"""The primary test: is a paired difference more than the clusters' signs could give by chance?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from itax_metrics.stats.bootstrap import ClusterTotals

_ENUMERATE = 16
"""Up to this many non-zero clusters all 2^k sign patterns are listed."""
_LATTICE_STEPS = 400_000_000
"""Additions spent at most on the exact distribution of whole-number sums (below a second)."""


@dataclass(frozen=True, slots=True)
class SignFlip:
    """A two-sided p-value and how finely it can be resolved."""

    p_value: float
    method: Literal["exact", "monte_carlo"]
    resolution: float
    """The smallest p this test could have returned: 2^(1 - k) for k non-zero clusters, or 1 / (resamples + 1)."""


def sign_flip_test(
    totals: ClusterTotals, *, resamples: int = 10_000, seed: int | Sequence[int] = 0, unit: float = 1.0
) -> SignFlip:
    """Flip the sign of whole clusters: the share of sign patterns with a sum at least as far from zero as observed.

    If the two models were exchangeable within a cluster, its summed difference D_c would be as likely -D_c:

        p = P( |sum s_c |D_c|| >= |sum D_c| ),    s_c independent, +1 or -1

    Only the sizes |D_c| enter the null distribution, so swapping the models leaves p untouched. Exact where all
    D_c are multiples of `unit` (one verdict per item: whole numbers; k samples: unit = 1/k), by building up the
    distribution of the sum one cluster at a time; exact also by listing all patterns of up to 16 non-zero clusters.
    Otherwise Monte Carlo with p = (b + 1) / (m + 1). Zero clusters count for nothing. No non-zero cluster, or only
    one: p = 1. p is never 0.

    Args:
        totals: From `by_cluster`.
        resamples: Monte Carlo draws m, where they are needed.
        seed: Anything `numpy.random.default_rng` takes.
        unit: The step of which every cluster sum is a multiple, if there is one.

    References:
        Fisher (1935), The Design of Experiments, section 21; Pagano and Tritchler (1983), JASA 78 (exact, in
        polynomial time); Phipson and Smyth (2010), Stat Appl Genet Mol Biol 9 (the "+ 1").

    >>> from itax_metrics.stats.bootstrap import by_cluster
    >>> sign_flip_test(by_cluster([1, 1, 1, 1, -1], list("abcde")))
    SignFlip(p_value=0.375, method='exact', resolution=0.0625)
    """
    if resamples < 1:
        raise ValueError(f"at least one resample is needed, not {resamples}")
    observed = abs(float(totals.sums.sum()))
    steps = np.sort(np.abs(totals.sums[np.abs(totals.sums) > 1e-12]))
    if not len(steps):
        return SignFlip(1.0, "exact", 1.0)
    finest = max(2.0 ** max(1 - len(steps), -1022), sys.float_info.min)
    whole = np.rint(steps / unit)
    if np.allclose(steps / unit, whole, rtol=0, atol=1e-6) and whole.sum() * len(steps) <= _LATTICE_STEPS:
        p = _lattice_tail(whole.astype(np.int64), round(observed / unit))
        return SignFlip(min(1.0, max(p, finest)), "exact", finest)
    slack = 1e-9 * float(steps.sum())
    if len(steps) <= _ENUMERATE:
        sums = np.zeros(1)
        for step in steps:
            sums = np.concatenate([sums - step, sums + step])
        return SignFlip(float(np.mean(np.abs(sums) >= observed - slack)), "exact", finest)
    sums = _random_flips(steps, resamples, np.random.default_rng(seed))
    beyond = int(np.count_nonzero(np.abs(sums) >= observed - slack))
    return SignFlip((beyond + 1) / (resamples + 1), "monte_carlo", 1 / (resamples + 1))


def _lattice_tail(steps: npt.NDArray[np.int64], observed: int) -> float:
    """P(|sum of +-steps| >= observed), from the distribution of U = sum of the steps taken positive."""
    chance = np.ones(1)
    for step in steps:
        longer = np.zeros(len(chance) + int(step))
        longer[: len(chance)] = chance
        longer[int(step) :] += chance
        chance = longer * 0.5
    total = len(chance) - 1
    flipped = np.abs(2 * np.arange(total + 1) - total)
    return float(chance[flipped >= observed].sum())


def _random_flips(steps: npt.NDArray[np.float64], resamples: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draw sums of randomly signed steps; equal steps share one binomial draw."""
    sums = np.zeros(resamples)
    for size, count in zip(*np.unique(steps, return_counts=True), strict=True):
        sums += size * (2 * rng.binomial(count, 0.5, resamples) - count)
    return sums
