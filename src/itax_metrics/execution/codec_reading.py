"""Bytes of `codec` back to values; total: any bytes give a value or one clear error.

Covered: linear time and bounded recursion whatever the bytes are; no count is believed before that many bytes are
there; keys that would collide in a hash table are refused; nothing is imported that the bytes name.
Not covered: a value may take some ten times the memory of its bytes.
"""

from __future__ import annotations

import array
import struct
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from .codec import LONGEST_DECIMAL, MAX_DEPTH, NUMPY_KINDS, SEGMENT, CodecError, Opaque, Subclassed

_MOST_COLLISIONS = 100
_SWAP = sys.byteorder == "big"
_read_count = struct.Struct("<I").unpack_from
_read_int = struct.Struct("<q").unpack_from
_read_double = struct.Struct("<d").unpack_from


def decode(body: bytes) -> Any:
    """The value these bytes encode.

    Returns:
        The value; `Opaque` and `Subclassed` stand for what is not plain.

    Raises:
        CodecError: they encode no value, or more than one.
    """
    reader = _Reader(body)
    try:
        value = reader.value(0)
    except (struct.error, IndexError, UnicodeError, TypeError, ValueError, OverflowError, ArithmeticError) as error:
        raise CodecError(f"not a value: {error}") from None
    if reader.at != len(body):
        raise CodecError(f"not a value: {len(body) - reader.at} bytes too many")
    return value


class _Reader:
    def __init__(self, body: bytes) -> None:
        self.body, self.at = body, 0

    def value(self, depth: int) -> Any:
        tag = self.body[self.at]
        self.at += 1
        reader = _READERS.get(tag)
        if reader is None:
            raise CodecError(f"unknown tag {tag}")
        if depth > MAX_DEPTH + 1:
            raise CodecError(f"nested deeper than {MAX_DEPTH} levels")
        return reader(self, depth)

    def count(self, unit: int = 1) -> int:
        """A count of things that take at least `unit` bytes each."""
        (number,) = _read_count(self.body, self.at)
        self.at += 4
        if number * unit > len(self.body) - self.at:
            raise CodecError("a count beyond the end")
        return int(number)

    def take(self, length: int) -> bytes:
        taken = self.body[self.at : self.at + length]
        if len(taken) != length:
            raise CodecError("the end comes too early")
        self.at += length
        return taken

    def integer(self, depth: int = 0) -> int:
        (number,) = _read_int(self.body, self.at)
        self.at += 8
        return int(number)

    def long(self, depth: int = 0) -> int:
        return int.from_bytes(self.take(self.count()), "little", signed=True)

    def double(self, depth: int = 0) -> float:
        (number,) = _read_double(self.body, self.at)
        self.at += 8
        return float(number)

    def text(self, depth: int = 0) -> str:
        (length,) = _read_count(self.body, self.at)
        start, end = self.at + 4, self.at + 4 + length
        if end > len(self.body):
            raise CodecError("the end comes too early")
        self.at = end
        return str(self.body[start:end], "utf-8", "surrogatepass")

    def number(self) -> int:
        tag = self.take(1)
        if tag not in (b"i", b"I"):
            raise CodecError("a number was expected")
        return self.integer() if tag == b"i" else self.long()

    def name(self) -> str:
        if self.take(1) != b"s":
            raise CodecError("a name was expected")
        return self.text()

    def items(self, depth: int) -> list[Any]:
        (left,) = _read_count(self.body, self.at)
        self.at += 4
        found: list[Any] = []
        while left:
            length = min(left, SEGMENT)
            kind = self.take(1)
            if kind == b"g":
                for _ in range(length):
                    found.append(self.value(depth + 1))
            elif kind == b"t":
                found.extend(map(bool, self.take(length)))
            elif kind == b"s":
                sizes = self.packed("I", length)
                text = self.text()
                if sum(sizes) != len(text):
                    raise CodecError("lengths that do not add up")
                start = 0
                for size in sizes:
                    found.append(text[start : start + size])
                    start += size
            elif kind in (b"i", b"f"):
                found.extend(self.packed("q" if kind == b"i" else "d", length))
            else:
                raise CodecError("unknown segment")
            left -= length
        return found

    def packed(self, code: str, length: int) -> array.array[Any]:
        packed = array.array(code)
        packed.frombytes(self.take(length * packed.itemsize))
        if _SWAP:
            packed.byteswap()
        return packed

    def elements(self, depth: int) -> list[Any]:
        return _spread([self.value(depth + 1) for _ in range(self.count())])

    def mapping(self, depth: int) -> dict[Any, Any]:
        pairs = [(self.value(depth + 1), self.value(depth + 1)) for _ in range(self.count(2))]
        _spread([key for key, _ in pairs])
        return dict(pairs)

    def numpy(self, shape: tuple[int, ...] | None) -> Any:
        code = self.name()
        body = self.take(self.count())
        import numpy

        dtype = numpy.dtype(code) if len(code) <= 16 and code.isascii() else None
        if dtype is None or dtype.kind not in NUMPY_KINDS or dtype.itemsize == 0 or dtype.subdtype is not None:
            raise CodecError(f"no plain dtype: {code[:16]!r}")
        flat = numpy.frombuffer(body, dtype).astype(dtype.newbyteorder("="), copy=True)
        return flat.reshape(shape) if shape is not None else flat.reshape(())[()]

    def array(self, depth: int) -> Any:
        return self.numpy(tuple(self.number() for _ in range(self.count())))

    def fraction(self, depth: int) -> Any:
        from fractions import Fraction

        numerator, denominator = self.number(), self.number()
        if max(numerator.bit_length(), denominator.bit_length()) > LONGEST_DECIMAL:
            raise CodecError("a fraction too long")
        return Fraction(numerator, denominator)

    def decimal(self, depth: int) -> Any:
        from decimal import Decimal

        text = self.name()
        if len(text) > LONGEST_DECIMAL:
            raise CodecError("a decimal too long")
        return Decimal(text)


def _spread(keys: list[Any]) -> list[Any]:
    """The keys, if putting them into a hash table takes linear time."""
    if keys and max(Counter(map(hash, keys)).values()) > _MOST_COLLISIONS:
        raise CodecError("keys that collide")
    return keys


_READERS: dict[int, Callable[[_Reader, int], Any]] = {
    ord("N"): lambda reader, depth: None,
    ord("T"): lambda reader, depth: True,
    ord("F"): lambda reader, depth: False,
    ord("i"): _Reader.integer,
    ord("I"): _Reader.long,
    ord("f"): _Reader.double,
    ord("c"): lambda reader, depth: complex(reader.double(), reader.double()),
    ord("s"): _Reader.text,
    ord("b"): lambda reader, depth: reader.take(reader.count()),
    ord("y"): lambda reader, depth: bytearray(reader.take(reader.count())),
    ord("["): _Reader.items,
    ord("("): lambda reader, depth: tuple(reader.items(depth)),
    ord("{"): lambda reader, depth: set(reader.elements(depth)),
    ord("<"): lambda reader, depth: frozenset(reader.elements(depth)),
    ord("d"): _Reader.mapping,
    ord("r"): lambda reader, depth: range(reader.number(), reader.number(), reader.number()),
    ord("n"): lambda reader, depth: reader.numpy(None),
    ord("a"): _Reader.array,
    ord("q"): _Reader.fraction,
    ord("m"): _Reader.decimal,
    ord("@"): lambda reader, depth: Subclassed(reader.name(), reader.value(depth + 1)),
    ord("?"): lambda reader, depth: Opaque(reader.name()),
}
