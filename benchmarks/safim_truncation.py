"""SAFIM's block truncation beside a slow reference written from its definition: equality, and how much faster it is.

    python -m benchmarks.safim_truncation --sample 500

Rows of every language, seeded, with three answers each: the published one, the same with 60 characters of the suffix
behind it, and garbage. Both tree-sitter rules, `until_block` (the official rule of the subset) and `until_parsable`,
must cut each answer where the reference of the tests cuts it; printed are the differences and the CPU time of both.
Needs ITAX_DATA_DIR and the extra `safim`.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator, Sequence

from tests.itax_tasks.extraction import safim_reference as slow

from itax_metrics.records import Item
from itax_tasks.extraction import safim_blocks as fast
from itax_tasks.settings import read_settings
from itax_tasks.tasks import task

LANGUAGES = ("python", "cpp", "java", "csharp")

PIECES = (
    *("for", "(", ")", "{", "}", "x", "= 1", ";", "\n", "\n    ", "return", "if", "def f():", "# note", "pass"),
    *("Here is the code:", "print(x)", "i++", "else", "'", '"', "/*", "*/", "é", "\r\n", "```", "\f", "\u2028"),
)
"""What garbage is made of."""

Rule = Callable[[str, str, str, str], str]
"""(language, before, after, answer) -> what is kept."""

FAST: tuple[Rule, ...] = (fast.until_block, fast.until_parsable)
SLOW: tuple[Rule, ...] = (slow.until_block, slow.until_parsable)


def answers(item: Item, source: random.Random) -> Iterator[tuple[str, str]]:
    """Kind and text of the three answers to an item."""
    yield "truth", item.truth
    yield "truth + 60", f"{item.truth}\n{item.suffix[:60]}"
    yield "garbage", " ".join(source.choice(PIECES) for _ in range(source.randrange(3, 60)))


def cut(rules: Sequence[Rule], item: Item, answer: str) -> tuple[tuple[str, ...], float]:
    """What each rule keeps, and the CPU seconds that all of them took."""
    start = time.process_time()
    kept = tuple(rule(item.language, item.prefix, item.suffix, answer) for rule in rules)
    return kept, time.process_time() - start


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", choices=LANGUAGES, action="append", help="may be repeated; all by default")
    parser.add_argument("--sample", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    items = task("itax_safim_block").load(read_settings()).items
    for language in options.language or LANGUAGES:
        chosen = random.Random(options.seed).sample(
            [item for item in items if item.language == language], options.sample
        )
        source = random.Random(1)
        differing: dict[str, list[str]] = {}
        spent: dict[str, list[float]] = {}
        for item in chosen:
            for kind, answer in answers(item, source):
                (ours, quick), (theirs, long) = cut(FAST, item, answer), cut(SLOW, item, answer)
                differing.setdefault(kind, []).extend([item.task_id] if ours != theirs else [])
                total = spent.setdefault(kind, [0.0, 0.0])
                total[0] += quick
                total[1] += long
        for kind, (quick, long) in spent.items():
            each = 1000 / len(chosen)
            print(
                f"{language:7} {kind:10} {len(chosen)} rows, {len(differing[kind])} differ; CPU a row "
                f"{each * quick:6.2f} ms, reference {each * long:6.2f} ms: {long / quick:.1f}x",
                *differing[kind][:5],
                flush=True,
            )


if __name__ == "__main__":
    main()
