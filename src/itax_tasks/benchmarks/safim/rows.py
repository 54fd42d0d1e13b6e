"""SAFIM's rows as items: what the model sees, what is scored, which items share a source file.

Source: Gong et al. 2024, https://github.com/gonglinyuan/safim. A row carries the program twice: `eval_prompt` is the
bare code with `{{completion}}` at the hole, and is what is scored; `prompt` is the same code below the problem
statement, with a comment at the hole. The paper on the instruction-tuning tax splits the first, SAFIM itself the
second.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from itax_metrics.errors import ConfigError, DataError
from itax_metrics.records import Item
from itax_tasks import data
from itax_tasks.benchmarks.base import Loaded
from itax_tasks.extraction import grammars
from itax_tasks.settings import Settings

Subset = Literal["api", "block", "control"]

SUBSETS: tuple[Subset, ...] = ("api", "block", "control")
LANGUAGES = ("python", "cpp", "java", "csharp")
HOLE = "{{completion}}"

Shown = Callable[[Mapping[str, Any], Item, Settings], Item]
"""(row, item as the paper shows it, settings) -> the item as this task shows it."""


def load(subsets: tuple[Subset, ...], shown: Shown | None, asked: tuple[str, ...], settings: Settings) -> Loaded:
    """The items of one or several subsets, in the order of the files.

    Args:
        subsets: which files, in this order.
        shown: how the model sees an item; None: the code around the hole, as in the paper.
        asked: the options (`settings.OPTIONS`) that change what the model sees, beside `safim_languages`.
        settings: where the data are, and the options.

    Raises:
        DataError: a file is missing or not the official one.
        MissingExtraError: tree-sitter is not installed.
        ConfigError: an option with a value that does not exist.
    """
    grammars.require()
    wanted = _languages(settings)
    items: list[Item] = []
    files = []
    for subset in subsets:
        found = data.load("safim", f"{subset}_completion.jsonl.gz", settings)
        files.append(dict(found.record))
        for item, row in _items(subset, found.rows, settings):
            if item.language in wanted:
                items.append(shown(row, item, settings) if shown is not None else item)
    chosen = {name: value for name in (*asked, "safim_languages") if (value := settings.option(name, ""))}
    record = {
        "source": files[0]["source"],
        "sha256": _digest([str(file["sha256"]) for file in files], chosen),
        "rows": len(items),
        "files": files,
        "judging": judging(settings),
        **({"options": chosen} if chosen else {}),
    }
    return Loaded(tuple(items), record)


def judging(settings: Settings) -> dict[str, Any]:
    """What verdicts depend on beside the data, for the record: two runs that are compared must agree on it."""
    return {
        "shortcut": settings.option("safim_shortcut", "on"),
        "python": settings.option("safim_python", "pypy"),
        "grammars": grammars.versions(),
    }


def own_id(subset: Subset, task_id: str) -> str:
    """An id of the first published files, whose API rows are called `block_completion_*`, in today's spelling."""
    return task_id.replace("block_completion_", f"{subset}_completion_", 1)


def _items(
    subset: Subset, rows: tuple[Mapping[str, Any], ...], settings: Settings
) -> Iterator[tuple[Item, Mapping[str, Any]]]:
    python = "python" if settings.option("safim_python", "pypy") == "cpython" else "pypy"
    shortcut = settings.option("safim_shortcut", "on") == "on"
    for row in rows:
        before, hole, after = row["eval_prompt"].partition(HOLE)
        if not hole:
            raise DataError(f"{row['task_id']} of {subset}_completion.jsonl.gz has no {HOLE}; run `itax data verify`.")
        truth, language = row["ground_truth"], row["lang"]
        payload = {
            "subset": subset,
            "before": before,
            "after": after,
            "tests": row["unit_tests"],
            "runs_in": (python if language == "python" else language) if row["unit_tests"] else None,
            "shortcut": shortcut,
        }
        task_id = own_id(subset, row["task_id"])
        yield Item(task_id, before, after, truth, _file(before + truth + after), language, payload), row


def _file(program: str) -> str:
    """The name of the source file a hole was cut into."""
    return hashlib.sha256(program.encode("utf-8", "replace")).hexdigest()[:16]


def _languages(settings: Settings) -> frozenset[str]:
    text = settings.option("safim_languages", ",".join(LANGUAGES))
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in LANGUAGES]
    if unknown or not names:
        raise ConfigError(
            f"safim_languages is {text!r}; it must name some of {', '.join(LANGUAGES)}, with commas between."
        )
    return frozenset(names)


def _digest(files: list[str], options: Mapping[str, str]) -> str:
    """The digest of the one file, or of all files and of every option that changes the items."""
    if len(files) == 1 and not options:
        return files[0]
    return hashlib.sha256(json.dumps([files, sorted(options.items())]).encode("ascii")).hexdigest()
