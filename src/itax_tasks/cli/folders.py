"""Folders that a command is about to write: seen to be writable, and not holding somebody else's work."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from itax_metrics.errors import ConfigError, DataError
from itax_metrics.store import OUTCOMES_FILE, RUN_FILE, read_score_dir

Key = tuple[str, str, int]
"""(task, task_id, sample) of one answer."""


def claim(folder: Path, option: str = "--out") -> None:
    """Make the folder and write to it once, before hours of work and not after.

    Raises:
        ConfigError: it cannot be made or written; names the option.
    """
    # Several processes of one run may try at once.
    trial = folder / f".claim-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise ConfigError(f"{option} {folder} cannot be written ({error}). Name another folder.") from error


def claim_scores(folder: Path, model: str, answers: Collection[Key]) -> None:
    """Claim a folder for the scores of a model; scores there must be those that will be replaced.

    The same answers of the same model, or more, replace what is there and lose nothing. A score directory that cannot
    be read may be replaced too, because scoring again is its remedy.

    Raises:
        ConfigError: the folder holds another model's scores, those of a task or an answer that is not among `answers`,
            or a `run.json` that `itax score` did not write; or it cannot be written.
    """
    refuse_other_scores(folder, model, answers)
    claim(folder)


def refuse_score_files(file: Path, option: str = "--out") -> None:
    """Refuse to write over a file of a score directory: it may be what the command is about to read.

    Raises:
        ConfigError: the file is one of a score directory, or would be taken for one.
    """
    names = (RUN_FILE, OUTCOMES_FILE, f"{OUTCOMES_FILE}.gz")
    held = any((file.parent / name).is_file() for name in names)
    # Not every file system tells RUN.JSON from run.json.
    if held and file.name.lower() in names:
        raise ConfigError(
            f"{option} {file} would replace a file of the score directory {file.parent}; name another file."
        )


def refuse_other_exports(paths: Iterable[Path], run_sha256: str) -> None:
    """Refuse to replace files that are no export of this run; they name it by the sha256 of its `run.json`.

    Raises:
        ConfigError: a file is there and does not name the run.
    """
    for path in paths:
        if path.exists() and run_sha256.encode() not in path.read_bytes():
            raise ConfigError(
                f"{path} is there already and is no export of this run as it is scored now; name another --out, or "
                "remove the file."
            )


def refuse_other_scores(folder: Path, model: str, answers: Collection[Key]) -> None:
    """`claim_scores` without touching the folder."""
    held = folder / RUN_FILE
    if not held.is_file():
        return
    way_out = "name another --out, or remove it."
    try:
        about: Any = json.loads(held.read_bytes())
    except ValueError:
        about = None
        if any((folder / name).is_file() for name in (OUTCOMES_FILE, f"{OUTCOMES_FILE}.gz")):
            return
    if not isinstance(about, dict) or not isinstance(about.get("tasks"), dict) or "model" not in about:
        raise ConfigError(f"{held} was not written by `itax score`; {way_out}")
    if about["model"] != model or not set(about["tasks"]) <= {task for task, _, _ in answers}:
        names = ", ".join(about["tasks"])
        raise ConfigError(f"{folder} holds the scores of {about['model']} on {names}; {way_out}")
    try:
        rows = read_score_dir(folder)[1]
    except DataError:
        return
    given = set(answers)
    lost = [row for row in rows if row.key not in given]
    if lost:
        raise ConfigError(
            f"{folder} holds {len(rows)} scored answers of {model}, and {len(lost)} of them would be lost (first: "
            f"sample {lost[0].sample} of {lost[0].task_id} in {lost[0].task}); {way_out}"
        )
