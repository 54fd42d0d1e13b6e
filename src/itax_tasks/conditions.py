"""One benchmark under every condition: the siblings of a task that put the same items to a model in another way.

`conditions(spec)` returns the task and its siblings, named by suffix, so that a benchmark gets them with one line.
Data, judge, limits, room for the answer and clusters are the base task's; what changes is the prompt, the stop
strings that belong to it, and the first step of extraction.

The wordings are ours. The strict rule of each is the format that it asks for, to the letter; `lenient` beside it takes
packaging and echoes off. Two wordings, because one alone would leave a loss to the luck of its words:

- `chat` shows the file once, with a mark in the gap, and asks for the bare text, which is what an editor splices in;
- `chat_b` shows beginning and end apart and asks for a fenced block, which is what chat models are trained to write;
- `prefill` is `chat_b` with the fence already opened, so that prose before the code cannot happen;
- `fimchat` is the raw FIM prompt as the user's turn, with the system sentence of Qwen3-Coder's README.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from itax_metrics.errors import ConfigError
from itax_metrics.records import Item
from itax_tasks.spec import Condition, Dialogue, Measure, TaskSpec

FIM_SYSTEM = "You are a code completion assistant."
"""Source: README of QwenLM/Qwen3-Coder, section on fill in the middle."""

GAP = "<MISSING>"
"""Marks the gap in wording `chat`; no FIM family has it as a token."""

FENCE = "```"

_SHOWN = {"python": "Python", "cpp": "C++", "java": "Java", "csharp": "C#"}


def conditions(spec: TaskSpec) -> tuple[TaskSpec, ...]:
    """The task and its siblings under the other conditions, the task first.

    Args:
        spec: a task of condition `raw` (infilling) or `direct` (completion).

    Raises:
        ConfigError: a task of another condition, which has no siblings.
    """
    if spec.condition == "raw":
        made: tuple[TaskSpec, ...] = (
            _sibling(spec, "l2r"),
            _sibling(spec, "fimchat", fim_in_chat, stops=()),
            _sibling(spec, "chat", ask_with_gap, stops=()),
            _sibling(spec, "chat_b", ask_apart, stops=(), first="fenced_code"),
            _sibling(spec, "prefill", ask_apart_begun, stops=(FENCE,)),
        )
    elif spec.condition == "direct":
        made = (
            _sibling(spec, "chat", _on_text(spec, ask_to_go_on), stops=(), first="fenced_code"),
            _sibling(spec, "prefill", _on_text(spec, ask_to_complete_begun), stops=(FENCE,)),
        )
    else:
        raise ConfigError(f"{spec.name} has condition {spec.condition!r}; only raw and direct tasks have siblings.")
    return (with_lenient(spec), *made)


def with_lenient(spec: TaskSpec) -> TaskSpec:
    """The task with the headline's lenient twin beside its metrics, as every task with siblings has it."""
    return replace(spec, measures=_measures(spec.measures))


def fim_in_chat(item: Item) -> Dialogue:
    """The FIM prompt, which stands in the prefix here, as the user's turn."""
    return Dialogue((("system", FIM_SYSTEM), ("user", item.prefix)))


def ask_with_gap(item: Item) -> Dialogue:
    """The file with a mark in the gap; the answer is the bare text."""
    return _user(
        f"The {_language(item)} file below has a gap, marked {GAP}.\n\n"
        f"{_block(item, item.prefix + GAP + item.suffix)}\n\n"
        f"Write the text that belongs in place of {GAP}, exactly as it must stand in the file: every blank and every "
        "line break counts. Reply with that text alone: no code fence, no explanation, and nothing of what stands "
        "before or after the gap."
    )


def ask_apart(item: Item) -> Dialogue:
    """Beginning and end of the file apart; the answer is one fenced block."""
    return _user(
        f"This is the beginning of a {_language(item)} file:\n\n{_block(item, item.prefix)}\n\n"
        f"This is its end:\n\n{_block(item, item.suffix)}\n\n"
        "The code between the two is missing. Reply with the missing code alone, in one fenced code block. It goes "
        "right after the last character of the beginning, and the end goes right after it."
    )


def ask_apart_begun(item: Item) -> Dialogue:
    """As `ask_apart`, and the answer's fence is open."""
    return replace(ask_apart(item), prefill=f"{FENCE}{item.language}\n")


def ask_to_go_on(item: Item) -> Dialogue:
    """Code to go on with; the answer is one fenced block."""
    return _user(
        f"Continue this {_language(item)} code:\n\n{_block(item, item.prefix)}\n\n"
        "Reply with only the code that comes next, in one fenced code block. Do not repeat what is there, and keep "
        "its indentation."
    )


def ask_to_complete_begun(item: Item) -> Dialogue:
    """Code to complete; the answer has begun with that code, so that the model goes on as it would without a chat.

    The layout is that of EvalPlus (`evalplus/provider/utility.py`): request, fence, the prompt again.
    """
    return replace(
        _user(f"Complete this {_language(item)} code:\n\n{_block(item, item.prefix)}"),
        prefill=f"{FENCE}{item.language}\n{item.prefix}",
    )


def _sibling(
    spec: TaskSpec,
    condition: Condition,
    dialogue: Callable[[Item], Dialogue] | None = None,
    *,
    stops: tuple[str, ...] | None = None,
    first: str | None = None,
) -> TaskSpec:
    return replace(
        spec,
        name=f"{spec.name}_{condition}",
        condition=condition,
        measures=_measures(spec.measures, first),
        stops=spec.stops if stops is None else stops,
        dialogue=spec.dialogue if dialogue is None else dialogue,
    )


def _measures(base: Mapping[str, Measure], first: str | None = None) -> dict[str, Measure]:
    """The base's metrics, each after the rule of the format that was asked for, and the headline's lenient twin."""
    headline = next(iter(base))
    lenient = f"{headline}_lenient"
    made = {
        name: replace(measure, rule=_after(first, measure.rule)) for name, measure in base.items() if name != lenient
    }
    return {**made, lenient: replace(base[headline], rule=_after("lenient", base[headline].rule), whole=None)}


def _after(first: str | None, rule: str) -> str:
    if first is None:
        return rule
    return first if rule == "raw" else f"{first}+{rule}"


def _on_text(spec: TaskSpec, ask: Callable[[Item], Dialogue]) -> Callable[[Item], Dialogue]:
    """The dialogue about what the direct condition shows."""
    return lambda item: ask(replace(item, prefix=spec.text(item)))


def _user(text: str) -> Dialogue:
    return Dialogue((("user", text),))


def _block(item: Item, code: str) -> str:
    end = "" if code.endswith("\n") else "\n"
    return f"{FENCE}{item.language}\n{code}{end}{FENCE}"


def _language(item: Item) -> str:
    return _SHOWN.get(item.language, item.language)
