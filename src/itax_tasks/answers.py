"""Stored answers in, whatever tool wrote them: one reader for `itax score` and `itax-replay`.

Formats: `itax` rows {"task_id", "completion"} or {"task_id", "solution"}; `hefim` rows of the official
HumanEval-Infilling scorer (the same fields, with or without verdicts); `lm-eval` rows of a
`samples_*.jsonl` file; `evalplus` and `bigcodebench` samples, folders of programs and results of these tools;
`ds1000` rows {"code", "metadata": {"problem_id"}} of the official DS-1000 scorer; `classeval` rows of the official
ClassEval runner, one JSON list of {"task_id", "predict": [answers]}. `.gz` is read too; several rows of one task_id are
samples 0, 1, ....
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from itax_metrics.errors import DataError
from itax_metrics.records import Flag
from itax_tasks.answer import Answer, Stage
from itax_tasks.answers_evalplus import folder_rows, results_rows

Format = Literal["itax", "lm-eval", "hefim", "evalplus", "bigcodebench", "ds1000", "classeval"]
FORMATS: tuple[Format, ...] = get_args(Format)

_SHOWN = 10
"""Item names listed in a message; the rest is counted."""

OF_TOOLS: frozenset[Format] = frozenset({"evalplus", "bigcodebench"})
"""Formats that have folders of programs, and results with verdicts."""

Entry = tuple[str, tuple[str, Stage], int | None]
"""(task_id, (text, stage), sample number or None where the row does not number it)."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The answers of one file."""

    answers: tuple[Answer, ...]
    task: str | None
    """The task the rows name, if they do."""
    recorded: Mapping[tuple[str, int], bool]
    """Verdicts the other tool stored with the answers, by (task_id, sample); empty where there are none."""
    recorded_metrics: Mapping[str, Mapping[tuple[str, int], bool]] = field(default_factory=dict)
    """The same for further metrics, by name."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How a file of answers meets a task's items."""

    missing: tuple[str, ...]
    unknown: tuple[str, ...]


def read_answers(path: Path, *, format: Format | None = None, stage: Stage | None = None) -> Stored:
    """Read a file of answers.

    Args:
        path: JSON lines or one JSON list of rows, plain or gzip; or a folder of programs (`evalplus`, `bigcodebench`).
        format: guessed from the fields when None.
        stage: what the text is; by default `program` for a `solution` field, else `completion`.

    Raises:
        DataError: the file is empty, truncated, not JSON lines, mixes two tasks, or repeats a sample;
            the message names the file and the line.
    """
    answers: list[Answer] = []
    tasks: set[str] = set()
    recorded: dict[tuple[str, int], bool] = {}
    recorded_metrics: dict[str, dict[tuple[str, int], bool]] = {}
    count: Counter[str] = Counter()
    for where, row in _located_rows(path, format):
        kind = format or _guess(row, where)
        entries: list[Entry]
        if kind == "lm-eval":
            entries = _lm_eval_row(row, where)
        elif kind == "classeval":
            entries = _classeval_row(row, where)
        elif kind == "ds1000":
            entries = _ds1000_row(row, where)
        else:
            entries = [(_task_id(row, where), _text(row, where, stage), row.get("sample"))]
        for task_id, (text, default_stage), sample in entries:
            if sample is None:
                sample = count[task_id]
            elif not isinstance(sample, int) or isinstance(sample, bool) or sample < 0:
                raise DataError(f"{where}: sample is {sample!r}, expected a whole number.")
            count[task_id] += 1
            flags = _flags(row, where) if kind == "itax" else _document_flags(row)
            tokens = row.get("tokens")
            if kind == "lm-eval":
                tokens, flags = _noted(row, sample, flags)
            known = tokens if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0 else None
            made = row.get("generation") if kind == "itax" else _generations(row).get(sample)
            made = made if isinstance(made, dict) else None
            answers.append(Answer(task_id, sample, text, stage or default_stage, flags, made, known))
            if isinstance(row.get("passed"), bool):
                recorded[(task_id, sample)] = row["passed"]
            for metric, passed in _verdicts(row, where).items() if kind in OF_TOOLS else ():
                kept = recorded if metric == "pass@1" else recorded_metrics.setdefault(metric, {})
                kept[(task_id, sample)] = passed
        if isinstance(row.get("task"), str):
            tasks.add(row["task"])
    if not answers:
        raise DataError(f"{path} holds no answers.")
    if len(tasks) > 1:
        raise DataError(f"{path} mixes the answers of {' and '.join(sorted(tasks))}; give one file per task.")
    keys = Counter((answer.task_id, answer.sample) for answer in answers)
    twice = [key for key, times in keys.items() if times > 1]
    if twice:
        raise DataError(
            f"{path}: {len(twice)} samples occur more than once, first {twice[0][0]!r} sample {twice[0][1]}. "
            "Remove the duplicates, or number the samples 0, 1, ... in a field `sample`."
        )
    return Stored(tuple(answers), tasks.pop() if tasks else None, recorded, recorded_metrics)


