"""SAFIM's truncation of blocks: drop last lines until what is left fits the hole as the syntax tree sees it.

Source: Gong et al. 2024, https://github.com/gonglinyuan/safim, `prompt_utils.py`, restated. A candidate fits when the
file parses with it, and when the tree of the file with an empty hole (Python: with `pass`) is found again on both sides
of what the candidate adds. The original walks both trees in Python for every line it drops; here the empty file is
walked once an item, a candidate that does not parse is turned away without a walk, and traces are compared by halves.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from itax_tasks.extraction import grammars
from itax_tasks.extraction.safim_calls import until_unopened_brace

_STEP = array("i").itemsize
_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_]\w*")
_PASS_STEPS = 4
"""Steps of a `pass` in a trace: statement and keyword, entered and left."""


@dataclass(frozen=True, slots=True)
class Hole:
    """The code around a hole, and the trace of the file with nothing in it."""

    language: str
    before: bytes
    after: bytes
    empty: bytes
    """`grammars.trace` as 32-bit numbers; nothing where the file does not parse with the hole empty."""


def until_block(language: str, before: str, after: str, completion: str) -> str:
    """SAFIM's `truncate_line_until_block`; the answer may be empty.

    Args:
        language: one of `grammars.MODULES`.
        before: the code before the hole, as it is scored.
        after: the code after it.
        completion: the answer.

    Where the file does not parse with the hole empty, nothing fits; the original stops there with an assertion, which
    no published answer reaches.
    """
    return next((kept for kept, sharing in _parsable(language, before, after, completion) if sharing.fits), "")


def until_block_fixed(language: str, before: str, after: str, completion: str) -> str:
    """The same with its two known faults mended, so that every published answer is kept.

    Common beginning and common end may not overlap: the original counts such steps twice, finds more than there is, and
    drops Python's `pass`. And the parser does not expand C++'s macros: where the answer uses one that the file defines,
    or the file does not parse with the hole empty, an answer that closes all it opens is cut by its brackets.
    """
    kept = next((kept for kept, sharing in _parsable(language, before, after, completion) if sharing.fits_apart), "")
    if kept == completion or not (_uses_macros(before, completion) or not _hole(language, before, after).empty):
        return kept
    cut, closed = until_unopened_brace(language, completion)
    return cut if closed else kept


def until_parsable(language: str, before: str, after: str, completion: str) -> str:
    """SAFIM's `truncate_line_until_parsable`: drop last lines until the file parses. No documented command uses it."""
    front, back = _bytes(before), _bytes(after)
    for kept in _shorter(completion):
        if not grammars.has_errors(grammars.parse(language, front + _bytes(kept) + back)):
            return kept
    return ""


@dataclass(frozen=True, slots=True)
class _Sharing:
    """What the trace of the file with a candidate has of the trace with the hole empty."""

    matched: int
    """Steps of its common beginning and of its common end, together."""
    needed: int
    """Steps that do not belong to the hole."""

    @property
    def fits(self) -> bool:
        """By the original's rule."""
        return self.matched == self.needed

    @property
    def fits_apart(self) -> bool:
        """Where a step may count once only: beginning and end cover all that is needed as soon as they reach it."""
        return self.matched >= self.needed


def _parsable(language: str, before: str, after: str, completion: str) -> Iterator[tuple[str, _Sharing]]:
    """Every candidate that parses and draws no smaller tree than the empty hole, longest first."""
    if not completion:
        return
    around = _hole(language, before, after)
    for kept in _shorter(completion):
        sharing = _sharing(around, kept)
        if sharing is not None:
            yield kept, sharing


def _uses_macros(before: str, completion: str) -> bool:
    names = _macros(before)
    return bool(names) and not names.isdisjoint(_NAME.findall(completion))


@lru_cache(maxsize=8)
def _macros(before: str) -> frozenset[str]:
    return frozenset(_DEFINE.findall(before))


@lru_cache(maxsize=64)
def _sharing(around: Hole, candidate: str) -> _Sharing | None:
    tree = grammars.parse(around.language, around.before + _bytes(candidate) + around.after)
    if grammars.has_errors(tree) or not around.empty:
        return None
    found = _packed(grammars.trace(around.language, tree))
    empty = around.empty
    if len(empty) > len(found):
        return None
    slack = _PASS_STEPS if around.language == "python" else 0
    matched = _common_start(empty, found) + _common_end(empty, found)
    return _Sharing(matched, len(empty) // _STEP - slack)


@lru_cache(maxsize=8)
def _hole(language: str, before: str, after: str) -> Hole:
    front, back = _bytes(before), _bytes(after)
    tree = grammars.parse(language, front + (b"pass" if language == "python" else b"") + back)
    return Hole(language, front, back, b"" if grammars.has_errors(tree) else _packed(grammars.trace(language, tree)))


def _packed(steps: list[int]) -> bytes:
    return array("i", steps).tobytes()


def _common_start(first: bytes, second: bytes) -> int:
    """Steps that two packed traces begin with alike."""
    return _longest(min(len(first), len(second)) // _STEP, lambda n: first[: n * _STEP] == second[: n * _STEP])


def _common_end(first: bytes, second: bytes) -> int:
    """Steps that two packed traces end with alike."""
    a, b = len(first), len(second)
    return _longest(min(a, b) // _STEP, lambda n: first[a - n * _STEP :] == second[b - n * _STEP :])


def _longest(most: int, same: Callable[[int], bool]) -> int:
    """The largest number up to `most` for which `same` holds, where it holds for all smaller ones."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if same(middle) else (least, middle - 1)
    return least


def _shorter(completion: str) -> Iterator[str]:
    """The completion, then with one last line less each time; never the empty text."""
    lines = completion.splitlines(keepends=True)
    end = len(completion)
    for line in reversed(lines):
        yield completion[:end]
        end -= len(line)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
