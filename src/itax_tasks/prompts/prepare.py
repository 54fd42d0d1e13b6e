"""Every prompt of a task, by its condition: FIM sentinels, prefix alone, text as it stands, or one chat turn.

Documents are cut to the context here, before assembly, because every backend cuts from the left and
would take the leading sentinel with it; what was cut is flagged, item by item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from itax_metrics.errors import ConfigError
from itax_metrics.records import Item
from itax_tasks import fim
from itax_tasks.prompts import Prompts
from itax_tasks.prompts.chat import conversation
from itax_tasks.spec import Dialogue, TaskSpec


class Model(Protocol):
    """What prompts need of a model; `harness.model_context.ModelContext` is one."""

    @property
    def name(self) -> str | None: ...
    @property
    def takes(self) -> Any: ...
    @property
    def served(self) -> bool: ...
    @property
    def tokenizer(self) -> Any | None: ...
    @property
    def context(self) -> int | None: ...


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
        metadata: `fim` names the format, `chat` the chat template, `profile` the generation settings.
        max_gen_toks: room the answer needs; None: the task's own (or the profile's) figure.
        plain: leave the requests of a chat task bare, because the host wraps them in messages.

    Raises:
        ConfigError: no FIM family, a family that was not trained for FIM, one that cannot be sent as text,
            or no chat template.
    """
    if spec.condition == "raw":
        return _fim_prompts(spec, items, model, metadata, max_gen_toks)
    if spec.condition in ("chat", "prefill"):
        return _chat_prompts(spec, items, model, _template(spec, metadata), plain)
    return _left_to_right(spec, items, model, max_gen_toks)


def room_for_answer(spec: TaskSpec, metadata: Mapping[str, Any], family: str | None) -> int:
    """New tokens the task allows: its own figure, or the paper's under `profile = paper`.

    Raises:
        ConfigError: a profile that does not exist.
    """
    profile = metadata.get("profile")
    if profile not in (None, "default", "paper"):
        raise ConfigError(f'--metadata "profile" is {profile!r}; it must be "paper" or left out.')
    if profile == "paper" and family is not None:
        for start, tokens in spec.paper_max_gen_toks.items():
            if family.startswith(start):
                return tokens
    return spec.max_gen_toks


def _chat_prompts(spec: TaskSpec, items: Sequence[Item], model: Model, named: str | None, plain: bool) -> Prompts:
    tokenizer = None
    if model.takes != "none" and named is None and not plain:
        try:
            tokenizer = model.tokenizer
        except ConfigError:
            # A served model may have no tokenizer anyone can load; then only its messages interface will do.
            if not model.served:
                raise
    name = model.name or "this model"
    talks = [spec.dialogue(item) for item in items]
    if plain:
        texts = tuple(_only_request(spec, talk) for talk in talks)
    else:
        texts = tuple(conversation(tokenizer, talk, named=named, model=name) for talk in talks)
    return Prompts(texts, (False,) * len(texts), spec.stops, plain=tokenizer is None and named is None)


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


def _fim_prompts(
    spec: TaskSpec, items: Sequence[Item], model: Model, metadata: Mapping[str, Any], max_gen_toks: int | None
) -> Prompts:
    if model.takes == "none":
        return Prompts(tuple(item.prefix for item in items), (False,) * len(items), spec.stops)
    requested = str(metadata["fim"]) if metadata.get("fim") else None
    tokenizer = model.tokenizer
    name = model.name or "this model"
    if tokenizer is None:
        return _fim_without_tokenizer(spec, items, requested)
    chosen = fim.resolve(tokenizer, requested=requested, model=name, backend_takes=model.takes)
    family = chosen.format
    if family is None:  # the backend assembles its own prompt from prefix and suffix
        return Prompts(tuple(item.prefix for item in items), (False,) * len(items), spec.stops)
    warnings = list(chosen.warnings)
    order = str(metadata["fim_order"]) if metadata.get("fim_order") else None
    family.text_template(order)  # an order that the family does not have is refused here
    limit, unfit = _prompt_limit(model, max_gen_toks or room_for_answer(spec, metadata, family.id), spec)
    texts, truncated, holding = [], [], set()
    for item in items:
        prefix, suffix, cut = item.prefix, item.suffix, False
        if limit is not None:
            fitted = fim.budget(family, prefix, suffix, tokenizer, limit, order=order)
            prefix, suffix, cut = fitted.prefix, fitted.suffix, fitted.truncated
        found = fim.user_text_holds_sentinel(family, prefix + suffix)
        if found:
            holding.add(item.task_id)
        texts.append(fim.render(family, prefix, suffix, order=order).text)
        truncated.append(cut)
    if holding:
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
    return Prompts(tuple(texts), tuple(truncated), stops, record, tuple(warnings), unfit=unfit, family=family.id)


def _fim_without_tokenizer(spec: TaskSpec, items: Sequence[Item], requested: str | None) -> Prompts:
    if requested is None:
        raise ConfigError(
            f"{spec.name} needs the fill-in-the-middle format of a model, and no model is named. Name the model with "
            "pretrained=... in --model_args (in Python: TaskManager(metadata={'pretrained': ...})), or the format "
            """with --metadata '{"fim":"qwen2.5-coder"}'; `itax fim list` shows the families."""
        )
    chosen = fim.fim_format(requested)
    texts = tuple(fim.render(chosen, item.prefix, item.suffix).text for item in items)
    warning = f"{spec.name}: no tokenizer is known, so prompts are {chosen.id} text that nothing was checked against."
    record = {
        "id": chosen.id,
        "order": chosen.order,
        "trained": chosen.trained,
        "how": "named",
        "truncated": 0,
        "holding_sentinels": [],
    }
    stops = tuple(dict.fromkeys((*chosen.stops, *spec.stops)))
    return Prompts(texts, (False,) * len(items), stops, record, (warning,), family=chosen.id)


def _left_to_right(spec: TaskSpec, items: Sequence[Item], model: Model, max_gen_toks: int | None) -> Prompts:
    tokenizer = model.tokenizer if model.takes != "none" else None
    found = fim.detect(tokenizer).format if tokenizer is not None else None
    # A family's stop strings end the answer without the suffix too: the model may open another hole.
    stops = tuple(dict.fromkeys((*(found.stops if found else ()), *spec.stops)))
    texts, truncated = [], []
    limit, unfit = (None, None)
    if tokenizer is not None:
        limit, unfit = _prompt_limit(model, max_gen_toks or spec.max_gen_toks, spec)
    for item in items:
        whole = item.prefix if spec.condition == "l2r" else spec.text(item)
        text = whole
        if limit is not None and len(text.encode("utf-8", "replace")) > limit:
            text = _tail(text, tokenizer, limit)
        texts.append(text)
        truncated.append(len(text) < len(whole))
    warnings = (f"{sum(truncated)} of {len(items)} prompts of {spec.name} were cut to {limit} tokens.",)
    return Prompts(
        tuple(texts),
        tuple(truncated),
        stops,
        warnings=warnings if any(truncated) else (),
        unfit=unfit,
        family=found.id if found else None,
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


def _prompt_limit(model: Model, answer: int, spec: TaskSpec) -> tuple[int | None, str | None]:
    """(tokens a prompt may have, None), or (None, why there is no room for any)."""
    context = model.context
    if context is None:
        return None, None
    if context <= answer:
        return None, (
            f"{spec.name} lets the answer have {answer} tokens, but the context of {model.name} is {context}. "
            f"Raise max_length (hf) or max_model_len (vllm) in --model_args, or lower --gen_kwargs max_gen_toks=N."
        )
    return context - answer, None
