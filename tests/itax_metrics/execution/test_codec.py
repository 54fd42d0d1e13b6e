"""The codec: round trips, and nothing else whatever the bytes."""

from __future__ import annotations

import collections
import enum
import math
import struct
import time
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itax_metrics.execution.codec import CodecError, Digest, Opaque, Subclassed, encode, write
from itax_metrics.execution.codec_reading import decode

TEXT = st.text(st.characters())
LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(2**80), 2**80), st.floats(allow_nan=False),
    st.complex_numbers(allow_nan=False), TEXT, st.binary(), st.fractions(), st.decimals(allow_nan=False, places=3),
    st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 9)),
)  # fmt: skip
KEYS: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXT, st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=4).map(tuple), st.frozensets(inner, max_size=4)),
    max_leaves=8,
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=9), st.lists(inner, max_size=9).map(tuple), st.sets(KEYS, max_size=5),
        st.dictionaries(KEYS, inner, max_size=5), st.lists(st.integers(), max_size=30), st.lists(TEXT, max_size=9),
    ),
    max_leaves=20,
)  # fmt: skip


def same(one: Any, other: Any) -> bool:
    """Equal values of equal types all the way down, dicts in equal order."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one), list(other)) and same(list(one.values()), list(other.values()))
    return bool(one == other) and repr(one) == repr(other) if isinstance(one, float) else bool(one == other)


@given(VALUES)
def test_round_trip(value: Any) -> None:
    """Every plain value comes back, with the types it had."""
    assert same(value, decode(encode(value)))


@given(VALUES)
def test_bytes_are_canonical(value: Any) -> None:
    """The same value gives the same bytes, however often it has been through."""
    assert encode(value) == encode(decode(encode(value)))


@settings(max_examples=500)
@given(st.binary(max_size=200))
def test_random_bytes(body: bytes) -> None:
    """Any bytes give a value or the one error."""
    try:
        decode(body)
    except CodecError:
        pass


@settings(max_examples=500)
@given(VALUES, st.data())
def test_damaged_bytes(value: Any, data: st.DataObject) -> None:
    """One byte changed, dropped or added gives a value or the one error."""
    body = bytearray(encode(value))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    try:
        decode(bytes(body))
    except CodecError:
        pass


@pytest.mark.parametrize(
    "value",
    [
        math.inf,
        -math.inf,
        -0.0,
        "\ud800 lone",
        [[], (), {}, set(), frozenset()],
        bytearray(b"x"),
        [True] * 5,
        [1.5] * 5000,
        ["a", "\U0001f600"] * 3000,
        [2**63] * 5,
        list(range(10_000)),
        {"b": 1, "a": 2},
    ],
)
def test_round_trip_of_edges(value: Any) -> None:
    """Edges hypothesis seldom meets."""
    assert same(value, decode(encode(value)))


def test_not_a_number() -> None:
    """NaN stays NaN, alone and packed."""
    assert math.isnan(decode(encode(math.nan)))
    assert all(map(math.isnan, decode(encode([math.nan] * 9))))


@pytest.mark.parametrize(
    "value", [numpy.float64(2.5), numpy.int8(-3), numpy.bool_(True), numpy.str_("h"), numpy.bytes_(b"h")]
)
def test_numpy_scalars(value: Any) -> None:
    """Scalars keep their dtype."""
    back = decode(encode(value))
    assert type(value) is type(back)
    assert value == back


@pytest.mark.parametrize(
    "value",
    [
        numpy.arange(6).reshape(2, 3),
        numpy.zeros((0, 4)),
        numpy.array(3.5),
        numpy.array(["a", "bcd"]),
        numpy.arange(4.0)[::2],
    ],
)
def test_numpy_arrays(value: Any) -> None:
    """Arrays keep dtype, shape and content."""
    back = decode(encode(value))
    assert (value.dtype, value.shape) == (back.dtype, back.shape)
    assert numpy.array_equal(value, back)


def test_numpy_objects_are_opaque() -> None:
    """An array of objects could hold anything."""
    assert isinstance(decode(encode(numpy.array([object()]))), Opaque)
    assert isinstance(decode(encode(numpy.ma.masked_array([1]))), Opaque)


class Liar(list):  # type: ignore[type-arg]
    """Says yes to everything."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return list

    def __iter__(self) -> Any:
        return iter([1, 2, 3])

    def __len__(self) -> int:
        return 3