def _verdicts(row: Mapping[str, Any], where: str) -> Mapping[str, bool]:
    """What `results_rows` found stored; a row of the user's own may have a field of that name."""
    verdicts = row.get("verdicts", {})
    if not isinstance(verdicts, dict) or not all(isinstance(passed, bool) for passed in verdicts.values()):
        raise DataError(f"{where}: verdicts is {json.dumps(verdicts)[:80]}, expected true or false by metric.")
    return verdicts


def coverage(answers: Collection[Answer], task_ids: Collection[str]) -> Coverage:
    """Which items have no answer, and which answers have no item, in the order met."""
    known, answered = set(task_ids), {answer.task_id for answer in answers}
    unknown = dict.fromkeys(answer.task_id for answer in answers if answer.task_id not in known)
    return Coverage(tuple(task_id for task_id in task_ids if task_id not in answered), tuple(unknown))


def uneven(answers: Collection[Answer]) -> str:
    """Which items have more or fewer answers than most, as after a resumed generation; empty where all have as many."""
    texts: dict[str, list[str]] = {}
    for answer in answers:
        texts.setdefault(answer.task_id, []).append(answer.text)
    sizes = Counter(len(found) for found in texts.values())
    if len(sizes) < 2:
        return ""
    usual = min(size for size, items in sizes.items() if items == max(sizes.values()))
    said = []
    for word, odd in (
        ("more", [task_id for task_id, found in texts.items() if len(found) > usual]),
        ("fewer", [task_id for task_id, found in texts.items() if len(found) < usual]),
    ):
        if odd:
            more = ", ..." if len(odd) > _SHOWN else ""
            plural = "s" if usual > 1 else ""
            said.append(f"{len(odd)} of {len(texts)} items have {word} than {usual} answer{plural}")
            said[-1] += f" ({', '.join(odd[:_SHOWN])}{more})"
    repeated = sum(len(found) - len(set(found)) for found in texts.values() if len(found) > usual)
    if repeated:
        said.append(f"{repeated} of the answers too many repeat one of their item word for word")
    return "; ".join(said)


def _located_rows(path: Path, format: Format | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of a file or folder, each with the words that say where it stands."""
    if path.is_dir():
        if format is not None and format not in OF_TOOLS:
            raise DataError(f"{path} is a folder; only --format {' and '.join(sorted(OF_TOOLS))} read folders.")
        yield from ((str(place), {**row, "verdicts": {}}) for place, row in folder_rows(path))
        return
    for number, row in _rows(path):
        where = f"{path}, line {number}"
        if isinstance(row.get("eval"), dict) and (format is None or format in OF_TOOLS):
            yield from ((where, entry) for entry in results_rows(row, where))
        else:
            yield where, row


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text ({error.reason} at byte {error.start}); expected JSON lines."
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    if re.match(r"\s*\[\s*\{", text):
        yield from _listed(path, text)
        return
    if re.match(r"\s*\{\s*\n", text):
        yield 1, _spread(path, text)
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            last = number >= text.count("\n") + (not text.endswith("\n"))
            cut = " The file seems to be cut off: write it again." if last else ""
            what = f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
            raise DataError(f"{path}, line {number}: not JSON ({what}).{cut}") from error
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {number}: expected one JSON object a line, found {type(row).__name__}.")
        yield number, row


def _listed(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of one JSON list, numbered from 1."""
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path} begins as a JSON list and is none ({error}). Is it cut off? Write it again."
        ) from error
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise DataError(f"{path}, row {number}: expected a list of JSON objects, found {type(row).__name__}.")
        yield number, row


def _spread(path: Path, text: str) -> dict[str, Any]:
    """One object over several lines, as BigCodeBench writes its results."""
    try:
        found: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path} begins as one JSON object over several lines and is none ({error}). Is it cut off? Write it again."
        ) from error
    return found


def _guess(row: Mapping[str, Any], where: str) -> Format:
    if "resps" in row and "doc" in row:
        return "lm-eval"
    if "verdicts" in row and "solution" in row:
        return "evalplus"
    if "task_id" in row and isinstance(row.get("predict"), list):
        return "classeval"
    if "code" in row and isinstance(row.get("metadata"), dict) and "problem_id" in row["metadata"]:
        return "ds1000"
    if "task_id" in row and ("completion" in row or "solution" in row):
        return "itax"
    raise DataError(
        f"{where}: cannot tell the format from the fields {sorted(row)[:8]}. Expected itax rows "
        '{"task_id", "completion"} or {"task_id", "solution"}, or lm-eval samples; name it with --format.'
    )


