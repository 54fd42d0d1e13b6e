"""kill -9 of the scorer at random moments, and of a Ray worker: how many verdicts are lost, how many counted twice.

    python -m benchmarks.kill_scorer [--programs 1500] [--kills 10] [--seed 0]

The scorer is a process of its own over one verdict cache. It is killed by SIGKILL at a random moment of its run and
started again, as often as asked; the last one may finish. Half of the programs are right and half are wrong, so the
true verdict of each is known. *Lost* is a verdict that was stored once and is gone later, or a program without a true
verdict at the end; *doubled* is a program reported twice within a run, or one whose stored verdict was written over:
its measured seconds changed, so it was executed although its verdict was there. *Executed again* counts what a killed
scorer had decided and not stored yet: work, not a verdict.

Where Ray is installed (extra `ray`), the same programs then run on a local cluster of two nodes, of which one actor's
process is killed by SIGKILL amid the run. Exit status 1 when anything was lost or doubled.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from itax_metrics.execution import Limits, LocalExecutor, Program, VerdictCache, probe
from itax_metrics.records import Status, Verdict

LATEST_SECONDS = 4.0
"""Kills fall up to this long after the first verdict of a run: before, between and after the savings every 2 s."""


def programs_of(count: int) -> list[Program]:
    """Programs of some 20 ms each, every second one wrong."""
    limits = Limits(wall_seconds=60.0)
    return [Program(f"import time; time.sleep(0.02)\nassert {n} % 2", limits=limits) for n in range(count)]


def untrue(verdicts: list[Verdict]) -> int:
    """How many are not what they must be."""
    return sum((Status.PASSED if n % 2 else Status.FAILED) is not v.status for n, v in enumerate(verdicts))


def host(cache: Path, count: int) -> None:
    """The scorer: prints the position of every verdict as it is decided."""
    with LocalExecutor(workers=2, cache=VerdictCache(cache)) as executor:
        executor.run(programs_of(count), on_verdict=lambda place, _: print(place, flush=True))


def stored(cache: Path) -> dict[str, tuple[str, float]]:
    """Key to status and seconds, for all in the cache."""
    if not cache.exists():
        return {}
    connection = sqlite3.connect(cache, timeout=30)
    try:
        rows = connection.execute("SELECT key, status, seconds FROM verdicts")
        return {key: (status, seconds) for key, status, seconds in rows}
    except sqlite3.OperationalError:
        return {}  # killed before the table was made
    finally:
        connection.close()


def written_over(before: dict[str, tuple[str, float]], now: dict[str, tuple[str, float]]) -> int:
    """How many verdicts that were stored are others now."""
    return sum(now[key] != verdict for key, verdict in before.items() if key in now)


def kill_scorers(count: int, kills: int, seed: int) -> tuple[int, int]:
    """(lost, doubled) after `kills` times SIGKILL to the scorer."""
    chance = random.Random(seed)
    lost = doubled = again = killed = 0
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "verdicts.sqlite3"
        held: dict[str, tuple[str, float]] = {}
        for number in range(kills):
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.kill_scorer", "--host", str(cache), "--programs", str(count)],
                stdout=subprocess.PIPE,
                text=True,
            )
            moment = chance.uniform(0.0, LATEST_SECONDS)
            timer = threading.Timer(moment, process.send_signal, (signal.SIGKILL,))
            assert process.stdout is not None
            reported = []
            for line in process.stdout:
                if not reported:
                    timer.start()
                reported.append(int(line))
            process.wait()
            timer.cancel()
            now = stored(cache)
            killed += process.returncode == -signal.SIGKILL
            lost += len(held.keys() - now.keys())
            doubled += len(reported) - len(set(reported)) + written_over(held, now)
            again += max(0, len(set(reported)) - len(now))
            held = now
            print(
                f"  kill {number + 1:2}: {moment:3.1f} s after the first verdict, exit {process.returncode:3}, "
                f"{len(reported)} verdicts reported, {len(now)} of {count} stored"
            )
        reports: Counter[int] = Counter()
        with LocalExecutor(workers=2, cache=VerdictCache(cache)) as executor:
            verdicts = executor.run(programs_of(count), on_verdict=lambda place, _: reports.update([place]))
        lost += count - len(verdicts) + untrue(verdicts)
        doubled += sum(reports.values()) - len(reports) + written_over(held, stored(cache))
    print(f"scorer killed {killed} of {kills} times: {lost} lost, {doubled} doubled, {again} executed again")
    return lost, doubled


def kill_ray_worker(count: int) -> tuple[int, int]:
    """(lost, doubled) after SIGKILL to the process of one of two actors amid a run."""
    import ray
    from ray.cluster_utils import Cluster

    from itax_metrics.execution.ray import RayExecutor

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    ray.init(address=cluster.address, log_to_driver=False)
    reports: Counter[int] = Counter()
    killed: list[int] = []
    try:
        with RayExecutor(workers=1, batch=10) as executor:
            executor.describe()  # brings the actors up
            victim = ray.get(next(iter(executor._actors.values())).process.remote())

            def note(place: int, verdict: Verdict) -> None:
                del verdict
                reports.update([place])
                if len(reports) > count // 4 and not killed:
                    os.kill(victim, signal.SIGKILL)
                    killed.append(victim)

            began = time.monotonic()
            verdicts: list[Any] = executor.run(programs_of(count), on_verdict=note)
    finally:
        ray.shutdown()
        cluster.shutdown()
    lost = count - len(verdicts) + untrue(verdicts)
    doubled = sum(reports.values()) - len(reports)
    print(f"Ray worker killed amid {time.monotonic() - began:.1f} s: {lost} lost, {doubled} doubled")
    return lost, doubled


def main() -> None:
    """Kill, count and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=1500)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--host", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.host is not None:
        host(options.host, options.programs)
        return
    print(f"{options.programs} programs, {probe().summary()}")
    lost, doubled = kill_scorers(options.programs, options.kills, options.seed)
    if importlib.util.find_spec("ray") is None:
        print("ray is not importable: killing a Ray worker is left out (pip install 'itax-tasks[ray]')")
    else:
        more = kill_ray_worker(options.programs)
        lost, doubled = lost + more[0], doubled + more[1]
    sys.exit(1 if lost or doubled else 0)


if __name__ == "__main__":
    main()
