"""`itax data fetch|verify`: the official benchmark files."""

from __future__ import annotations

import sys

import click

from itax_metrics.errors import DataError
from itax_tasks import data as sources
from itax_tasks.cli.settings import HELP
from itax_tasks.settings import Settings, read_settings
from itax_tasks.tasks import BENCHMARKS


@click.group(context_settings=HELP)
def data() -> None:
    """Fetch and verify the official benchmark files.

    Files are looked for in ITAX_DATA_DIR (official names, with or without the benchmark's folder), then in
    the user cache, then at the pinned official origin; content with another sha256 is refused.
    """


@data.command()
@click.argument("benchmarks", nargs=-1)
def fetch(benchmarks: tuple[str, ...]) -> None:
    """Download the files of BENCHMARKS (all when none is named) into the user cache.

    \b
    Example:  itax data fetch hefim
    """
    settings = read_settings()
    failed = 0
    for file in _chosen(benchmarks):
        try:
            here = sources.verify(file, settings)
            if here is not None:
                click.echo(f"{file.benchmark}/{file.name}: already here, {here}")
                continue
            with click.progressbar(length=1, label=f"{file.benchmark}/{file.name}", file=sys.stderr) as bar:

                def advance(done: int, total: int | None, bar: object = bar) -> None:
                    if total:
                        bar.length, bar.pos = total, min(done, total)  # type: ignore[attr-defined]
                        bar.update(0)  # type: ignore[attr-defined]

                click.echo(f"{file.benchmark}/{file.name}: {sources.fetch(file, settings, advance)}")
        except DataError as error:
            failed += 1
            click.echo(f"DataError: {error}", err=True)
    if failed:
        raise DataError(f"{failed} files could not be fetched; the others are in {settings.cache_dir}.")


@data.command()
@click.argument("benchmarks", nargs=-1)
def verify(benchmarks: tuple[str, ...]) -> None:
    """Check sha256 and row counts of the local files of BENCHMARKS (all when none is named).

    Where the files are here, hub sets that others derived from them are compared with our items, if they can be
    reached (or a copy lies in ITAX_DATA_DIR/OWNER/SET); their ids are then accepted by `itax score`.
    """
    settings = read_settings()
    bad = 0
    here = set()
    for file in _chosen(benchmarks):
        try:
            path = sources.verify(file, settings)
            if path is None:
                click.echo(f"{file.benchmark}/{file.name}: not here (itax data fetch {file.benchmark})")
                continue
            rows = len(sources.load(file.benchmark, file.name, settings).rows)
            here.add(file.benchmark)
        except DataError as error:
            bad += 1
            click.echo(f"DataError: {error}", err=True)
            continue
        if rows != file.rows:
            bad += 1
        click.echo(f"{file.benchmark}/{file.name}: {rows} rows, {'official' if rows == file.rows else 'WRONG'}, {path}")
    _compare_hub_sets(here, settings)
    if bad:
        raise DataError(f"{bad} files are not the official ones; see above.")


def _compare_hub_sets(benchmarks: set[str], settings: Settings) -> None:
    for benchmark in BENCHMARKS:
        family = benchmark.TASKS[0].family
        for published in getattr(benchmark, "HUB_SETS", ()) if family in benchmarks else ():
            try:
                rows = sources.hub_rows(published.name, published.split, settings)
                found = published.compare(rows, settings)
            except DataError as error:
                click.echo(f"{family}: {error} It was not compared.")
                continue
            except (KeyError, AttributeError) as error:
                click.echo(f"{family}: {published.name} has other columns than it had ({error}). It was not compared.")
                continue
            published.keep(found, settings)
            differing = f"; not {', '.join(found.differing[:5])}" if found.differing else ""
            click.echo(
                f"{family}: {published.name} has {found.rows} rows, ours {found.ours}; {len(found.ids)} are items of "
                f"ours, {found.equal} of them equal{differing}"
            )


def _chosen(benchmarks: tuple[str, ...]) -> list[sources.DataFile]:
    known = sources.benchmarks()
    for name in benchmarks:
        if name not in known:
            raise click.BadParameter(f"{name!r} is not one of {', '.join(known)}.", param_hint="BENCHMARKS")
    return [file for file in sources.files().values() if not benchmarks or file.benchmark in benchmarks]
