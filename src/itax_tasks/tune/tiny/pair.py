"""The whole training: base, stage 1, stage 2, each a folder that any tool loads, and a rerun goes on where one stopped.

    OUT/base  OUT/stage_1  OUT/instruct            the pair and what lies between
    OUT/series/stage_1_005 ... stage_2_100         with `train_series`: twelve checkpoints without replay

Each stage starts from the weights the stage before wrote, rounded to bfloat16 as they are. So a resumed
run and an uninterrupted one give the same files, and the instruct model descends from the very base beside it.
"""

from __future__ import annotations

import json
import platform
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from itax_metrics.errors import ConfigError, MissingExtraError
from itax_tasks.tune.tiny.instruct import instruct
from itax_tasks.tune.tiny.model import load_model, new_model, save_model
from itax_tasks.tune.tiny.pretrain import pretrain
from itax_tasks.tune.tiny.recipe import CHECKPOINT_SHARES, Recipe
from itax_tasks.tune.tiny.tokenizer import Side, read_tokenizer, train_tokenizer
from itax_tasks.tune.tiny.training import THREADS, Progress, one_thread

RECORD = "training.json"
"""Written last into a stage's folder: where it stands, the stage is complete."""

Train = Callable[[Any, Any], list[float]]


def train_pair(out: Path, seed: int, recipe: Recipe, progress: Progress) -> dict[str, str]:
    """Train base and instruct into `out`.

    Args:
        out: a new folder, or one of an earlier run with the same seed and recipe, which is continued.
        seed: of weights, examples and order.
        recipe: steps and rates.
        progress: receives lines for people.

    Returns:
        sha256 of the weights of `base`, `stage_1` and `instruct`.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        ConfigError: `out` holds a run with another seed or recipe.
    """
    require_torch()
    with one_thread():
        base = _base(out, seed, recipe, progress)
        first = _tuned(out / "stage_1", out / "base", 1, seed, recipe, progress)
        second = _tuned(out / "instruct", out / "stage_1", 2, seed, recipe, progress)
    return {"base": base, "stage_1": first, "instruct": second}


def train_series(out: Path, seed: int, recipe: Recipe, progress: Progress) -> list[Path]:
    """Train the base and twelve checkpoints of its tuning into `out/series`; returns the folders, the base first.

    Arguments and errors as in `train_pair`; `recipe` decides whether there is replay.
    """
    require_torch()
    folders = [out / "base"]
    with one_thread():
        _base(out, seed, recipe, progress)
        start = out / "base"
        for stage, shares in enumerate(CHECKPOINT_SHARES, 1):
            names = {share: out / "series" / f"stage_{stage}_{round(share * 100):03d}" for share in shares}
            _series_stage(names, start, stage, seed, recipe, progress)
            folders += names.values()
            start = names[1.0]
    return folders


def require_torch() -> None:
    """Training needs the model libraries.

    Raises:
        MissingExtraError: names the extra to install.
    """
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("Training the tiny pair", "hf") from error


def _base(out: Path, seed: int, recipe: Recipe, progress: Progress) -> str:
    folder = out / "base"
    if not (folder / "tokenizer.json").is_file():
        progress("tokenizer: training on generated text")
        train_tokenizer(folder)

    def train(model: Any, tokenizer: Any) -> list[float]:
        return pretrain(model, tokenizer, recipe, seed, progress)

    return _stage(folder, "base", lambda: new_model(seed, folder), train, seed, recipe, progress, folder)


def _tuned(folder: Path, start: Path, stage: int, seed: int, recipe: Recipe, progress: Progress) -> str:
    def train(model: Any, tokenizer: Any) -> list[float]:
        return instruct(model, tokenizer, recipe, seed, stage, progress)

    return _stage(folder, "instruct", lambda: load_model(start), train, seed, recipe, progress, start)


def _stage(
    folder: Path,
    side: Side,
    begin: Callable[[], Any],
    train: Train,
    seed: int,
    recipe: Recipe,
    progress: Progress,
    tokenizer_folder: Path,
) -> str:
    """Train one stage unless its record says that it is complete; returns the sha256 of its weights."""
    done = _completed(folder, seed, recipe)
    if done is not None:
        progress(f"{folder.name}: complete, kept")
        return done
    model = begin()
    started = time.process_time()
    losses = train(model, read_tokenizer(tokenizer_folder))
    spent = time.process_time() - started
    sha256 = save_model(model, folder, side, tokenizer_folder)
    _write_record(folder, seed, recipe, sha256, losses, spent)
    return sha256


def _series_stage(
    names: dict[float, Path], start: Path, stage: int, seed: int, recipe: Recipe, progress: Progress
) -> None:
    """One stage that leaves a folder at each share of its steps."""
    if all(_completed(folder, seed, recipe) is not None for folder in names.values()):
        progress(f"stage {stage}: complete, kept")
        return
    model, tokenizer = load_model(start), read_tokenizer(start)
    steps = recipe.stage_steps[stage - 1]
    due: dict[int, list[Path]] = {}
    for share, folder in names.items():
        due.setdefault(max(1, round(share * steps)), []).append(folder)
    started = time.process_time()

    def keep(done: int) -> None:
        for folder in due.get(done, []):
            sha256 = save_model(model, folder, "instruct", start)
            _write_record(folder, seed, recipe, sha256, [], time.process_time() - started)
            progress(f"{folder.name}: written")

    instruct(model, tokenizer, recipe, seed, stage, progress, after=keep)


def _completed(folder: Path, seed: int, recipe: Recipe) -> str | None:
    """The digest a complete stage recorded, or None.

    Raises:
        ConfigError: the stage is complete under another seed or recipe.
    """
    path = folder / RECORD
    if not path.is_file():
        return None
    record = json.loads(path.read_text("utf-8"))
    if record["seed"] != seed or record["recipe"] != _numbers(folder, recipe):
        raise ConfigError(
            f"{folder} was trained with seed {record['seed']} and another recipe or seed than now asked for. "
            "Choose a new --out folder, or delete this one."
        )
    return str(record["sha256"])


def _numbers(folder: Path, recipe: Recipe) -> dict[str, Any]:
    """The part of the recipe that a stage's weights depend on."""
    return recipe.record(base_only=folder.name == "base")


def _write_record(folder: Path, seed: int, recipe: Recipe, sha256: str, losses: list[float], spent: float) -> None:
    import torch
    import transformers

    tail = losses[-50:]
    record = {
        "seed": seed,
        "recipe": _numbers(folder, recipe),
        "sha256": sha256,
        "steps": len(losses),
        "final_loss": round(sum(tail) / len(tail), 4) if tail else None,
        "cpu_seconds": round(spent, 1),
        "threads": THREADS,
        "machine": platform.machine(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", "utf-8")


def copy_model(source: Path, target: Path) -> None:
    """Copy the files of one model that a user needs, the training record left behind."""
    target.mkdir(parents=True, exist_ok=True)
    for name in (
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "config.json",
        "generation_config.json",
    ):
        shutil.copyfile(source / name, target / name)
