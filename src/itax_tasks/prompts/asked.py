"""What a request carries besides its text, for models that take more than a string."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

ATTRIBUTE = "itax_asked"
"""The attribute of lm-eval's `Instance` that holds it; lm-eval hands the very objects on, caches included."""

HOLE = "<<<hole>>>"
"""Stands between prefix and suffix in the text of a request whose server assembles the prompt itself: that text is
never sent, but it is lm-eval's cache key and must tell documents with equal prefixes apart."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One prompt beyond its text."""

    task_id: str
    prefix: str
    """Code before the hole, cut to the context."""
    suffix: str
    """Code after it; empty where the condition shows none."""
    ids: Sequence[int] | None = None
    """The whole prompt as token ids, leading token included; None for servers that tokenise themselves."""


def asked(request: Any) -> Asked | None:
    """What a request carries; None for one that no itax task made."""
    found = getattr(request, ATTRIBUTE, None)
    return found if isinstance(found, Asked) else None
