"""The same executor on many machines: a Ray actor per node, each with a `LocalExecutor` of its own.

Covered: a node or an actor that dies gives its batch back, which then runs elsewhere or in a new actor; each program's
verdict is taken once, from whichever batch brings it first; a batch that is lost three times is a harness error.
Not covered: nodes that differ (interpreter, compilers, sandbox layers) are not told apart, only listed by `describe`;
Ray itself trusts everybody who can reach its ports. Programs stay contained by each node's own sandbox.
"""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from ..errors import ExecutionError, MissingExtraError
from ..records import Status, Verdict
from .cache import VerdictCache
from .executor import LocalExecutor, OnVerdict
from .programs import Program
from .progress import Progress

LARGEST_BATCH = 200
_LOSSES = 3
_WAIT_SECONDS = 5.0


class NodeExecutor:
    """What runs on one node; Ray makes an actor of it."""

    def __init__(self, options: dict[str, Any]) -> None:
        cache, artifacts, environments = (
            Path(options[name]) if options.get(name) else None for name in ("cache", "artifacts", "environments_folder")
        )
        self._executor = LocalExecutor(
            workers=options["workers"],
            policy=options["policy"],
            cache=VerdictCache(cache) if cache else None,
            artifacts=artifacts,
            environments_folder=environments,
            share=options["share"],
        )

    def describe(self) -> dict[str, Any]:
        """The record of this node's executor."""
        return {**self._executor.describe(), "runtime": self._executor.runtime}

    def process(self) -> int:
        """The actor's process id on its node."""
        return os.getpid()

    def run(self, programs: list[Program]) -> list[Verdict]:
        """One verdict per program, in order."""
        return self._executor.run(programs)


@dataclass(slots=True)
class _Batch:
    programs: list[Program]
    losses: int = 0


