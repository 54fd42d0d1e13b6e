"""The `itax` command: one verb a file, loaded when it is typed.

Errors meant for people are printed as one message without a traceback; exit status 1 says that itax
refused, 2 that the command line itself was wrong.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from itax_metrics.errors import ItaxError
from itax_tasks.cli.settings import HELP

VERBS: dict[str, tuple[str, str]] = {
    "demo": ("itax_tasks.cli.demo:demo", "Run lm_eval on the bundled pair, score, compare, report; offline."),
    "run": ("itax_tasks.cli.run:run", "lm_eval with every check made before the model loads."),
    "run-pair": ("itax_tasks.cli.run_pair:run_pair", "Base and instruct under every condition, and the tax."),
    "score": ("itax_tasks.cli.score:score", "Judge stored answers again; no model, no GPU."),
    "behave": ("itax_tasks.cli.behave:behave", "How a scored model answers: behaviours and failure categories."),
    "compare": ("itax_tasks.cli.compare:compare", "Set base and instruct side by side: the tax."),
    "report": ("itax_tasks.cli.report:report", "One page about the pairs you measured."),
    "export": ("itax_tasks.cli.export:export", "Scores in the forms of leaderboards."),
    "paper": ("itax_tasks.cli.paper:paper", "The paper's tables, audited; your run beside them."),
    "label": ("itax_tasks.cli.label:label", "Failure categories by hand: sheets for two raters, their agreement."),
    "rescue": ("itax_tasks.cli.rescue:rescue", "Which failures cheap safeguards would turn into passes."),
    "route": ("itax_tasks.cli.route:route", "What base, instruct or a router between them would solve."),
    "fim": ("itax_tasks.cli.fim:fim", "Fill-in-the-middle formats: list, detect, probe, render."),
    "env": ("itax_tasks.cli.env:env", "Create and verify pinned environments."),
    "data": ("itax_tasks.cli.data:data", "Fetch and verify the official benchmark files."),
    "tune": ("itax_tasks.cli.tune:tune", "Train the tiny base/instruct pair that travels with itax."),
    "doctor": ("itax_tasks.cli.doctor:doctor", "Check this installation and say what to do."),
    "path": ("itax_tasks.cli.path:path", "Print the task folder for lm_eval --include_path."),
}


class _Verbs(click.Group):
    """Imports a verb only when it is called, so that `itax path` costs no more than Python itself."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module, _, attribute = VERBS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, what) for name, (_, what) in VERBS.items()])


@click.group(cls=_Verbs, context_settings=HELP)
@click.version_option(package_name="itax-tasks", prog_name="itax")
def cli() -> None:
    """Measure what instruction tuning costs a code model: infilling and completion, base against instruct.

    \b
    See it work:      itax demo
    Measure a model:  lm_eval --model vllm --model_args pretrained=MODEL --tasks itax_hefim \\
                        --confirm_run_unsafe_code --output_path OUT --log_samples
    Score it:         itax score OUT --out base
    The tax:          itax compare base instruct
    """


def main() -> None:
    """Entry point of the console script."""
    try:
        # Outside standalone mode click returns the status of an `Exit`; our verbs themselves return nothing.
        status = cli(standalone_mode=False)
        if isinstance(status, int):
            sys.exit(status)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except ItaxError as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        # Without a path it is no file of the user's: a fault of ours, whose traceback is wanted.
        if error.filename is None:
            raise
        click.echo(
            f"ConfigError: {error.filename} cannot be read or written ({error.strerror or error}). Name another path, "
            "or see to its permissions.",
            err=True,
        )
        sys.exit(1)
