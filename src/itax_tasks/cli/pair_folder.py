"""A folder of `itax run-pair` that was used before: whose answers it holds, and which of them are whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from itax_metrics.errors import ConfigError, DataError
from itax_metrics.store import RUN_FILE, write_atomic
from itax_tasks.cli.run import local_files
from itax_tasks.lm_eval_files import find_samples, identity, model_record
from itax_tasks.tune.tiny import name_of

DONE = "generated.json"


def answers(folder: Path, side: str) -> Path:
    """Where lm_eval writes the answers of one side."""
    return folder / "lm_eval" / side


def is_done(folder: Path, side: str, arguments: Sequence[str]) -> bool:
    """Whether these very arguments were run to their end, on the model as it is now."""
    return _earlier(folder, side) == _marker(arguments)


def note_done(folder: Path, side: str, arguments: Sequence[str]) -> None:
    """Leave word that these arguments were run to their end."""
    write_atomic(answers(folder, side) / DONE, json.dumps(_marker(arguments)))


def refuse_others(folder: Path, side: str, arguments: Sequence[str]) -> None:
    """See before a model is loaded that nothing in the folder is another model's, or this one's before it changed.

    Raises:
        ConfigError: it holds answers or scores of another model as this side, or of this model with other files.
    """
    held, way_out = answers(folder, side), f"name another --out, or remove {folder}."
    config = {"config": {"model": _value(arguments, "--model"), "model_args": _value(arguments, "--model_args")}}
    ours = _who(config)
    try:
        found = find_samples(held) if any(held.rglob("samples_*.jsonl*")) else []
    except DataError as error:
        raise ConfigError(f"--out {folder}: {error} For a pair {way_out}") from error
    others = sorted({_who(file.results) for file in found if file.results} - {ours})
    if others:
        raise ConfigError(f"--out {folder} holds the answers of {others[0]} as {side}; for {ours} {way_out}")
    earlier = _earlier(folder, side)
    if found and earlier and earlier["files"] != _marker(arguments)["files"]:
        raise ConfigError(
            f"--out {folder} holds the answers of {ours} as {side} from before its files changed; for the model as it "
            f"is now {way_out}"
        )
    scored = _model_of_scores(folder / side / RUN_FILE)
    if scored is not None and scored != name_of(model_record(config)["model"]):
        raise ConfigError(f"--out {folder} holds scores of {scored} as {side}; for {ours} {way_out}")


def _who(results: Any) -> str:
    """The model as lm_eval names its folder: with the adapter or the difference that was put on it."""
    return "+".join(filter(None, (name_of(model_record(results)["model"]), identity(results)["delta"])))


def _marker(arguments: Sequence[str]) -> dict[str, Any]:
    model_args = dict(part.split("=", 1) for part in _value(arguments, "--model_args").split(",") if "=" in part)
    files = hashlib.sha256(json.dumps(local_files(model_args)).encode("utf-8")).hexdigest()
    return {"arguments": list(arguments), "files": files}


def _earlier(folder: Path, side: str) -> dict[str, Any] | None:
    """What `note_done` left; None where it left nothing that can be read, so that all is run again."""
    try:
        earlier = json.loads((answers(folder, side) / DONE).read_bytes())
    except (OSError, ValueError):
        return None
    return earlier if isinstance(earlier, dict) and {"arguments", "files"} <= set(earlier) else None


def _model_of_scores(path: Path) -> str | None:
    try:
        about = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return str(about["model"]) if isinstance(about, dict) and about.get("model") else None


def _value(arguments: Sequence[str], option: str) -> str:
    return arguments[arguments.index(option) + 1]
