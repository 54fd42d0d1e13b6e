"""Results for a model's page on the Hugging Face hub: `.eval_results/*.yaml`, and the older `model-index`.

Forms as huggingface_hub reads them (`parse_eval_result_entries`, `model_index_to_eval_results`); the page shows an
entry of `.eval_results` only where its data set is registered there as a benchmark.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from itax_metrics.export.rates import Rate
from itax_metrics.records import Run


def eval_results(run: Run, rates: Sequence[Rate], source: str, run_sha256: str) -> dict[str, list[dict[str, Any]]]:
    """File name -> content of `.eval_results/`, one file a task; values in percent.

    Args:
        run: What was run.
        rates: Its rates; those without a data set are left out.
        source: Address where the evaluation can be read about.
        run_sha256: Of its `run.json`: which run this is.
    """
    return {
        f"{rate.task.task}.yaml": [
            {
                "dataset": {"id": rate.dataset, "task_id": rate.task.task},
                "value": round(100 * rate.value, 2),
                **({"date": run.created} if run.created else {}),
                "source": {"url": source, "name": "itax"},
                "notes": _notes(run, rate, run_sha256),
            }
        ]
        for rate in rates
        if rate.dataset
    }


def model_index(run: Run, rates: Sequence[Rate], source: str, run_sha256: str) -> dict[str, Any]:
    """The `model-index` block of a model card's front matter; values in percent, arguments as for `eval_results`."""
    return {
        "model-index": [
            {
                "name": run.model.rpartition("/")[2] or run.model,
                "results": [
                    {
                        "task": {"type": "text-generation", "name": f"{rate.task.task} ({rate.task.condition})"},
                        "dataset": {
                            "name": rate.task.task,
                            "type": rate.dataset or "other",
                            "config": rate.task.task,
                            "args": {**rate.conditions, "run_sha256": run_sha256},
                        },
                        "metrics": [
                            {
                                "type": rate.task.headline,
                                "name": f"{rate.task.headline} ({rate.part})" if rate.part else rate.task.headline,
                                "value": round(100 * rate.value, 2),
                                "verified": False,
                            }
                        ],
                        "source": {"name": f"itax {run.versions.get('itax', '')}".strip(), "url": source},
                    }
                    for rate in rates
                ],
            }
        ]
    }


def _notes(run: Run, rate: Rate, run_sha256: str) -> str:
    kept = {**rate.conditions, "run_sha256": run_sha256, "itax": run.versions.get("itax", "unknown")}
    kept |= {"lm_eval": run.versions["lm_eval"]} if "lm_eval" in run.versions else {}
    notes = kept.pop("notes", "")
    low, high = rate.ci95
    parts = [rate.part, f"95 % CI {100 * low:.1f}-{100 * high:.1f}"]
    parts += [", ".join(f"{name}={value}" for name, value in kept.items()), notes]
    return "; ".join(part for part in parts if part)