def _task_id(row: Mapping[str, Any], where: str) -> str:
    task_id = row.get("task_id")
    if not isinstance(task_id, str) or not task_id:
        raise DataError(f"{where}: task_id is {task_id!r}, expected the benchmark's id of an item.")
    return task_id


def _text(row: Mapping[str, Any], where: str, stage: Stage | None) -> tuple[str, Stage]:
    stages: dict[str, Stage] = {"completion": "completion", "solution": "program"}
    if stage == "program-raw" and "raw_solution" in row:
        # BigCodeBench's sanitizer keeps what it started from beside what it made.
        stages = {"raw_solution": "program-raw"}
    for name, stage in stages.items():
        if name in row:
            if not isinstance(row[name], str):
                raise DataError(f"{where}: {name} is {type(row[name]).__name__}, expected text.")
            return row[name], stage
    raise DataError(f"{where}: neither `completion` nor `solution` is there.")


def _flags(row: Mapping[str, Any], where: str) -> tuple[str, ...]:
    flags = row.get("flags") or []
    if not isinstance(flags, list) or not all(isinstance(flag, str) for flag in flags):
        raise DataError(f"{where}: flags is {flags!r}, expected a list of texts.")
    return tuple(flags)


def _document_flags(row: Mapping[str, Any]) -> tuple[str, ...]:
    document = row.get("doc")
    cut = isinstance(document, dict) and document.get("truncated_prompt") is True
    return (Flag.TRUNCATED_PROMPT.value,) if cut else ()


def _generations(row: Mapping[str, Any]) -> dict[int, Any]:
    """How the samples of an lm-eval row were made, where our backends said so; it stands among the verdicts."""
    kept = row.get("filtered_resps")
    try:
        found = json.loads(kept[0] if isinstance(kept, list) and kept else kept)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return {}
    if not isinstance(found, list):
        return {}
    return {number: entry.get("generation") for number, entry in enumerate(found) if isinstance(entry, dict)}


def _noted(row: Mapping[str, Any], sample: int, flags: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
    """Tokens and the flag `hit_limit` that our filter left in the row: only the run itself could count."""
    try:
        brief = json.loads(row["filtered_resps"][0])[sample]
        at_limit = Flag.HIT_LIMIT.value in brief["flags"]
        return brief.get("tokens"), (*flags, Flag.HIT_LIMIT.value) if at_limit else flags
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return None, flags  # written by an earlier version, or under --predict_only


def _lm_eval_row(row: Mapping[str, Any], where: str) -> list[Entry]:
    document = row.get("doc")
    if not isinstance(document, dict) or not isinstance(document.get("task_id"), str):
        raise DataError(f"{where}: the document has no task_id; these are not the samples of an itax task.")
    responses = row.get("resps")
    if not isinstance(responses, list) or len(responses) != 1 or not isinstance(responses[0], list):
        raise DataError(f"{where}: `resps` is not one list of responses; is this a generate_until task?")
    entries: list[Entry] = []
    for sample, text in enumerate(responses[0]):
        if not isinstance(text, str):
            raise DataError(f"{where}: response {sample} is {type(text).__name__}, expected text.")
        entries.append((document["task_id"], (text, "completion"), sample))
    return entries


def _classeval_row(row: Mapping[str, Any], where: str) -> list[Entry]:
    answers = row.get("predict")
    if not isinstance(answers, list) or not all(isinstance(text, str) for text in answers):
        raise DataError(f"{where}: `predict` is no list of texts; these are not answers of ClassEval's own pipeline.")
    task_id = _task_id(row, where)
    return [(task_id, (text, "completion"), sample) for sample, text in enumerate(answers)]


def _ds1000_row(row: Mapping[str, Any], where: str) -> list[Entry]:
    """An answer, or a list of them, which are samples; numbered as the official scorer numbers it, by its problem."""
    about = row.get("metadata")
    number = about.get("problem_id") if isinstance(about, dict) else row.get("id")
    if not isinstance(number, int) or isinstance(number, bool):
        raise DataError(f"{where}: neither `metadata` with a problem_id nor `id` says which of the 1,000 this answers.")
    code = row.get("code")
    answers: list[Any] = code if isinstance(code, list) else [code]
    if not answers or not all(isinstance(text, str) for text in answers):
        raise DataError(f"{where}: `code` is no text and no list of texts; these are not answers to DS-1000.")
    return [(f"DS-1000/{number}", (text, "completion"), None) for text in answers]
