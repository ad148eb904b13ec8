"""The way out of one session: frames in, bytes to write out, faults applied on the way.

Frames gather until the host takes them, so one turn of the loop makes one write. A drop counts
down frames and may cut one in the middle; rules may change, keep, repeat or reorder a frame.
"""

from collections.abc import Callable

from trader.sim.clock import Clock
from trader.sim.gateway.ways.faults import Faults
from trader.sim.gateway.ways.frame_rules import Frame, through

# A client that reads nothing loses ticks beyond this, and its connection beyond four times it.
PENDING_BYTES_MAX = 8 * 1024 * 1024
# Held or delayed frames of one connection; more end it, as a gateway out of memory would.
HELD_FRAMES_MAX = 100_000
HELD_BYTES_MAX = 4 * PENDING_BYTES_MAX


class Outlet:
    """Outbound frames of one connection."""

    def __init__(
        self, faults: Faults, wake: Callable[[], None], clock: Clock | None = None
    ) -> None:
        self._faults, self._wake, self._clock = faults, wake, clock
        self._pending = bytearray()
        self._held: list[tuple[int, bytes]] = []
        self._batches: list[Frame] = []
        self._delayed = self._held_bytes = 0
        self._paused_until_s = 0.0
        # Who it belongs to and how it is spoken to, once that is known.
        self.client_id: int | None = None
        self.sv = 0
        self.frames = 0
        self.drop_after: int | None = None
        self.drop_how = ""
        self.is_closing = False
        # Why the connection has to end though nobody asked for it, empty while it need not.
        self.overflow = ""

    def push(self, message_id: int, frame: bytes) -> None:
        """Send one frame, unless a fault has its way."""
        if self.is_closing:
            return
        if message_id in self._faults.held_messages:
            self._held.append((message_id, frame))
            self._keep(frame)
            return
        if message_id < 0:
            # The handshake is no message: doubled or changed, it is a broken stream.
            self._put(message_id, frame)
            return
        for _ in range(self._faults.copies):
            if self._faults.frame_rules:
                self._through(message_id, frame)
            else:
                self._put(message_id, frame)

    def push_tick(self, frames: bytes, count: int) -> None:
        """Send market data; a client that does not read it loses it."""
        if self.is_closing or self._is_frozen() or len(self._pending) > PENDING_BYTES_MAX:
            return
        if any(rule.touches_ticks() for rule in self._faults.frame_rules):
            for frame in _cut(frames):
                self._through(int(frame[4 : frame.index(b"\0", 4)]), frame)
            return
        if self.drop_after is not None:
            self._put(0, frames)
            return
        if not self._pending:
            self._wake()
        self._pending += frames
        self.frames += count

    def push_bytes(self, data: bytes) -> None:
        """Send bytes that need not be a frame."""
        self._put(-1, data)

    def _through(self, message_id: int, data: bytes) -> None:
        faults = self._faults
        frame = Frame(message_id, data)
        for out in through(faults.frame_rules, frame, self.sv, self.client_id, faults.rng):
            if out.batch:
                self._batches.append(out)
                self._keep(out.data)
            elif out.delay_s > 0 and self._clock is not None:
                self._put_later(out)
            else:
                self._put(out.message_id, out.data)

    def _put_later(self, frame: Frame) -> None:
        assert self._clock is not None, "asked by the caller"
        self._delayed += 1

        def arrive() -> None:
            self._delayed -= 1
            self._held_bytes -= len(frame.data)
            self.send_past_rules([frame])

        self._clock.call_later(frame.delay_s, arrive)
        self._keep(frame.data)

    def _keep(self, data: bytes) -> None:
        """Count a frame that is held or delayed; too many end the connection."""
        self._held_bytes += len(data)
        count = len(self._held) + len(self._batches) + self._delayed
        if count > HELD_FRAMES_MAX or self._held_bytes > HELD_BYTES_MAX:
            self._overflow(f"too much is held back: {count} frames, {self._held_bytes} bytes")

    def _overflow(self, why: str) -> None:
        self.overflow, self.is_closing = why, True
        self._held, self._batches = [], []
        self._wake()

    def _put(self, message_id: int, frame: bytes) -> None:
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
            self._overflow("the client does not read")
        witness = self._faults.witness
        if witness is not None and message_id > 0 and self.client_id is not None:
            witness.sent(self.client_id, message_id, frame)

    def release(self, message_ids: set[int]) -> None:
        """Send what was held of these kinds, in the order it was made."""
        held, self._held = self._held, []
        for message_id, frame in held:
            if message_id in message_ids:
                self._held_bytes -= len(frame)
                self._put(message_id, frame)
            else:
                self._held.append((message_id, frame))

    def release_batch(self, batch: str) -> int:
        """Send what a rule held under this name; return how many frames there were."""
        wanted = [frame for frame in self._batches if frame.batch == batch]
        self._batches = [frame for frame in self._batches if frame.batch != batch]
        for frame in wanted:
            self._held_bytes -= len(frame.data)
            self._put(frame.message_id, frame.data)
        return len(wanted)

    def send_past_rules(self, frames: list[Frame]) -> None:
        """Send frames that have been through the rules already."""
        for frame in frames:
            if not self.is_closing:
                self._put(frame.message_id, frame.data)

    def close(self) -> None:
        """Send nothing after what is pending."""
        self.is_closing = True
        self._wake()

    def _is_frozen(self) -> bool:
        faults = self._faults
        if faults.is_muted or self.client_id is None:
            return faults.is_muted
        return faults.frozen.get(self.client_id, False)

    def take(self) -> bytes:
        """Return the bytes to write now; none while frozen, few while slow."""
        if not self._pending or self._is_frozen():
            return b""
        size = self._faults.write_bytes_max
        if size is None or self._clock is None:
            data = bytes(self._pending)
            self._pending.clear()
            return data
        return self._take_some(size, self._clock)

    def _take_some(self, size: int, clock: Clock) -> bytes:
        now = clock.monotonic()
        if now < self._paused_until_s:
            return b""
        data = bytes(self._pending[:size])
        del self._pending[:size]
        self._paused_until_s = now + self._faults.write_pause_s
        if self._pending:
            clock.call_later(self._faults.write_pause_s, self._wake)
        return data


def _cut(frames: bytes) -> list[bytes]:
    found, place = [], 0
    while place < len(frames):
        end = place + 4 + int.from_bytes(frames[place : place + 4], "big")
        found.append(frames[place:end])
        place = end
    return found
