"""Runs SAFIM's published answers, and the same with one operator flipped, through the task itself.

    python -m benchmarks.safim_controls --shortcut
    python -m benchmarks.safim_controls --language pypy --state /var/tmp/safim
    python -m benchmarks.safim_controls --language java --sample 400 --seed 0 --state /var/tmp/safim --flipped

With `--shortcut` all 17,720 rows are scored as the official scorer does it: an answer equal to the published one is
not executed; printed are the rows and what each metric keeps, by subset and language. Otherwise the shortcut is off, so
that every block and control answer is executed. Published answers should pass: what does not shows what this machine's
compilers and speed cost. Flipped ones should not: those that do are flips that change no tested output.
The samples are those of `benchmarks.safim_truths`. Needs ITAX_DATA_DIR.
"""

from __future__ import annotations

import argparse
import collections
import random
import re
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.safim_truths import cpu_seconds
from itax_metrics.records import Item, Outcome
from itax_tasks.executors import make_executor
from itax_tasks.scoring import Answer, score
from itax_tasks.settings import Settings, read_settings
from itax_tasks.tasks import task

FLIPS = {
    "++": "--",
    "--": "++",
    "+=": "-=",
    "-=": "+=",
    "*=": "+=",
    "==": "!=",
    "!=": "==",
    "<=": ">",
    ">=": "<",
    "&&": "||",
    "||": "&&",
    "and": "or",
    "or": "and",
    "+": "-",
    "-": "+",
    "*": "+",
    "/": "*",
    "%": "/",
    "<": ">=",
    ">": "<=",
}
_KEPT = ("<<=", ">>=", "**=", "//=", "<<", ">>", "->", "**", "//", "<=>", "=>", "%=", "/=")
_TOKENS = re.compile(
    "|".join(
        (
            r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|//[^\n]*|/\*.*?\*/",
            *map(re.escape, _KEPT),
            *(rf"\b{name}\b" if name.isalpha() else re.escape(name) for name in FLIPS),
        )
    ),
    re.DOTALL,
)


def flipped(code: str, source: random.Random) -> str | None:
    """The code with one operator, drawn from all of them, turned into another one; None where there is none."""
    places = [found for found in _TOKENS.finditer(code) if found.group() in FLIPS]
    if not places:
        return None
    place = source.choice(places)
    return code[: place.start()] + FLIPS[place.group()] + code[place.end() :]


def items(language: str, settings: Settings) -> list[Item]:
    """The block and control items of one language, in the order of the files."""
    wanted = "python" if language in ("pypy", "cpython") else language
    loaded = task("itax_safim").load(settings)
    return [item for item in loaded.items if item.language == wanted and item.payload["tests"]]


def by_shortcut(workers: int) -> None:
    """Score all published answers with the shortcut on; print rows and passes by subset and language."""
    settings = replace(read_settings({"safim_shortcut": "on"}), workers=workers)
    spec = task("itax_safim")
    by_id = spec.load(settings).by_id()
    answers = [Answer(name, 0, item.truth) for name, item in by_id.items()]
    with make_executor(settings, use_cache=False) as executor:
        outcomes = score(spec, by_id, answers, executor)
    kinds = [(str(item.payload["subset"]), item.language) for item in by_id.values()]
    wanted = [*dict.fromkeys((subset, "") for subset, _ in kinds), *sorted(set(kinds)), ("", "")]
    for subset, language in wanted:
        kept = [
            outcome
            for outcome, kind in zip(outcomes, kinds, strict=True)
            if subset in ("", kind[0]) and language in ("", kind[1])
        ]
        passed = {metric: round(sum(outcome.metrics[metric] or 0 for outcome in kept)) for metric in spec.measures}
        print(f"{subset or 'all':8} {language:7} {len(kept):6} rows; {passed}")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--language", choices=("pypy", "cpython", "cpp", "java", "csharp"))
    asked.add_argument("--shortcut", action="store_true", help="all rows, by the official shortcut")
    parser.add_argument("--sample", type=int, default=0, help="rows drawn; 0 for all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--time-scale", type=float, default=1.0)
    parser.add_argument("--flipped", action="store_true", help="one operator of each answer flipped")
    parser.add_argument("--state", type=Path, help="directory for verdicts and compiled programs")
    options = parser.parse_args()
    if options.shortcut:
        by_shortcut(options.workers)
        return
    python = options.language if options.language in ("pypy", "cpython") else "pypy"
    chosen_options = {"safim_shortcut": "off", "safim_python": python}
    settings = replace(read_settings(chosen_options), workers=options.workers, time_scale=options.time_scale)
    if options.state is not None:
        settings = replace(settings, state_dir=options.state)
    chosen = items(options.language, settings)
    if options.sample:
        chosen = random.Random(options.seed).sample(chosen, options.sample)
    source = random.Random(options.seed)
    texts = {item.task_id: flipped(item.truth, source) if options.flipped else item.truth for item in chosen}
    answers = [Answer(name, 0, text) for name, text in texts.items() if text is not None]
    start, before = time.perf_counter(), cpu_seconds()
    with make_executor(settings, progress=options.language, use_cache=options.state is not None) as executor:
        by_id = {item.task_id: item for item in chosen}
        outcomes = score(task("itax_safim"), by_id, answers, executor, time_scale=options.time_scale)
    report(outcomes, options.flipped)
    used, wall = cpu_seconds() - before, time.perf_counter() - start
    print(f"{len(chosen) - len(answers)} of {len(chosen)} have no operator; {wall:.0f} s wall, {used:.0f} s CPU")


def report(outcomes: list[Outcome], flips: bool) -> None:
    """Counts of each metric, and a line for each answer that did not come out as it should."""
    for metric in ("pass@1", "pass@1_raw", "pass@1_fixed"):
        print(f"{metric}: {sum(outcome.metrics[metric] or 0 for outcome in outcomes):.0f}/{len(outcomes)}")
    print(dict(collections.Counter(outcome.verdict.value for outcome in outcomes)))
    for outcome in outcomes:
        if outcome.passed == flips:
            print(f"{outcome.task_id}\t{outcome.verdict}\t{outcome.seconds:.2f} s\t{outcome.detail}")


if __name__ == "__main__":
    main()
