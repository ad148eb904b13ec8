"""Everything that was said on every connection, as lines of text.

One line per frame: the seconds since the transcript began, the connection's number, `>` for the
client and `<` for the simulator, and the fields between bars. Under virtual time the same seed
and the same scenario give the same lines, byte for byte. What is no frame is shown in hexadecimal.
"""

from collections.abc import Callable

from trader.sim.clock import Clock
from trader.sim.wire.frames import API_PREFIX, FRAME_BYTES_MAX

SHOWN_BYTES_MAX = 64


class Transcript:
    """Writes down what passes on the connections of one simulator."""

    def __init__(self, clock: Clock, write: Callable[[str], object]) -> None:
        self._clock, self._write = clock, write
        self._began_s = clock.monotonic()
        self._count = 0
        self._streams: dict[tuple[int, str], _Stream] = {}

    def opened(self) -> int:
        """Number a new connection."""
        self._count += 1
        self._line(self._count, "+", "connected")
        for mark in "><":
            self._streams[(self._count, mark)] = _Stream(is_client=mark == ">")
        return self._count

    def heard(self, number: int, data: bytes) -> None:
        """Write down bytes from the client."""
        self._take(number, ">", data)

    def said(self, number: int, data: bytes) -> None:
        """Write down bytes to the client."""
        self._take(number, "<", data)

    def closed(self, number: int) -> None:
        """Write down the end of a connection, and what was left of a broken frame."""
        for mark in "><":
            rest = self._streams.pop((number, mark)).rest()
            if rest:
                self._line(number, mark, f"... {rest}")
        self._line(number, "-", "closed")

    def _take(self, number: int, mark: str, data: bytes) -> None:
        for text in self._streams[(number, mark)].feed(data):
            self._line(number, mark, text)

    def _line(self, number: int, mark: str, text: str) -> None:
        passed_s = self._clock.monotonic() - self._began_s
        self._write(f"{passed_s:014.6f} #{number} {mark} {text}\n")


class _Stream:
    """One direction of one connection, cut into what can be shown."""

    def __init__(self, *, is_client: bool) -> None:
        self._buffer = bytearray()
        self._has_prefix = not is_client
        self._is_broken = False

    def feed(self, data: bytes) -> list[str]:
        """Take bytes; return the texts of the frames that are complete."""
        self._buffer += data
        found: list[str] = []
        if not self._has_prefix and len(self._buffer) >= len(API_PREFIX):
            if self._buffer.startswith(API_PREFIX):
                del self._buffer[: len(API_PREFIX)]
            self._has_prefix = True
        while self._has_prefix and not self._is_broken and len(self._buffer) >= 4:
            size = int.from_bytes(self._buffer[:4], "big")
            self._is_broken = size > FRAME_BYTES_MAX
            if self._is_broken or len(self._buffer) < 4 + size:
                break
            found.append(_shown(bytes(self._buffer[4 : 4 + size])))
            del self._buffer[: 4 + size]
        return found

    def rest(self) -> str:
        """Return what is left, in hexadecimal, its beginning only."""
        return bytes(self._buffer[:SHOWN_BYTES_MAX]).hex(" ")


def _shown(payload: bytes) -> str:
    text = payload.decode("utf-8", errors="backslashreplace").removesuffix("\0")
    for raw, written in (("\\", "\\\\"), ("|", "\\|"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(raw, written)
    return text.replace("\0", "|")
