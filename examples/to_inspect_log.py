"""Hand the outcomes of one task to another suite: an inspect_ai log, for `inspect view` and its analysis tools.

pip install inspect_ai
python examples/to_inspect_log.py SCORES TASK LOG.eval
"""

from __future__ import annotations

import sys

from inspect_ai.dataset import Sample  # noqa: F401  (loads the registry that the log module expects)
from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalLog,
    EvalMetric,
    EvalResults,
    EvalSample,
    EvalScore,
    EvalSpec,
    write_eval_log,
)
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import CORRECT, INCORRECT, Score

from itax_metrics import read_score_dir


def to_log(folder: str, task: str) -> EvalLog:
    """The answers of one task with their verdicts; samples of an item become epochs."""
    run, outcomes = read_score_dir(folder)
    about, rows = run.tasks[task], [row for row in outcomes if row.task == task]
    samples = [
        EvalSample(
            id=row.task_id,
            epoch=row.sample + 1,
            input=f"{task} {row.task_id}",
            target="",
            output=ModelOutput.from_content(run.model, row.completion),
            scores={
                "verdict": Score(
                    value=CORRECT if row.passed else INCORRECT,
                    answer=row.completion,
                    explanation=row.detail or row.verdict.value,
                    metadata={"verdict": row.verdict.value, "cluster": row.cluster, "flags": list(row.flags)},
                )
            },
        )
        for row in rows
    ]
    accuracy = sum(row.passed for row in rows) / len(rows)
    return EvalLog(
        status="success",
        eval=EvalSpec(
            created=run.created or "1970-01-01T00:00:00+00:00",
            task=task,
            task_version=about.version,
            dataset=EvalDataset(name=task, samples=about.n_items),
            model=run.model,
            config=EvalConfig(epochs=about.samples_per_item),
            metadata={"protocol": about.protocol, "condition": about.condition, "data": dict(about.data)},
        ),
        results=EvalResults(
            total_samples=len(rows),
            completed_samples=len(rows),
            scores=[
                EvalScore(
                    name="verdict",
                    scorer="itax",
                    metrics={"accuracy": EvalMetric(name="accuracy", value=accuracy)},
                )
            ],
        ),
        samples=samples,
    )


if __name__ == "__main__":
    write_eval_log(to_log(sys.argv[1], sys.argv[2]), sys.argv[3])
