"""Which FIM format one run uses: the one that was named, else the one its tokenizer carries, else a clear refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from itax_metrics.errors import ConfigError

from .detect import detect, missing_sentinels
from .encoding import Tokenizer
from .layout import missing_sentinel
from .names import NameVerdict, by_name
from .registry import FimFormat, Trained, fim_format, fim_option, load_formats

BackendTakes = Literal["string", "ids", "native_suffix", "none"]


@dataclass(frozen=True, slots=True)
class Resolved:
    """The choice, and everything about it that belongs beside the numbers."""

    format: FimFormat | None
    """None only for backends that assemble no prompt of ours (`native_suffix`, `none`)."""
    trained: Trained
    warnings: tuple[str, ...]
    how: Literal["named", "detected", "backend"]


def resolve(
    tokenizer: Tokenizer | None,
    *,
    requested: str | None,
    model: str,
    backend_takes: BackendTakes = "string",
) -> Resolved:
    """Choose the format of a run.

    Args:
        tokenizer: the model's own; None where a backend has none.
        requested: the family named in `--metadata '{"fim": ...}'`; it wins over detection.
        model: the model's hub name or path.
        backend_takes: what the backend is handed. `native_suffix` and `none` need no format and are never refused one.

    Raises:
        ConfigError: an unknown family; none found; a model known to be untrained on FIM whose family was not named;
            a family that needs ids on a string backend; a sentinel this tokenizer does not have.
    """
    if backend_takes in ("native_suffix", "none"):
        return _without_prompt(tokenizer, requested, model)
    resolved = _named(requested, model) if requested else _detected(tokenizer, model)
    fmt = resolved.format
    if fmt is not None:
        _check(fmt, tokenizer, backend_takes)
    return resolved


def _named(requested: str, model: str) -> Resolved:
    fmt = fim_format(requested)
    fmt.text_template()
    named = by_name(model)
    trained = _trained_on(fmt, named)
    return Resolved(fmt, trained, _warnings(fmt, trained, model, named.why), "named")


def _detected(tokenizer: Tokenizer | None, model: str) -> Resolved:
    if tokenizer is None:
        raise _no_family(model, "there is no tokenizer to look at")
    found = detect(tokenizer, model)
    if found.trained == "no":
        carried = found.format.carries if found.format else None
        borrowed = f" (its vocabulary may hold {carried}'s tokens)" if carried else ""
        raise ConfigError(
            f"{model or 'This model'} was not trained on FIM: {found.why}. To measure it all the same, name the family "
            f"whose tokens it should be given{borrowed}: {fim_option(carried or '<family>')}."
        )
    if found.format is None:
        raise _no_family(model, found.why, found.candidates)
    return Resolved(found.format, found.trained, _warnings(found.format, found.trained, model, found.why), "detected")


def _without_prompt(tokenizer: Tokenizer | None, requested: str | None, model: str) -> Resolved:
    if requested:
        fmt = fim_format(requested)
        return Resolved(fmt, _trained_on(fmt, by_name(model)), (), "named")
    if tokenizer is not None:
        found = detect(tokenizer, model)
        if found.format is not None:
            return Resolved(found.format, found.trained, (), "detected")
    named = by_name(model)
    fmt_by_name = load_formats()[named.format_id] if named.format_id else None
    return Resolved(fmt_by_name, named.trained, (), "backend")


def _trained_on(fmt: FimFormat, named: NameVerdict) -> Trained:
    """What the model's name says about this very format."""
    if named.trained == "no" or fmt.trained == "no":
        return "no"
    if named.format_id is None:
        return "unknown"
    same = fmt.template == load_formats()[named.format_id].template
    return named.trained if same else "unknown"


def _warnings(fmt: FimFormat, trained: Trained, model: str, why: str) -> tuple[str, ...]:
    name = model or "this model"
    if trained == "yes":
        return ()
    if trained == "no":
        return (f"FIM family {fmt.id} was named for {name}, which is known not to be trained on FIM: {why}.",)
    return (
        f"Whether {name} was trained on FIM is unknown; it is prompted in the {fmt.id} format ({why}). "
        "The results record this.",
    )


def _check(fmt: FimFormat, tokenizer: Tokenizer | None, backend_takes: BackendTakes) -> None:
    if backend_takes == "string" and fmt.needs_ids:
        raise ConfigError(
            f"FIM family {fmt.id!r} cannot be prompted with a string: {fmt.notes}. It takes token ids: "
            "--model itax-hf or --model itax-vllm, with the same model arguments."
        )
    if tokenizer is None:
        return
    for token in missing_sentinels(fmt, tokenizer):
        raise missing_sentinel(fmt, token)


def _no_family(model: str, why: str, candidates: tuple[str, ...] = ()) -> ConfigError:
    choice = "|".join(candidates) if candidates else "<family>"
    return ConfigError(
        f"No FIM format for {model or 'this model'}: {why}. Either name one, {fim_option(choice)}, or "
        f"use a model whose tokenizer has FIM tokens. Families: {', '.join(_usable())}."
    )


def _usable() -> list[str]:
    return [fmt.id for fmt in load_formats().values() if fmt.template is not None]
