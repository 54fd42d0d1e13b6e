"""What comparing and reporting cost: seven pairs of 22,846 items, as many as the paper's five flow benchmarks have.

    python -m benchmarks.report [PAIRS] [OUT]

Verdicts, behaviours and categories are drawn at random around the paper's scores, so the report can also be looked at;
they are nobody's answers. Score directories that lie in OUT already are used
again. Prints CPU seconds of reading, comparing and reporting, and the peak memory of the process.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from itax_metrics.paper.published import PAIRS as PUBLISHED
from itax_metrics.paper.published import SIZES, score
from itax_metrics.records import Outcome, Run, Status, TaskRun
from itax_metrics.report.content import build, pair_from_scores
from itax_metrics.report.writing import write_report
from itax_metrics.store import read_score_dir, write_score_dir

TASKS = {
    "itax_hefim": ("HEFIM", 164),
    "itax_safim": ("SAFIM", 8469),
    "itax_classeval_infilling": ("ClassEval-Infilling", 100),
    "itax_bigcodebench_complete": ("BigCodeBench", 1140),
    "itax_classeval_completion": ("ClassEval-Completion", 100),
}
"""Task -> the paper's column, number of clusters."""
OWNERS = {"Qwen2.5-Coder": "Qwen", "DeepSeek-Coder": "deepseek-ai"}
CATEGORIES = ("functional_mismatch", "extra_code", "irrelevant_context", "special_tokens")
BODY = "        result.append((index, value))\n        total += value\n    return sorted(result)[: limit]\n"


def pairs() -> list[tuple[str, str]]:
    """(family, size) of the paper's seven pairs."""
    return [(family, size) for family, _, sizes in PUBLISHED.values() for size in sizes]


def write(folder: Path, family: str, size: str, variant: str) -> Path:
    """One score directory with verdicts drawn around the paper's scores."""
    rng = random.Random(f"{family}{size}")
    model = f"{OWNERS[family]}/{family}-{size.upper()}{'-Instruct' if variant == 'instruct' else ''}"
    tasks = {
        name: TaskRun(
            name, 1.0, "raw", "official", "pass@1", "raw", {"source": "drawn", "sha256": "0" * 64}, {}, 1, SIZES[column]
        )
        for name, (column, _) in TASKS.items()
    }
    note = "Drawn at random for a measurement of cost: nobody's answers."
    rows = (row for name in TASKS for row in _rows(rng, name, family, size, variant))
    return write_score_dir(folder, Run(model=model, tasks=tasks, notes=(note,)), rows)


def _rows(rng: random.Random, task: str, family: str, size: str, variant: str) -> Iterator[Outcome]:
    column, clusters = TASKS[task]
    rates = [score(family, size, which, column) / 100 for which in ("base", "instruct")]
    verbose = 0.05 if variant == "base" else 0.25
    for i in range(SIZES[column]):
        ease, own = rng.random(), rng.random()
        # Four times in five both models find an item equally easy; so verdicts go together as real ones do.
        drawn = [ease if rng.random() < 0.8 else rng.random() for _ in rates]
        solved = drawn[variant == "instruct"] < rates[variant == "instruct"]
        talks = own < verbose
        yield Outcome(
            task=task,
            task_id=f"{task}/{i}",
            sample=0,
            cluster=f"{task}/{i % clusters}",
            verdict=Status.PASSED if solved else Status.FAILED,
            passed=solved,
            completion=BODY * (1 + i % 5) + ("# Here is why this works.\n" if talks else ""),
            metrics={"pass@1": float(solved)},
            behaviors={
                "ctr": 0.6 if talks else 0.97,
                "ctr_given_flagged": 0.3 if talks else None,
                "ctr_given_failed": None if solved else 0.9,
                "nl": float(talks),
                "nl_given_flagged": 1.0 if talks else None,
                "nl_given_failed": None if solved else float(talks),
                "def_cls": float(own < verbose / 2),
                "def_cls_given_flagged": float(own < verbose / 2) if talks else None,
                "def_cls_given_failed": None if solved else float(own < verbose / 2),
                "edit_similarity": 1.0 if solved else own,
            },
            category=None if solved else CATEGORIES[1 if talks else 0 if own < 0.95 else 2],
        )


def main(count: int, out: Path) -> None:
    """Write, read, compare, report; print what each part cost."""
    chosen = pairs()[:count]
    for family, size in chosen:
        for variant in ("base", "instruct"):
            folder = out / f"{family}-{size}" / variant
            if not (folder / "run.json").is_file():
                write(folder, family, size, variant)
    before = _memory()
    found, reading, comparing = [], 0.0, 0.0
    for family, size in chosen:
        start = time.process_time()
        base, instruct = (read_score_dir(out / f"{family}-{size}" / variant) for variant in ("base", "instruct"))
        middle = time.process_time()
        found.append(pair_from_scores(base, instruct))
        reading, comparing = reading + middle - start, comparing + time.process_time() - middle
    start = time.process_time()
    page = write_report(out / "report", build(found), "benchmark")
    writing = time.process_time() - start
    items = sum(SIZES[column] for column, _ in TASKS.values())
    print(f"{len(chosen)} pairs x {items} items")
    print(f"CPU seconds: reading {reading:.1f}, comparing {comparing:.1f}, reporting {writing:.1f}")
    print(f"peak memory {_memory():.0f} MiB (before reading {before:.0f} MiB); page {page.stat().st_size / 1e6:.1f} MB")


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", metavar="PAIRS", type=int, nargs="?", default=7)
    parser.add_argument("out", metavar="OUT", type=Path, nargs="?", help="a temporary folder if unset")
    options = parser.parse_args()
    if options.out is not None:
        main(options.pairs, options.out)
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(options.pairs, Path(folder))
