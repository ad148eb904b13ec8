"""Questions to the broker that wait for an answer, and the one sequence of ids.

A request ends once: by its end marker, by an error, by its deadline, or by the loss of the link.
Requests without an id (positions, open orders, the time) cannot be told apart by their answers,
so there is one of a kind at a time, and the end marker that a timed-out one still owes is
recognised when it comes late (INC-021, INC-072).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any

from trader.core.ids import OrderId
from trader.ports import Clock, WorldError

_ID_MAX = 2**31 - 1
_ENDED_MAX = 4096


class Kind(StrEnum):
    """Requests that carry no id."""

    POSITIONS = "positions"
    OPEN_ORDERS = "open orders"
    COMPLETED_ORDERS = "completed orders"
    # Never asked for: a collector that is open while a snapshot is taken.
    COMMISSIONS = "commissions"


# A request id, or the name of a kind; market rules are a kind for each rule.
Key = int | str


class IdSequence:
    """Ids for orders and requests alike, so that an error's id is never ambiguous (INC-006)."""

    def __init__(self) -> None:
        self._high = 0

    def raise_to(self, seen: int) -> None:
        """Never give out ``seen`` or anything below it any more."""
        if seen <= _ID_MAX:
            self._high = max(self._high, seen)

    def take(self) -> OrderId:
        """Return the next id."""
        assert self._high < _ID_MAX, "order ids are used up"
        self._high += 1
        return OrderId(self._high)


class Pending:
    """One open question, with the rows that came so far."""

    __slots__ = ("future", "is_sent", "key", "late_until_s", "rows", "waiters")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.rows: list[Any] = []
        self.waiters = 0
        # Only a question that was sent can be answered late.
        self.is_sent = False
        # Set once an end marker was taken for an earlier question's: until when that one's was
        # expected.
        self.late_until_s: float | None = None
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Requests:
    """Every open question of one connection."""

    def __init__(self, clock: Clock, late_answer_s: float) -> None:
        self._clock = clock
        self._late_answer_s = late_answer_s
        self._open: dict[Key, Pending] = {}
        self._ended: deque[Key] = deque(maxlen=_ENDED_MAX)
        # Until when a timed-out request's end marker is expected, oldest first.
        self._owed: dict[Key, list[float]] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    # ---- asking

    def open(self, key: Key) -> Pending:
        """Begin to collect the answer of a question that is about to be sent."""
        assert key not in self._open, f"request {key} is already open"
        pending = Pending(key)
        self._open[key] = pending
        return pending

    def get(self, key: Key) -> Pending | None:
        """Return the open question of this key, to wait for the same answer."""
        return self._open.get(key)

    @asynccontextmanager
    async def turn(self, kind: str) -> AsyncIterator[None]:
        """Wait until no other caller asks for this kind, within the caller's own deadline."""
        lock = self._turns.setdefault(kind, asyncio.Lock())
        async with lock:
            yield

    async def answer(self, pending: Pending) -> list[Any]:
        """Return the rows once the answer ended, within the caller's own deadline.

        Raises what the request was failed with. When the last waiter leaves early, the request
        is abandoned.
        """
        pending.waiters += 1
        try:
            # Shielded: a waiter that is cancelled must not take the answer from the others.
            await asyncio.shield(pending.future)
        finally:
            pending.waiters -= 1
            if pending.waiters == 0:
                self.abandon(pending)
        return pending.rows

    def abandon(self, pending: Pending) -> None:
        """Stop waiting; a question without an id still owes an end marker."""
        if self._open.get(pending.key) is not pending:
            return
        del self._open[pending.key]
        pending.future.cancel()
        if isinstance(pending.key, int):
            self._ended.append(pending.key)
        elif pending.is_sent:
            until_s = pending.late_until_s
            if until_s is None:
                until_s = self._clock.monotonic() + self._late_answer_s
            # No later than the earlier question's: had its answer been lost, each question after
            # it would give its end marker away and be owed one, for ever.
            self._owed.setdefault(pending.key, []).append(until_s)

    # ---- what the broker says

    def is_request(self, request_id: int) -> bool:
        """Tell whether an id belongs to a question, open or recently ended, and to no order."""
        return request_id in self._open or request_id in self._ended

    def add(self, key: Key, row: object) -> None:
        """Add a row to an open answer; rows that nobody waits for are dropped."""
        pending = self._open.get(key)
        if pending is not None:
            pending.rows.append(row)

    def finish(self, key: Key) -> bool:
        """Take an end marker; False when it belongs to a request that timed out before."""
        pending = self._open.get(key)
        late_until_s = self._owed_until_s(key)
        if late_until_s is not None:
            # The rows until here were the late answer's as well.
            if pending is not None:
                pending.rows.clear()
                pending.late_until_s = late_until_s
            return False
        if pending is None:
            return False
        self._end(pending)
        pending.future.set_result(None)
        return True

    def fail(self, key: Key, error: WorldError) -> bool:
        """End an open question with an error; False when there is none."""
        pending = self._open.get(key)
        if pending is None:
            return False
        self._end(pending)
        pending.future.set_exception(error)
        # Looked at once, so that an answer nobody has awaited yet is not reported as forgotten.
        pending.future.exception()
        return True

    def fail_all(self, error: WorldError) -> None:
        """End every open question: the link is gone, and with it all that was owed."""
        for key in list(self._open):
            self.fail(key, error)
        self._owed.clear()

    def _end(self, pending: Pending) -> None:
        del self._open[pending.key]
        if isinstance(pending.key, int):
            self._ended.append(pending.key)

    def _owed_until_s(self, key: Key) -> float | None:
        """Take one owed end marker off the list; None when none is expected any more."""
        owed = self._owed.get(key, [])
        now_s = self._clock.monotonic()
        while owed and owed[0] < now_s:
            del owed[0]
        return owed.pop(0) if owed else None
