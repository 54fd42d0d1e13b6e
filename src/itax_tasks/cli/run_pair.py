"""`itax run-pair`: base and instruct under every condition, each loaded once, scored and compared."""

from __future__ import annotations

import json
import multiprocessing
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from itax_metrics.compare import compare as compare_runs
from itax_metrics.errors import ConfigError, ExecutionError, ItaxError
from itax_metrics.report.tables import render_text
from itax_metrics.store import read_score_dir, write_atomic
from itax_tasks.cli import pair_folder
from itax_tasks.cli.settings import HELP, json_object
from itax_tasks.pairs import Pair, matrix, preset
from itax_tasks.settings import Settings, read_settings
from itax_tasks.tune.tiny import with_folders


@click.command("run-pair", context_settings=HELP)
@click.argument("base", required=False)
@click.argument("instruct", required=False)
@click.option("--preset", "preset_name", help="Pairs of pairs.toml instead of two models: `paper`, or one pair's name.")
@click.option("--tasks", default="itax_flow", show_default=True, help="itax tasks or groups; every condition is added.")
@click.option("--model", "backend", default="itax-vllm", show_default=True, help="itax-hf or itax-vllm.")
@click.option("--model_args", default="", help="Further model arguments of both, name=value,...")
@click.option("--metadata", default="", help='As for lm_eval: JSON such as {"fim":"starcoder2"}.')
@click.option("--batch_size", default="auto", show_default=True)
@click.option("--device", default=None, help="For itax-hf: cpu, cuda:0, ...")
@click.option("--limit", default=None, help="First N documents of each task; for trials only.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("itax_pair"), show_default=True)
@click.option("--plan", is_flag=True, help="Print what would be run, and stop.")
@click.option("--confirm_run_unsafe_code", "confirmed", is_flag=True, help="Programs that a model wrote will run.")
def run_pair(
    base: str | None,
    instruct: str | None,
    preset_name: str | None,
    tasks: str,
    backend: str,
    model_args: str,
    metadata: str,
    batch_size: str,
    device: str | None,
    limit: str | None,
    out: Path,
    plan: bool,
    confirmed: bool,
) -> None:
    """Run BASE and INSTRUCT on tasks under every condition, and take the tax apart.

    Base is asked without a chat (raw, l2r, direct), instruct in every condition. Each model is loaded once, in a
    process of its own. A run that was broken off goes on where it stopped: models that are done are not loaded
    again, and answers are kept as they come. Only the tasks of this call are compared: answers to others that --out
    holds from earlier calls are left out and named.

    `itax run-pair A A` is the null run: the model is asked twice, without a chat, and every difference is noise.

    \b
    itax run-pair Qwen/Qwen2.5-Coder-7B Qwen/Qwen2.5-Coder-7B-Instruct --tasks itax_flow --confirm_run_unsafe_code
    itax run-pair --preset paper --plan
    """
    for pair in _chosen(base, instruct, preset_name):
        folder = out / pair.name if preset_name else out
        sides = _sides(pair, tasks, backend, model_args, metadata, batch_size, device, limit, folder)
        if plan:
            needs = f"{pair.gpus} GPU{'s' if pair.gpus > 1 else ''} of 80 GB, " if pair.gpus else ""
            click.echo(f"{pair.name}: {needs}FIM {pair.fim or 'detected'}")
            for side, (arguments, _) in sides.items():
                click.echo(f"  {side}: lm_eval run {shlex.join(arguments)}")
            continue
        if not confirmed:
            raise ConfigError("The tasks execute code that a model wrote, in a sandbox: add --confirm_run_unsafe_code.")
        settings = _check(sides, folder)
        for side, (arguments, cache) in sides.items():
            _generate(side, arguments, cache, folder)
        _compare(sides, folder, settings)


def _chosen(base: str | None, instruct: str | None, name: str | None) -> tuple[Pair, ...]:
    if (name is None) == (base is None) or (base is None) != (instruct is None):
        raise click.UsageError("Name BASE and INSTRUCT, or a --preset.")
    if name is not None:
        return preset(name)
    return (Pair("pair", str(base), str(instruct)),)


def _sides(
    pair: Pair,
    tasks: str,
    backend: str,
    model_args: str,
    metadata: str,
    batch_size: str,
    device: str | None,
    limit: str | None,
    folder: Path,
) -> dict[str, tuple[list[str], str]]:
    """Side to the lm_eval arguments and the name of its response cache."""
    from itax_tasks.harness import host

    if backend not in ("itax-hf", "itax-vllm"):
        raise ConfigError(
            f"--model {backend}: a pair is run with itax-hf or itax-vllm, which keep what they generated."
        )
    null = pair.base == pair.instruct
    leaves = host.leaves(tasks.split(","))
    extra = model_args
    if (pair.gpus or 1) > 1 and backend == "itax-vllm" and "tensor_parallel_size" not in model_args:
        extra = ",".join(part for part in (model_args, f"tensor_parallel_size={pair.gpus}") if part)
    about = json_object(metadata, "--metadata", example='{"fim":"starcoder2"}') if metadata else {}
    if pair.fim is not None:
        about.setdefault("fim", pair.fim)
    found = {}
    for side, model in (("base", pair.base), ("instruct", pair.instruct)):
        asked = matrix(leaves, speaks=side == "instruct" and not null)
        if not asked:
            raise ConfigError(f"--tasks {tasks} holds no task that a base model is asked without a chat.")
        arguments = ["--model", backend, "--model_args", ",".join(p for p in (f"pretrained={model}", extra) if p)]
        arguments += ["--tasks", ",".join(asked), "--batch_size", batch_size, "--log_samples"]
        arguments += ["--confirm_run_unsafe_code", "--output_path", str(folder / "lm_eval" / side)]
        arguments += ["--metadata", json.dumps(about)] if about else []
        arguments += ["--device", device] if device else []
        arguments += ["--limit", limit] if limit else []
        # A null run that read its own cache would compare a model with itself on paper only.
        found[side] = (with_folders(arguments), "null" if null and side == "instruct" else "")
    return found


def _check(sides: dict[str, tuple[list[str], str]], folder: Path) -> Settings:
    """`itax run`'s checks of both models before either is loaded.

    Returns:
        The settings of both sides, `--metadata` first: what is generated under them is judged under them.

    Raises:
        ConfigError, DataError, MissingExtraError: as `itax run`; the folder holds the answers of another pair.
    """
    from itax_tasks.cli.run import check
    from itax_tasks.harness import host

    for side, (arguments, _) in sides.items():
        pair_folder.refuse_others(folder, side, arguments)
    settings = Settings()
    for side, (arguments, _) in sides.items():
        asked = host.parse(arguments)
        try:
            check(asked)
        except ItaxError as error:
            error.args = (f"{side}: {error}",)
            raise
        settings = read_settings(asked.config.metadata)
    return settings


def _generate(side: str, arguments: list[str], cache: str, folder: Path) -> None:
    """Run lm_eval in a process of its own, unless these very arguments were run to their end on this very model."""
    if pair_folder.is_done(folder, side, arguments):
        click.echo(f"itax: {side} is done ({pair_folder.answers(folder, side)}).", err=True)
        return
    process = multiprocessing.get_context("spawn").Process(target=_lm_eval, args=(arguments, cache))
    process.start()
    process.join()
    if process.exitcode != 0:
        raise ExecutionError(
            f"The {side} run ended with status {process.exitcode}; its messages stand above. The same command goes on "
            "where it stopped."
        )
    pair_folder.note_done(folder, side, arguments)


def _lm_eval(arguments: Sequence[str], cache: str) -> None:
    """What the process of one model does: `itax run`'s checks, then lm_eval; a refusal is one line and status 1."""
    try:
        _run_lm_eval(arguments, cache)
    except ItaxError as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(1)


def _run_lm_eval(arguments: Sequence[str], cache: str) -> None:
    from itax_tasks.cli.run import check, model_slug
    from itax_tasks.harness import host

    asked = host.parse(arguments)
    check(asked)
    folder = read_settings(asked.config.metadata).state_dir / "responses"
    folder.mkdir(parents=True, exist_ok=True)
    slug = model_slug(asked.config.model, dict(asked.config.model_args or {}))
    use = ["--use_cache", str(folder / f"{slug}{'-' if cache else ''}{cache}")]
    host.run_lm_eval([*arguments, *use], only_ours=True)


def _compare(sides: dict[str, tuple[list[str], str]], folder: Path, settings: Settings) -> None:
    """Score both sides and compare them: the tasks of this call, whatever earlier ones left in the folder."""
    from itax_tasks.lm_eval_files import find_samples
    from itax_tasks.rescore import from_lm_eval, score_to_directory

    scores: dict[str, Any] = {}
    for side, (arguments, _) in sides.items():
        source = pair_folder.answers(folder, side)
        asked = arguments[arguments.index("--tasks") + 1].split(",")
        submissions, model, notes = from_lm_eval(source, asked)
        score_to_directory(submissions, folder / side, settings, model=model, notes=notes)
        scores[side] = read_score_dir(folder / side)
        earlier = sorted({file.task for file in find_samples(source)} - set(asked))
        if earlier:
            click.echo(
                f"itax: {source} also holds answers of earlier calls to {', '.join(earlier)}. They are not in "
                f"{folder / side} and not compared; to see them, name their tasks in --tasks too, or score them apart: "
                f"itax score {source} --task {earlier[0]} --out DIR",
                err=True,
            )
    comparison = compare_runs(scores["base"], scores["instruct"], across="condition")
    write_atomic(folder / "comparison.json", comparison.to_json())
    click.echo(render_text(comparison))
    click.echo(f"comparison written to {folder / 'comparison.json'}", err=True)
