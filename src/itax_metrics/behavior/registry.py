"""The table of behaviour measures: ours, and those that other packages bring under the entry point `itax.behaviors`.

A measure is a function of one `Reply` that gives a number, or None where it does not apply. A mean is always taken
over the answers that have a value, so `ctr_given_failed` is the mean of `ctr` over failed answers.
"""

from __future__ import annotations

import difflib
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from typing import Literal

from itax_metrics.behavior import acceptance, echo, natural_language, size, splice, stopping
from itax_metrics.behavior.code_to_token import ctr, ctr_lenient, ctr_strict, tokenize_error
from itax_metrics.behavior.declarations import declarations_any, def_cls, def_cls_strict, extra_def
from itax_metrics.behavior.fences import fence
from itax_metrics.behavior.flagged import flagged
from itax_metrics.behavior.prose import prose_share
from itax_metrics.behavior.reply import Reply
from itax_metrics.behavior.sentinels import sentinel_leak
from itax_metrics.errors import ConfigError

log = logging.getLogger("itax.behaviors")

GROUP = "itax.behaviors"
"""Entry points of this group name a `Behavior`, or several in a sequence."""

Measure = Callable[[Reply], "float | None"]
Unit = Literal["rate", "share", "tokens", "characters", "seconds", "number"]


@dataclass(frozen=True, slots=True)
class Behavior:
    """One measure of one answer."""

    name: str
    """As it stands in `outcomes.jsonl` and in lm-eval's table: letters, digits and underscores."""
    measure: Measure
    about: str
    """One line for people."""
    unit: Unit = "rate"
    """rate: 0 or 1 an answer; share: from 0 to 1; else what it counts."""
    higher_is_better: bool | None = None
    core: bool = True
    """Computed unless other ones are asked for."""


def given_flagged(measure: Measure) -> Measure:
    """The same measure over the answers that the paper's artifact sets apart; see `flagged`."""

    def conditional(reply: Reply) -> float | None:
        return measure(reply) if flagged(reply) else None

    return conditional


def given_failed(measure: Measure) -> Measure:
    """The same measure over the answers that were decided and did not pass."""

    def conditional(reply: Reply) -> float | None:
        return measure(reply) if reply.passed is False else None

    return conditional


def on_processed(measure: Measure) -> Measure:
    """The same measure on the post-processed answer; None where no extraction rule is known."""

    def of_processed(reply: Reply) -> float | None:
        return None if reply.processed is None else measure(reply.processed)

    return of_processed


def _paper(name: str, measure: Measure, about: str, unit: Unit, higher: bool) -> list[Behavior]:
    return [
        Behavior(name, measure, about, unit, higher),
        Behavior(f"{name}_given_flagged", given_flagged(measure), f"{name} of flagged answers", unit, higher),
        Behavior(f"{name}_given_failed", given_failed(measure), f"{name} of failed answers", unit, higher),
        Behavior(f"{name}_processed", on_processed(measure), f"{name} after post-processing", unit, higher, False),
    ]


BUILTIN: tuple[Behavior, ...] = (
    *_paper("ctr", ctr, "code tokens over tokens (paper)", "share", True),
    *_paper("nl", natural_language.nl, "holds natural language (paper)", "rate", False),
    *_paper("def_cls", def_cls, "declares a function or class (paper)", "rate", False),
    Behavior("flagged", flagged, "looks wrong by one of seven cases (the paper's artifact)", "rate", False),
    Behavior("fence", fence, "holds a Markdown fence", "rate", False),
    Behavior("prose_share", prose_share, "characters in lines of prose", "share", False),
    Behavior("echo_prefix", echo.echo_prefix, "begins by repeating the text before the hole", "rate", False),
    Behavior("echo_suffix", echo.echo_suffix, "runs on into the text behind the hole", "rate", False),
    Behavior("whole_rewrite", echo.whole_rewrite, "writes the enclosing function again", "rate", False),
    Behavior("sentinel_leak", sentinel_leak, "holds a control token as text", "rate", False),
    Behavior("hit_limit", stopping.hit_limit, "used all its tokens", "rate", False),
    Behavior("empty", stopping.empty, "is blank", "rate", False),
    Behavior("indent_broken", splice.indent_broken, "does not fit the indentation around it", "rate", False),
    Behavior("repetition", stopping.repetition, "lines that repeat an earlier one", "share", False),
    Behavior("accepted_prefix", acceptance.accepted_prefix, "right beginning, over the truth", "share", True),
    Behavior("delete_characters", acceptance.delete_characters, "characters behind it", "characters", False),
    Behavior("edit_similarity", acceptance.edit_similarity, "edit similarity to the truth", "share", True),
    Behavior("characters", size.characters, "length of the answer", "characters"),
    Behavior("tokens", size.tokens, "length of the answer", "tokens"),
    Behavior("run_seconds", size.run_seconds, "time its program ran", "seconds", core=False),
    Behavior("ctr_strict", ctr_strict, "ctr with every name counted", "share", True, False),
    Behavior("ctr_lenient", ctr_lenient, "ctr of what can be tokenized", "share", True, False),
    Behavior("tokenize_error", tokenize_error, "Python's tokenizer raises", "rate", False, False),
    Behavior("nl_strict", natural_language.nl_strict, "nl by the paper's prose", "rate", False, False),
    Behavior("nl_no_this", natural_language.nl_no_this, "nl, `this` left out where it is code", "rate", False, False),
    Behavior("def_cls_strict", def_cls_strict, "def_cls with modifiers and async", "rate", False, False),
    Behavior("declarations_any", declarations_any, "declares anything, in any language", "rate", False, False),
    Behavior("extra_def", extra_def, "declares more than the truth", "rate", False, False),
)


