"""`itax fim probe`: was this model trained to fill in the middle, and in which order?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from itax_metrics.errors import DataError
from itax_tasks.cli.settings import HELP
from itax_tasks.cli.tokenizers import load_tokenizer
from itax_tasks.fim.holes import HOLES, Hole
from itax_tasks.fim.probe import Probe, probe
from itax_tasks.fim.registry import fim_option
from itax_tasks.tune.tiny import place_of


@click.command("probe", context_settings=HELP)
@click.argument("model")
@click.option("--backend", type=click.Choice(["hf", "vllm"]), default="hf", show_default=True)
@click.option("--model-args", default="", help="Further arguments of the backend, name=value,...")
@click.option("--device", default=None, help="For hf: cpu, cuda:0, ...")
@click.option(
    "--holes",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help='Your own holes, JSON lines of {"prefix", "middle", "suffix"}, for a model of another language or domain.',
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def probe_model(
    model: str, backend: str, model_args: str, device: str | None, file: Path | None, as_json: bool
) -> None:
    """Rank the FIM orders of MODEL by how likely they make the true middle of known holes.

    The vocabulary does not tell: many models carry sentinels that they were never trained with. Loads the model.

    \b
    itax fim probe Qwen/Qwen2.5-Coder-1.5B
    itax fim probe Qwen/Qwen2.5-Coder-7B --backend vllm --model-args max_model_len=4096
    """
    from itax_tasks.models.probing import scorer

    holes = HOLES if file is None else _read(file)
    given = dict(part.partition("=")[::2] for part in model_args.split(","))
    # A model that is not there fails here with `itax fim detect`'s message, before a backend is set up.
    load_tokenizer(
        given.get("tokenizer") or model,
        given.get("revision"),
        given.get("trust_remote_code", "").lower() == "true",
    )
    tokenizer, score = scorer(backend, place_of(model), model_args, device)
    found = probe(tokenizer, score, holes)
    if as_json:
        click.echo(json.dumps({"model": model, **asdict(found)}, indent=2, ensure_ascii=False))
    else:
        click.echo(_table(model, found))


def _table(model: str, found: Probe) -> str:
    lines = [
        f"{model}: log-probability of the true middle, nats a token, mean over {found.holes} holes",
        f"{'order':<13} {'suffix':>8} {'no suffix':>9} {'gain':>7} {'ahead':>7} {'beats l2r':>9}  families",
    ]
    for row in found.ranking:
        lines.append(
            f"{row.order:<13} {row.with_suffix:>8.3f} {row.empty_suffix:>9.3f} {row.gain:>+7.3f} "
            f"{row.ahead_of_empty:>4}/{found.holes:<2} {row.ahead_of_left_to_right:>6}/{found.holes:<2}  "
            f"{', '.join(row.families) or '-'}"
        )
    lines.append(f"{'left to right':<13} {found.left_to_right:>8.3f}")
    if len(found.ranking) > 1:
        lines.append(f"{found.ranking[0].order} beats {found.ranking[1].order} in {found.ahead_of_second} holes.")
    lines.append(f"trained on FIM: {found.trained} ({found.why}).")
    families = found.ranking[0].families
    if found.trained == "yes" and families:
        lines.append(f"To use it: {fim_option(families[0])}")
    elif found.trained == "yes":
        lines.append("No family of the registry writes this order with these sentinels.")
    return "\n".join(lines)


def _read(file: Path) -> list[Hole]:
    holes = []
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"--holes {file} cannot be read: {error}.") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            hole = Hole(row["prefix"], row["middle"], row["suffix"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f'{file}, line {number}: expected {{"prefix", "middle", "suffix"}}, found {line[:60]!r} ({error}).'
            ) from error
        if not hole.middle:
            raise DataError(f"{file}, line {number}: the middle is empty, so there is nothing to score.")
        holes.append(hole)
    if not holes:
        raise DataError(f"--holes {file} holds no hole.")
    return holes
