"""Subscriptions of market data, and how their frames are put together.

A frame is rendered once for all who watch the same: each subscriber costs only its request id,
which stands between a head and a tail that do not change.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

from trader.sim.gateway.ways.outlet import Outlet
from trader.sim.model.instruments import Instrument
from trader.sim.wire.frames import plain

# What precedes and what follows the request id in a payload.
Part = tuple[bytes, bytes]
_TICK_PRICE = b"1\x006\x00"
_TICK_SIZE = b"2\x006\x00"
_TICK_GENERIC = b"45\x006\x00"
_TICK_TEXT = b"46\x006\x00"
_COMPUTATION = b"21\x00"


class Mode(IntEnum):
    """Kinds of market data, numbered as message 58 numbers them."""

    LIVE = 1
    FROZEN = 2
    DELAYED = 3
    DELAYED_FROZEN = 4

    @property
    def is_delayed(self) -> bool:
        """Return whether the values are those of a quarter of an hour ago."""
        return self in (Mode.DELAYED, Mode.DELAYED_FROZEN)

    @property
    def is_frozen(self) -> bool:
        """Return whether the values stay as they were at the close."""
        return self in (Mode.FROZEN, Mode.DELAYED_FROZEN)


@dataclass(slots=True)
class Line:
    """One subscription of one connection; a deaf one gets nothing any more and is not told."""

    outlet: Outlet
    request_id: int
    instrument: Instrument
    is_deaf: bool = False
    # Of quotes: the kind of data wished for when it was asked for, and the last notice about it.
    wish: Mode = Mode.LIVE
    notice: int = 0

    @property
    def key(self) -> tuple[int, int]:
        """Return what tells this subscription from all others of its kind."""
        return id(self.outlet), self.request_id


def _tail(*fields: object) -> bytes:
    return "\0".join(("", *map(str, fields), "")).encode()


def price_part(kind: int, price: Decimal, size: int, mask: int = 0) -> Part:
    """Return message 1: a price with its size and attribute mask."""
    return _TICK_PRICE, f"\0{kind}\0{plain(price)}\0{size}\0{mask}\0".encode()


def size_part(kind: int, size: int) -> Part:
    """Return message 2: a size."""
    return _TICK_SIZE, f"\0{kind}\0{size}\0".encode()


def generic_part(kind: int, value: str) -> Part:
    """Return message 45: a number of another kind."""
    return _TICK_GENERIC, _tail(kind, value)


def text_part(kind: int, text: str) -> Part:
    """Return message 46: a text."""
    return _TICK_TEXT, _tail(kind, text)


def computation_part(kind: int, values: tuple[str, ...]) -> Part:
    """Return message 21: volatility, delta, price, dividends, gamma, vega, theta, underlying."""
    return _COMPUTATION, _tail(kind, 0, *values)


def render(parts: list[Part], request_id: int) -> bytes:
    """Return the frames of the parts for one subscriber."""
    ident = str(request_id).encode()
    out = bytearray()
    for head, tail in parts:
        out += (len(head) + len(ident) + len(tail)).to_bytes(4, "big")
        out += head
        out += ident
        out += tail
    return bytes(out)