@lru_cache(maxsize=1)
def behaviors() -> Mapping[str, Behavior]:
    """Every measure by name: ours first, then those of other packages.

    Raises:
        ConfigError: an entry point that cannot be loaded, is no `Behavior`, or takes a name that is taken.
    """
    found = {behavior.name: behavior for behavior in BUILTIN}
    for point in metadata.entry_points(group=GROUP):
        where = f"The behaviour plug-in {point.name!r} ({point.value})"
        try:
            loaded = point.load()
        except Exception as error:  # a plug-in may fail in any way
            raise ConfigError(
                f"{where} cannot be loaded ({type(error).__name__}: {error}). Repair or uninstall its package."
            ) from error
        for behavior in (loaded,) if isinstance(loaded, Behavior) else tuple(loaded) if _listed(loaded) else (loaded,):
            if not isinstance(behavior, Behavior) or not behavior.name.isidentifier():
                raise ConfigError(f"{where} is no `itax_metrics.behavior.Behavior` with a plain name.")
            if behavior.name in found:
                raise ConfigError(f"{where} brings {behavior.name!r}, and that name is taken. Choose another.")
            found[behavior.name] = behavior
    return found


def select(names: Iterable[str] | None = None) -> tuple[Behavior, ...]:
    """The measures of those names, in the table's order.

    Args:
        names: None for the core ones; the words `core`, `all` and `none` may stand among the names.

    Raises:
        ConfigError: there is no measure of that name.
    """
    known = behaviors()
    wanted: set[str] = set()
    for name in ("core",) if names is None else names:
        if name == "all":
            wanted |= set(known)
        elif name == "core":
            wanted |= {behavior.name for behavior in known.values() if behavior.core}
        elif name in known:
            wanted.add(name)
        elif name != "none":
            near = difflib.get_close_matches(name, known, n=3)
            hint = f" Did you mean {', '.join(near)}?" if near else ""
            raise ConfigError(f"There is no behaviour {name!r}.{hint} Known: core, all, none, {', '.join(known)}.")
    return tuple(behavior for name, behavior in known.items() if name in wanted)


def measure(reply: Reply, chosen: Sequence[Behavior]) -> dict[str, float | None]:
    """The value of each measure; None where it does not apply, and where it fails, which is logged once."""
    found: dict[str, float | None] = {}
    for behavior in chosen:
        value: float | None = None
        try:
            value = behavior.measure(reply)
            if value is not None and not math.isfinite(value):
                _complain(behavior.name, f"it gave {value}")
                value = None
        except Exception as error:  # one odd answer, or a plug-in's mistake, must not cost a run
            _complain(behavior.name, f"{type(error).__name__}: {error}")
            value = None
        found[behavior.name] = None if value is None else float(value)
    return found


@lru_cache(maxsize=256)
def _complain(name: str, reason: str) -> None:
    log.warning("itax: behaviour %s has no value for some answers (%s).", name, reason[:200])


def _listed(value: object) -> bool:
    return isinstance(value, (list, tuple))
