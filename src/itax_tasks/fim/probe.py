"""Was a model trained to fill in the middle, and in which order? Asked of its probabilities, not of its vocabulary.

For each hole and each candidate order the log-probability of the true middle is taken three times: with the suffix,
with an empty suffix in the same format, and left to right with no format. A model that was trained in an order finds
the middle likelier with the suffix than without, and likelier than left to right; sentinels that were never trained
make it less likely than left to right. Candidates: every order of every family whose sentinels the tokenizer holds, and
for each triple of sentinels the four orders that are in use.

Not covered: training in an order nobody documents; models that fill in from chat alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb
from statistics import fmean
from typing import Any, Literal

from itax_metrics.errors import ConfigError

from .encoding import encoder_for
from .holes import HOLES, Hole
from .layout import Layout, split_template
from .registry import FimFormat, load_formats

Score = Callable[[Sequence[tuple[list[int], list[int]]]], Sequence[float]]
"""(prompt ids, continuation ids) -> log-probability of the continuation, in nats."""

Verdict = Literal["yes", "no", "unclear"]

_ORDERS = {
    "PSM": "{pre}{{P}}{suf}{{S}}{mid}",
    "SPM-a": "{pre}{suf}{{S}}{mid}{{P}}",
    "SPM-b": "{suf}{{S}}{pre}{{P}}{mid}",
    "SPM-no-mid": "{suf}{{S}}{pre}{{P}}",
}
_LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Candidate:
    """One order to try."""

    order: str
    families: tuple[str, ...]
    """Families of the registry that write exactly this."""
    template: str
    layout: Layout


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the holes say about one candidate; log-probabilities are nats a token of the middle, means over holes."""

    order: str
    families: tuple[str, ...]
    template: str
    with_suffix: float
    empty_suffix: float
    ahead_of_empty: int
    """Holes where the middle is likelier with the suffix."""
    ahead_of_left_to_right: int

    @property
    def gain(self) -> float:
        """What the suffix is worth."""
        return self.with_suffix - self.empty_suffix


@dataclass(frozen=True, slots=True)
class Probe:
    """The ranking and what follows from it."""

    ranking: tuple[Evidence, ...]
    """The likeliest order first."""
    left_to_right: float
    holes: int
    trained: Verdict
    why: str
    ahead_of_second: int
    """Holes where the first of the ranking beats the second."""


def candidates(tokenizer: Any) -> list[Candidate]:
    """The orders worth trying with this tokenizer.

    Raises:
        ConfigError: it holds the sentinels of no family.
    """
    encoder = encoder_for(tokenizer)
    found: dict[str, tuple[str, list[str], FimFormat]] = {}
    for fmt in load_formats().values():
        own = {order: fmt.id_template(order) for order in fmt.orders}
        for order, template in {**_generic(fmt), **own}.items():
            used = [token for token in fmt.control_tokens if token in template]
            if "{path}" in template or "{language}" in template:
                continue
            if any(encoder.token_id(token, by_text=not fmt.needs_ids) is None for token in used):
                continue
            families = found.setdefault(template, (order, [], fmt))[1]
            if order in own:
                families.append(fmt.id)
    if not found:
        raise ConfigError(
            "This tokenizer holds the sentinels of no family that itax knows as single ids, so there is no order to "
            "probe; `itax fim list` shows the families."
        )
    fields = {"path": "", "language": "Python", "header": "", "repo": ""}
    return [
        Candidate(
            order, tuple(families), template, Layout(fmt, encoder, split_template(template, fmt.control_tokens), fields)
        )
        for template, (order, families, fmt) in found.items()
    ]


def _generic(fmt: FimFormat) -> dict[str, str]:
    if len(fmt.sentinels) != 3 or fmt.template is None or fmt.needs_ids:
        return {}
    pre, suf, mid = fmt.sentinels
    return {order: shape.format(pre=pre, suf=suf, mid=mid) for order, shape in _ORDERS.items()}


def probe(tokenizer: Any, score: Score, holes: Sequence[Hole] = HOLES) -> Probe:
    """Ask a model about every candidate.

    Args:
        tokenizer: the model's own.
        score: its log-probabilities.
        holes: what to fill in; the built-in ones where nothing is given.
    """
    tried = candidates(tokenizer)
    encoder = encoder_for(tokenizer)
    middles = [encoder.encode(hole.middle) for hole in holes]
    asked: list[tuple[list[int], list[int]]] = []
    for hole, middle in zip(holes, middles, strict=True):
        asked.append(([*encoder.lead, *encoder.encode(hole.prefix, dummy_space=True)], middle))
        for candidate in tried:
            asked.append((candidate.layout.ids(hole.prefix, hole.suffix), middle))
            asked.append((candidate.layout.ids(hole.prefix, ""), middle))
    answers = iter(score(asked))
    plain: list[float] = []
    table: list[list[tuple[float, float]]] = [[] for _ in tried]
    for middle in middles:
        plain.append(next(answers) / len(middle))
        for row in table:
            row.append((next(answers) / len(middle), next(answers) / len(middle)))
    ranked = sorted(range(len(tried)), key=lambda n: -fmean(with_suffix for with_suffix, _ in table[n]))
    ranking = tuple(_evidence(tried[n], table[n], plain) for n in ranked)
    second = table[ranked[1]] if len(ranked) > 1 else None
    ahead = sum(one[0] > other[0] for one, other in zip(table[ranked[0]], second, strict=True)) if second else 0
    trained, why = _verdict(ranking[0], fmean(plain), len(holes))
    return Probe(ranking, fmean(plain), len(holes), trained, why, ahead)


def _evidence(candidate: Candidate, row: Sequence[tuple[float, float]], plain: Sequence[float]) -> Evidence:
    return Evidence(
        candidate.order,
        candidate.families,
        candidate.template,
        fmean(one for one, _ in row),
        fmean(other for _, other in row),
        sum(one > other for one, other in row),
        sum(one > alone for (one, _), alone in zip(row, plain, strict=True)),
    )


def _verdict(best: Evidence, plain: float, holes: int) -> tuple[Verdict, str]:
    gain, lead = sign_test(best.ahead_of_empty, holes), sign_test(best.ahead_of_left_to_right, holes)
    said = (
        f"in order {best.order} the true middle is likelier with the suffix in {best.ahead_of_empty} of {holes} holes "
        f"(sign test p {gain:.4f}) and likelier than left to right in {best.ahead_of_left_to_right} (p {lead:.4f})"
    )
    if gain < _LEVEL and lead < _LEVEL:
        return "yes", said
    if best.with_suffix < plain and lead >= 0.5:
        return "no", said
    return "unclear", said


def sign_test(ahead: int, of: int) -> float:
    """The chance of at least `ahead` heads in `of` throws of a fair coin."""
    return sum(comb(of, k) for k in range(ahead, of + 1)) / 2**of if of else 1.0
