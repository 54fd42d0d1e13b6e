"""The prompts of the conditions that speak in a chat: every item a conversation, up to where the model goes on.

A document too long for the context loses the start of its prefix and the end of its suffix, 3 : 1, before the
conversation is rendered, so that no turn is ever cut. The code inside a turn is read as the template's text is: an item
that spells out a control token is counted and named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from itax_metrics.errors import ConfigError
from itax_metrics.records import Item
from itax_tasks import fim
from itax_tasks.fim.encoding import encoder_for
from itax_tasks.fim.render import layout
from itax_tasks.prompts import Prompts
from itax_tasks.prompts.asked import Asked
from itax_tasks.prompts.chat import conversation
from itax_tasks.prompts.ids import rendered_ids
from itax_tasks.prompts.room import Model, prompt_limit, room_for_answer
from itax_tasks.spec import Dialogue, TaskSpec

_ROUNDS = 8
_SEAM = "-[[itax-fim-prompt-here]]-"

Render = Callable[[Item], str]


def chat_prompts(
    spec: TaskSpec,
    items: Sequence[Item],
    model: Model,
    metadata: Mapping[str, Any],
    max_gen_toks: int | None,
    *,
    plain: bool,
) -> Prompts:
    """Build the conversations of `items`; `plain` leaves the request bare, because the host wraps it in messages.

    Raises:
        ConfigError: no chat template, an unknown one, or for `fimchat` no FIM format.
    """
    named = _template(spec, metadata)
    tokenizer = _tokenizer(model, named, plain)
    name = model.name or "this model"
    family, record, warnings = _family(spec, model, metadata, tokenizer)

    def said(item: Item) -> Dialogue:
        shown = item if family is None else _as_fim(family, item)
        return spec.dialogue(shown)

    def render(item: Item) -> str:
        if plain:
            return _only_request(spec, said(item))
        return conversation(tokenizer, said(item), named=named, model=name)

    def ids(item: Item) -> list[int]:
        if family is None:
            return rendered_ids(tokenizer, render(item))
        return _fim_within(spec, family, item, tokenizer, named, name)

    limit, unfit, fitted = None, None, list(items)
    if tokenizer is not None and not plain:
        limit, unfit = prompt_limit(model, max_gen_toks or room_for_answer(spec, metadata, None), spec)
    if limit is not None:
        fitted = [_fit(item, render, ids, tokenizer, limit) for item in items]
    cut = tuple(short is not item for short, item in zip(fitted, items, strict=True))
    texts = tuple(render(item) for item in fitted)
    if any(cut):
        warnings += (f"{sum(cut)} of {len(items)} documents of {spec.name} were cut to {limit} tokens.",)
    if record is not None:
        record["truncated"] = sum(cut)
    ask = None
    if model.takes == "ids" and tokenizer is not None and not plain:
        warnings += _spelled_out(spec, fitted, tokenizer) if family is None else ()

        def ask(place: int) -> Asked:
            item = fitted[place]
            return Asked(item.task_id, item.prefix, item.suffix, ids(item))

    if model.takes == "native_suffix":
        raise ConfigError(
            f"{spec.name} speaks in a chat, and a server with a native suffix takes code. Use a chat model of lm_eval "
            "(local-chat-completions) with --apply_chat_template."
        )
    return Prompts(
        texts,
        cut,
        spec.stops,
        fim=record,
        warnings=warnings,
        unfit=unfit,
        plain=tokenizer is None and named is None,
        family=family.id if family else None,
        ask=ask,
    )


def _tokenizer(model: Model, named: str | None, plain: bool) -> Any | None:
    needed = named is None or model.takes == "ids"
    if model.takes == "none" or not needed or plain:
        return None
    try:
        return model.tokenizer
    except ConfigError:
        # A served model may have no tokenizer anyone can load; then only its messages interface will do.
        if not model.served:
            raise
        return None


def _template(spec: TaskSpec, metadata: Mapping[str, Any]) -> str | None:
    """The named chat template: the user's, else the protocol's; `tokenizer` asks for the tokenizer's own."""
    named = metadata.get("chat", spec.template)
    return None if named in (None, "tokenizer") else str(named)


