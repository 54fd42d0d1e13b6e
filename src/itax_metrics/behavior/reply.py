"""What a behaviour measure may look at: the answer, and what is known of its item and its verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import TypeVar

from itax_metrics.behavior.lexer import Lexed, lex
from itax_metrics.records import Item, Status

Value = TypeVar("Value")


@dataclass(frozen=True)
class Reply:
    """One answer as a measure sees it; everything but the text may be unknown."""

    text: str
    """The answer as it was stored."""
    item: Item | None = None
    """None where the text does not answer a prompt, such as a whole program that another tool put together."""
    extract: Callable[[], str] | None = None
    """Gives the post-processed answer, by the headline's extraction rule."""
    splice: Callable[[], str] | None = None
    """Gives the code under test: the post-processed answer in its place."""
    status: Status | None = None
    passed: bool | None = None
    """None where nothing decided."""
    flags: tuple[str, ...] = ()
    tokens: int | None = None
    """Tokens of the answer, by the model's own tokenizer."""
    seconds: float | None = None
    """Wall seconds that its program ran."""

    @cached_property
    def lexed(self) -> Lexed:
        """Tokens of the stored text."""
        return lex(self.text)

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Lines of the stored text, stripped, blank ones left out."""
        return tuple(line for line in map(str.strip, self.text.split("\n")) if line)

    @cached_property
    def processed(self) -> Reply | None:
        """The same answer after post-processing; None where no rule is known."""
        if self.extract is None:
            return None
        text = self.extract()
        return self if text == self.text else Reply(text, self.item, None, self.splice, self.status, self.passed)

    @cached_property
    def code(self) -> str | None:
        """The code under test; None where it is not known."""
        return self.splice() if self.splice is not None else None


def once(measure: Callable[[Reply], Value]) -> Callable[[Reply], Value]:
    """A measure that others build on: computed once a reply."""
    key = f"_{measure.__name__}"

    @wraps(measure)
    def remembered(reply: Reply) -> Value:
        known = reply.__dict__
        if key not in known:
            known[key] = measure(reply)
        value: Value = known[key]
        return value

    return remembered
