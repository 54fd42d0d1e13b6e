"""Plain values as bytes and back: what leaves a worker is data, and nothing in it can be run.

One value is one tag byte and its payload; every count is four bytes, little endian.

    N T F   None, True, False                       i I     int: 8 bytes signed; longer ones with their length
    f c     float, complex (bits kept)              s b y   str (UTF-8, lone surrogates kept), bytes, bytearray
    [ (     list, tuple: count, then segments       { <     set, frozenset: count, elements in order of their bytes
    d       dict: count, key, value, ...            r       range: start, stop, step
    n a     numpy scalar, array: dtype, shape, raw  q m     Fraction: two ints; Decimal: its text
    @       subclass of a builtin: name, content    ?       anything else: the name of its type

A segment holds up to 4,096 elements: `g` any values, or four or more of one type packed as `i`, `f`, `t` (bools), `s`.
Equal values of equal types have equal bytes, so a digest of the bytes decides about values too large to send.

Covered: exact types only (`type(x) is list`), contents read through the builtin's own methods, so no `__eq__`,
`__class__` or `__iter__` of a program is asked; cycles and deep nesting are refused. `codec_reading` is the way back.
Not covered: sets are sorted, hence held twice while they are encoded; shared parts of a value are written each time.
"""

from __future__ import annotations

import array
import hashlib
import struct
import sys
from collections.abc import Callable
from operator import countOf
from typing import Any

MAX_DEPTH = 100
SEGMENT = 4096
_SHORTEST_PACKED = 4
_FLUSH = 1 << 16
LONGEST_DECIMAL = 10_000
NUMPY_KINDS = "biufcSU"
_SWAP = sys.byteorder == "big"

_count = struct.Struct("<I").pack
_int = struct.Struct("<q").pack
_double = struct.Struct("<d").pack

Put = Callable[[bytes], object]
Writer = Callable[[Any, Put, tuple[int, ...]], object]


class CodecError(ValueError):
    """A value that cannot be encoded, or bytes that encode no value."""


