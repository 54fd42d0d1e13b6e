"""Every FIM format itax knows, read from `formats.toml` with the source each line was taken from.

Covered: 25 families with a usable format and 4 whose vocabulary only looks as if they had one.
Not covered: edit-prediction models (Zeta), families without any source found. Entries with status `V2` rest on
third-party code; a tokenizer at hand always decides over the ids written here.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal, cast

from itax_metrics.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Trained = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class FimFormat:
    """How one model family writes a fill-in-the-middle prompt."""

    id: str
    order: str
    """Name of the default order, empty where no format is usable."""
    template: str | None
    """Text of the default order with `{P}` and `{S}`; None where no format is usable."""
    alt_templates: Mapping[str, str]
    """The other known orders, by name."""
    id_templates: Mapping[str, str]
    """Token-level templates by order, for families whose ids are not what the string tokenises to."""
    stops: tuple[str, ...]
    """What ends a middle; empty where no source names one."""
    bos: str | None
    """The token a prompt starts with; None: whatever the tokenizer itself leads with (mostly nothing)."""
    sentinels: tuple[str, ...]
    """The tokens that open prefix, suffix and middle."""
    tokens: tuple[str, ...]
    """Other control tokens of the family: pad, repository, end of text."""
    needs_ids: bool
    """True where no string tokenises to the right prompt on every tokenizer of the family."""
    dummy_space: tuple[str, ...]
    """Which of `P`, `S` keep SentencePiece's leading space."""
    trained: Trained
    """Whether the official models named by `official` were trained on it."""
    official: tuple[str, ...]
    """Patterns of the hub names of those models."""
    repo_template: str | None
    """Repository-level prompt; `{files}` stands for the other files, each written as `repo_file`."""
    repo_file: str
    repo_stops: tuple[str, ...]
    """Further stops that a repository-level prompt needs."""
    max_context: int | None
    """Tokens; the smallest among the sizes of the family."""
    context_by_size: Mapping[str, int]
    status: str
    """V: read in the vendor's own document or code; V2: only in a third party's."""
    sources: tuple[str, ...]
    notes: str
    ids: Mapping[str, Mapping[str, int]]
    """Published ids by tokenizer variant, for detection and for reading; prompts never use them."""
    order_documented: bool = True
    """False where no vendor document says in which order the parts come."""
    pathless_order: str | None = None
    """The order used when the default one names a path and none is known."""
    carries: str | None = None
    """For families without a usable format: whose tokens their vocabulary holds."""

    @property
    def orders(self) -> tuple[str, ...]:
        """Every order that can be rendered, the default first."""
        return () if self.template is None else (self.order, *self.alt_templates)

    @property
    def control_tokens(self) -> tuple[str, ...]:
        """Everything that must not be read as a token when it stands in somebody's code."""
        given = (*self.sentinels, *self.tokens, *([self.bos] if self.bos else []))
        return tuple(dict.fromkeys(given))

    def text_template(self, order: str | None = None) -> str:
        """The template of one order.

        Raises:
            ConfigError: the family has no usable format, or not that order.
        """
        if self.template is None:
            raise ConfigError(
                f"FIM family {self.id!r} has no usable format: {self.notes}. To use the tokens all the same, name the "
                f"family they are borrowed from: {fim_option(self.carries or '<family>')}."
            )
        if order is None or order == self.order:
            return self.template
        if order not in self.alt_templates:
            raise ConfigError(
                f"FIM family {self.id!r} has no order {order!r}.{did_you_mean(order, self.orders)} "
                f"Known orders: {', '.join(self.orders)}."
            )
        return self.alt_templates[order]

    def id_template(self, order: str | None = None) -> str:
        """The template that token ids are built from; the text template unless the two differ."""
        text = self.text_template(order)
        return self.id_templates.get(order or self.order, text)


def load_formats() -> Mapping[str, FimFormat]:
    """Every format by id, in the order of `formats.toml`; read once."""
    return _formats()


def fim_format(id: str) -> FimFormat:
    """The format with this id.

    Raises:
        ConfigError: no such family; names the nearest ones and the command that lists all.
    """
    formats = load_formats()
    if id not in formats:
        near = did_you_mean(id, formats)
        raise ConfigError(f"There is no FIM family {id!r}.{near} `itax fim list` shows all of them.")
    return formats[id]


def fim_option(family: str) -> str:
    """The option that names a family on the command line."""
    return f'--metadata \'{{"fim":"{family}"}}\''


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """` Did you mean ...?` with the nearest names, or nothing."""
    by_lower = {name.lower(): name for name in known}
    near = [by_lower[name] for name in difflib.get_close_matches(given.lower(), list(by_lower), n=3, cutoff=0.6)]
    return f" Did you mean {' or '.join(near)}?" if near else ""


@cache
def registry_table(name: str) -> tuple[Mapping[str, Any], ...]:
    """One array of tables of `formats.toml`: `format`, `signature` or `not_trained`."""
    text = files("itax_tasks.fim").joinpath("formats.toml").read_text(encoding="utf-8")
    return tuple(cast("list[dict[str, Any]]", tomllib.loads(text)[name]))


@cache
def _formats() -> Mapping[str, FimFormat]:
    return MappingProxyType({row["id"]: _read_format(row) for row in registry_table("format")})


def _read_format(row: Mapping[str, Any]) -> FimFormat:
    templates = dict(row.get("templates", {}))
    order = row.get("order", "")
    default = templates.pop(order, None)
    return FimFormat(
        id=row["id"],
        order=order,
        template=default,
        alt_templates=MappingProxyType(templates),
        id_templates=MappingProxyType(dict(row.get("id_templates", {}))),
        stops=tuple(row.get("stops", ())),
        bos=row.get("bos"),
        sentinels=tuple(row["sentinels"]),
        tokens=tuple(row.get("tokens", ())),
        needs_ids=row.get("needs_ids", False),
        dummy_space=tuple(row.get("dummy_space", ())),
        trained=row["trained"],
        official=tuple(row.get("official", ())),
        repo_template=row.get("repo_template"),
        repo_file=row.get("repo_file", ""),
        repo_stops=tuple(row.get("repo_stops", ())),
        max_context=row.get("max_context"),
        context_by_size=MappingProxyType(dict(row.get("context_by_size", {}))),
        status=row["status"],
        sources=tuple(row["sources"]),
        notes=row["notes"],
        ids=MappingProxyType({name: MappingProxyType(ids) for name, ids in row.get("ids", {}).items()}),
        order_documented=row.get("order_documented", True),
        pathless_order=row.get("pathless_order"),
        carries=row.get("carries"),
    )
