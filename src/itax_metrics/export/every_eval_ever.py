"""One run as a record of Every Eval Ever (evaleval/every_eval_ever, schema 0.3.0).

The aggregate record only: single answers have a schema of their own there, so `outcomes.jsonl` is named by its sha256.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from itax_metrics.export.rates import Rate
from itax_metrics.records import Run

SCHEMA_VERSION = "0.3.0"
_LOCAL = ("hf", "hf-auto", "huggingface", "vllm", "sglang", "itax-hf", "itax-vllm", "itax-sglang")
"""Backends that load the weights themselves."""
_LONGEST = 80
"""Characters of a model's name in a file's name, of which file systems take 255 bytes."""
RELATIONSHIPS = ("first_party", "third_party", "collaborative", "other")


def record(
    run: Run,
    rates: Sequence[Rate],
    *,
    organization: str,
    relationship: str,
    rows: Mapping[str, Any],
    run_sha256: str,
    now: float,
) -> dict[str, Any]:
    """The aggregate record; every condition of a number is in its `additional_details`, as text.

    Args:
        run: What was run.
        rates: Its rates.
        organization: Who evaluated.
        relationship: One of `RELATIONSHIPS`.
        rows: `sha256` and `rows` of `outcomes.jsonl`, which holds the single answers.
        run_sha256: Of `run.json` beside it: which run this is.
        now: Seconds since 1970, for the record's own time.
    """
    library = {"name": "itax", "version": run.versions.get("itax", "unknown")}
    others = {name: version for name, version in run.versions.items() if name != "itax"}
    details = {
        "sandbox": ", ".join(run.sandbox.get("layers", ())) or "none recorded",
        "interpreter": run.interpreter or "not recorded",
        "outcomes_sha256": str(rows["sha256"]),
        "outcomes_rows": str(rows["rows"]),
        "run_sha256": run_sha256,
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"itax/{run.model.replace('/', '_')}/{now:.0f}",
        "retrieved_timestamp": f"{now:.0f}",
        **({"evaluation_timestamp": run.created} if run.created else {}),
        "source_metadata": {
            "source_name": "itax",
            "source_type": "evaluation_run",
            "source_organization_name": organization,
            "evaluator_relationship": relationship,
        },
        "eval_library": {**library, "additional_details": {**others, **details}},
        "model_info": {
            "name": run.model,
            "id": run.model,
            **({"inference_engine": {"name": run.backend}} if run.backend else {}),
            "additional_details": {
                "deployment_type": "self_deployed" if run.backend in _LOCAL else "unknown",
                "model_availability": "unknown",
                "revision": run.revision or "unknown",
            },
        },
        "evaluation_results": [_result(run, rate) for rate in rates],
    }


def _result(run: Run, rate: Rate) -> dict[str, Any]:
    digest = {"sha256": rate.conditions["data_sha256"]}
    source: dict[str, Any] = {"dataset_name": rate.task.task, "source_type": "other", "additional_details": digest}
    if rate.dataset:
        # The schema means the size of the data set; the items behind the score are `num_samples`.
        source |= {"source_type": "hf_dataset", "hf_repo": rate.dataset, "samples_number": rate.of}
        source |= {"sample_ids": list(rate.items)} if rate.part else {}
    uncertainty: dict[str, Any] = {
        "confidence_interval": {
            "lower": rate.ci95.low,
            "upper": rate.ci95.high,
            "confidence_level": 0.95,
            "method": "wilson",
        },
        "num_samples": rate.n_items,
    }
    if rate.standard_error is not None:
        uncertainty["standard_error"] = {"value": rate.standard_error, "method": "cluster-robust"}
    return {
        "evaluation_name": rate.task.task,
        "source_data": source,
        **({"evaluation_timestamp": run.created} if run.created else {}),
        "metric_config": {
            "evaluation_description": f"{rate.task.headline} under {rate.task.protocol} rules, {rate.task.condition}"
            + (f", {rate.part}" if rate.part else ""),
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": 0.0,
            "max_score": 1.0,
        },
        "score_details": {"score": rate.value, "details": rate.conditions, "uncertainty": uncertainty},
        "generation_config": _generation(rate.task.generation),
    }


def _generation(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The generation settings: those the schema names as numbers, all of them as text."""
    named: dict[str, Any] = {}
    for ours, theirs in (("temperature", "temperature"), ("top_p", "top_p"), ("max_gen_toks", "max_tokens")):
        if isinstance(settings.get(ours), (int, float)):
            named[theirs] = settings[ours]
    return {"generation_args": named, "additional_details": {name: str(value) for name, value in settings.items()}}


def file_name(run: Run) -> str:
    """A name for the record's file, readable in any script; names that differ in more than `/` and `_` never meet.

    >>> file_name(Run("Qwen/Qwen2.5-Coder-7B", {})), file_name(Run("org/模型 b", {}))
    ('Qwen_Qwen2.5-Coder-7B.json', 'org_模型_b-d548e206.json')
    """
    plain = unicodedata.normalize("NFC", run.model)
    slug = re.sub(r"[^\w.-]+", "_", plain)
    kept = slug[:_LONGEST].encode()[: 3 * _LONGEST].decode(errors="ignore")
    if kept != run.model.replace("/", "_"):
        kept += f"-{hashlib.sha256(run.model.encode(errors='surrogatepass')).hexdigest()[:8]}"
    return f"{kept}.json"


def seconds(created: str, now: float) -> float:
    """When the run was scored, as seconds since 1970; `now` where it does not say."""
    try:
        return datetime.fromisoformat(created.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return now
