"""The cluster bootstrap: known distributions, symmetry, degenerate input, cost."""

from __future__ import annotations

import time

import numpy as np
import pytest

from itax_metrics.stats import bootstrap_interval, by_cluster, cluster_standard_error


def _sample(items: int, clusters: int, seed: int = 7):
    rng = np.random.default_rng(seed)
    differences = rng.choice([-1.0, 0.0, 1.0], size=items, p=[0.1, 0.7, 0.2])
    return by_cluster(differences, [f"c{i}" for i in rng.integers(0, clusters, items)])


def test_items_are_summed_within_their_cluster():
    """Sums, sizes, counts and mean of a case small enough to see."""
    totals = by_cluster([1, 0, -1, 1], ["b", "a", "b", "b"])
    assert (totals.sums.tolist(), totals.sizes.tolist()) == ([0.0, 1.0], [1.0, 3.0])
    assert (totals.n_items, totals.n_clusters, totals.mean) == (4, 2, 0.25)


def test_agrees_with_resampling_cluster_indices():
    """Drawing multiplicities of equal clusters gives the interval that drawing clusters one by one gives."""
    totals = _sample(600, 150)
    rng = np.random.default_rng(3)
    drawn = rng.integers(0, totals.n_clusters, size=(20_000, totals.n_clusters))
    plain = totals.sums[drawn].sum(axis=1) / totals.sizes[drawn].sum(axis=1)
    expected = np.quantile(plain, [0.025, 0.975])
    assert list(expected) == pytest.approx(list(bootstrap_interval(totals, resamples=20_000)), abs=0.003)


def test_agrees_with_scipy():
    """SciPy's paired percentile bootstrap over clusters gives the same interval within resampling noise."""
    scipy = pytest.importorskip("scipy.stats", reason="SciPy is the reference")
    totals = _sample(300, 80)
    theirs = scipy.bootstrap(
        (totals.sums, totals.sizes),
        lambda sums, sizes, axis=-1: sums.sum(axis=axis) / sizes.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=10_000,
        method="percentile",
        random_state=np.random.default_rng(1),
    ).confidence_interval
    assert [theirs.low, theirs.high] == pytest.approx(list(bootstrap_interval(totals)), abs=0.006)


def test_many_clusters_approach_the_normal_interval():
    """With 2,000 clusters the interval is the mean -/+ 1.96 cluster-robust standard errors, within 5 %."""
    totals = _sample(6000, 2000)
    half = 1.96 * cluster_standard_error(totals)
    low, high = bootstrap_interval(totals, resamples=20_000)
    assert 2 * half == pytest.approx(high - low, rel=0.05)


def test_shared_problems_widen_the_interval():
    """The same differences spread over fewer, agreeing clusters say less."""
    differences = [1.0] * 50 + [0.0] * 50
    alone = bootstrap_interval(by_cluster(differences, [str(i) for i in range(100)]))
    shared = bootstrap_interval(by_cluster(differences, [str(i // 10) for i in range(100)]))
    assert shared.high - shared.low > 2 * (alone.high - alone.low)


def test_equal_seeds_give_equal_intervals():
    """The interval is a function of input and seed, and the order of the items is no input."""
    clusters = [str(i // 3) for i in range(90)]
    differences = [float(i % 4 == 0) - float(i % 7 == 0) for i in range(90)]
    first = bootstrap_interval(by_cluster(differences, clusters), seed=5)
    assert first == bootstrap_interval(by_cluster(differences[::-1], clusters[::-1]), seed=5)
    assert bootstrap_interval(_sample(500, 200), seed=5) != bootstrap_interval(_sample(500, 200), seed=6)


def test_one_cluster_has_no_interval():
    """Fewer than two clusters give None: their spread cannot be seen."""
    assert bootstrap_interval(by_cluster([1, 0, 1], ["a", "a", "a"])) is None
    assert bootstrap_interval(by_cluster([], [])) is None


def test_agreement_everywhere_is_not_certainty():
    """No difference in n clusters still leaves room for 1 - .025^(1/n) on both sides."""
    low, high = bootstrap_interval(by_cluster([0.0] * 100, [str(i) for i in range(100)]))
    assert pytest.approx((low, high)) == (-(1 - 0.025**0.01), 1 - 0.025**0.01)


def test_disagreement_everywhere_stays_in_range():
    """Lost on every item: the interval ends at 1 and starts below it."""
    low, high = bootstrap_interval(by_cluster([1.0] * 20, [str(i) for i in range(20)]))
    assert high == 1.0
    assert pytest.approx(low) == 1 - (1 - 0.025 ** (1 / 20))


def test_clusters_that_mirror_themselves_give_a_symmetric_interval():
    """As many clusters lost as gained, of the same sizes: no direction is preferred, not even by resampling noise."""
    low, high = bootstrap_interval(
        by_cluster([1.0, -1.0] * 15 + [0.0] * 20, [str(i) for i in range(50)]), resamples=101
    )
    assert -low == high > 0


def test_largest_benchmark_takes_seconds():
    """22,846 items in 8,469 clusters, 10,000 resamples: well within five seconds."""
    totals = _sample(22_846, 8_469)
    start = time.perf_counter()
    bootstrap_interval(totals)
    assert time.perf_counter() - start < 5


def test_bad_input_is_refused():
    """Unequal lengths, NaN, and no resamples are refused."""
    with pytest.raises(ValueError, match="cluster names"):
        by_cluster([1.0], [])
    with pytest.raises(ValueError, match="finite"):
        by_cluster([float("nan")], ["a"])
    with pytest.raises(ValueError, match="resample"):
        bootstrap_interval(by_cluster([1.0], ["a"]), resamples=0)


def test_swapping_models_mirrors_the_interval():
    """Negating every difference negates and swaps the two ends exactly."""
    hypothesis = pytest.importorskip("hypothesis", reason="property test")
    strategies = hypothesis.strategies
    items = strategies.lists(strategies.tuples(strategies.sampled_from([-1, 0, 0.5, 1]), strategies.integers(0, 8)))

    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(items)
    def holds(found: list[tuple[float, int]]) -> None:
        clusters = [str(cluster) for _, cluster in found]
        there = bootstrap_interval(by_cluster([value for value, _ in found], clusters), resamples=200)
        back = bootstrap_interval(by_cluster([-value for value, _ in found], clusters), resamples=200)
        if there is None:
            assert back is None
        else:
            assert there == pytest.approx((-back.high, -back.low), abs=1e-12)
            assert -1 <= there.low <= there.high <= 1

    holds()
