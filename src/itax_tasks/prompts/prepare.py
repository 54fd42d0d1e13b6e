"""Every prompt of a task, by its condition: FIM sentinels, prefix alone, text as it stands, or one chat turn.

Documents are cut to the context here, before assembly, because every backend cuts from the left and
would take the leading sentinel with it; what was cut is flagged, item by item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from itax_metrics.errors import ConfigError
from itax_metrics.records import Item
from itax_tasks import fim
from itax_tasks.prompts import Prompts
from itax_tasks.prompts.asked import HOLE, Asked
from itax_tasks.prompts.conversations import chat_prompts
from itax_tasks.prompts.ids import code_ids
from itax_tasks.prompts.room import Model, prompt_limit, room_for_answer
from itax_tasks.spec import TaskSpec

__all__ = ["Model", "prepare", "room_for_answer"]


def prepare(
    spec: TaskSpec,
    items: Sequence[Item],
    model: Model,
    metadata: Mapping[str, Any],
    *,
    max_gen_toks: int | None = None,
    plain: bool = False,
) -> Prompts:
    """Build the prompts of `items`.

    Args:
        spec: the task; its condition decides the form.
        items: in order.
        model: name, tokenizer and context.
        metadata: `fim` names the format, `fim_order` its order, `chat` the chat template, `profile` the generation
            settings.
        max_gen_toks: room the answer needs; None: the task's own (or the profile's) figure.
        plain: leave the requests of a chat task bare, because the host wraps them in messages.

    Raises:
        ConfigError: no FIM family, a family that was not trained for FIM, one that cannot be sent as text,
            an order that it or the server does not have, or no chat template.
    """
    if spec.condition == "raw":
        return _fim_prompts(spec, items, model, metadata, max_gen_toks)
    if spec.in_chat:
        return chat_prompts(spec, items, model, metadata, max_gen_toks, plain=plain)
    return _left_to_right(spec, items, model, metadata, max_gen_toks)


def _fim_prompts(
    spec: TaskSpec, items: Sequence[Item], model: Model, metadata: Mapping[str, Any], max_gen_toks: int | None
) -> Prompts:
    if model.takes == "none":
        return Prompts(tuple(item.prefix for item in items), (False,) * len(items), spec.stops)
    requested = str(metadata["fim"]) if metadata.get("fim") else None
    order = _order(spec, items, metadata)
    if model.takes == "native_suffix":
        if order is not None:
            raise ConfigError(
                f"{spec.name} is asked in the order {order}, and a server that takes a suffix keeps its own. Run it "
                "with --model itax-hf or itax-vllm, or without fim_order and safim_mode."
            )
        return _for_server(spec, items)
    tokenizer = model.tokenizer
    name = model.name or "this model"
    if tokenizer is None:
        return _fim_without_tokenizer(spec, items, requested, order)
    chosen = fim.resolve(tokenizer, requested=requested, model=name, backend_takes=model.takes)
    family = chosen.format
    if family is None:  # the backend assembles its own prompt from prefix and suffix
        return Prompts(tuple(item.prefix for item in items), (False,) * len(items), spec.stops)
    warnings = list(chosen.warnings)
    family.text_template(order)  # an order that the family does not have is refused here
    limit, unfit = prompt_limit(model, max_gen_toks or room_for_answer(spec, metadata, family.id), spec)
    texts, truncated, fitting, holding = [], [], [], set()
    for item in items:
        prefix, suffix, cut = item.prefix, item.suffix, False
        if limit is not None:
            fitted = fim.budget(family, prefix, suffix, tokenizer, limit, order=order, language=item.language)
            prefix, suffix, cut = fitted.prefix, fitted.suffix, fitted.truncated
        found = fim.user_text_holds_sentinel(family, prefix + suffix)
        if found:
            holding.add(item.task_id)
        texts.append(fim.render(family, prefix, suffix, order=order, language=item.language).text)
        truncated.append(cut)
        fitting.append((prefix, suffix))
    ask = None
    if model.takes == "ids":

        def ask(place: int) -> Asked:
            prefix, suffix = fitting[place]
            ids = fim.render(
                family, prefix, suffix, tokenizer=tokenizer, order=order, language=items[place].language
            ).ids
            return Asked(items[place].task_id, prefix, suffix, ids)

    elif holding:
        warnings.append(
            f"{len(holding)} documents of {spec.name} hold sentinel text of {family.id}, which a text prompt "
            f"cannot keep apart from sentinels: {', '.join(sorted(holding)[:5])}."
        )
    if any(truncated):
        warnings.append(f"{sum(truncated)} of {len(items)} documents of {spec.name} were cut to {limit} tokens.")
    record = {
        "id": family.id,
        "order": order or family.order,
        "trained": chosen.trained,
        "how": chosen.how,
        "truncated": sum(truncated),
        "holding_sentinels": sorted(holding),
    }
    stops = tuple(dict.fromkeys((*family.stops, *spec.stops)))
    return Prompts(
        tuple(texts), tuple(truncated), stops, record, tuple(warnings), unfit=unfit, family=family.id, ask=ask
    )


def _order(spec: TaskSpec, items: Sequence[Item], metadata: Mapping[str, Any]) -> str | None:
    """The order of prefix and suffix that the user or the benchmark's own protocol asks for; None: the family's."""
    asked = str(metadata["fim_order"]) if metadata.get("fim_order") else None
    wanted = items[0].payload.get("fim_order") if items else None
    if wanted is not None and asked not in (None, wanted):
        raise ConfigError(
            f"fim_order is {asked!r}, and {spec.name} is asked in a mode whose order is {wanted}. Name one of the two."
        )
    return str(wanted) if wanted is not None else asked


def _for_server(spec: TaskSpec, items: Sequence[Item]) -> Prompts:
    """Prefix and suffix apart, for a server that puts them together itself; the text is a key, never sent."""

    def ask(place: int) -> Asked:
        item = items[place]
        suffix = item.suffix if spec.condition == "raw" else ""
        return Asked(item.task_id, item.prefix if spec.condition != "direct" else spec.text(item), suffix)

    texts = [_server_text(ask(place), spec) for place in range(len(items))]
    record = None
    if spec.condition == "raw":
        record = {
            "id": "native_suffix",
            "order": "the server's",
            "trained": "unknown",
            "how": "backend",
            "truncated": 0,
            "holding_sentinels": [],
        }
    return Prompts(tuple(texts), (False,) * len(items), spec.stops, record, ask=ask)


def _server_text(request: Asked, spec: TaskSpec) -> str:
    return request.prefix + HOLE + request.suffix if spec.condition == "raw" else request.prefix


def _fim_without_tokenizer(spec: TaskSpec, items: Sequence[Item], requested: str | None, order: str | None) -> Prompts:
    if requested is None:
        raise ConfigError(
            f"{spec.name} needs the fill-in-the-middle format of a model, and no model is named. Name the model with "
            "pretrained=... in --model_args (in Python: TaskManager(metadata={'pretrained': ...})), or the format "
            """with --metadata '{"fim":"qwen2.5-coder"}'; `itax fim list` shows the families."""
        )
    chosen = fim.fim_format(requested)
    texts = tuple(
        fim.render(chosen, item.prefix, item.suffix, order=order, language=item.language).text for item in items
    )
    warning = f"{spec.name}: no tokenizer is known, so prompts are {chosen.id} text that nothing was checked against."
    record = {
        "id": chosen.id,
        "order": order or chosen.order,
        "trained": chosen.trained,
        "how": "named",
        "truncated": 0,
        "holding_sentinels": [],
    }
    stops = tuple(dict.fromkeys((*chosen.stops, *spec.stops)))
    return Prompts(texts, (False,) * len(items), stops, record, (warning,), family=chosen.id)


def _left_to_right(
    spec: TaskSpec, items: Sequence[Item], model: Model, metadata: Mapping[str, Any], max_gen_toks: int | None
) -> Prompts:
    if model.takes == "native_suffix":
        return _for_server(spec, items)
    tokenizer = model.tokenizer if model.takes != "none" else None
    if metadata.get("fim") and model.takes != "none":
        # The family that the raw sibling is asked in: with other stop strings, their difference would be no suffix use.
        found: fim.FimFormat | None = fim.fim_format(str(metadata["fim"]))
    else:
        found = fim.detect(tokenizer).format if tokenizer is not None else None
    # A family's stop strings end the answer without the suffix too: the model may open another hole.
    stops = tuple(dict.fromkeys((*(found.stops if found else ()), *spec.stops)))
    texts, truncated = [], []
    limit, unfit = (None, None)
    if tokenizer is not None:
        limit, unfit = prompt_limit(model, max_gen_toks or spec.max_gen_toks, spec)
    for item in items:
        whole = item.prefix if spec.condition == "l2r" else spec.text(item)
        text = whole
        if limit is not None and len(text.encode("utf-8", "replace")) > limit:
            text = _tail(text, tokenizer, limit)
        texts.append(text)
        truncated.append(len(text) < len(whole))
    ask = None
    if model.takes == "ids" and tokenizer is not None:

        def ask(place: int) -> Asked:
            return Asked(items[place].task_id, texts[place], "", code_ids(tokenizer, texts[place]))

    warnings = (f"{sum(truncated)} of {len(items)} prompts of {spec.name} were cut to {limit} tokens.",)
    return Prompts(
        tuple(texts),
        tuple(truncated),
        stops,
        warnings=warnings if any(truncated) else (),
        unfit=unfit,
        family=found.id if found else None,
        ask=ask,
    )


def _tail(text: str, tokenizer: Any, limit: int) -> str:
    """The longest tail of `text` found by halving that fits `limit` tokens."""
    start, end = 0, len(text)
    while start < end:
        middle = (start + end) // 2
        if len(tokenizer.encode(text[middle:])) <= limit:
            end = middle
        else:
            start = middle + 1
    return text[start:]
