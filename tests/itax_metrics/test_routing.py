"""Routers on columns small enough to add up by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from itax_metrics.compare import compare
from itax_metrics.errors import ConfigError, PairingError
from itax_metrics.pairing import pair
from itax_metrics.paper.kinds import Kind
from itax_metrics.paper.measured import measured
from itax_metrics.paper.measured import pair as described
from itax_metrics.records import Outcome, Run, Status, TaskRun
from itax_metrics.routing import Column, Routed, columns_of, route


def column(name: str, kind: Kind, base: Sequence[float], instruct: Sequence[float]) -> Column:
    """Each item is a cluster of its own."""
    return Column(name, kind, np.array(base, float), np.array(instruct, float), np.arange(len(base)))


HOLES = column("holes", "infilling", [1, 1, 1, 0], [1, 0, 0, 1])
KINDS: dict[tuple[str, str], Kind] = {
    ("itax_hefim", "raw"): "infilling",
    ("itax_hefim_l2r", "l2r"): "completion",
    ("itax_safim_block_chat", "chat"): "infilling",
    ("itax_bigcodebench_complete", "direct"): "completion",
    ("itax_bigcodebench_complete_chat", "chat"): "completion",
    ("itax_humaneval", "chat"): "instruction",
    ("itax_humaneval_evalplus_direct", "direct"): "instruction",
    ("mine", "raw"): "infilling",
    ("yours", "direct"): "completion",
}
"""(task, condition) to what it asks for."""

CHATS = column("chats", "instruction", [0, 0, 1, 0], [1, 1, 1, 0])


def routed(*columns: Column, **settings: int) -> dict[str, Routed]:
    """By router."""
    return {row.router: row for row in route(columns, resamples=200, **settings)}


def test_rates_are_means_over_benchmarks() -> None:
    """(3/4 + 1/4) / 2, (2/4 + 3/4) / 2, (3/4 + 3/4) / 2 and (4/4 + 3/4) / 2."""
    rates = {name: row.rate for name, row in routed(HOLES, CHATS).items()}
    assert (0.5, 0.625, 0.75, 0.75, 0.875) == tuple(
        rates[name] for name in ("base", "instruct", "by_kind", "best_by_kind", "oracle")
    )


def test_a_long_benchmark_does_not_outvote_a_short_one() -> None:
    """A thousand items count like four."""
    long = column("long", "completion", [1] * 1000, [0] * 1000)
    assert 0.5 == routed(long, column("short", "instruction", [0] * 4, [1] * 4))["base"].rate


def test_the_gain_is_over_the_better_model_alone() -> None:
    """Instruct is the better one here, at 62.5."""
    found = routed(HOLES, CHATS)
    assert (12.5, 0.0) == (found["by_kind"].gain_points, found["instruct"].gain_points)
    assert (0.0, 0.0) == tuple(found["instruct"].gain_ci95_points)


def test_the_straightforward_router_can_be_the_wrong_one() -> None:
    """It does not look at the data; the others do."""
    turned = column("holes", "infilling", [0] * 20, [1] * 20)
    found = routed(turned)
    assert (0.0, 1.0, 1.0) == tuple(found[name].rate for name in ("by_kind", "cross_validated", "best_by_kind"))
    assert {"infilling": "base in 0 of 10 folds"} == found["cross_validated"].choices


def test_a_cross_validated_router_never_sees_the_item_it_answers() -> None:
    """Two items that each speak for the other's wrong model: the honest router gets both wrong."""
    crossed = column("holes", "infilling", [1, 0], [0, 1])
    found = routed(crossed, folds=2)
    assert (0.0, 1.0) == (found["cross_validated"].rate, found["oracle"].rate)


def test_items_of_one_cluster_are_in_one_fold() -> None:
    """Otherwise a problem would teach the router its own answer."""
    one = Column("holes", "infilling", np.array([0.0, 0.0]), np.array([1.0, 1.0]), np.array([0, 0]))
    assert {"infilling": "base in 1 of 2 folds"} == routed(one, folds=2)["cross_validated"].choices


def test_equal_seeds_give_equal_results() -> None:
    """Folds and resampling are seeded."""
    assert route([HOLES, CHATS], seed=3) == route([HOLES, CHATS], seed=3)


def test_an_interval_holds_its_rate() -> None:
    """Bootstrap over clusters."""
    for row in routed(HOLES, CHATS).values():
        assert row.ci95.low <= row.rate <= row.ci95.high


def test_nothing_to_route_is_refused() -> None:
    """And so is a router that could not be cross-validated."""
    with pytest.raises(ConfigError, match="share no benchmark"):
        route([])
    with pytest.raises(ConfigError, match="at least two"):
        route([HOLES], folds=1)


def run(condition: str, name: str = "t") -> TaskRun:
    """A task under that condition."""
    return TaskRun(name, 1.0, condition, "official", "pass@1", "raw", {"sha256": "0"}, {}, 1, 1)


def test_a_column_has_the_kind_that_the_report_gives_it() -> None:
    """A hole without its suffix and completion in a chat are both completion, for the router and in the report."""
    tasks = {name: run(condition, name) for name, condition in KINDS}
    side = (
        Run("m", tasks),
        [Outcome(name, "a", 0, "a", Status.PASSED, True, "x", {"pass@1": 1.0}) for name in tasks],
    )
    reported = {cell.task: cell.kind for cell in measured([described(compare(side, side, resamples=100).to_dict())])}
    assert {name: kind for (name, _), kind in KINDS.items()} == reported
    assert reported == {column.name: column.kind for column in columns_of(pair(side, side))}


def test_an_undecided_answer_is_refused() -> None:
    """A rate over it would be a guess."""
    rows = [Outcome("t", "a", 0, "a", Status.HARNESS_ERROR, False, "x")]
    side = (Run("m", {"t": run("raw")}), rows)
    with pytest.raises(PairingError, match="'a' has no verdict in base"):
        columns_of(pair(side, side))
