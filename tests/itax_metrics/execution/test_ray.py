"""The Ray executor on a local cluster of two nodes: the same verdicts, whatever dies on the way."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from itax_metrics.errors import ExecutionError, MissingExtraError
from itax_metrics.execution import Limits, Program, probe
from itax_metrics.execution.ray import RayExecutor
from itax_metrics.records import Status


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the extra that installs it."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"itax-tasks\[ray\]"):
        RayExecutor()


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A head and one more node, on this machine."""
    ray = pytest.importorskip("ray")
    if not probe().contained:
        pytest.skip(probe().summary())
    Cluster = pytest.importorskip("ray.cluster_utils").Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    made.second = made.add_node(num_cpus=1)
    made.wait_for_nodes()
    ray.init(address=made.address, log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


def programs_of(count: int) -> tuple[list[Program], list[Status]]:
    """Programs that take a while, every third of them wrong, and what they come to."""
    limits = Limits(wall_seconds=60.0)
    programs = [
        Program(f"import time; time.sleep(0.05); assert {number} % 3", limits=limits) for number in range(count)
    ]
    return programs, [Status.PASSED if number % 3 else Status.FAILED for number in range(count)]


@pytest.mark.data
def test_two_nodes(cluster: Any) -> None:
    """Verdicts in order, each reported once, from both nodes; what a node refuses is refused."""
    programs, expected = programs_of(60)
    reported: Counter[int] = Counter()
    with RayExecutor(workers=1, batch=10) as executor:
        verdicts = executor.run([*programs, programs[0]], on_verdict=lambda place, _: reported.update([place]))
        assert [*expected, expected[0]] == [verdict.status for verdict in verdicts]
        assert reported == Counter(range(61))
        assert 2 == len(executor.describe()["nodes"])
        with pytest.raises(ExecutionError, match="no profile 'nonesuch'"):
            executor.run([Program("pass", profile="nonesuch")])


@pytest.mark.data
@pytest.mark.parametrize("victim", ["actor", "node"])
def test_nothing_is_lost(cluster: Any, victim: str) -> None:
    """A killed actor and a killed node cost time, no verdict and no double one."""
    ray: Any = pytest.importorskip("ray")

    programs, expected = programs_of(120)
    reported: Counter[int] = Counter()
    with RayExecutor(workers=1, batch=10) as executor:
        executor.describe()

        def kill() -> None:
            time.sleep(1.0)
            if victim == "actor":
                ray.kill(next(iter(executor._actors.values())))
            else:
                cluster.remove_node(cluster.second, allow_graceful=False)

        thread = threading.Thread(target=kill)
        thread.start()
        verdicts = executor.run(programs, on_verdict=lambda place, _: reported.update([place]))
        thread.join()
    assert expected == [verdict.status for verdict in verdicts]
    assert reported == Counter(range(120))
