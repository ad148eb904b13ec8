"""The way out of one session: frames in, bytes to write out, faults applied on the way.

Frames gather until the host takes them, so one turn of the loop makes one write. A drop counts
down frames and may cut one in the middle.
"""

from collections.abc import Callable

from trader.sim.gateway.faults import Faults

# A client that reads nothing loses ticks beyond this, and its connection beyond four times it.
PENDING_BYTES_MAX = 8 * 1024 * 1024


class Outlet:
    """Outbound frames of one connection."""

    def __init__(self, faults: Faults, wake: Callable[[], None]) -> None:
        self._faults = faults
        self._wake = wake
        self._pending = bytearray()
        self._held: list[tuple[int, bytes]] = []
        self.frames = 0
        self.drop_after: int | None = None
        self.drop_how = ""
        self.is_closing = False
        self.has_overflowed = False

    def push(self, message_id: int, frame: bytes) -> None:
        """Send one frame, unless a fault has its way."""
        if self.is_closing:
            return
        if message_id in self._faults.held_messages:
            self._held.append((message_id, frame))
            return
        # The handshake (a negative id) is no message: doubled, it is a broken stream.
        for _ in range(self._faults.copies if message_id > 0 else 1):
            self._put(frame)

    def push_tick(self, frames: bytes, count: int) -> None:
        """Send market data; a client that does not read it loses it."""
        if self.is_closing or self._faults.is_muted or len(self._pending) > PENDING_BYTES_MAX:
            return
        if self.drop_after is not None:
            self._put(frames)
            return
        if not self._pending:
            self._wake()
        self._pending += frames
        self.frames += count

    def _put(self, frame: bytes) -> None:
        if self.drop_after == 0:
            # The last frame before a drop is cut in the middle of its payload.
            self._pending += frame[: len(frame) // 2]
            self.is_closing = True
            self._wake()
            return
        if self.drop_after is not None:
            self.drop_after -= 1
        if not self._pending:
            self._wake()
        self._pending += frame
        self.frames += 1
        if len(self._pending) > 4 * PENDING_BYTES_MAX:
            self.has_overflowed = self.is_closing = True
            self._wake()

    def release(self, message_ids: set[int]) -> None:
        """Send what was held of these kinds, in the order it was made."""
        held, self._held = self._held, []
        for message_id, frame in held:
            if message_id in message_ids:
                self._put(frame)
            else:
                self._held.append((message_id, frame))

    def close(self) -> None:
        """Send nothing after what is pending."""
        self.is_closing = True
        self._wake()

    def take(self) -> bytes:
        """Return the bytes to write now; none while muted."""
        if self._faults.is_muted or not self._pending:
            return b""
        data = bytes(self._pending)
        self._pending.clear()
        return data
