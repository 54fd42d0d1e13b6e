"""What a person at the keyboard would keep of an answer.

Covered: comparison with the truth, character by character. An answer that passed needs no correction, whatever its
letters. Not covered: other right answers of one that failed.
"""

from __future__ import annotations

from itax_metrics.behavior.reply import Reply

_SHORT = 500
"""Characters up to which places are collected one by one; above it, text by text."""

MOST_CELLS = 10**9
"""Length times length above which the edit distance is not computed."""


def accepted_prefix(reply: Reply) -> float | None:
    """The longest beginning of the answer that is right, over the truth's length, in [0, 1]; 1 where it passed.

    None without a truth.
    """
    if reply.item is None or not reply.item.truth:
        return None
    return 1.0 if reply.passed else _shared(reply.text, reply.item.truth) / len(reply.item.truth)


def delete_characters(reply: Reply) -> float | None:
    """Characters behind that beginning, to be deleted; 0 where the answer passed. None without a truth."""
    if reply.item is None or not reply.item.truth:
        return None
    return 0.0 if reply.passed else float(len(reply.text) - _shared(reply.text, reply.item.truth))


def edit_similarity(reply: Reply) -> float | None:
    """1 - Levenshtein distance to the truth over the longer length, in [0, 1].

    None without a truth, and where both are so long that it would take minutes.
    """
    if reply.item is None or not reply.item.truth:
        return None
    one, other = reply.text, reply.item.truth
    if one == other:
        return 1.0
    distance = levenshtein(one, other)
    return None if distance is None else 1 - distance / max(len(one), len(other))


def levenshtein(one: str, other: str) -> int | None:
    """Insertions, deletions and substitutions from one text to the other; None above `MOST_CELLS`.

    A column of the dynamic programme is held in the bits of two integers (Myers 1999, in the form of Hyyro 2003), so
    the time is the longer length times the shorter one over the word size.
    """
    begin = _shared(one, other)
    one, other = one[begin:], other[begin:]
    end = _shared(one[::-1], other[::-1])
    if end:
        one, other = one[:-end], other[:-end]
    if len(one) > len(other):
        one, other = other, one
    if one in other:
        return len(other) - len(one)  # nothing but insertions, such as a fence around the truth; or `one` is empty
    if len(one) * len(other) > MOST_CELLS:
        return None
    # The longer text is held in bits and the shorter one walked through: wide integers are cheap, turns are not.
    size = len(other)
    where = _positions(other, set(one))
    full, top = (1 << size) - 1, 1 << size - 1
    up, down, score = full, 0, size
    for character in one:
        equal = where[character] | down
        diagonal = ((equal & up) + up ^ up) | equal
        right_up = down | full & ~(diagonal | up)
        right_down = up & diagonal
        if right_up & top:
            score += 1
        elif right_down & top:
            score -= 1
        right_up = right_up << 1 | 1
        up = (right_down << 1 | ~(diagonal | right_up)) & full
        down = right_up & diagonal & full
    return score


def _positions(text: str, wanted: set[str]) -> dict[str, int]:
    """For each character, the places where it stands, as bits from the first place on."""
    if len(text) < _SHORT:
        places = dict.fromkeys(wanted, 0)
        bit = 1
        for character in text:
            if character in places:
                places[character] |= bit
            bit <<= 1
        return places
    backwards = text[::-1]
    zeros = dict.fromkeys(map(ord, set(text)), "0")
    return {
        character: int(backwards.translate({**zeros, ord(character): "1"}), 2) if ord(character) in zeros else 0
        for character in wanted
    }


def _shared(one: str, other: str) -> int:
    """Length of the common beginning."""
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low
