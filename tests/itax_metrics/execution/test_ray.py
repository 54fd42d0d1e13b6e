"""The Ray executor on a local cluster of two nodes: the same verdicts, whatever dies on the way."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from itax_metrics.errors import ExecutionError, MissingExtraError
from itax_metrics.execution import Limits, Program, languages, probe
from itax_metrics.execution.cores import usable_cores
from itax_metrics.execution.programs import StdioJudge
from itax_metrics.execution.ray import RayExecutor, batches
from itax_metrics.records import Status


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the extra that installs it."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"itax-tasks\[ray\]"):
        RayExecutor()


def names(found: list[list[Program]]) -> list[str]:
    """Each batch as the sources of its programs, one after another."""
    return ["".join(program.source for program in batch) for batch in found]


def test_slow_programs_are_at_the_head_of_the_first_batches() -> None:
    """Wherever they were given; every node starts with some, and the others keep their order."""
    programs = [Program(name, slow=name.isupper()) for name in "abcdefghijkLMNoP"]
    assert ["Lab", "Mcd", "Nef", "Pgh", "ijk", "o"] == names(batches(programs, 2, 3))
    assert ["LNabcdef", "MPghijko"] == names(batches(programs, 1, 200))


@pytest.mark.parametrize("slow", [0, 1, 7, 60, 100])
@pytest.mark.parametrize(("nodes", "largest"), [(0, 1), (1, 200), (3, 10), (40, 200)])
def test_every_program_is_in_one_batch(slow: int, nodes: int, largest: int) -> None:
    """However many are slow; none is too large, and no slow one waits behind another."""
    programs = [Program(str(number), slow=number >= 100 - slow) for number in range(100)]
    found = batches(programs, nodes, largest)
    assert sorted(programs, key=repr) == sorted((program for batch in found for program in batch), key=repr)
    assert all(1 <= len(batch) <= largest for batch in found)
    assert all(batch == sorted(batch, key=lambda program: not program.slow) for batch in found)
    assert [] == batches([], nodes, largest)


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
def test_nodes_of_one_machine_share_its_cores(cluster: Any) -> None:
    """Each takes its part, and ranks share that; a number that was asked for is each node's own."""
    expected = {(None, 1): max(1, usable_cores() // 2), (None, 64): 1, (3, 64): 3}
    for (workers, share), each in expected.items():
        with RayExecutor(workers=workers, share=share) as executor:
            assert [each, each] == [node["workers"] for node in executor.describe()["nodes"]]


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


@pytest.mark.data
def test_environment(cluster: Any) -> None:
    """A program that needs a pinned environment finds it on every node, and the record names it; none is refused."""
    state = os.environ.get("ITAX_ENVS_STATE_DIR")
    folder = Path(state) / "envs" if state else None
    if folder is None or not (folder / "classeval").is_dir():
        pytest.skip("ITAX_ENVS_STATE_DIR names no state folder with the environment classeval")
    programs = [
        Program(
            f"import sys, gensim; assert 'classeval' in sys.prefix; {number}",
            environment="classeval",
            limits=Limits(wall_seconds=60.0),
        )
        for number in range(4)
    ]
    with RayExecutor(workers=1, batch=1, environments_folder=folder) as executor:
        assert [Status.PASSED] * 4 == [verdict.status for verdict in executor.run(programs)]
        nodes = executor.describe()["nodes"]
    assert [["classeval"]] * 2 == [sorted(node["environments"]) for node in nodes]
    with (
        RayExecutor(workers=1, environments_folder=folder / "nowhere") as executor,
        pytest.raises(ExecutionError, match="itax env create classeval"),
    ):
        executor.run(programs)


@pytest.mark.data
def test_artifacts(cluster: Any, tmp_path: Path) -> None:
    """What a node compiled is there for the next executor, which then needs no compiler for it."""
    lacking = languages.missing("cpp")
    if lacking:
        pytest.skip(lacking)
    source = "#include <iostream>\nint main() { int n; std::cin >> n; std::cout << 2 * n; }"
    doubled = Program(source, language="cpp", judge=StdioJudge((("21", ("42",)),)))
    kept = tmp_path / "kept"
    with RayExecutor(workers=1, artifacts=kept) as executor:
        assert Status.PASSED is executor.run([doubled])[0].status
    stored = {path: path.stat().st_mtime_ns for path in (kept / "programs").glob("??/*")}
    assert stored
    with RayExecutor(workers=1, artifacts=kept) as executor:
        assert Status.PASSED is executor.run([doubled])[0].status
    assert stored == {path: path.stat().st_mtime_ns for path in (kept / "programs").glob("??/*")}
