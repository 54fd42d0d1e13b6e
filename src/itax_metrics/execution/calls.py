"""Call tests, judged out of process: inputs go in, encoded results come out, the right answers never leave this side.

The rules of comparison are EvalPlus's (its evaluator at release 0.3.1, and as it stood in November 2023 at commit
1895d2f6), restated from its source; each call names its own.

Covered: a program cannot read the expected answers, nor claim a pass without producing them; results are compared as
plain values by `codec`, never by a method of the program's own; the run is stopped at the first wrong result.
Not covered: a program may produce its results in any way it likes, without the function that was asked for included;
a result too large to send is compared by digest, hence exactly.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal

from ..records import Flag, Status, Verdict
from .codec import SEGMENT, CodecError, encode
from .codec_reading import decode

Comparison = Literal["exact", "close", "set", "not_none", "always", "polynomial", "allclose", "present", "never"]
"""How one result is compared.

exact: `==`, against the expected value or any further accepted one.
close: as exact; else, where a tolerance holds, same type, same length and `numpy.allclose` with rtol 1e-7. The
tolerance is the judge's `atol`, or 1e-6 from the first call on that expects floats.
set: the sets of the elements are equal.
not_none: the expected bool says whether there is a result; a result that is a bool itself is compared with it.
always: any result will do.
polynomial: the result is a root, within `atol`, of the polynomial whose coefficients are the only argument.
Of 2023: allclose: as close, but types need not agree, shapes are numpy's business (one number fits an empty list), and
an empty sequence counts as one of floats; present: as not_none, a bool being a result like any other; never: no result
is right, because the rule itself fails on every one.
"""

RESULT_BYTES = 1 << 20
"""Longer results are sent as a digest."""
PAUSE_AFTER = 8
"""Results after which a program of more than twice as many calls waits to be let go on: most wrong ones have shown it
by then, and would go on until they are stopped."""
RELATIVE_TOLERANCE = 1e-7
FLOAT_TOLERANCE = 1e-6
HEADER = struct.Struct("<cI")
"""What stands before each message of a running program: its kind and the length of its body.

`s` the function exists; `b` a long result is being digested; `V` a result, `D` the digest of one; `T` seconds of a
timed call; `F` `E` `M` `C` failed assertion, error, out of memory, compile error: the last message.
"""
_UNUSUAL = (b"f", b"c", b"n", b"a", b"m", b"?")
"""Tags of values that may differ from themselves, or bring a tolerance with them."""
_PLAIN = (b"N", b"T", b"F", b"i", b"I", b"s", b"b", b"y")
_SEQUENCES = (b"[", b"(")
_PLAIN_SEGMENTS = (b"i", b"t", b"s")
_COUNT = struct.Struct("<I")
_EMPTY = (b"V" + encode([]), b"V" + encode(()))
_ENDINGS = {
    b"F": Status.FAILED,
    b"E": Status.ERROR,
    b"M": Status.OUT_OF_MEMORY,
    b"C": Status.COMPILE_ERROR,
    b"X": Status.HARNESS_ERROR,
}
_LONGEST_DETAIL = 200


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the function under test."""

    arguments: bytes
    """The list of positional arguments, encoded."""
    expected: bytes = b""
    """The expected result as `Returned.result` holds it; empty where the comparison needs none."""
    seconds: float = 4.0
    """Wall limit of this call."""
    comparison: Comparison = "close"
    accepted: tuple[bytes, ...] = ()
    """Further results that are right, in the form of `expected`."""


@dataclass(frozen=True)
class CallJudge:
    """Calls one function on each input, in order; passes when every result is right.

    Equal judges share one digest, so that a program is hashed without looking at its inputs again.
    """

    entry_point: str
    calls: tuple[Call, ...] = field(repr=False, compare=False)
    atol: float = 0.0
    kind: Literal["calls"] = "calls"
    digest: str = field(init=False, repr=False, default="")
    """sha256 over function name, tolerance and calls."""

    def __post_init__(self) -> None:
        whole = hashlib.sha256(repr((self.entry_point, self.atol, len(self.calls))).encode())
        for call in self.calls:
            for part in (call.arguments, call.expected, *call.accepted):
                whole.update(struct.pack("<Q", len(part)) + part)
            whole.update(repr((call.seconds, call.comparison, len(call.accepted))).encode())
        object.__setattr__(self, "digest", whole.hexdigest())

    def __deepcopy__(self, memo: object) -> CallJudge:
        return self

    def scaled(self, time_scale: float) -> CallJudge:
        """The same judge with the limit of every call multiplied, for slow machines."""
        calls = tuple(replace(call, seconds=call.seconds * time_scale) for call in self.calls)
        return CallJudge(self.entry_point, calls, self.atol)

    def identity(self) -> dict[str, Any]:
        """What stands for this judge in the key of a program."""
        return {"kind": self.kind, "digest": self.digest}