def _only_request(spec: TaskSpec, dialogue: Dialogue) -> str:
    """The bare request, for hosts that wrap it in one user message themselves."""
    if len(dialogue.turns) != 1 or dialogue.prefill:
        raise ConfigError(
            f"{spec.name} needs a system message, shots or a prefilled answer, which a messages interface of lm_eval "
            "cannot be given. Run it on a model whose tokenizer renders the conversation."
        )
    return dialogue.turns[0][1]


def _family(
    spec: TaskSpec, model: Model, metadata: Mapping[str, Any], tokenizer: Any | None
) -> tuple[fim.FimFormat | None, dict[str, Any] | None, tuple[str, ...]]:
    """The FIM format whose prompt becomes a turn, for `fimchat`."""
    if spec.condition != "fimchat" or model.takes == "none":
        return None, None, ()
    requested = str(metadata["fim"]) if metadata.get("fim") else None
    name = model.name or "this model"
    chosen = fim.resolve(tokenizer, requested=requested, model=name, backend_takes=model.takes)
    if chosen.format is None:
        return None, None, ()
    record = {
        "id": chosen.format.id,
        "order": chosen.format.order,
        "trained": chosen.trained,
        "how": chosen.how,
        "truncated": 0,
        "holding_sentinels": [],
    }
    return chosen.format, record, chosen.warnings


def _as_fim(family: fim.FimFormat, item: Item) -> Item:
    return replace(item, prefix=fim.render(family, item.prefix, item.suffix, language=item.language).text, suffix="")


def _fim_within(
    spec: TaskSpec, family: fim.FimFormat, item: Item, tokenizer: Any, named: str | None, name: str
) -> list[int]:
    """The conversation's ids with the FIM prompt's own in its place, so that code never becomes a control token."""
    shell = conversation(tokenizer, spec.dialogue(replace(item, prefix=_SEAM, suffix="")), named=named, model=name)
    before, found, after = shell.partition(_SEAM)
    if not found:
        raise ConfigError(f"The chat template of {name} does not show what the user said; {spec.name} needs that.")
    shape = layout(family, tokenizer, language=item.language)
    prompt = shape.ids(item.prefix, item.suffix)[len(shape.lead()) :]
    encoder = encoder_for(tokenizer)
    tail = rendered_ids(tokenizer, after)[len(encoder.lead) :] if after else []
    return [*rendered_ids(tokenizer, before), *prompt, *tail]


def _fit(item: Item, render: Render, ids: Callable[[Item], list[int]], tokenizer: Any, limit: int) -> Item:
    """The item, its code cut until the conversation has at most `limit` ids; unchanged where it fits or cannot."""
    if not item.suffix or 3 * len(render(item).encode("utf-8", "replace")) <= limit:
        return item
    count = len(ids(item))
    if count <= limit:
        return item
    encoder = encoder_for(tokenizer)
    before, after = encoder.encode(item.prefix), encoder.encode(item.suffix)
    room = len(before) + len(after) - (count - limit)
    for _ in range(_ROUNDS):
        if room <= 0:
            break
        share = max(min(len(before), room * 3 // 4), room - len(after))
        short = replace(
            item,
            prefix=_tail(item.prefix, encoder, share),
            suffix=_head(item.suffix, encoder, room - share),
        )
        count = len(ids(short))
        if count <= limit:
            return short
        room -= count - limit
    return item


def _tail(text: str, encoder: Any, most: int) -> str:
    spans = encoder.spans(text)
    if spans is None:
        return text[len(text) - most :] if most else ""
    return text if len(spans) <= most else text[spans[len(spans) - most][0] :] if most else ""


def _head(text: str, encoder: Any, most: int) -> str:
    spans = encoder.spans(text)
    if spans is None:
        return text[:most]
    return text if len(spans) <= most else text[: spans[most - 1][1]] if most else ""


def _spelled_out(spec: TaskSpec, items: Sequence[Item], tokenizer: Any) -> tuple[str, ...]:
    control = encoder_for(tokenizer).control_strings
    holding = [item.task_id for item in items if any(token in item.prefix or token in item.suffix for token in control)]
    if not holding:
        return ()
    return (
        f"{len(holding)} documents of {spec.name} spell out a control token, which a conversation cannot keep apart "
        f"from the template's own: {', '.join(holding[:5])}.",
    )
