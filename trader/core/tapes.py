"""Counts over time windows, from tapes that forget: no count grows with history.

A tape holds the times of one kind of act in order, so a count is a search and not a walk. Times
that step back are taken for the latest that was seen: an act is never forgotten too early by it.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from trader.core.ids import ConId, OrderId, StrategyName
from trader.core.intents import OrderType, Side

# A day of the account can have 25 hours; whoever counts it asks a little later.
DAY_SPAN = timedelta(hours=26)
ACT_SPAN = timedelta(hours=1)


class Tape:
    """Times of one kind of act, oldest first; without a span its owner does the forgetting."""

    __slots__ = ("_first", "_span", "_times")

    def __init__(self, span: timedelta | None = None, times: Iterable[datetime] = ()) -> None:
        self._span = span
        self._times: list[datetime] = []
        self._first = 0
        for at in times:
            self.add(at)

    def add(self, at: datetime) -> None:
        """Note one act and forget what is older than the span."""
        times = self._times
        if times and at < times[-1]:
            at = times[-1]
        times.append(at)
        if self._span is not None:
            oldest = at - self._span
            while times[self._first] < oldest:
                self.forget_first()

    def forget_first(self) -> bool:
        """Drop the oldest act; returns whether any is left."""
        self._first += 1
        if self._first > len(self._times) // 2:
            del self._times[: self._first]
            self._first = 0
        return bool(self._times)

    def since(self, since: datetime) -> int:
        """Count the acts at or after ``since``; beyond the span there are none left to count."""
        return len(self._times) - bisect_left(self._times, since, self._first)

    def times(self) -> tuple[datetime, ...]:
        """Return what is remembered, oldest first."""
        return tuple(self._times[self._first :])

    def __eq__(self, other: object) -> bool:
        """Tell whether the other remembers the same."""
        return isinstance(other, Tape) and self.times() == other.times()

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Traded:
    """An order that is not in our ledger, and when it traded first; ``key`` names it."""

    key: str
    at_utc: datetime


class Strangers:
    """Orders that traded and are not in our ledger, of the last day: each counts once.

    They come in any order: what the broker tells at a start happened before it.
    """

    __slots__ = ("_first", "_times")

    def __init__(self, rows: Iterable[Traded] = ()) -> None:
        self._first: dict[str, datetime] = {}
        self._times: list[datetime] = []
        for row in rows:
            self.add(row)

    def add(self, row: Traded) -> None:
        """Note that an order traded; the first time of each counts."""
        if row.key in self._first:
            return
        self._first[row.key] = row.at_utc
        insort(self._times, row.at_utc)
        oldest = self._times[-1] - DAY_SPAN
        if self._times[0] < oldest:
            self._first = {key: at for key, at in self._first.items() if at >= oldest}
            self._times = sorted(self._first.values())

    def since(self, since: datetime) -> int:
        """Count the orders that first traded at or after ``since``."""
        return len(self._times) - bisect_left(self._times, since)

    def rows(self) -> tuple[Traded, ...]:
        """Return what is remembered, in the order in which it came."""
        return tuple(Traded(key, at) for key, at in self._first.items())

    def __eq__(self, other: object) -> bool:
        """Tell whether the other remembers the same."""
        return isinstance(other, Strangers) and self._first == other._first

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Sale:
    """What a sale brought, or with a negative amount what a correction took back."""

    at_utc: datetime
    currency: str
    amount: Decimal


class Sales:
    """What was sold in the last hour, by currency: it has not settled yet."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Iterable[Sale] = ()) -> None:
        # By currency: the times, and what had been sold in all by each.
        self._rows: dict[str, tuple[list[datetime], list[Decimal]]] = {}
        for row in rows:
            self.add(row)

    def add(self, row: Sale) -> None:
        """Note a sale and forget what is older than an hour."""
        times, sums = self._rows.setdefault(row.currency, ([], []))
        times.append(max(row.at_utc, times[-1]) if times else row.at_utc)
        sums.append((sums[-1] if sums else Decimal(0)) + row.amount)
        old = bisect_left(times, times[-1] - ACT_SPAN)
        # Not one at a time: what is left is moved each time.
        if old > len(times) // 2:
            base = sums[old - 1]
            self._rows[row.currency] = times[old:], [one - base for one in sums[old:]]

    def since(self, currency: str, since: datetime) -> Decimal:
        """Return what was sold in a currency at or after ``since``, as far as it is remembered."""
        times, sums = self._rows.get(currency, ([], []))
        first = bisect_left(times, since)
        if first == len(times):
            return Decimal(0)
        return sums[-1] - (sums[first - 1] if first else Decimal(0))

    def rows(self) -> tuple[Sale, ...]:
        """Return what is remembered, by currency and oldest first."""
        found = []
        for currency, (times, sums) in self._rows.items():
            before = Decimal(0)
            for at, total in zip(times, sums, strict=True):
                found.append(Sale(at, currency, total - before))
                before = total
        return tuple(found)

    def __eq__(self, other: object) -> bool:
        """Tell whether the other remembers the same."""
        return isinstance(other, Sales) and self.rows() == other.rows()

    __hash__ = None  # type: ignore[assignment]


