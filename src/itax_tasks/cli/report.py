"""`itax report`: pairs of score directories, or comparison files, to one page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

import itax_tasks
from itax_metrics.comparison import SCHEMA_VERSION
from itax_metrics.errors import ConfigError, DataError
from itax_metrics.matching import Across
from itax_metrics.pairing import OnMissing
from itax_metrics.paper.measured import Pair, pair
from itax_metrics.records import Run
from itax_metrics.report.content import Report, build, pair_from_scores
from itax_metrics.report.grid import text_table
from itax_metrics.report.png import png_renderer
from itax_metrics.report.tables import render_text
from itax_metrics.report.writing import write_report
from itax_metrics.store import RUN_FILE, read_score_dir
from itax_tasks.cli.folders import claim
from itax_tasks.cli.settings import HELP
from itax_tasks.recorded import item_finder


@click.command("report", context_settings=HELP, short_help="One page about the pairs you measured.")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("report"),
    show_default=True,
    help="The folder for report.html, report.md, report.json and figures/; made if missing.",
)
@click.option(
    "--flips",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="Changed verdicts shown a benchmark and direction.",
)
@click.option("--prompts/--no-prompts", default=True, show_default=True, help="Show prompts where the data are here.")
@click.option("--png", is_flag=True, help="Write each figure as PNG too (needs the extra `plots`).")
@click.option("--series", is_flag=True, help="RESULTS are one base and its tuning checkpoints, in order.")
@click.option("--on-missing", type=click.Choice(["error", "drop"]), default="error", show_default=True)
@click.option("--across", type=click.Choice(["condition", "extraction", "cue"]), help="As for `itax compare`.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--resamples", type=click.IntRange(min=100), default=10_000, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print report.json instead of tables.")
def report(
    results: tuple[Path, ...],
    out: Path,
    flips: int,
    prompts: bool,
    png: bool,
    series: bool,
    on_missing: OnMissing,
    across: Across | None,
    seed: int,
    resamples: int,
    as_json: bool,
) -> None:
    """Write one self-contained page about one or more pairs of models.

    RESULTS are score directories, base and instruct in turn, any number of pairs; or comparison files of
    `itax compare`; or both. A comparison file alone has no answers to show. With both, the files belong to the pairs
    in order, their settings are used, and they must come out the same.

    \b
    Examples:
      itax report scores/base scores/instruct
      itax report small/base small/instruct large/base large/instruct --out report
      itax report comparison.json scores/base scores/instruct
      itax report --series scores/base scores/checkpoint_1 scores/checkpoint_2 scores/checkpoint_3

    With --series each checkpoint is paired with the base, the first with the last besides; flips are those of the
    last. The page needs no network and runs no script; open it in any browser, or print it.
    """
    renderer = png_renderer() if png else None
    stored = [_comparison(path) for path in results if path.is_file()]
    folders = [path for path in results if not path.is_file()]
    if series:
        if stored or len(folders) < 3:
            raise ConfigError("--series takes score directories alone: the base model's, then two checkpoints or more.")
        folders = [folder for checkpoint in folders[1:] for folder in (folders[0], checkpoint)]
    if len(folders) % 2:
        for folder in folders:
            if not (folder / RUN_FILE).is_file():
                read_score_dir(folder)  # says what it is instead
        count = "1 score directory cannot" if len(folders) == 1 else f"{len(folders)} score directories cannot"
        raise ConfigError(f"{count} be paired: name base and instruct in turn ({folders[-1]} is left over).")
    couples = list(zip(folders[::2], folders[1::2], strict=True))
    if stored and couples and len(stored) != len(couples):
        raise ConfigError(f"{len(stored)} comparison files do not belong to {len(couples)} pairs of score directories.")
    claim(out)
    notes: list[str] = []
    items_of = item_finder(notes, NO_PROMPTS) if prompts else None
    options: dict[str, Any] = {"on_missing": on_missing, "across": across, "seed": seed, "resamples": resamples}
    pairs: list[Pair] = []
    programs: set[str] = set()
    for i, (base, instruct) in enumerate(couples):
        known = stored[i] if stored else None
        sides = read_score_dir(base), read_score_dir(instruct)
        programs |= whole_programs(*(run for run, _ in sides))
        shown = flips if not series or i == len(couples) - 1 else 0
        items = items_of(sides[0][0]) if items_of else None
        pairs.append(pair_from_scores(*sides, stored=known, flips=shown, items=items, **options))
    if programs:
        notes.append(_about_programs(programs))
    if not couples:
        pairs = [pair(content) for content in stored]
    moved = None
    if series:
        moved = pair_from_scores(read_score_dir(folders[1]), read_score_dir(folders[-1]), flips=0, **options)
    built = build(pairs, notes, moved)
    page = write_report(out, built, itax_tasks.__version__, renderer)
    click.echo((out / "report.json").read_text("utf-8").rstrip() if as_json else _text(built))
    click.echo(f"report written to {page}", err=True)


NO_PROMPTS = "Prompts of {task} are not shown: {why}"
"""What a report says where it cannot read the items of a task."""

_WANTED = "A report takes score directories, as `itax score` writes them, and files that `itax compare --out` wrote."


def _comparison(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_bytes().decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is neither a score directory nor a comparison file: {error}. {_WANTED}") from None
    if not isinstance(content, dict) or not {"benchmarks", "base", "instruct", "settings"} <= set(content):
        raise DataError(f"{path} is neither a score directory nor a comparison file. {_WANTED}")
    if content.get("schema_version") != SCHEMA_VERSION:
        raise DataError(
            f"{path}: schema_version is {content.get('schema_version')!r}, this itax reads {SCHEMA_VERSION}. Run "
            "`itax compare` again."
        )
    return content


def whole_programs(*runs: Run) -> set[str]:
    """The tasks whose stored texts are programs that another tool made, and not answers."""
    return {name for run in runs for name, task in run.tasks.items() if "stage" in task.generation}


def _about_programs(tasks: set[str]) -> str:
    names = ", ".join(sorted(tasks))
    return (
        f"{names}: the stored texts are whole programs, made by another tool. Behaviours and failure "
        "categories are those of the programs: what post-processing took away cannot be seen, def_cls holds wherever "
        "the program defines the function asked for, and measures of an answer's place have no value."
    )


def _text(built: Report) -> str:
    parts = [render_text(one.comparison) for one in built.pairs]
    parts += [f"note: {note}" for note in built.notes]
    rows = [(str(finding["number"]), str(finding["answer"]), str(finding["says"])) for finding in built.findings]
    parts.append(text_table(("", "answer", "the paper's finding, on these data"), rows, left=3))
    parts.append("\n".join(f"{finding['number']}: {finding['evidence']}" for finding in built.findings))
    return "\n\n".join(parts)
