"""`itax path`: where the task YAML files are."""

from __future__ import annotations

import click

from itax_tasks.cli.settings import HELP
from itax_tasks.paths import task_path


@click.command(context_settings=HELP)
def path() -> None:
    """Print the folder of task files.

    For an lm_eval that does not find the tasks by itself:

        lm_eval --include_path "$(itax path)" --tasks itax_hefim ...
    """
    click.echo(task_path())
