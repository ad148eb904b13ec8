"""Questions for the server's time and their answers, which name no question (message 49).

A slow gateway is not a dead one (INC-093): a question stays open until its answer has come,
however many callers have lost their patience meanwhile, and an answer that came while nobody
waited is the next caller's. Answers come in the order of the questions.
"""

import asyncio
from collections import deque
from datetime import datetime

from trader.ports import Clock, LinkDown, ServerTime

# A question that was not answered for so long never will be; it must not make later ones look old.
_LOST_S = 120.0
_OPEN_MAX = 200


class Beats:
    """The open questions of one connection, and the last answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked: deque[float] = deque(maxlen=_OPEN_MAX)
        # What was answered, how long that took, and when it came; monotonic seconds.
        self._answer: tuple[datetime, float, float] | None = None
        self._is_taken = True
        self._waiters: list[asyncio.Future[None]] = []
        # How the last connection ended.
        self._end = "not connected"

    def reset(self, error: LinkDown) -> None:
        """Forget everything: the connection is gone, and with it every answer."""
        self._asked.clear()
        self._answer, self._is_taken = None, True
        self._end = str(error)
        self._wake(error)

    def is_asked_since(self, seconds: float) -> bool:
        """Tell whether a question that left within that time still waits for its answer."""
        return bool(self._asked) and self._clock.monotonic() - self._asked[-1] < seconds

    def asked(self) -> None:
        """Note that a question leaves now."""
        now_s = self._clock.monotonic()
        while self._asked and now_s - self._asked[0] > _LOST_S:
            self._asked.popleft()
        self._asked.append(now_s)

    def answered(self, server_utc: datetime, now_s: float) -> None:
        """Take an answer: the oldest open question's."""
        asked_s = self._asked.popleft() if self._asked else now_s
        self._answer = (server_utc, now_s - asked_s, now_s)
        self._is_taken = False
        self._wake(None)

    async def next(self) -> ServerTime:
        """Return an answer that nobody had yet, waiting for it; raises LinkDown with the link."""
        if self._is_taken:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        if self._answer is None:
            # The link went away between the answer and this turn, and took it along.
            raise LinkDown(self._end)
        self._is_taken = True
        server_utc, took_s, heard_s = self._answer
        # As a round trip that ends now: the server's time was true at some moment of it.
        return ServerTime(server_utc, took_s + self._clock.monotonic() - heard_s)

    def _wake(self, error: LinkDown | None) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)
