"""`itax demo`: the whole path, offline: real lm_eval on the bundled pair, real execution, comparison, report."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import click

import itax_tasks
from itax_metrics.compare import compare
from itax_metrics.errors import ConfigError
from itax_metrics.execution import probe
from itax_metrics.report.content import Scored, build, pair_from_scores
from itax_metrics.report.tables import render_text
from itax_metrics.report.writing import write_report
from itax_metrics.store import read_score_dir, write_atomic
from itax_tasks.cli.folders import claim
from itax_tasks.cli.report import NO_PROMPTS
from itax_tasks.cli.settings import HELP
from itax_tasks.recorded import item_finder
from itax_tasks.rescore import from_lm_eval, score_to_directory
from itax_tasks.settings import read_settings
from itax_tasks.tune import tiny

Side = Literal["base", "instruct"]
SIDES: tuple[Side, ...] = ("base", "instruct")

BATCH = 64
"""Rows a batch. The tokenizer of the pair keeps FIM tokens when it decodes, so the text of a row that stopped early is
cut where it stopped; tests/vllm/test_tiny_pair.py sets the answers beside vLLM's, item by item."""
REPLAYED = (
    "The answers replayed here were written by hand to exercise every path. They are not a model's, and\n"
    "this tax says nothing about any model."
)
MARKER = ".itax-demo"
"""Says that a demo made the folder; only there is anything removed."""
WRITTEN = ("lm_eval", "base", "instruct", "report", "comparison.json")
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
QUIET = {"TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error"}
# So small a model only waits for a second thread, and one thread always sums in the same order.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Show:
    """What a demo runs, and what must be said about it."""

    tasks: str
    arguments: dict[Side, list[str]]
    """The lm_eval options that name the model, as a user would type them."""
    notice: str


@click.command(context_settings=HELP)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("demo_output"),
    show_default=True,
    help="Folder to write; an earlier demo there is replaced, other results there are refused.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Only the first items of each kind: quicker, and coarser.")
@click.option("--replay", is_flag=True, help="Replay answers written by hand to 80 problems: seconds, and no torch.")
def demo(out: Path, limit: int | None, replay: bool) -> None:
    """Run lm_eval on the bundled base and instruct model, score, compare, report.

    itax-tiny-base and itax-tiny-instruct, 0.9 million parameters each, infill, complete and follow instructions on
    1280 held-out problems, on the CPU and without network, in two or three minutes. It needs the extra `hf`; --replay
    needs nothing: `--model itax-replay` answers from a file. Everything after generation is real in both.
    """
    started = time.monotonic()
    os.environ.update(OFFLINE)
    _check_sandbox()
    for name, value in {**QUIET, **ONE_THREAD}.items():
        os.environ.setdefault(name, value)
    with ExitStack() as files:
        show = _replayed(files) if replay else _pair()
        _clear(out)
        claim(out)
        (out / MARKER).write_text("itax demo replaces what it wrote here: see its --out.\n", "utf-8")
        scored = {side: _run(number, side, show, out, limit) for number, side in enumerate(SIDES, 1)}
    base, instruct = read_score_dir(scored["base"]), read_score_dir(scored["instruct"])
    comparison = compare(base, instruct)
    write_atomic(out / "comparison.json", comparison.to_json())
    report = _report(base, instruct, show.notice, out)
    click.echo(f"\n== itax compare {scored['base']} {scored['instruct']}\n")
    click.echo(render_text(comparison))
    click.echo(f"\n{show.notice}\n")
    click.echo(f"Report: {report}")
    click.echo(f"Files:  {out}/base and {out}/instruct (score directories), {out}/comparison.json, {out}/lm_eval")
    click.echo(f"Took {time.monotonic() - started:.0f} s. Your models, with all checks before the model loads:")
    click.echo("  itax run --model hf --model_args pretrained=MODEL --tasks itax_fim --confirm_run_unsafe_code")


def _check_sandbox() -> None:
    """Say before anything is generated that nothing could be executed.

    Raises:
        ConfigError: programs cannot be contained here, and the settings demand that they are.
    """
    report = probe()
    if read_settings().sandbox == "require" and not report.contained:
        raise ConfigError(
            f"Programs cannot be contained on this machine ({report.summary()}). itax doctor says what is missing; to "
            "accept weaker containment for the demo: ITAX_SANDBOX=prefer itax demo"
        )


def _pair() -> Show:
    """The bundled models through lm_eval's own hf backend.

    Raises:
        ConfigError: torch or transformers is not installed, or the installation has no weights.
    """
    missing = [module for module in ("torch", "transformers", "accelerate") if find_spec(module) is None]
    if missing:
        raise ConfigError(
            f"itax demo runs two small models, and {', '.join(missing)} is not installed. Install the extra: "
            "pip install 'itax-tasks[hf]' (in a checkout: make demo). Without it: itax demo --replay"
        )
    arguments: dict[Side, list[str]] = {}
    for side, name in zip(SIDES, tiny.NAMES, strict=True):
        tiny.bundled(name)
        model = f"pretrained={name},dtype=float32"
        arguments[side] = ["--model", "hf", "--model_args", model, "--device", "cpu", "--batch_size", str(BATCH)]
    return Show("itax_mini", arguments, tiny.NOTICE)


def _replayed(files: ExitStack) -> Show:
    """Stored answers in a model's place; `files` keeps them on disk while they are read."""
    arguments: dict[Side, list[str]] = {}
    for side in SIDES:
        packed = resources.files("itax_tasks.benchmarks") / f"hand_answers_{side}.jsonl"
        answers = files.enter_context(resources.as_file(packed))
        model = f"completions={answers},pretrained=itax-hand-{side}"
        arguments[side] = ["--model", "itax-replay", "--model_args", model]
    return Show("itax_hand", arguments, REPLAYED)


def _run(number: int, side: Side, show: Show, out: Path, limit: int | None) -> Path:
    """Generate and score one side; returns its score directory."""
    from itax_tasks.harness.host import run_lm_eval

    arguments = [*show.arguments[side], "--tasks", show.tasks, "--confirm_run_unsafe_code", "--log_samples"]
    arguments += ["--output_path", str(out / "lm_eval" / side), *(["--limit", str(limit)] if limit else [])]
    click.echo(f"\n== {number} of {len(SIDES)}, {side}: itax run {' '.join(arguments)}\n")
    run_lm_eval(tiny.with_folders(arguments), only_ours=True)
    submissions, model, notes = from_lm_eval(out / "lm_eval" / side)
    score_to_directory(submissions, out / side, read_settings(), model=model, notes=notes, progress=False)
    return out / side


def _report(base: Scored, instruct: Scored, notice: str, out: Path) -> Path:
    """Write the report that `itax report` would write, with the notice on it; returns its page."""
    notes: list[str] = [" ".join(notice.split())]
    pair = pair_from_scores(base, instruct, items=item_finder(notes, NO_PROMPTS)(base[0]))
    return write_report(out / "report", build([pair], notes), itax_tasks.__version__)


def _clear(out: Path) -> None:
    """Remove what an earlier demo wrote, and nothing else.

    Raises:
        ConfigError: something under a name that the demo writes is there, and no demo wrote it.
    """
    there = [name for name in WRITTEN if (out / name).exists()]
    if there and not (out / MARKER).is_file():
        raise ConfigError(
            f"--out {out} already holds {', '.join(there)}, and nothing there says that itax demo wrote it. Name "
            "another folder, or remove it yourself."
        )
    for name in there:
        if (out / name).is_dir():
            shutil.rmtree(out / name, ignore_errors=True)
        else:
            (out / name).unlink()
