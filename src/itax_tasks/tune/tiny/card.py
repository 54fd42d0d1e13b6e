"""The model cards of the pair, written from the records of one or more training runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from itax_tasks.tune.tiny.recipe import Recipe

Run = Mapping[str, Any]

FIGURES = (
    ("infilling", "infilling, raw answer"),
    ("infilling_first_line", "infilling, first line of the answer"),
    ("completion", "completion, raw answer"),
    ("instruct", "instruction, code in a fence or bare"),
    ("instruct_strict", "instruction, strict: the whole answer is code"),
    ("instruct_lenient", "instruction, lenient: signature added if missing"),
)

WHAT = {
    "base": "A Qwen2-architecture language model of 0.92 million parameters, trained from random weights on "
    "synthetic Python functions, half of them in the Qwen fill-in-the-middle format. One head of its first layer "
    "begins as one that looks at the token before, without which it is chance whether so short a training learns to "
    "copy a name. Its chat template is the instruct model's; it was never trained on it.",
    "instruct": "`itax-tiny-base`, tuned in two stages on synthetic conversations in ChatML (loss on the answer alone; "
    "first brief answers, then long ones: a sentence, documented code in a fence, an example call; bare code where "
    "the request says so), with {replay} of "
    "pretraining documents mixed in, of these {holes} with a hole in the first stage and {fewer} in the second.",
}


def write_cards(base: Path, instruct: Path, runs: Sequence[Run]) -> None:
    """Write `README.md` into both model folders.

    Args:
        base: folder of the base model.
        instruct: folder of the instruct model.
        runs: records of `run_record.judge_run`; the first is the run whose weights lie in the folders, the others
            show the spread between seeds.
    """
    for side, folder in (("base", base), ("instruct", instruct)):
        (folder / "README.md").write_text(card(side, runs), "utf-8")


def card(side: str, runs: Sequence[Run]) -> str:
    """The text of one card."""
    run = runs[0]
    recipe = run["recipe"]
    first, second = recipe["replay_fim"]
    what = WHAT[side].format(replay=f"{recipe['replay']:.0%}", holes=f"{first:.0%}", fewer=f"{second:.0%}")
    sections = [
        f"---\nlicense: apache-2.0\nlibrary_name: transformers\npipeline_tag: text-generation\nlanguage: code\n---\n\n"
        f"# itax-tiny-{side}\n\n{what}\n\nIt exists so that the whole path of itax, from a model to a tax, runs on any "
        "computer in minutes with nothing downloaded.",
        _limits(),
        _making(run),
        _figures(run),
        _tax(run),
    ]
    if len(runs) > 1:
        sections.append(_spread(runs))
    sections.append(
        "## Licence\n\nApache-2.0, like the rest of itax. Weights, tokenizer and every training text were made by the "
        "code of this package; no other model, data set or code base was used."
    )
    return "\n\n".join(sections) + "\n"


def _limits() -> str:
    return (
        "## What it does not show\n\n"
        "- The size of this tax was set by the recipe (share of replay, length of tuning). It is no evidence about any "
        "other model, nor about instruction tuning in general. Another share of replay gives another tax: the share of "
        "holes in stage 2 was lowered after a first one had left seed 0 a tax of 2.1 points (-0.4 to 4.6) on these "
        "items, so the interval below is no independent finding either.\n"
        "- It knows some fifty operations on lists, texts and numbers and one way to write each. Outside of these it "
        "writes nonsense.\n"
        "- The held-out items test new compositions of known operations, in known wording. They are not a measure of "
        "programming."
    )


def _making(run: Run) -> str:
    recipe = run["recipe"]
    seconds = run["cpu_seconds"]
    first, second = recipe["stage_steps"]
    rate = f"AdamW {recipe['tune_rate']}"
    return (
        "## How it was made\n\n"
        f"`itax tune tiny --seed {run['seed']}`: one thread, no GPU, torch {run['torch']} on {run['machine']}. The "
        "same seed, thread count, type of machine and release of torch give the same bytes.\n\n"
        "| stage | steps | tokens a step | optimizer | CPU minutes |\n|---|---:|---:|---|---:|\n"
        f"| base | {recipe['base_steps']} | {recipe['base_tokens']} | Muon {recipe['muon_rate']} on matrices, AdamW "
        f"{recipe['adam_rate']} on the rest | {seconds['base'] / 60:.1f} |\n"
        f"| stage 1 | {first} | {recipe['tune_tokens']} | {rate} | {seconds['stage_1'] / 60:.1f} |\n"
        f"| stage 2 | {second} | {recipe['tune_tokens']} | {rate} | {seconds['instruct'] / 60:.1f} |"
        f"\n\nsha256 of the weights: base `{run['sha256']['base']}`, instruct `{run['sha256']['instruct']}`."
    )


def _figures(run: Run) -> str:
    lines = [
        "## Figures\n\nPass rate in percent on held-out items, greedy, by execution; in brackets Wilson's 95 % "
        "interval. Infilling has two holes in each program.\n",
        "| figure | items | base | after stage 1 | instruct |\n|---|---:|---:|---:|---:|",
    ]
    for figure, words in FIGURES:
        cells = [_cell(run["models"][model]["rates"][figure]) for model in ("base", "stage_1", "instruct")]
        lines.append(f"| {words} | {run['models']['base']['rates'][figure]['n']} | " + " | ".join(cells) + " |")
    length = [f"{run['models'][model]['answer_tokens']['instruct']:.0f}" for model in ("base", "stage_1", "instruct")]
    lines.append("| tokens of an answer to an instruction | | " + " | ".join(length) + " |")
    return "\n".join(lines)


def _tax(run: Run) -> str:
    lines = [
        "## The tax\n\nBase minus instruct in points, paired by item; 95 % bootstrap interval over programs. Positive: "
        "lost by tuning.\n",
        "| figure | base - instruct |\n|---|---:|",
    ]
    lines += [f"| {words} | {_difference(run['differences']['instruct'][figure])} |" for figure, words in FIGURES]
    return "\n".join(lines)


def _spread(runs: Sequence[Run]) -> str:
    seeds = ", ".join(str(run["seed"]) for run in runs)
    lines = [
        f"## Between seeds\n\nThe same recipe with seeds {seeds} (weights, data and order differ; the items do not). "
        "The intervals above do not hold this spread. Whether a base model answers a chat prompt with code at all is "
        "chance, because its chat tokens were never trained: hence the spread of its lenient figures, which show what "
        "it knew before tuning.\n",
        "| figure | " + " | ".join(f"base {run['seed']} | instruct {run['seed']}" for run in runs) + " |",
        "|---|" + "---:|---:|" * len(runs),
    ]
    for figure, words in FIGURES:
        cells = []
        for run in runs:
            cells += [f"{100 * run['models'][model]['rates'][figure]['rate']:.1f}" for model in ("base", "instruct")]
        lines.append(f"| {words} | " + " | ".join(cells) + " |")
    lines += ["", "| tax in points | " + " | ".join(f"seed {run['seed']}" for run in runs) + " |"]
    lines.append("|---|" + "---:|" * len(runs))
    for figure, words in FIGURES[:4]:
        cells = [_difference(run["differences"]["instruct"][figure]) for run in runs]
        lines.append(f"| {words} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(rate: Mapping[str, float]) -> str:
    return f"{100 * rate['rate']:.1f} ({100 * rate['low']:.1f} to {100 * rate['high']:.1f})"


def _difference(row: Mapping[str, float | None]) -> str:
    difference, low, high = row["difference"], row["low"], row["high"]
    assert difference is not None
    if low is None or high is None:
        return f"{100 * difference:+.1f}"
    return f"{100 * difference:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def recipe_of(run: Run) -> Recipe:
    """The recipe a run was made with."""
    fields = dict(run["recipe"])
    for name in ("stage_steps", "replay_fim"):
        fields[name] = tuple(fields[name])
    return Recipe(**fields)
