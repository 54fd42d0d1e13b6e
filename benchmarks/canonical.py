"""A task's own published answers through its own scorer: what protocol, sandbox and this machine lose at most.

    python -m benchmarks.canonical TASK [--stage completion] [--sample N] [--seed 0] [--fresh]

Executes the published answer to every item (or to N by a seed) as if a model had given it, with the settings in force:
ITAX_DATA_DIR, ITAX_STATE_DIR (pinned environments, and the cache of verdicts, so that an interrupted run goes on where
it stopped), ITAX_WORKERS, ITAX_TIME_SCALE. `--stage program` puts prefix and answer together first and skips the task's
extraction, for tasks whose models answer in a chat. Prints each metric, every miss with its flags and reason, CPU
seconds, and the slowest programs. Exit status 1 when an answer has no verdict.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
from collections import Counter

from itax_tasks.executors import make_executor
from itax_tasks.scoring import Answer, score
from itax_tasks.settings import read_settings
from itax_tasks.tasks import task
from itax_tasks.toolchains import require_toolchains

REASON = 140
"""Characters of a miss's reason that are shown."""


def main() -> None:
    """Read the arguments, execute, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("--stage", choices=("completion", "program"), default="completion")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fresh", action="store_true", help="read no verdict from the cache")
    asked = parser.parse_args()
    settings, spec = read_settings(), task(asked.task)
    loaded = spec.load(settings)
    items = list(loaded.items)
    if asked.sample is not None:
        items = random.Random(asked.seed).sample(items, min(asked.sample, len(items)))
    require_toolchains(spec, items)
    whole = asked.stage == "program"
    answers = [Answer(item.task_id, 0, (item.prefix if whole else "") + item.truth, asked.stage) for item in items]
    with make_executor(settings, progress=spec.name, use_cache=not asked.fresh) as executor:
        outcomes = score(spec, loaded.by_id(), answers, executor, time_scale=settings.time_scale)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{spec.name}: {len(outcomes)} published answers, {used.ru_utime + used.ru_stime:.0f} CPU s of programs")
    for metric in outcomes[0].metrics:
        values = [outcome.metrics.get(metric) for outcome in outcomes]
        print(f"  {metric:24} {sum(value == 1.0 for value in values)}/{len(values)}")
    print("  " + ", ".join(f"{status} {n}" for status, n in Counter(o.verdict.value for o in outcomes).most_common()))
    for outcome in outcomes:
        if not outcome.passed:
            reason = " ".join((outcome.detail or "").split())[:REASON]
            print(f"  {outcome.task_id}  {outcome.verdict.value}  {','.join(outcome.flags) or '-'}  {reason}")
    slowest = sorted(outcomes, key=lambda outcome: -outcome.seconds)[:5]
    print("  slowest: " + ", ".join(f"{outcome.task_id} {outcome.seconds:.1f} s" for outcome in slowest))
    if not all(outcome.decided for outcome in outcomes):
        sys.exit(1)


if __name__ == "__main__":
    main()