class Opaque:
    """A value of a type the codec does not carry: it has a name and equals nothing, itself included."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Subclassed:
    """A value of a subclass of a builtin: equal where its content is equal, of another type all the same."""

    __slots__ = ("content", "name")

    def __init__(self, name: str, content: Any) -> None:
        self.name, self.content = name, content

    def __eq__(self, other: object) -> bool:
        return bool(self.content == (other.content if isinstance(other, Subclassed) else other))

    def __hash__(self) -> int:
        return hash(self.content)

    def __repr__(self) -> str:
        return f"{self.name}({self.content!r})"


class Digest:
    """Takes the bytes of one encoding; beyond `cap` bytes it keeps only their sha256."""

    def __init__(self, cap: int, on_overflow: Callable[[], object] | None = None) -> None:
        self._cap, self._on_overflow = cap, on_overflow
        self._parts: list[bytes] = []
        self._held = self.size = 0
        self._hash: Any = None

    def put(self, part: bytes) -> None:
        """The next bytes of the encoding."""
        self._parts.append(part)
        self._held += len(part)
        if self._held > (self._cap if self._hash is None else _FLUSH):
            if self._hash is None:
                self._hash = hashlib.sha256()
                if self._on_overflow is not None:
                    self._on_overflow()
            self._flush()

    def _flush(self) -> None:
        self._hash.update(b"".join(self._parts))
        self.size += self._held
        self._parts.clear()
        self._held = 0

    def result(self) -> tuple[bool, bytes]:
        """(True, the encoding), or (False, length and sha256 of one that is larger than the cap)."""
        if self._hash is None:
            return True, b"".join(self._parts)
        self._flush()
        return False, struct.pack("<Q", self.size) + self._hash.digest()


def encode(value: object) -> bytes:
    """The bytes of one value.

    Raises:
        CodecError: it contains itself, or is nested deeper than 100 levels.
    """
    parts: list[bytes] = []
    write(value, parts.append)
    return b"".join(parts)


def write(value: object, put: Put) -> None:
    """Hand the bytes of one value to `put`, piece by piece; as `encode` otherwise."""
    _write(value, put, ())


def _write(value: Any, put: Put, above: tuple[int, ...]) -> None:
    writer = _WRITERS.get(type(value))
    if writer is not None:
        writer(value, put, above)
    else:
        _write_other(value, put, above)


def _below(value: object, above: tuple[int, ...]) -> tuple[int, ...]:
    if len(above) >= MAX_DEPTH:
        raise CodecError(f"a value nested deeper than {MAX_DEPTH} levels")
    if id(value) in above:
        raise CodecError("a value that contains itself")
    return (*above, id(value))


def _write_int(value: int, put: Put, above: tuple[int, ...] = ()) -> None:
    try:
        put(b"i" + _int(value))
    except struct.error:
        body = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        put(b"I" + _count(len(body)) + body)


def _write_str(value: str, put: Put, above: tuple[int, ...] = ()) -> None:
    if len(value) > _FLUSH and value.isascii():
        # Piece by piece: fresh memory for a copy of megabytes costs more than everything else here.
        put(b"s" + _count(len(value)))
        for start in range(0, len(value), _FLUSH):
            put(value[start : start + _FLUSH].encode("ascii"))
        return
    body = value.encode("utf-8", "surrogatepass")
    put(b"s" + _count(len(body)) + body)


def _sized(tag: bytes) -> Writer:
    return lambda value, put, above: put(b"%c%b%b" % (tag, _count(len(value)), bytes(value)))


def _sequence(tag: bytes, kind: Any) -> Writer:
    length, item = kind.__len__, kind.__getitem__

    def writer(value: Any, put: Put, above: tuple[int, ...]) -> None:
        inside = _below(value, above)
        count = length(value)
        put(tag + _count(count))
        for start in range(0, count, SEGMENT):
            chunk = value if count <= SEGMENT and type(value) is kind else item(value, slice(start, start + SEGMENT))
            _write_segment(chunk, put, inside)

    return writer


def _write_segment(chunk: Any, put: Put, inside: tuple[int, ...]) -> None:
    first = type(chunk[0])
    if len(chunk) >= _SHORTEST_PACKED and first in _PACKED and countOf(map(type, chunk), first) == len(chunk):
        if first is bool:
            put(b"t" + bytes(chunk))
            return
        if first is str:
            text = "".join(chunk).encode("utf-8", "surrogatepass")
            put(b"s" + _raw(array.array("I", map(len, chunk))) + _count(len(text)))
            put(text)
            return
        try:
            put(b"i" + _raw(array.array("q", chunk)) if first is int else b"f" + _raw(array.array("d", chunk)))
            return
        except OverflowError:
            pass  # an int of more than 64 bits among them
    put(b"g")
    for element in chunk:
        writer = _WRITERS.get(type(element), _write_other)
        writer(element, put, inside)


_PACKED = (int, float, str, bool)


def _raw(packed: array.array[Any]) -> bytes:
    if _SWAP:
        packed.byteswap()
    return packed.tobytes()


def _unordered(tag: bytes, kind: Any) -> Writer:
    def writer(value: Any, put: Put, above: tuple[int, ...]) -> None:
        inside = _below(value, above)
        elements = []
        for element in kind.__iter__(value):
            parts: list[bytes] = []
            _write(element, parts.append, inside)
            elements.append(b"".join(parts))
        put(tag + _count(len(elements)))
        for body in sorted(elements):
            put(body)

    return writer


def _write_dict(value: Any, put: Put, above: tuple[int, ...]) -> None:
    inside = _below(value, above)
    put(b"d" + _count(dict.__len__(value)))
    for key, held in dict.items(value):
        _write(key, put, inside)
        _write(held, put, inside)


def _write_range(value: range, put: Put, above: tuple[int, ...]) -> None:
    put(b"r")
    for number in (value.start, value.stop, value.step):
        _write_int(int(number), put)


def _write_other(value: Any, put: Put, above: tuple[int, ...]) -> None:
    kind = type(value)
    name = str(type.__dict__["__qualname__"].__get__(kind))[:200]
    for module, writer in (("numpy", _write_numpy), ("fractions", _write_fraction), ("decimal", _write_decimal)):
        loaded = sys.modules.get(module)
        if loaded is not None and writer(loaded, value, put):
            return
    for base, content in _CONTENTS:
        if issubclass(kind, base):
            put(b"@")
            _write_str(name, put)
            content(value, put, above)
            return
    put(b"?")
    _write_str(name, put)


def _write_numpy(numpy: Any, value: Any, put: Put) -> bool:
    array_like = type(value) is numpy.ndarray
    if not array_like and not (isinstance(value, numpy.generic) and type(value) is value.dtype.type):
        return False
    if value.dtype.kind not in NUMPY_KINDS:
        return False
    little = numpy.asarray(value).astype(value.dtype.newbyteorder("<"), copy=False)
    body = little.tobytes()
    put(b"a" + _count(value.ndim) if array_like else b"n")
    for size in value.shape:
        _write_int(size, put)
    _write_str(little.dtype.str, put)
    put(_count(len(body)))
    put(body)
    return True


def _write_fraction(fractions: Any, value: Any, put: Put) -> bool:
    if type(value) is not fractions.Fraction or {type(value.numerator), type(value.denominator)} != {int}:
        return False
    put(b"q")
    _write_int(value.numerator, put)
    _write_int(value.denominator, put)
    return True


def _write_decimal(decimal: Any, value: Any, put: Put) -> bool:
    if type(value) is not decimal.Decimal or len(text := str(value)) > LONGEST_DECIMAL:
        return False
    put(b"m")
    _write_str(text, put)
    return True


_WRITERS: dict[type, Writer] = {
    type(None): lambda value, put, above: put(b"N"),
    bool: lambda value, put, above: put(b"T" if value else b"F"),
    int: _write_int,
    float: lambda value, put, above: put(b"f" + _double(value)),
    complex: lambda value, put, above: put(b"c" + _double(value.real) + _double(value.imag)),
    str: _write_str,
    bytes: _sized(b"b"),
    bytearray: _sized(b"y"),
    list: _sequence(b"[", list),
    tuple: _sequence(b"(", tuple),
    set: _unordered(b"{", set),
    frozenset: _unordered(b"<", frozenset),
    dict: _write_dict,
    range: _write_range,
}

_CONTENTS: tuple[tuple[type, Writer], ...] = (
    (tuple, _WRITERS[tuple]),
    (list, _WRITERS[list]),
    (dict, _write_dict),
    (int, lambda value, put, above: _write_int(int.__int__(value), put)),
    (float, lambda value, put, above: put(b"f" + _double(float.__float__(value)))),
    (str, lambda value, put, above: _write_str(str.__str__(value), put)),
    (set, _WRITERS[set]),
    (frozenset, _WRITERS[frozenset]),
    (type({}.keys()), lambda value, put, above: _WRITERS[set](set(value), put, above)),
)
