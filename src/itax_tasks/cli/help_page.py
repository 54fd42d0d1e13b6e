"""The page `docs/commands.md`: the help of every verb, as the program prints it.

python -m itax_tasks.cli.help_page > docs/commands.md
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from itax_tasks.cli import VERBS, cli

WIDTH = 100


def page() -> str:
    """The whole page."""
    parts = [
        "# Commands",
        "What `--help` prints, written by `python -m itax_tasks.cli.help_page`; a test holds this page equal to it.",
    ]
    for name, context in _commands(click.Context(cli, info_name="itax"), cli, tuple(VERBS)):
        # Click breaks lines with trailing blanks here and there.
        text = "\n".join(line.rstrip() for line in context.get_help().splitlines())
        parts.append(f"## {name}\n\n```text\n{text}\n```")
    return "\n\n".join(parts) + "\n"


def _commands(parent: click.Context, group: click.Group, names: tuple[str, ...]) -> Iterator[tuple[str, click.Context]]:
    for name in names:
        command = group.get_command(parent, name)
        assert command is not None
        settings = {**command.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
        context = click.Context(command, info_name=name, parent=parent, **settings)
        yield context.command_path, context
        if isinstance(command, click.Group):
            yield from _commands(context, command, tuple(command.list_commands(context)))


if __name__ == "__main__":
    print(page(), end="")