def batches(programs: Sequence[Program], nodes: int, largest: int) -> list[list[Program]]:
    """The programs in the batches that go to the nodes, in this order, two to each at first.

    Slow programs stand at the head of those first ones, evenly dealt: nodes start with them, and have others to run
    beside them.

    Args:
        nodes: nodes of the cluster.
        largest: programs in a batch at most; fewer when there are too few for all nodes.
    """
    if not programs:
        return []
    first = 2 * max(1, nodes)
    size = max(1, min(largest, -(-len(programs) // first)))
    slow = [program for program in programs if program.slow]
    others = deque(program for program in programs if not program.slow)
    count = -(-len(programs) // size)
    heads = min(count, max(first, -(-len(slow) // size)))
    found = [slow[place::heads] if place < heads else [] for place in range(count)]
    for batch in found:
        batch += [others.popleft() for _ in range(min(len(others), size - len(batch)))]
    return [batch for batch in found if batch]


class RayExecutor:
    """Runs programs on every node of a Ray cluster.

    Args:
        workers: programs at a time on each node; default the usable cores of the node, shared with other nodes on
            the same machine.
        policy: the sandbox policy, applied on each node.
        cache: a file on each node where verdicts are kept between runs; none by default.
        artifacts: a directory on each node in which compiled programs are kept between runs; none by default.
        environments_folder: where each node finds the pinned environments; default where `itax env create` puts them
            there. On a file system that all nodes share they are made once.
        batch: programs sent at a time; fewer when there are too few for all nodes.
        address: the cluster; default the one Ray finds, else a new one on this machine. Left alone when Ray is
            connected already.
        progress: True, or the label of a bar on stderr.
        share: executors that use the cluster at the same time, this one included; each counts on its share of every
            node's free memory, and of its cores unless `workers` is given.

    Raises:
        MissingExtraError: Ray is not installed.
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        policy: Literal["require", "prefer", "off"] = "require",
        cache: Path | None = None,
        artifacts: Path | None = None,
        environments_folder: Path | None = None,
        batch: int = LARGEST_BATCH,
        address: str | None = None,
        progress: bool | str = False,
        share: int = 1,
    ) -> None:
        try:
            self._ray: Any = import_module("ray")
            self._strategies: Any = import_module("ray.util.scheduling_strategies")
        except ImportError:
            raise MissingExtraError("RayExecutor", "ray") from None
        if not self._ray.is_initialized():
            self._ray.init(address=address, log_to_driver=False)
        # Absolute, because an actor's working directory is another one.
        paths = {"cache": cache, "artifacts": artifacts, "environments_folder": environments_folder}
        self._options: dict[str, Any] = {
            "workers": workers,
            "policy": policy,
            **{name: str(Path(path).absolute()) if path else None for name, path in paths.items()},
        }
        self._largest = max(1, batch)
        self._progress = progress
        self._share = max(1, share)
        self._actors: dict[str, Any] = {}
        """By node."""

    def describe(self) -> dict[str, Any]:
        """What goes into the record of a run: what all nodes agree on, in one machine's keys, and each one's own."""
        self._staff()
        records: list[dict[str, Any]] = self._ray.get([actor.describe.remote() for actor in self._actors.values()])
        shared = {
            key: value for key, value in records[0].items() if all(record.get(key) == value for record in records)
        }
        return {**shared, "executor": "ray", "nodes": records}

    def run(self, programs: Sequence[Program], *, on_verdict: OnVerdict | None = None) -> list[Verdict]:
        """Execute the programs, equal ones once; see `LocalExecutor.run`.

        Raises:
            ExecutionError: what a node's executor refuses, or no node is left.
        """
        places: dict[Program, list[int]] = {}
        for place, program in enumerate(programs):
            places.setdefault(program, []).append(place)
        verdicts: list[Verdict | None] = [None] * len(programs)
        label = self._progress if isinstance(self._progress, str) else "programs"
        bar = Progress(label, len(programs)) if self._progress and places else None

        def decide(program: Program, verdict: Verdict) -> None:
            for place in places.pop(program, ()):
                verdicts[place] = verdict
                if on_verdict is not None:
                    on_verdict(place, verdict)
                if bar is not None:
                    bar.advance(verdict.status)

        try:
            if places:
                self._run_unique(list(places), decide)
        finally:
            if bar is not None:
                bar.close()
        return [verdict for verdict in verdicts if verdict is not None]

    def close(self) -> None:
        """End the actors and their workers; the next run starts new ones."""
        for actor in self._actors.values():
            self._ray.kill(actor)
        self._actors.clear()

    def __enter__(self) -> RayExecutor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run_unique(self, programs: list[Program], decide: Any) -> None:
        self._staff()
        waiting = deque(_Batch(batch) for batch in batches(programs, len(self._actors), self._largest))
        running: dict[Any, tuple[str, _Batch]] = {}
        empty_since: float | None = None
        while waiting or running:
            self._staff()
            for node, actor in self._actors.items():
                # Two at a time: the next one is there when a node has finished the last.
                while waiting and sum(where == node for where, _ in running.values()) < 2:
                    batch = waiting.popleft()
                    running[actor.run.remote(batch.programs)] = (node, batch)
            if not running:
                empty_since = empty_since or time.monotonic()
                if time.monotonic() - empty_since > 60:
                    raise ExecutionError("No node of the Ray cluster is left to run programs. Check `ray status`.")
                time.sleep(1)
                continue
            empty_since = None
            ready, _ = self._ray.wait(list(running), timeout=_WAIT_SECONDS)
            for reference in ready:
                node, batch = running.pop(reference)
                try:
                    for program, verdict in zip(batch.programs, self._ray.get(reference), strict=True):
                        decide(program, verdict)
                except self._ray.exceptions.RayTaskError as error:
                    if isinstance(error.cause, ExecutionError):
                        raise error.cause from None
                    self._lose(batch, waiting, decide, str(error.cause))
                except self._ray.exceptions.RayError as error:
                    self._actors.pop(node, None)
                    self._lose(batch, waiting, decide, type(error).__name__)

    def _lose(self, batch: _Batch, waiting: deque[_Batch], decide: Any, why: str) -> None:
        batch.losses += 1
        if batch.losses < _LOSSES:
            waiting.appendleft(batch)
            return
        detail = f"lost with its node or actor {batch.losses} times ({why})"
        for program in batch.programs:
            decide(program, Verdict(Status.HARNESS_ERROR, detail=detail))

    def _staff(self) -> None:
        """An actor on every node that is alive, and on no other."""
        # Nodes of one host share its memory; containers have names of their own, and limits.
        hosts = {
            node["NodeID"]: node.get("NodeManagerHostname", node["NodeID"])
            for node in self._ray.nodes()
            if node["Alive"]
        }
        together = Counter(hosts.values())
        for node in self._actors.keys() - hosts.keys():
            del self._actors[node]
        for node in hosts.keys() - self._actors.keys():
            strategy = self._strategies.NodeAffinitySchedulingStrategy(node_id=node, soft=False)
            actor = self._ray.remote(NodeExecutor).options(num_cpus=0, max_restarts=0, scheduling_strategy=strategy)
            self._actors[node] = actor.remote({**self._options, "share": self._share * together[hosts[node]]})
