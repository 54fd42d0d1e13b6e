"""`itax demo`: the whole path on embedded problems, offline: real lm_eval, real execution, comparison."""

from __future__ import annotations

import json
import shutil
from importlib import resources
from pathlib import Path

import click

from itax_metrics.compare import compare
from itax_metrics.report.tables import render_text
from itax_metrics.store import read_score_dir
from itax_tasks.cli.settings import HELP
from itax_tasks.rescore import from_lm_eval, score_to_directory
from itax_tasks.settings import read_settings

NOTICE = (
    "The answers replayed here were written by hand to exercise every path (see hand_README.md). They are not a\n"
    "model's, and this tax says nothing about any model."
)


@click.command(context_settings=HELP)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("demo_output"),
    show_default=True,
    help="Folder to write; an earlier demo there is replaced.",
)
def demo(out: Path) -> None:
    """Run lm_eval on the embedded problems for a base and an instruct model, then compare them.

    Needs no GPU, no network and no model: `--model itax-replay` answers from stored completions. Everything
    after generation is real: programs run in the sandbox, and the files are those of any other run.
    """
    from itax_tasks.harness.host import run_lm_eval

    settings = read_settings()
    _clear(out)
    scored: dict[str, Path] = {}
    for side in ("base", "instruct"):
        with resources.as_file(resources.files("itax_tasks.benchmarks") / f"hand_answers_{side}.jsonl") as answers:
            arguments = [
                "--model",
                "itax-replay",
                "--model_args",
                f"completions={answers},pretrained=itax-hand-{side}",
                "--tasks",
                "itax_hand",
                "--confirm_run_unsafe_code",
                "--log_samples",
                "--output_path",
                str(out / "lm_eval" / side),
            ]
            click.echo(f"\n== {side}: lm_eval run {' '.join(arguments)}\n")
            run_lm_eval(arguments, only_ours=True)
        submissions, model, notes = from_lm_eval(out / "lm_eval" / side)
        scored[side] = out / side
        score_to_directory(submissions, scored[side], settings, model=model, notes=notes, progress=False)
    comparison = compare(read_score_dir(scored["base"]), read_score_dir(scored["instruct"]))
    (out / "comparison.json").write_text(json.dumps(comparison.to_dict(), indent=2) + "\n", "utf-8")
    click.echo("\n== itax compare base instruct\n")
    click.echo(render_text(comparison))
    click.echo(f"\n{NOTICE}\n")
    click.echo(
        f"Files: {out}/base, {out}/instruct (score directories), {out}/comparison.json, {out}/lm_eval (lm-eval's own)"
    )
    click.echo(
        "Your models: itax run --model hf --model_args pretrained=MODEL --tasks itax_fim --confirm_run_unsafe_code"
    )


def _clear(out: Path) -> None:
    """Remove what an earlier demo wrote, and nothing else."""
    for name in ("lm_eval", "base", "instruct"):
        shutil.rmtree(out / name, ignore_errors=True)
    (out / "comparison.json").unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)
