"""Messages between the supervisor and a worker: four bytes of length, then JSON in ASCII.

JSON escapes carry lone surrogates and every other character a model can produce; nothing is ever unpickled.
"""

from __future__ import annotations

import json
import struct
from typing import Any

_HEADER = struct.Struct("!I")
LARGEST = 1 << 30


def encode(message: dict[str, Any]) -> bytes:
    """One message, framed."""
    body = json.dumps(message, separators=(",", ":")).encode("ascii")
    return _HEADER.pack(len(body)) + body


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
        if len(held) < 4:
            return None
        (length,) = _HEADER.unpack_from(held)
        if length > LARGEST:
            raise ValueError(f"a message of {length} bytes")
        if len(held) < 4 + length:
            return None
        body = bytes(held[4 : 4 + length])
        del held[: 4 + length]
        message = json.loads(body)
        if not isinstance(message, dict):
            raise ValueError("a message that is not an object")
        return message
