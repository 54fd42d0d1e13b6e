"""`itax env create|list|verify`: the pinned environments some benchmarks need."""

from __future__ import annotations

import sys

import click

from itax_metrics.errors import ConfigError, ExecutionError
from itax_metrics.execution import environment_creation, environment_data, environments
from itax_tasks.cli.settings import HELP
from itax_tasks.settings import read_settings


@click.group(context_settings=HELP)
def env() -> None:
    """Create and verify the pinned environments some benchmarks need.

    They live in `envs` below ITAX_STATE_DIR. Which Python and which packages is pinned in this release; packages come
    from the registry pip is configured for.
    """


@env.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--force", is_flag=True, help="Make it again where it is there already.")
@click.option("--with-data", is_flag=True, help="Also put in the data its programs would fetch at run time.")
@click.option("--data-from", metavar="FOLDER_OR_URL", help="A mirror of those data.  [the published addresses]")
def create(names: tuple[str, ...], force: bool, with_data: bool, data_from: str | None) -> None:
    """Create the environments NAMES; one that is there already is verified instead.

    \b
    Examples:
      itax env create classeval
      itax env create ds1000 --with-data
    """
    if data_from and not with_data:
        raise ConfigError("--data-from names a mirror of the data; add --with-data.")
    folder = read_settings().state_dir.absolute() / "envs"
    for name in names:
        pins = environments.pins_of(name)
        had_data = bool(environments.digest_of(folder / name))
        with click.progressbar(length=len(pins.requirements), label=name, file=sys.stderr) as bar:

            def advance(line: str, bar: object = bar) -> None:
                if line.startswith("Collecting "):
                    bar.update(1)  # type: ignore[attr-defined]

            environment = environment_creation.create(name, folder, force=force, on_line=advance)
        if with_data:
            environment = environment_data.seed(name, folder, source=data_from)
        elif had_data and not environment.data:
            click.echo(
                f"{name} was made with other pins, so its data are gone; put them in again with "
                f"`itax env create {name} --with-data`.",
                err=True,
            )
        click.echo(_described(environment))


@env.command("list")
def list_() -> None:
    """Show which environments there are, and which are ready."""
    folder = read_settings().state_dir.absolute() / "envs"
    for name, pins in environments.pinned().items():
        click.echo(f"{name}: Python {pins.python}, {len(pins.requirements)} pins ({pins.source})")
        click.echo(f"  {_state(name)}" if (folder / name).exists() else f"  not created (itax env create {name})")


@env.command()
@click.argument("names", nargs=-1)
def verify(names: tuple[str, ...]) -> None:
    """Compare the environments NAMES (all that are there when none is named) with what they were when made."""
    folder = read_settings().state_dir.absolute() / "envs"
    for name in names:
        if name not in environments.pinned():
            raise ConfigError(
                f"There is no pinned environment {name!r}. Environments: {', '.join(environments.pinned())}."
            )
    chosen = names or tuple(name for name in environments.pinned() if (folder / name).exists())
    if not chosen:
        click.echo(f"No environment has been made in {folder}; itax env create {' | '.join(environments.pinned())}")
    bad = 0
    for name in chosen:
        try:
            environment = environments.find(name, folder)
        except ExecutionError as error:
            bad += 1
            click.echo(f"ExecutionError: {error}", err=True)
            continue
        click.echo(_described(environment))
    if bad:
        raise ExecutionError(f"{bad} environments cannot be used; see above.")


def _state(name: str) -> str:
    try:
        return _described(environments.find(name, read_settings().state_dir.absolute() / "envs"))
    except ExecutionError as error:
        return str(error)


def _described(environment: environments.Environment) -> str:
    outdated = f"; made from older pins (itax env create {environment.name} --force)"
    return (
        f"{environment.name}: ready, {environment.python}, {len(environment.distributions)} distributions, "
        f"sha256 {environment.sha256[:12]}, {f'data {environment.data[:12]}, ' if environment.data else ''}"
        f"{environment.folder}"
        f"{outdated if environments.is_outdated(environment) else ''}"
    )
