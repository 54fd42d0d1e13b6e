"""pass@k from n samples an item."""

from __future__ import annotations

from collections.abc import Iterable


def pass_at_k(n: int, correct: int, k: int) -> float:
    """The chance that at least one of k samples drawn from the n there are is correct, without replacement.

        1 - C(n - c, k) / C(n, k) = 1 - product over i = n - c + 1 .. n of (1 - k / i)

    Unbiased for the true pass@k, unlike 1 - (1 - c/n)^k. Computed as the product, which neither overflows nor
    cancels. Fewer than k wrong samples give 1.

    Raises:
        ValueError: not 1 <= k <= n, or not 0 <= correct <= n.

    References:
        Chen et al. (2021), Evaluating Large Language Models Trained on Code, arXiv 2107.03374, equation 1.

    >>> round(pass_at_k(10, 3, 5), 6)
    0.916667
    """
    if not 1 <= k <= n:
        raise ValueError(f"pass@{k} needs at least {k} samples an item, there are {n}")
    if not 0 <= correct <= n:
        raise ValueError(f"{correct} of {n} samples cannot be correct")
    missed = 1.0
    for i in range(n - correct + 1, n + 1):
        missed *= max(0.0, 1 - k / i)
    return 1 - missed


def mean_pass_at_k(counts: Iterable[tuple[int, int]], k: int) -> float | None:
    """The mean of pass@k over items, each (samples, correct); None where there is no item.

    >>> mean_pass_at_k([(2, 1), (2, 0)], 1)
    0.25
    """
    values = [pass_at_k(n, correct, k) for n, correct in counts]
    return sum(values) / len(values) if values else None
