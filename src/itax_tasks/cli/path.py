"""`itax path`: where the task YAML files are."""

from __future__ import annotations

import click

from itax_tasks.cli.settings import HELP
from itax_tasks.paths import task_path


@click.command(context_settings=HELP)
@click.option("--model", help="Print the folder of a bundled model instead: itax-tiny-base or itax-tiny-instruct.")
def path(model: str | None) -> None:
    """Print the folder of task files.

    For an lm_eval that does not find the tasks by itself:

        lm_eval --include_path "$(itax path)" --tasks itax_hefim ...

    With --model, for the plain command:

        lm_eval --model hf --model_args pretrained="$(itax path --model itax-tiny-base)" --tasks itax_mini ...
    """
    if model is None:
        click.echo(task_path())
        return
    from itax_tasks.tune.tiny import bundled

    click.echo(bundled(model))
