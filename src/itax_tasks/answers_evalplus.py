"""EvalPlus's own files of answers, and BigCodeBench's, which have their form: folders of programs, and results.

A folder holds `HumanEval_0/0.py`, `HumanEval_0/1.py`, ...: whole programs, numbered by sample. A file of results is one
JSON object, `{"eval": {task_id: [{"solution", "base_status", "plus_status", ...}]}}`; BigCodeBench's answers have one
`status`, and their `solution` is the calibrated one. Sample files, rows of `task_id` and `solution` or `completion`,
need no reader of their own.

Source: `load_solutions` in `data/utils.py` and `evaluate` in `evaluate.py` of evalplus/evalplus and of
bigcode-project/bigcodebench.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from itax_metrics.errors import DataError

Tool = Literal["evalplus", "bigcodebench"]

STATUS_OF: Mapping[Tool, Mapping[str, str]] = {
    "evalplus": {"pass@1": "base_status", "plus_pass@1": "plus_status"},
    "bigcodebench": {"pass@1": "status"},
}
"""Whose results -> metric -> the field that holds its verdict."""


def folder_rows(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The programs of a folder, as rows of task_id, sample and solution, by problem and number.

    Raises:
        DataError: no program is there, or one cannot be read.
    """
    programs = sorted(folder.glob("*_*/*.py"), key=lambda path: (path.parent.name, len(path.stem), path.stem))
    if not programs:
        raise DataError(
            f"{folder} cannot be read as answers: it is a folder without programs. Expected one a problem, such as "
            "HumanEval_0/0.py."
        )
    for path in programs:
        if not path.stem.isdigit():
            raise DataError(f"{path}: the name of a program is the number of its sample, such as 0.py.")
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path} cannot be read ({error}); expected a program as UTF-8 text.") from error
        yield path, {"task_id": path.parent.name.replace("_", "/"), "sample": int(path.stem), "solution": text}


def results_rows(results: Mapping[str, Any], where: str) -> Iterator[dict[str, Any]]:
    """The answers in a file of results, as rows of task_id, solution and the stored verdicts by metric.

    Raises:
        DataError: it is none, or its answers were not stored.
    """
    by_task = results.get("eval")
    if not isinstance(by_task, dict):
        raise DataError(f"{where}: `eval` is {type(by_task).__name__}, expected problems with their answers.")
    for task_id, answers in by_task.items():
        if not isinstance(answers, list) or not all(
            isinstance(answer, dict) and isinstance(answer.get("solution"), str) for answer in answers
        ):
            raise DataError(
                f"{where}: {task_id} has no stored `solution`: results of EvalPlus 0.2 and before hold verdicts only. "
                "Give the file of samples they were computed from."
            )
        for answer in answers:
            fields = STATUS_OF["bigcodebench" if "status" in answer else "evalplus"]
            verdicts = {
                metric: answer[field] == "pass" for metric, field in fields.items() if answer.get(field) is not None
            }
            if "plus_pass@1" in verdicts:
                verdicts["plus_pass@1"] &= verdicts.get("pass@1", True)
            yield {"task_id": task_id, "solution": answer["solution"], "verdicts": verdicts}
