"""What is known of one stream on its way to one consumer: what waits, since when, what went."""

from collections import deque

from trader.core.ids import Seq

# What waits longer is still counted; only its age is then that of the first which is not kept.
_KEPT_MAX = 4096


class StreamMeter:
    """Fed with what is recorded and what was taken; all times are monotonic seconds.

    Of events from before this process nobody here knows to which stream they belong: until the
    consumer has passed them they count in each, by ``unseen``, as old as the process.
    """

    def __init__(self, now_s: float, kept_max: int = _KEPT_MAX) -> None:
        self._began_s = now_s
        self._kept_max = kept_max
        self._waiting: deque[tuple[Seq, float]] = deque()
        # The first event behind those that are kept.
        self._beyond_s: float | None = None
        self._pending = 0
        self._first: Seq | None = None
        self.taken_count = 0
        self.error_count = 0

    def recorded(self, seq: Seq, now_s: float) -> None:
        """Note an event of this stream that this process has recorded."""
        if self._first is None:
            self._first = seq
        self._pending += 1
        if self._beyond_s is None and len(self._waiting) < self._kept_max:
            self._waiting.append((seq, now_s))
        elif self._beyond_s is None:
            self._beyond_s = now_s

    def taken(self, seq: Seq) -> None:
        """Note that the sink has an event of this stream safe."""
        self.taken_count += 1
        if self._first is None or seq < self._first:
            return
        self._pending -= 1
        if self._waiting and self._waiting[0][0] <= seq:
            self._waiting.popleft()
        if self._pending == 0:
            self._beyond_s = None

    def pending(self, unseen: int) -> int:
        """Return how many events wait."""
        return self._pending + unseen

    def lag_s(self, now_s: float, unseen: int) -> float:
        """Return since when the oldest of them waits, 0 when none does."""
        if unseen:
            return now_s - self._began_s
        if self._waiting:
            return now_s - self._waiting[0][1]
        return now_s - self._beyond_s if self._beyond_s is not None else 0.0
