"""SAFIM's own inputs: the problem statement, the code, and for models that are told what to do, an instruction.

Source: https://github.com/gonglinyuan/safim, `prompt_utils.py`; the two sentences of instruction are its own. The
one-shot examples are data: they are read from that file at a pinned commit, and nothing of it is executed.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from itax_metrics.errors import ConfigError, DataError
from itax_metrics.records import Item
from itax_tasks import data
from itax_tasks.extraction.safim_answers import PLACEHOLDERS
from itax_tasks.settings import Settings

EXAMPLES = "prompt_utils.py"
"""The official file that holds the one-shot examples."""

_KINDS: Mapping[str, str] = {"block": "block", "control": "control expression", "api": "API function call"}
_REPLACE = 'Replace the "{placeholder}" in the code above with the appropriate {kind}.'
_ONLY = " Provide only the replaced {kind}."


MODES: Mapping[str, tuple[str, ...]] = {
    "itax_safim_official_psm": ("infilling", "reverse_infilling"),
    "itax_safim_official_l2r": ("left_to_right", "prefix_feeding", "reverse_infilling"),
    "itax_safim_official_instructed": ("instructed", "fewshot"),
}
"""The official modes, by the task that has them, its own first.

`reverse_infilling` stands twice, because officially the model decides about its form: sentinels in the order SPM-a
where it has some, else suffix, blank line and prefix as plain text. Here the task says which.
"""

_REVERSED = "SPM-a"


def statement_and_code(row: Mapping[str, Any], item: Item, settings: Settings) -> Item:
    """`infilling`: the problem statement belongs to the prefix; or `reverse_infilling`, the same in the order SPM-a."""
    mode = _mode(settings, "itax_safim_official_psm")
    prefix, suffix = _split(row, item)
    shown = replace(item, prefix=prefix, suffix=suffix)
    if mode == "reverse_infilling":
        return replace(shown, payload={**item.payload, "fim_order": _REVERSED})
    return shown


def left_to_right(row: Mapping[str, Any], item: Item, settings: Settings) -> Item:
    """`left_to_right`: the prompt up to the hole.

    `prefix_feeding`: all of the prompt, the instruction, and the code up to the hole again. `reverse_infilling`: what
    follows the hole, a blank line, and the prompt up to the hole, for models without FIM (`model_utils.py`).
    """
    mode = _mode(settings, "itax_safim_official_l2r")
    if mode == "prefix_feeding":
        told = f"{row['prompt']}\n{_instruction(item, _REPLACE)}\n\n{item.payload['before']}"
        return replace(item, prefix=told, suffix="")
    prefix, suffix = _split(row, item)
    return replace(item, prefix=f"{suffix}\n\n{prefix}" if mode == "reverse_infilling" else prefix, suffix="")


def instructed(row: Mapping[str, Any], item: Item, settings: Settings) -> Item:
    """`instructed`, or `fewshot`: the same below an example with its answer."""
    mode = _mode(settings, "itax_safim_official_instructed")
    told = _instruction(item, _REPLACE + _ONLY)
    text = f"{row['prompt']}\n{told}\n\n"
    if mode == "instructed":
        return replace(item, prefix=text, suffix="")
    question, answer = examples(settings)[(item.payload["subset"], item.language)]
    text = f"{question}\n{told}\n\n{answer}\n\n{text}"
    return replace(item, prefix=text, suffix="", payload={**item.payload, "example": answer})


@lru_cache(maxsize=2)
def examples(settings: Settings) -> Mapping[tuple[str, str], tuple[str, str]]:
    """(kind of hole, language) -> prompt and answer of the official one-shot example.

    Raises:
        DataError: the official file is not here, or not what it was.
    """
    found: dict[str, dict[tuple[str, str], str]] = {"FEW_SHOT_PROMPTS": {}, "FEW_SHOT_ANSWERS": {}}
    for node in ast.parse(data.text("safim", EXAMPLES, settings)).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.Assign) and isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            kind, language = ast.literal_eval(target.slice)
            found[target.value.id][(kind, language)] = ast.literal_eval(node.value)
    questions, answers = found["FEW_SHOT_PROMPTS"], found["FEW_SHOT_ANSWERS"]
    return {key: (question, answers[key]) for key, question in questions.items()}


def _split(row: Mapping[str, Any], item: Item) -> tuple[str, str]:
    prefix, found, suffix = str(row["prompt"]).partition(PLACEHOLDERS[item.language])
    if not found:
        raise DataError(
            f"The prompt of {item.task_id} has no {PLACEHOLDERS[item.language]!r}; fetch the official file."
        )
    return prefix, suffix


def _instruction(item: Item, sentences: str) -> str:
    return sentences.format(placeholder=PLACEHOLDERS[item.language], kind=_KINDS[item.payload["subset"]])


def _mode(settings: Settings, name: str) -> str:
    """The mode of one task: the one that was asked for, else its own."""
    modes = MODES[name]
    mode = settings.option("safim_mode", modes[0])
    if mode not in modes:
        others = "; ".join(f"{other} has {', '.join(its)}" for other, its in MODES.items() if other != name)
        raise ConfigError(f"safim_mode is {mode!r}; {name} has {', '.join(modes)}. Run another task for it: {others}.")
    return mode
