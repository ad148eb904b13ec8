"""Framing and text fields of the TWS protocol: bytes to fields and back, nothing else.

A frame is a 4-byte big-endian length and a payload; a payload is fields that each end in NUL.
The connection opens differently: `API\\0` and one frame `vMIN..MAX` without a closing NUL.
No I/O happens here; whatever the peer sends ends in fields or in a `WireError`.
"""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

FRAME_BYTES_MAX = 0xFFFFFF
API_PREFIX = b"API\0"
HANDSHAKE_BYTES_MAX = 1024
UNSET_DOUBLE = "1.7976931348623157E308"
UNSET_INTEGER = "2147483647"
UNSET_LONG = "9223372036854775807"

_VERSION = re.compile(rb"v(\d{1,6})(?:\.\.(\d{1,6}))?(?: .*)?\Z", re.DOTALL)
_DECIMAL = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?\Z")
_INTEGER = re.compile(r"[+-]?\d{1,19}\Z")
_UNSET_NUMBER = Decimal("1.7976931348623157E308")
# Newer official clients write an unset decimal as the largest 128-bit integer.
_UNSET_DECIMAL = "170141183460469231731687303715884105727"
_UNSET = frozenset(("", UNSET_INTEGER, UNSET_DOUBLE, UNSET_LONG, _UNSET_DECIMAL))


class WireError(Exception):
    """The peer broke the framing; the connection cannot go on."""


class FieldError(Exception):
    """A field of a well-framed request cannot be read as what it should be."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The version range a client offers."""

    version_min: int
    version_max: int


def encode(*fields: object) -> bytes:
    """Return one frame that carries the fields."""
    payload = ("\0".join(map(str, fields)) + "\0").encode()
    return len(payload).to_bytes(4, "big") + payload


class FrameReader:
    """Cut a byte stream into the handshake and then into frames, however it was split."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.hello: Hello | None = None

    def feed(self, data: bytes) -> list[list[str]]:
        """Take what arrived; return the complete frames in it. Raises WireError."""
        self._buffer += data
        if self.hello is None and not self._take_hello():
            return []
        return self._take_frames()

    def _take_hello(self) -> bool:
        head = bytes(self._buffer[:4])
        if not API_PREFIX.startswith(head):
            raise WireError(f"expected the API prefix, got {head!r}")
        if len(self._buffer) < 8:
            return False
        size = int.from_bytes(self._buffer[4:8], "big")
        if not 0 < size <= HANDSHAKE_BYTES_MAX:
            raise WireError(f"version string of {size} bytes, allowed 1 to {HANDSHAKE_BYTES_MAX}")
        if len(self._buffer) < 8 + size:
            return False
        found = _VERSION.match(bytes(self._buffer[8 : 8 + size]))
        if found is None:
            raise WireError("expected a version range such as v157..178")
        low = int(found[1])
        self.hello = Hello(low, int(found[2]) if found[2] else low)
        del self._buffer[: 8 + size]
        return True

    def _take_frames(self) -> list[list[str]]:
        frames: list[list[str]] = []
        buffer, position = self._buffer, 0
        while len(buffer) - position >= 4:
            size = int.from_bytes(buffer[position : position + 4], "big")
            if not 0 < size <= FRAME_BYTES_MAX:
                raise WireError(f"frame of {size} bytes, allowed 1 to {FRAME_BYTES_MAX}")
            if len(buffer) - position - 4 < size:
                break
            payload = bytes(buffer[position + 4 : position + 4 + size])
            frames.append(_split(payload))
            position += 4 + size
        del buffer[:position]
        return frames


def _split(payload: bytes) -> list[str]:
    if not payload.endswith(b"\0"):
        raise WireError("a payload must end in NUL")
    fields = payload.decode("utf-8", errors="backslashreplace").split("\0")
    fields.pop()
    return fields


def read_decimal(text: str) -> Decimal | None:
    """Return the number, or None for any of the ways clients write an unset one."""
    if text in _UNSET:
        return None
    if _DECIMAL.match(text) is None:
        raise FieldError(f"not a number: {text[:40]!r}")
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise FieldError(f"not a number: {text[:40]!r}") from None
    # Official clients write the largest double for "unset" in several notations.
    return None if value == _UNSET_NUMBER else value


def read_integer(text: str) -> int | None:
    """Return the integer, or None when unset."""
    if not text or text == UNSET_INTEGER:
        return None
    if _INTEGER.match(text) is None:
        raise FieldError(f"not an integer: {text[:40]!r}")
    return int(text)


def read_flag(text: str) -> bool:
    """Return a boolean; clients write 1/0, some write true/false, an empty field is false."""
    lowered = text.lower()
    if lowered in ("", "0", "false"):
        return False
    if lowered in ("1", "true"):
        return True
    raise FieldError(f"not a boolean: {text[:40]!r}")


def plain(value: Decimal) -> str:
    """Return a decimal without exponent and without trailing zeros."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text


def quotient(value: Decimal) -> str:
    """Return a computed number, such as an average, with the digits that a double has."""
    return plain(Decimal(repr(float(value))))


def ascii7(text: str) -> str:
    """Return a text whose characters beyond ASCII are escaped: `caf\\xe9`.

    Clients undo it in error texts, in reasons of refusals and in long names.
    """
    return text if text.isascii() else text.encode("ascii", "backslashreplace").decode()


def amount(value: Decimal) -> str:
    """Return a decimal as a gateway writes a double: `0.0`, `1.0`, `172.25`."""
    text = plain(value)
    return text if "." in text else text + ".0"