def request(judge: CallJudge, source: str) -> dict[str, Any]:
    """What a worker is told: source, function, inputs, limits; nothing that says what is right."""
    return {"source": source, **_told(judge)}


@lru_cache(maxsize=64)
def _told(judge: CallJudge) -> dict[str, Any]:
    blob = b"".join(struct.pack("<I", len(call.arguments)) + call.arguments for call in judge.calls)
    return {
        "entry_point": judge.entry_point,
        "arguments": blob,
        "seconds": [call.seconds for call in judge.calls],
        "as_set": [number for number, call in enumerate(judge.calls) if call.comparison == "set"],
        "result_bytes": RESULT_BYTES,
        "pause_after": PAUSE_AFTER if len(judge.calls) > 2 * PAUSE_AFTER else 0,
    }


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is known about a judge before any result: per call its frame, tolerance, and whether equal bytes decide."""

    frames: tuple[bytes, ...]
    decided_by_bytes: tuple[bool, ...]
    tolerances: tuple[float, ...]


@lru_cache(maxsize=64)
def _plan(judge: CallJudge) -> _Plan:
    frames, decided, tolerances = [], [], []
    atol = judge.atol
    for call in judge.calls:
        looked_at = call.expected[:1] == b"V" and _may_be_unusual(call.expected)
        value = _value(call.expected) if looked_at else None
        if call.comparison in ("close", "allclose") and atol == 0 and _brings_tolerance(call, looked_at, value):
            atol = FLOAT_TOLERANCE
        tolerances.append(atol)
        frames.append(frame(call.expected))
        plain = call.comparison in ("exact", "close", "allclose") and bool(call.expected)
        # A value that does not equal itself (it holds a NaN) is not right even when it is the same.
        decided.append(plain and (not looked_at or _equal(value, _value(call.expected))))
    return _Plan(tuple(frames), tuple(decided), tuple(tolerances))


def _may_be_unusual(expected: bytes) -> bool:
    """False for most values that hold none of `_UNUSUAL`: these need not be decoded to be planned for."""
    tag = expected[1:2]
    if tag in _PLAIN:
        return False
    # One segment, packed, of a list or tuple: tag, count, kind.
    if tag in _SEQUENCES and expected[6:7] in _PLAIN_SEGMENTS and _COUNT.unpack_from(expected, 2)[0] <= SEGMENT:
        return False
    return any(unusual in expected for unusual in _UNUSUAL)


def frame(result: bytes) -> bytes:
    """A result as it stands in the stream of a running program."""
    return HEADER.pack(result[:1] or b"-", max(0, len(result) - 1)) + result[1:]


class Following:
    """Reads the stream of one running program and says how far it was right."""

    def __init__(self, judge: CallJudge) -> None:
        self._judge, self._plan = judge, _plan(judge)
        self._held = b""
        self._right = 0
        self.settled: Verdict | None = None
        """The verdict, once nothing that comes later can change it."""

    def feed(self, more: bytes) -> None:
        """The next bytes of the stream."""
        held, at = (self._held + more if self._held else more), 0
        frames, by_bytes = self._plan.frames, self._plan.decided_by_bytes
        while self.settled is None and at < len(held):
            right = self._right
            if right < len(frames) and by_bytes[right] and held.startswith(frames[right], at):
                at += len(frames[right])
                self._note_right()
                continue
            if len(held) - at < HEADER.size:
                break
            kind, length = HEADER.unpack_from(held, at)
            if length > RESULT_BYTES:
                self.settled = Verdict(Status.ERROR, 0.0, (Flag.TAMPERED.value,), "wrote to the channel of the results")
            end = at + HEADER.size + length
            if end > len(held):
                break
            self._take(kind, held[at + HEADER.size : end])
            at = end
        self._held = held[at:]

    def _take(self, kind: bytes, body: bytes) -> None:
        if kind in (b"s", b"b", b"T"):
            if kind == b"s" and not self._judge.calls:
                self.settled = Verdict(Status.PASSED)  # there is nothing to call; that the function exists is all
            return
        if kind in _ENDINGS:
            detail = body.decode("utf-8", "replace")[:_LONGEST_DETAIL]
            self.settled = Verdict(_ENDINGS[kind], detail=f"{self._where()}{detail}"[:_LONGEST_DETAIL])
        elif kind in (b"V", b"D") and self._is_right(kind + body):
            self._note_right()
        elif kind in (b"V", b"D"):
            self.settled = Verdict(Status.FAILED, detail=f"{self._where()}not the expected result")
        else:
            self.settled = Verdict(Status.ERROR, 0.0, (Flag.TAMPERED.value,), "wrote to the channel of the results")

    def _note_right(self) -> None:
        self._right += 1
        if self._right == len(self._judge.calls):
            self.settled = Verdict(Status.PASSED)

    def _where(self) -> str:
        return f"call {self._right + 1} of {len(self._judge.calls)}: "

    def _is_right(self, result: bytes) -> bool:
        number = self._right
        call = self._judge.calls[number]
        if call.comparison in ("always", "never"):
            return call.comparison == "always"
        if call.comparison != "polynomial" and result in (call.expected, *call.accepted) and result[:1] == b"D":
            return True
        if result[:1] == b"D":
            # Too long to send, and not what was expected; only its presence can still be right.
            return call.comparison in ("not_none", "present") and _value(call.expected) is True
        try:
            got = decode(result[1:])
        except (CodecError, RecursionError):
            return False
        try:
            return _compare(call, got, self._plan.tolerances[number], self._judge.atol)
        except Exception:
            # What cannot be compared is not equal: numpy arrays of several elements, sets of lists, sNaN.
            return False


def verdict(following: Following, reply: dict[str, Any]) -> Verdict:
    """The verdict of a program whose run has ended as `reply` says."""
    seconds, flags = float(reply.get("seconds", 0.0)), tuple(reply.get("flags", ()))
    settled = following.settled
    # A wrong result may come of the engine's failure, a right one not.
    if settled is None or (reply["status"] == Status.HARNESS_ERROR and settled.status is not Status.PASSED):
        settled = Verdict(Status(reply["status"]), detail=str(reply.get("detail", "")))
        if settled.status is Status.PASSED:
            settled = Verdict(Status.ERROR, detail="ended without calling the function on every input")
    return Verdict(settled.status, seconds, tuple(dict.fromkeys((*settled.flags, *flags))), settled.detail)


def _value(result: bytes) -> Any:
    """The decoded expected result; None for one known by its digest only."""
    return decode(result[1:]) if result[:1] == b"V" else None


def _equal(left: Any, right: Any) -> bool:
    try:
        return bool(left == right)
    except Exception:
        return False


def _compare(call: Call, got: Any, tolerance: float, atol: float) -> bool:
    if call.comparison == "polynomial":
        (coefficients,) = decode(call.arguments)
        total = sum(factor * math.pow(got, power) for power, factor in enumerate(coefficients))
        return bool(abs(total) <= atol)
    expected = _value(call.expected)
    if call.comparison == "set":
        return bool(set(got) == set(expected))
    if call.comparison in ("not_none", "present"):
        if isinstance(got, bool) and call.comparison == "not_none":
            return bool(got == expected)
        return expected is (got is not None)
    if call.expected[:1] == b"V" and bool(got == expected):
        return True
    if any(_accepts(_value(other), got, atol) for other in call.accepted if other[:1] == b"V"):
        return True
    if call.comparison == "exact" or tolerance == 0 or call.expected[:1] != b"V":
        return False
    if call.comparison == "allclose":
        return _is_allclose(got, expected, tolerance)
    return _is_close(got, expected, tolerance)


def _accepts(accepted: Any, got: Any, atol: float) -> bool:
    if _equal(got, accepted):
        return True
    return (
        atol != 0
        and isinstance(got, (int, float))
        and isinstance(accepted, (int, float))
        and (abs(got - accepted) <= atol)
    )


def _brings_tolerance(call: Call, looked_at: bool, value: Any) -> bool:
    """True where the expected value is one of floats, so that a tolerance holds from this call on."""
    if looked_at:
        return _is_floats(value) or (call.comparison == "allclose" and isinstance(value, (list, tuple)) and not value)
    return call.comparison == "allclose" and call.expected in _EMPTY


def _is_floats(value: Any) -> bool:
    if isinstance(value, float):
        return True
    if isinstance(value, (list, tuple)):
        return bool(value) and all(isinstance(element, float) for element in value)
    return type(value).__name__ == "ndarray" and str(value.dtype) in ("float64", "float32")


def _is_close(got: Any, expected: Any, atol: float) -> bool:
    if type(got) is not type(expected):
        return False
    if isinstance(expected, (list, tuple)) and len(got) != len(expected):
        return False
    pairs: Iterable[tuple[Any, Any]] = (
        zip(got, expected, strict=True) if isinstance(expected, (list, tuple)) else [(got, expected)]
    )
    pairs = list(pairs)
    if pairs and all(
        type(one) is type(other) is float and math.isfinite(one) and math.isfinite(other) for one, other in pairs
    ):
        return all(abs(one - other) <= atol + RELATIVE_TOLERANCE * abs(other) for one, other in pairs)
    import numpy

    return bool(numpy.allclose(got, expected, rtol=RELATIVE_TOLERANCE, atol=atol))


def _is_allclose(got: Any, expected: Any, atol: float) -> bool:
    """numpy's own assertion, so that its view of shapes and types is the one that counts."""
    import numpy

    numpy.testing.assert_allclose(got, expected, rtol=RELATIVE_TOLERANCE, atol=atol)
    return True
