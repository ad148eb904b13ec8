"""The wire of Redis, as much of it as is spoken here: RESP2, requests out and bounded replies in.

Written here instead of taken from a client library: five commands are spoken, and a library would
come with its own retries, pools and parsers into a process that holds orders. A reply that is not
one, or larger than any that is asked for, ends the connection.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

LINE_MAX = 64 * 1024
_BULK_MAX = 64 * 1024
_ITEMS_MAX = 10_000
_DEPTH_MAX = 4


class NotResp(ValueError):
    """What came is no reply of the protocol."""


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """The server has refused a command; ``text`` begins with the kind of the error."""

    text: str


Reply = str | int | bytes | None | ErrorReply | list["Reply"]


def request(parts: Sequence[bytes]) -> bytes:
    """Return the bytes of one command."""
    head = b"*%d\r\n" % len(parts)
    return head + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


async def reply(reader: asyncio.StreamReader, depth: int = 0) -> Reply:
    """Read one reply; raises NotResp, OSError, and EOFError where the connection ends."""
    line = await _line(reader)
    kind, rest = line[:1], line[1:]
    match kind:
        case b"+":
            return _text(rest)
        case b"-":
            return ErrorReply(_text(rest))
        case b":":
            return _number(rest)
        case b"$":
            return await _bulk(reader, _number(rest))
        case b"*":
            return await _items(reader, _number(rest), depth)
        case _:
            raise NotResp(f"a reply begins with {line[:20]!r}")


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        line = await reader.readuntil(b"\r\n")
    except asyncio.LimitOverrunError as error:
        raise NotResp(f"a line has more than {LINE_MAX} bytes") from error
    return line[:-2]


async def _bulk(reader: asyncio.StreamReader, size: int) -> bytes | None:
    if size == -1:
        return None
    if not 0 <= size <= _BULK_MAX:
        raise NotResp(f"a text of {size} bytes, at most {_BULK_MAX} are asked for")
    data = await reader.readexactly(size + 2)
    if data[-2:] != b"\r\n":
        raise NotResp("a text is longer than it says")
    return data[:-2]


async def _items(reader: asyncio.StreamReader, count: int, depth: int) -> Reply:
    if count == -1:
        return None
    if not 0 <= count <= _ITEMS_MAX or depth >= _DEPTH_MAX:
        raise NotResp(f"a list of {count} items, {depth} lists deep")
    return [await reply(reader, depth + 1) for _ in range(count)]


def _number(digits: bytes) -> int:
    try:
        return int(digits)
    except ValueError as error:
        raise NotResp(f"{digits[:20]!r} is no number") from error


def _text(data: bytes) -> str:
    """Return a line for a person: no control characters, and not a page of it."""
    text = data[:200].decode(errors="replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)
