"""The first words of the TWS protocol, and nothing behind them: no client id is used.

It tells a port that is shut from one that is silent, and both from another program's.
"""

import asyncio
from contextlib import suppress

from trader.doctor.gateway import VERSIONS, Greeting, Reached
from trader.ibkr.frames import FrameReader
from trader.ports import Clock

# The answer has two short fields; whatever announces more speaks another language.
_ANSWER_BYTES_MAX = 512
_SHOWN = 24


async def greet(host: str, port: int, deadline_s: float, clock: Clock) -> Greeting:
    """Connect, offer versions, hear the answer; each of the two within the deadline."""
    where = f"{host}:{port}"
    try:
        async with asyncio.timeout(deadline_s):
            reader, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Greeting(where, Reached.UNREACHED, f"no answer within {deadline_s:g} s")
    except ConnectionRefusedError:
        return Greeting(where, Reached.REFUSED, "nothing listens there (connection refused)")
    except OSError as error:
        return Greeting(where, Reached.UNREACHED, error.strerror or str(error))
    begun_s = clock.monotonic()
    try:
        versions = b"v%d..%d" % VERSIONS
        writer.write(b"API\0" + len(versions).to_bytes(4, "big") + versions)
        async with asyncio.timeout(deadline_s):
            received = await _answer(reader)
    except TimeoutError:
        return Greeting(where, Reached.SILENT, f"connected, and no version within {deadline_s:g} s")
    except OSError as error:
        return Greeting(where, Reached.CLOSED, f"closed at once: {error.strerror or error}")
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()
    return greeting_in(where, received, clock.monotonic() - begun_s)


def greeting_in(where: str, received: bytes, took_s: float = 0.0) -> Greeting:
    """Read what was said before the connection ended or the answer was whole."""
    if not received:
        return Greeting(where, Reached.CLOSED, "closed at once, without a word")
    fields = next(iter(FrameReader().feed(received)), None) if _is_short(received) else None
    if fields is None or not (fields[0].isascii() and fields[0].isdecimal()):
        return Greeting(where, Reached.STRANGE, f"answers {received[:_SHOWN]!r}, which is no TWS")
    told = fields[1] if len(fields) > 1 else ""
    return Greeting(where, Reached.GREETED, "", int(fields[0][:9]), told, took_s)


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """Return the bytes of one answer, or of as much as makes plain that it is none."""
    received = b""
    while chunk := await reader.read(_ANSWER_BYTES_MAX):
        received += chunk
        if len(received) >= 4 and (not _is_short(received) or _is_whole(received)):
            break
    return received


def _is_short(received: bytes) -> bool:
    return 0 < int.from_bytes(received[:4], "big") <= _ANSWER_BYTES_MAX


def _is_whole(received: bytes) -> bool:
    return len(received) >= 4 + int.from_bytes(received[:4], "big")
