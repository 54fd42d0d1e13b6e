"""The whole report on answers of real models with the official tools' verdicts.

    ITAX_DATA_DIR=... ITAX_RECORDED_DIR=... python -m benchmarks.recorded_pairs OUT

Makes OUT/llama/{base,instruct} (Llama-3-8B on HumanEval and MBPP, EvalPlus), OUT/qwen/{base,instruct}
(Qwen2.5-Coder-7B on BigCodeBench complete) and OUT/report. The verdicts are the official ones, copied, not judged here;
`run.json` says so. Behaviours and failure categories are computed here, on whole programs after the official
post-processing, the only form in which both sides of each pair were published: measures of the place of an answer have
no value, and prose or fences that the post-processing took away cannot be seen. The two BigCodeBench runs were made on
different dates and in different environments, so their difference is no estimate of a tax.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from itax_metrics.records import Outcome, Run, Status, TaskRun
from itax_metrics.store import write_score_dir
from itax_tasks.behaving import behave_directory
from itax_tasks.cli.report import report
from itax_tasks.settings import Settings, read_settings

PAIRS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "llama": {
        "meta-llama/Meta-Llama-3-8B": {
            "itax_humaneval_evalplus": "evalplus/llama-3-8b-base_humaneval_eval_results.json.gz",
            "itax_mbpp_evalplus": "evalplus/llama-3-8b-base_mbpp_eval_results.json.gz",
        },
        "meta-llama/Meta-Llama-3-8B-Instruct": {
            "itax_humaneval_evalplus": "evalplus/llama-3-8b-instruct_humaneval_eval_results.json.gz",
            "itax_mbpp_evalplus": "evalplus/llama-3-8b-instruct_mbpp_eval_results.json.gz",
        },
    },
    "qwen": {
        "Qwen/Qwen2.5-Coder-7B": {
            "itax_bigcodebench_complete": (
                "bigcodebench/qwen2.5-coder-7b-base_completion-sanitized-calibrated_eval_results.json.gz"
            ),
        },
        "Qwen/Qwen2.5-Coder-7B-Instruct": {
            "itax_bigcodebench_complete": "bigcodebench/qwen2.5-coder-7b-instruct_complete_eval_results.json.gz",
        },
    },
}
"""Pair -> model -> task -> recorded file."""

_VERDICTS = {"pass": Status.PASSED, "fail": Status.FAILED, "timeout": Status.TIMEOUT}


def make(recorded: Path, out: Path, settings: Settings) -> list[Path]:
    """Write all score directories; the folders, base before instruct, pair by pair."""
    return [
        behaving(_write(recorded, out / pair / side, model, files), settings)
        for pair, models in PAIRS.items()
        for side, (model, files) in zip(("base", "instruct"), models.items(), strict=True)
    ]


def behaving(folder: Path, settings: Settings) -> Path:
    """Add behaviours and categories, as `itax behave --out` does."""
    run, outcomes, notes = behave_directory(folder, settings)
    return write_score_dir(folder, replace(run, notes=(*run.notes, *notes)), outcomes)


def _write(recorded: Path, folder: Path, model: str, files: Mapping[str, str]) -> Path:
    rows: list[Outcome] = []
    tasks = {}
    for task, file in files.items():
        found = list(_outcomes(task, json.loads(gzip.decompress((recorded / file).read_bytes()))))
        rows += found
        tasks[task] = TaskRun(
            task=task,
            version=1.0,
            condition="direct",
            protocol="recorded",
            headline="pass@1",
            extraction="recorded",
            data={"source": "recorded", "rows": len(found)},
            limits={},
            samples_per_item=1,
            n_items=len(found),
            metrics=("pass@1",),
            generation={"stage": "program"},
        )
    note = "Verdicts are those of the official tool, as recorded; nothing was executed here."
    return write_score_dir(folder, Run(model=model, tasks=tasks, notes=(note,)), rows)


def _outcomes(task: str, content: Mapping[str, Any]) -> Iterator[Outcome]:
    for task_id, answers in sorted(content["eval"].items()):
        answer = answers[0]
        status = _VERDICTS[answer.get("status") or answer["base_status"]]
        plus = answer.get("plus_status")
        details = answer.get("details") or {}
        # A recorded detail is a traceback; its last line is the exception.
        reason = str(next(iter(details.values()))).strip().splitlines()[-1] if details else ""
        yield Outcome(
            task=task,
            task_id=task_id,
            sample=0,
            cluster="",
            verdict=status,
            passed=status is Status.PASSED,
            completion=answer["solution"],
            metrics={"pass@1": float(status is Status.PASSED)},
            detail=reason[:200],
            plus_passed=None if plus is None else plus == "pass" and status is Status.PASSED,
        )


def main() -> None:
    """Write the score directories and the report; print what the report says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", metavar="OUT", type=Path)
    out = parser.parse_args().out
    folders = make(Path(os.environ["ITAX_RECORDED_DIR"]), out, read_settings())
    report.main([*map(str, folders), "--out", str(out / "report")], standalone_mode=False)


if __name__ == "__main__":
    main()
