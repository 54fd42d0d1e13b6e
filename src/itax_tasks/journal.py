"""Raw responses on disk before anything is executed, because lm-eval writes nothing if scoring dies.

One file per task, rank and run under the state folder, in the plain form `itax score` reads:
`{"task", "task_id", "sample", "completion"}` a line. Files older than thirty days are removed.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from itax_tasks.answer import Answer

KEEP_SECONDS = 30 * 24 * 3600


def write_journal(
    state_dir: Path, task: str, answers: Iterable[Answer], about: Mapping[str, Any], rank: int = 0
) -> Path:
    """Write the answers and make them durable.

    Args:
        state_dir: the state folder of the settings.
        task: the task's name.
        answers: every response of this rank, in order.
        about: facts of the run for the reader (model, time); written beside the answers, not among them.
        rank: distinguishes the processes of one run.

    Returns:
        The file; `itax score --task TASK --completions FILE` reads it.
    """
    folder = state_dir / "journal"
    folder.mkdir(parents=True, exist_ok=True)
    _forget_old(folder)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    # The nanoseconds keep two journals of one process and second apart.
    path = folder / f"{stamp}-{task}-rank{rank}-{os.getpid()}-{time.time_ns() % 10**9:09d}.jsonl"
    scratch = path.with_suffix(".part")
    with scratch.open("w", encoding="utf-8") as out:
        for answer in answers:
            row = {"task": task, "task_id": answer.task_id, "sample": answer.sample, "completion": answer.text}
            if answer.flags:
                row["flags"] = list(answer.flags)
            if answer.generation:
                row["generation"] = dict(answer.generation)
            if answer.tokens is not None:
                row["tokens"] = answer.tokens
            # Escaped, so that lone surrogates of a broken decoder survive the round trip.
            out.write(json.dumps(row, ensure_ascii=True) + "\n")
        out.flush()
        os.fsync(out.fileno())
    os.replace(scratch, path)
    path.with_suffix(".about.json").write_text(json.dumps(dict(about), default=str, indent=1), "utf-8")
    return path


def _forget_old(folder: Path) -> None:
    limit = time.time() - KEEP_SECONDS
    for old in folder.iterdir():
        try:
            if old.stat().st_mtime < limit:
                old.unlink()
        except OSError:
            pass  # another process removed it first
