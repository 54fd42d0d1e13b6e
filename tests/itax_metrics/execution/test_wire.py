"""Messages between supervisor and worker: what goes in comes out, whatever the pieces; nonsense is refused."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from itax_metrics.execution.wire import LARGEST, Decoder, encode

MESSAGES: list[dict[str, Any]] = [
    {},
    {"source": "lone \ud800, café", "limits": [1, 2.5, None]},
    {"arguments": b"\x00\xff" * 1000, "source": "x"},
    {"results": b"", "partial": True},
    {"first": b"ab", "second": b"c", "nested": {"deep": [1]}},
]


def framed(body: object, rest: bytes = b"") -> bytes:
    """JSON and what follows it, as a worker would write them."""
    text = json.dumps(body).encode()
    return struct.pack("!II", len(text), len(rest)) + text + rest


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_messages_arrive_in_any_pieces(size: int) -> None:
    """Whole, byte by byte, several at once."""
    decoder, found = Decoder(), []
    stream = b"".join(map(encode, MESSAGES))
    for start in range(0, len(stream), size):
        decoder.feed(stream[start : start + size])
        while (message := decoder.next()) is not None:
            found.append(message)
    assert found == MESSAGES


def test_the_message_that_is_sent_stays_as_it_was() -> None:
    """Its bytes are not taken out of it."""
    message = {"results": b"abc", "run": "1"}
    encode(message)
    assert message == {"results": b"abc", "run": "1"}


@pytest.mark.parametrize(
    "stream",
    [
        framed([1, 2]),
        framed({"": {"a": 2}}, b"abc"),
        framed({"": {"a": 4}}, b"abc"),
        framed({"": {"a": -1, "b": 4}}, b"abc"),
        framed({"": {"a": True}}, b"a"),
        framed({"": "a"}, b"abc"),
        framed({"": {"a": 1}}),
        framed({}, b"abc"),
        struct.pack("!II", 3, 0) + b"\xff\xfe{",
        struct.pack("!II", 2, 0) + b"{]",
        struct.pack("!II", LARGEST, 1),
    ],
)
def test_nonsense_is_refused(stream: bytes) -> None:
    """One kind of error for whatever is no message of ours; a length beyond the largest is not waited for."""
    decoder = Decoder()
    decoder.feed(stream)
    with pytest.raises(ValueError):  # noqa: PT011 - the type is the contract, json's own words differ
        decoder.next()