class ActKind(StrEnum):
    """What was done to an order; the first three are messages to the broker."""

    ORDER = "order"
    CANCEL = "cancel"
    MODIFY = "modify"
    # An order that adds risk had its first fill.
    ENTRY = "entry"


@dataclass(frozen=True, slots=True)
class Act:
    """One act on the tape; ``pattern`` is what makes two orders the same."""

    at_utc: datetime
    kind: ActKind
    strategy: StrategyName
    con_id: ConId
    order_id: OrderId
    side: Side
    pattern: str = ""


Key = tuple[object, ...]


def pattern_of(
    side: Side,
    quantity: Decimal,
    order_type: OrderType,
    limit_price: Decimal | None,
    stop_price: Decimal | None,
) -> str:
    """Return the text in which two intents for the same thing are equal."""
    return f"{side!s} {quantity.normalize()!s} {order_type!s} {limit_price!s} {stop_price!s}"


class Acts:
    """The acts of the last hour, counted by account, strategy, instrument, order and pattern."""

    __slots__ = ("_all", "_tapes")

    def __init__(self, acts: Iterable[Act] = ()) -> None:
        self._all: deque[Act] = deque()
        self._tapes: dict[Key, Tape] = {}
        for act in acts:
            self.add(act)

    def add(self, act: Act) -> None:
        """Note an act and forget those that are older than an hour."""
        if self._all and act.at_utc < self._all[-1].at_utc:
            act = replace(act, at_utc=self._all[-1].at_utc)
        self._all.append(act)
        for key in _keys(act):
            tape = self._tapes.get(key)
            if tape is None:
                tape = self._tapes[key] = Tape()
            tape.add(act.at_utc)
        while self._all[0].at_utc < act.at_utc - ACT_SPAN:
            for key in _keys(self._all.popleft()):
                if not self._tapes[key].forget_first():
                    del self._tapes[key]

    def count(self, since: datetime, key: Key) -> int:
        """Count the acts with this key at or after ``since``.

        A key holds the text of a kind or ``"message"``, alone or with a strategy or an instrument;
        or ``"order"``, strategy, instrument and pattern; or ``"entry"``, strategy, instrument and
        the text of a side; or ``"modify"``, ``"order"`` and an order.
        """
        tape = self._tapes.get(key)
        return 0 if tape is None else tape.since(since)

    def all(self) -> tuple[Act, ...]:
        """Return what is remembered, oldest first."""
        return tuple(self._all)

    def __eq__(self, other: object) -> bool:
        """Tell whether the other remembers the same."""
        return isinstance(other, Acts) and self._all == other._all

    __hash__ = None  # type: ignore[assignment]


def _keys(act: Act) -> tuple[Key, ...]:
    kind, strategy, con_id = str(act.kind), act.strategy, act.con_id
    if act.kind is ActKind.ENTRY:
        return ((kind, strategy, con_id, str(act.side)),)
    own: tuple[Key, ...] = ()
    if act.kind is ActKind.ORDER:
        own = ((kind, strategy, con_id, act.pattern),)
    elif act.kind is ActKind.MODIFY:
        own = ((kind, "order", act.order_id),)
    # A strategy is a text and an instrument a number: they never are each other's key.
    return (
        (kind,),
        (kind, strategy),
        (kind, con_id),
        ("message",),
        ("message", strategy),
        *own,
    )
