"""Which FIM format a tokenizer carries, and whether its model is known to have been trained on it.

A token counts only if it is one id that decodes back to the same string: some tokenizers answer `<unk>` without a
word. Whether it is marked special does not matter: Qwen's, CodeGemma's and DeepSeek's are not.

Covered: 12 sets of sentinels, told apart by auxiliary tokens and published ids (`formats.toml`, `[[signature]]`).
Not covered: training itself. Tokens in a vocabulary prove nothing (Qwen general models, Mistral v3 and later, Yi-Coder
have them untrained), so without a name itax knows the answer is `unknown`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .encoding import Encoder, Tokenizer, encoder_for
from .names import by_name
from .registry import FimFormat, Trained, load_formats, registry_table


@dataclass(frozen=True, slots=True)
class Detection:
    """What a tokenizer and a name show."""

    format: FimFormat | None
    """None: no family, or several that the tokens cannot tell apart (then `candidates` names them)."""
    trained: Trained
    why: str
    candidates: tuple[str, ...] = ()
    """Every family whose tokens the vocabulary holds, the likeliest first."""


def detect(tokenizer: Tokenizer, model: str | None = None) -> Detection:
    """Find the format of a tokenizer.

    Args:
        tokenizer: a transformers tokenizer, slow or fast.
        model: the model's hub name; None: the name the tokenizer was loaded by.
    """
    name = str(getattr(tokenizer, "name_or_path", "") or "") if model is None else model
    named = by_name(name)
    carried = _carried(encoder_for(tokenizer))
    found = carried.candidates
    if named.trained == "no":
        entry = load_formats()[named.format_id] if named.format_id else None
        return Detection(entry, "no", f"{name}: {named.why}", found)
    if named.format_id is not None:
        fmt = load_formats()[named.format_id]
        if not (lacking := missing_sentinels(fmt, tokenizer)):
            return Detection(fmt, named.trained, named.why, tuple(dict.fromkeys((fmt.id, *found))))
        why = f"{named.why}, but its tokenizer lacks {', '.join(lacking)}"
        return Detection(None, "unknown", why, found)
    return carried


def missing_sentinels(
    fmt: FimFormat, tokenizer: Tokenizer, *, order: str | None = None, by_text: bool | None = None
) -> tuple[str, ...]:
    """The control tokens of a format's prompt that are not one id in this tokenizer.

    Args:
        fmt: a format with a template.
        tokenizer: the model's own.
        order: None for the default order.
        by_text: True if the tokenizer must find them in a string; None: only where the family is used as a string.
    """
    encoder = encoder_for(tokenizer)
    strict = not fmt.needs_ids if by_text is None else by_text
    template = fmt.id_template(order)
    used = [token for token in fmt.control_tokens if token in template]
    return tuple(token for token in used if encoder.token_id(token, by_text=strict) is None)


def _carried(encoder: Encoder) -> Detection:
    """What the vocabulary alone says."""
    for signature in registry_table("signature"):
        tokens: list[str] = signature["tokens"]
        by_text = not signature.get("by_id", False)
        if any(encoder.token_id(token, by_text=by_text) is None for token in tokens):
            continue
        held = f"the vocabulary holds {', '.join(tokens)} as single ids"
        for case in signature["case"]:
            if not _holds(case, encoder):
                continue
            also = tuple(case.get("also", ()))
            if "format" not in case:
                return Detection(None, "unknown", f"{held}, which {', '.join(also)} have in common", also)
            fmt = load_formats()[case["format"]]
            decided = [
                token for token in (*case.get("all", ()), *case.get("any", ())) if encoder.token_id(token) is not None
            ]
            beside = f" beside {', '.join(decided)}" if decided else ""
            why = f"{held}{beside}: the {fmt.id} format; tokens alone do not show that the model was trained on it"
            return Detection(fmt, "unknown", why, (fmt.id, *also))
        possible = tuple(dict.fromkeys(case["format"] for case in signature["case"] if "format" in case))
        return Detection(None, "unknown", f"{held}, but no other token tells the family", possible)
    return Detection(None, "unknown", "the vocabulary holds the sentinels of no family itax knows as single ids")


def _holds(case: Mapping[str, Any], encoder: Encoder) -> bool:
    if any(encoder.token_id(token) is None for token in case.get("all", ())):
        return False
    if "any" in case and all(encoder.token_id(token) is None for token in case["any"]):
        return False
    return all(encoder.token_id(token) == token_id for token, token_id in case.get("ids", {}).items())
