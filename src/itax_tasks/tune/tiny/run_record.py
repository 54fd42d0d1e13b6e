"""What one training run came to: digests, CPU seconds and figures of base, stage 1 and instruct, as one JSON record."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import itax_tasks
from itax_metrics.execution import LocalExecutor
from itax_metrics.records import Run
from itax_metrics.store import write_score_dir
from itax_tasks.settings import read_settings
from itax_tasks.tune.tiny import NOTICE
from itax_tasks.tune.tiny.evaluate import Figures, differences, evaluate, summary
from itax_tasks.tune.tiny.pair import RECORD
from itax_tasks.tune.tiny.training import Progress

NAME = "run.json"
MODELS = ("base", "stage_1", "instruct")


def judge_run(out: Path, models: Mapping[str, Path], progress: Progress, *, limit: int | None = None) -> dict[str, Any]:
    """Judge the models of a run on the held-out items; write `out/run.json`, and `out/scores/NAME` for each model.

    Args:
        out: the folder of the run.
        models: name to folder; the first is what the others are compared with.
        progress: receives lines for people.
        limit: only the first items of each kind.

    Returns:
        {"seed", "recipe", "torch", "machine", "sha256", "cpu_seconds", "models", "differences"}; differences are
        first model minus the other, in shares, with 95 % bootstrap intervals over clusters.
    """
    settings = read_settings()
    figures: dict[str, Figures] = {}
    started = time.process_time()
    with LocalExecutor(workers=settings.workers, policy=settings.sandbox) as executor:
        for name, folder in models.items():
            figures[name] = evaluate(folder, executor, limit=limit)
            rates = {figure: f"{rate.rate:.1%}" for figure, rate in figures[name].rates.items()}
            write_score_dir(out / "scores" / name, _scored(name, figures[name], executor), figures[name].outcomes)
            progress(f"{name}: " + ", ".join(f"{figure} {rate}" for figure, rate in rates.items()))
    evaluation = time.process_time() - started
    records = {name: json.loads((folder / RECORD).read_text("utf-8")) for name, folder in models.items()}
    first = next(iter(models))
    last = list(models)[-1]
    run: dict[str, Any] = {key: records[last][key] for key in ("seed", "recipe", "torch", "machine")}
    run["sha256"] = {name: record["sha256"] for name, record in records.items()}
    run["cpu_seconds"] = {name: record["cpu_seconds"] for name, record in records.items()}
    run["cpu_seconds"]["evaluation"] = round(evaluation, 1)
    run["models"] = {name: summary(found) for name, found in figures.items()}
    run["differences"] = {name: differences(figures[first], figures[name]) for name in models if name != first}
    (out / NAME).write_text(json.dumps(run, indent=1) + "\n", "utf-8")
    return run


def _scored(name: str, figures: Figures, executor: LocalExecutor) -> Run:
    """The record of a score directory; NOTICE goes with every figure of these models."""
    about = executor.describe()
    return Run(
        model=f"itax-tiny-{name}",
        tasks=figures.tasks,
        backend="transformers",
        sandbox={key: about.get(key) for key in ("policy", "layers", "missing")},
        interpreter=str(about.get("interpreter", "")),
        versions={"itax": itax_tasks.__version__},
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        notes=(NOTICE,),
    )
