"""Names of benchmarks in a narrow column: shortened, and never so that two of them look alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

_PAIR = " / "
_CUT = ".."
_HEAD = 8
"""So many characters of a name's beginning stay, or nobody would know the benchmark."""


def shortened(names: Iterable[str], width: int) -> dict[str, str]:
    """Each name in at most `width` characters; in full where it would look like another.

    Of a pair, what both halves begin with is written once; else the end is cut off, or what names have in common in
    the middle where their ends tell them apart.

    >>> shortened(["itax_mini_infilling / itax_mini_infilling_fimchat", "itax_safim"], 30)
    {'itax_mini_infilling / itax_mini_infilling_fimchat': 'itax_mini_infilling / _fimchat', 'itax_safim': 'itax_safim'}
    """
    short = {name: name if len(name) <= width else _end_cut(_said_once(name), width) for name in names}
    alike: dict[str, list[str]] = {}
    for name, shown in short.items():
        alike.setdefault(shown, []).append(name)
    for group in alike.values():
        for name in group if len(group) > 1 else ():
            short[name] = _middle_cut(name, name[_common(group) :], width)
    counts = Counter(short.values())
    return {name: name if counts[shown] > 1 else shown for name, shown in short.items()}


def _said_once(name: str) -> str:
    """A pair whose second half begins like the first, with the first alone in full."""
    first, pair, second = name.partition(_PAIR)
    return f"{first}{_PAIR}{second[len(first) :]}" if pair and second.startswith(f"{first}_") else name


def _end_cut(name: str, width: int) -> str:
    first, pair, second = name.partition(_PAIR)
    room = width - len(_PAIR) - len(second) - len(_CUT)
    if len(name) <= width:
        return name
    # In a pair the second half says what the row is about.
    return f"{first[:room]}{_CUT}{_PAIR}{second}" if pair and room >= _HEAD else f"{name[: width - len(_CUT)]}{_CUT}"


def _common(names: Sequence[str]) -> int:
    """How many characters the names begin with in common."""
    columns = enumerate(zip(*names, strict=False))
    return next((at for at, chars in columns if len(set(chars)) > 1), min(map(len, names)))


def _middle_cut(name: str, tail: str, width: int) -> str:
    room = width - len(_CUT) - len(tail)
    return f"{name[:room]}{_CUT}{tail}" if room >= _HEAD else name
