"""`itax tune`: train models here; so far the tiny pair that shows a tax without a download."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from itax_tasks.cli.folders import claim
from itax_tasks.cli.settings import HELP

SHORT = 0.01
"""Share of all steps that `--short` runs."""
SHORT_ITEMS = 20
ROWS = (
    ("infilling", "infilling, raw"),
    ("infilling_first_line", "infilling, first line"),
    ("completion", "completion, raw"),
    ("instruct", "instruction, fenced"),
    ("instruct_strict", "instruction, whole answer"),
    ("instruct_lenient", "instruction, signature added"),
)


@click.group(context_settings=HELP)
def tune() -> None:
    """Train models, to have a base and an instruct model whose every step is known."""


@tune.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("tiny_pair"),
    show_default=True,
    help="Folder for base, stage_1 and instruct; an interrupted run there is continued.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of weights, data and order.")
@click.option("--steps", type=click.IntRange(min=1), help="Pretraining steps; both tuning stages shrink with them.")
@click.option("--short", is_flag=True, help="A hundredth of all steps: tries the path, learns nothing.")
@click.option(
    "--series",
    type=click.Path(path_type=Path, file_okay=False),
    help="Instead of the pair: base and twelve checkpoints without replay, into this folder.",
)
@click.option("--evaluate/--no-evaluate", default=True, show_default=True, help="Judge the models when trained.")
def tiny(out: Path, seed: int, steps: int | None, short: bool, series: Path | None, evaluate: bool) -> None:
    """Train itax-tiny-base and itax-tiny-instruct from nothing, on one CPU thread, in under 15 minutes.

    The same seed on the same type of machine and release of torch gives the same bytes. Progress goes to
    standard error, the figures to standard output.
    """
    from itax_tasks.tune.tiny import pair, recipe

    if short and steps:
        raise click.UsageError("--short and --steps exclude each other.")
    chosen = recipe.SHIPPED if series is None else recipe.NO_REPLAY
    if short:
        chosen = chosen.scaled(SHORT)
    elif steps:
        chosen = replace(chosen.scaled(steps / chosen.base_steps), base_steps=steps)
    folder = series or out
    claim(folder, "--out" if series is None else "--series")
    if series is None:
        digests = pair.train_pair(folder, seed, chosen, _progress)
        for name, sha256 in digests.items():
            _progress(f"{name}: sha256 {sha256}{_shipped(name, sha256)}")
        models = {name: folder / name for name in digests}
    else:
        models = {path.name: path for path in pair.train_series(folder, seed, chosen, _progress)}
    if not evaluate:
        return
    from itax_tasks.tune.tiny import card, run_record

    run = run_record.judge_run(folder, models, _progress, limit=SHORT_ITEMS if short else None)
    if series is None:
        card.write_cards(folder / "base", folder / "instruct", [run])
    click.echo(_table(run))
    _progress(f"score directories of every model in {folder / 'scores'}, for itax compare and itax report")


def _progress(line: str) -> None:
    click.echo(line, err=True)


def _shipped(name: str, sha256: str) -> str:
    """Says whether these are the weights of the package."""
    from itax_metrics.errors import ConfigError
    from itax_tasks.tune.tiny import NAMES, bundled, model

    if f"itax-tiny-{name}" not in NAMES:
        return ""
    try:
        same = model.digest(bundled(f"itax-tiny-{name}") / "model.safetensors") == sha256
    except ConfigError:
        return ""
    return ", the bytes of the package" if same else ", not the bytes of the package"


def _table(run: dict[str, Any]) -> str:
    """Pass rates in percent, one column a model."""
    names = list(run["models"])
    lines = [f"{'':30}" + "".join(f"{name:>14}" for name in names)]
    for figure, words in ROWS:
        cells = "".join(f"{100 * run['models'][name]['rates'][figure]['rate']:14.1f}" for name in names)
        lines.append(f"{words:30}{cells}")
    return "\n".join(lines)
