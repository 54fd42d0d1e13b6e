"""`itax compare`: two score directories to one comparison."""

from __future__ import annotations

from pathlib import Path

import click

from itax_metrics.compare import compare as compare_runs
from itax_metrics.errors import ConfigError
from itax_metrics.matching import Across
from itax_metrics.pairing import OnMissing
from itax_metrics.report.tables import render_markdown, render_text
from itax_metrics.store import read_score_dir, write_atomic
from itax_tasks.cli.folders import refuse_score_files
from itax_tasks.cli.settings import HELP


@click.command(
    "compare",
    context_settings=HELP,
    short_help="Pair two scored runs and print the tax.",
)
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("instruct", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("comparison.json"),
    show_default=True,
    help="Where the full comparison goes; replaced if it exists. Relative to the current folder.",
)
@click.option(
    "--on-missing",
    type=click.Choice(["error", "drop"]),
    default="error",
    show_default=True,
    help="An item without an answer on one side: refuse, or leave it out and record it.",
)
@click.option(
    "--across",
    type=click.Choice(["condition", "extraction", "cue"]),
    help="What is meant to differ besides the model. Without it, nothing may.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Fixes the resampling.")
@click.option(
    "--resamples",
    type=click.IntRange(min=100),
    default=10_000,
    show_default=True,
    help="Bootstrap resamples of clusters.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON instead of a table.")
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
def compare(
    base: Path,
    instruct: Path,
    out: Path,
    on_missing: OnMissing,
    across: Across | None,
    seed: int,
    resamples: int,
    as_json: bool,
    markdown: bool,
) -> None:
    """Compare a base model with its instruct sibling, item by item.

    BASE and INSTRUCT are score directories, as `itax score` writes them. Both must hold the same items, judged under
    the same terms; whatever differs is named, with the remedy.

    \b
    Example:
      itax score outputs/base     --out scores/base
      itax score outputs/instruct --out scores/instruct
      itax compare scores/base scores/instruct

    The tax is the pass rate of base minus that of instruct, in points: positive means that instruct lost. The p-value
    comes from sign flips over clusters of items that share a problem, corrected by Holm over the benchmarks; McNemar
    is printed beside it, and so is the smallest tax that a run of this size could have found.

    \b
    The same model, raw against chat:
      itax compare scores/raw scores/chat --across condition

    \b
    Does natural language around the hole change the tax? Both models with itax_safim and itax_safim_no_cue; or what it
    gives one model, its directory named twice:
      itax compare scores/base scores/instruct --across cue
      itax compare scores/base scores/base --across cue

    The table goes to standard output, the whole comparison to --out. Equal inputs give an equal file, byte for byte.
    """
    if as_json and markdown:
        raise ConfigError("--json and --markdown exclude each other: choose one.")
    if not out.parent.is_dir():
        raise ConfigError(f"--out {out}: the folder {out.parent} does not exist. Make it first, or name another.")
    refuse_score_files(out)
    comparison = compare_runs(
        read_score_dir(base),
        read_score_dir(instruct),
        seed=seed,
        resamples=resamples,
        on_missing=on_missing,
        across=across,
    )
    text = comparison.to_json()
    write_atomic(out, text)
    if as_json:
        click.echo(text, nl=False)
    else:
        click.echo(render_markdown(comparison) if markdown else render_text(comparison))
    click.echo(f"comparison written to {out}", err=True)
