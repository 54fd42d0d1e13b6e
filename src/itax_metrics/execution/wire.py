"""Messages between the supervisor and a worker: two lengths of four bytes, JSON in ASCII, then bytes as they are.

JSON escapes carry lone surrogates and every other character a model can produce; nothing is ever unpickled. Bytes that
a message holds under a name of its own, inputs and results, follow the JSON: as text they would be written and read
again four times on their way.
"""

from __future__ import annotations

import json
import struct
from typing import Any

_HEADER = struct.Struct("!II")
LARGEST = 1 << 30
_SIZES = ""
"""Where the JSON says how many bytes follow, by name; no message uses that name."""


def encode(message: dict[str, Any]) -> bytes:
    """One message, framed."""
    follow = {name: value for name, value in message.items() if type(value) is bytes}
    if follow:
        message = {name: value for name, value in message.items() if name not in follow}
        message[_SIZES] = {name: len(value) for name, value in follow.items()}
    body = json.dumps(message, separators=(",", ":")).encode("ascii")
    return b"".join((_HEADER.pack(len(body), sum(map(len, follow.values()))), body, *follow.values()))


class Decoder:
    """Collects bytes and hands out the complete messages among them."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, more: bytes) -> None:
        """Add received bytes."""
        self._held += more

    def next(self) -> dict[str, Any] | None:
        """The next complete message, or None.

        Raises:
            ValueError: the stream is not one of ours.
        """
        held = self._held
        if len(held) < _HEADER.size:
            return None
        length, following = _HEADER.unpack_from(held)
        if length + following > LARGEST:
            raise ValueError(f"a message of {length + following} bytes")
        middle = _HEADER.size + length
        end = middle + following
        if len(held) < end:
            return None
        with memoryview(held) as all_of_it:
            message = json.loads(str(all_of_it[_HEADER.size : middle], "ascii"))
            rest = bytes(all_of_it[middle:end])
        del held[:end]
        if not isinstance(message, dict):
            raise ValueError("a message that is not an object")
        return _completed(message, rest) if rest or _SIZES in message else message


def _completed(message: dict[str, Any], rest: bytes) -> dict[str, Any]:
    """The message with the bytes that followed it."""
    sizes = message.pop(_SIZES, None)
    if not isinstance(sizes, dict) or not all(type(size) is int and size >= 0 for size in sizes.values()):
        raise ValueError("bytes without their sizes")
    at = 0
    for name, size in sizes.items():
        message[name] = rest[at : at + size]
        at += size
    if at != len(rest):
        raise ValueError("sizes that do not add up")
    return message