def test_lying_objects() -> None:
    """What counts is the content of the builtin underneath, and the type is never taken for the builtin itself."""
    back = decode(encode(Liar([9])))
    assert back != [1, 2, 3]
    assert back == [9]
    assert type(back) is Subclassed


def test_anything_else_is_opaque() -> None:
    """It carries a name and equals nothing, not even itself."""
    back = decode(encode(Exception("x")))
    assert isinstance(back, Opaque)
    assert "Exception" == back.name
    assert back != back
    assert back is not None


class Colour(enum.IntEnum):
    """For the next test."""

    RED = 1


@pytest.mark.parametrize(
    ("value", "equal"),
    [
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.defaultdict(int, {1: 2}), {1: 2}),
        (collections.OrderedDict({1: 2}), {1: 2}),
        (collections.namedtuple("P", "a b")(1, 2), (1, 2)),
        (Colour.RED, 1),
        ({1: 2}.keys(), {1}),
        (Fraction(1, 2), 0.5),
        (Decimal("0.5"), 0.5),
    ],
)
def test_kin_of_builtins(value: Any, equal: Any) -> None:
    """What equals a builtin in Python equals it after the journey, inside containers too."""
    assert decode(encode([value])) == [equal]
    assert type(decode(encode(value))) is not type(equal)


def test_cycles_and_depth() -> None:
    """Refused with the reason."""
    ring: list[Any] = []
    ring.append({"again": ring})
    with pytest.raises(CodecError, match="contains itself"):
        encode(ring)
    deep: Any = 1
    for _ in range(101):
        deep = (deep,)
    with pytest.raises(CodecError, match="deeper than 100"):
        encode(deep)
    assert deep[0] == decode(encode(deep[0]))


@pytest.mark.parametrize("tag", [b"[\x01\0\0\0g", b"r", b"q", b"d\x01\0\0\0", b"@s\x01\0\0\0x", b"{\x01\0\0\0"])
def test_deep_bytes(tag: bytes) -> None:
    """Nesting that no encoder wrote is refused without deep recursion."""
    with pytest.raises(CodecError):
        decode(tag * 100_000)


def test_counts_beyond_the_end() -> None:
    """A claimed length never makes the decoder allocate."""
    for tag in b"[({<dsbyIa":
        with pytest.raises(CodecError):
            decode(bytes([tag]) + b"\xff\xff\xff\xff" + b"g" * 8)


def test_colliding_keys() -> None:
    """Ints that share one hash are refused, in linear time."""
    modulus = 2**61 - 1
    elements = b"".join(encode(modulus * number) for number in range(1, 50_000))
    began = time.process_time()
    with pytest.raises(CodecError, match="collide"):
        decode(b"{" + struct.pack("<I", 49_999) + elements)
    assert time.process_time() - began < 5


def test_digest_of_the_same_encoding() -> None:
    """Beyond the cap the digest is that of the bytes `encode` gives, whatever the pieces were."""
    import hashlib

    value = [["ab"] * 77 for _ in range(3000)]
    overflowed = []
    short, long = Digest(1 << 30), Digest(1000, lambda: overflowed.append(True))
    write(value, short.put)
    write(value, long.put)
    body = encode(value)
    assert (True, body) == short.result()
    assert (False, struct.pack("<Q", len(body)) + hashlib.sha256(body).digest()) == long.result()
    assert [True] == overflowed
