"""Holds the broker's own result of the day against ours; see :mod:`trader.core.day_result`.

What cannot be compared is told as not compared, with the reason, and never as well. A difference
that lasts is recorded and paged once. It ends when the two move together again from the same
beginning, or through a later day of the broker's; after a restart nothing is left of that
beginning, so what began later proves nothing about it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time, tzinfo
from decimal import Decimal

import structlog

from trader.core import events as ev
from trader.core.account import ResultReading
from trader.core.account_events import ResultAgreed, ResultDisputed
from trader.core.amounts import ZERO
from trader.core.baselines import opening
from trader.core.breaker_events import FlowSeen
from trader.core.day_result import Comparison, Point, Tolerance, day_at_broker, followed
from trader.core.drifts import DriftKind
from trader.core.ids import ConId, RunId, TicketId
from trader.core.marks import Source
from trader.core.policy import CashPolicy
from trader.core.reserves import pending_commission
from trader.core.ticket_events import CashBooked, TradeBooked
from trader.core.valuation import Valuation
from trader.engine.services import Services
from trader.engine.status import ResultStatus

log = structlog.get_logger(__name__)

LOOK_S = 5.0
# The broker tells about once a second while anything moves.
_TOLD_AGE_S_MAX = 60.0
# Both figures shall be of about the same prices.
_MARK_AGE_S_MAX = 30.0
# Two looks: our own value is that of the moment at which the broker tells its.
_WORTH_AGE_S_MAX = 2 * LOOK_S
# Until then what the broker tells may be from before the open, by the price of the day before.
_OPENED_S = 300.0
# What moves our value and is no trade: the broker need not count it as a result, or not now.
_MOVED_BY_HAND = (
    ev.AccountBaselined,
    ev.CashAdjusted,
    ev.PositionAdjusted,
    TradeBooked,
    CashBooked,
    FlowSeen,
)


@dataclass(frozen=True, slots=True)
class ResultSettings:
    """What may differ, and when the broker begins its days, on the clock of ``zone``."""

    tolerance: Tolerance
    resets: tuple[time, ...]
    zone: tzinfo
    cash: CashPolicy


class DayResult:
    """Compares, records what lasts, and shows both."""

    def __init__(self, services: Services, settings: ResultSettings) -> None:
        self._ledger = services.ledger
        self._guard = services.guard
        self._clock = services.clock
        self._valuer = services.valuer
        self._sessions = services.sessions
        self._pager = services.pager
        self._settings = settings
        self._told: ResultReading | None = None
        # Counts what has moved our value without a trade: each begins the comparison anew.
        self._moves = 0
        self._result: Comparison | None = None
        self._worth: Comparison | None = None
        # The span that the dispute which stands was found in, by this process.
        self._disputed_span = ""
        self._closed_by = ""
        # Why the two were not compared at the last look; empty when they were.
        self._problem = "not looked yet"

    def on_told(self, reading: ResultReading) -> None:
        """Take the broker's figures."""
        self._told = reading

    def on_recorded(self, recorded: ev.Recorded) -> None:
        """Begin anew where the book has moved without a trade, or a person has decided."""
        event = recorded.event
        if isinstance(event, ev.TicketClosed) and _is_ours(event.ticket_id):
            self._closed_by = event.by
        elif not isinstance(event, _MOVED_BY_HAND):
            return
        self._moves += 1

    # ---- the comparison

    def look(self) -> None:
        """Compare the newest figures, and record what has lasted or is over."""
        if self._closed_by:
            by, self._closed_by = self._closed_by, ""
            self._agree(f"ticket closed by {by}")
        point = self._point()
        if isinstance(point, str):
            self._problem = point
            return
        self._problem = ""
        self._result = followed(self._result, point, self._settings.tolerance)
        self._follow_worth(point)
        self._judge(self._result)

    def _follow_worth(self, point: Point) -> None:
        """Follow the broker's value of the account, whenever it has told a new one."""
        told = self._valuer.account
        if told is None or told.net_liquidation is None:
            return
        if not 0 <= self._clock.monotonic() - told.as_of_s <= _WORTH_AGE_S_MAX:
            return  # it is told every three minutes, and ours has moved since
        seen = Point(
            span=point.span,
            told=told.net_liquidation,
            own=point.own,
            held=point.held,
            commission_paid=point.commission_paid,
            commission_pending=point.commission_pending,
            at_s=told.as_of_s,
            at_utc=point.at_utc,
        )
        self._worth = followed(self._worth, seen, self._settings.tolerance)

    def _judge(self, result: Comparison) -> None:
        dispute, enough = self._dispute, self._settings.tolerance.readings
        if result.apart >= enough:
            if dispute is None or result.since.span != self._disputed_span:
                self._disputed(result)
            self._confirm(result)
        elif dispute is not None and result.together >= enough:
            day = _day_of(result)
            if result.since.span == self._disputed_span or day > dispute.day:
                self._agree(f"the broker's result and ours move together since {day}")

    def _disputed(self, result: Comparison) -> None:
        since, now = result.since, result.now
        event = ResultDisputed(
            day=_day_of(result),
            told=now.told - since.told,
            own=now.own - since.own,
            allowed=result.allowed,
            since_utc=since.at_utc,
        )
        self._disputed_span = since.span
        self._ledger.record(event)
        text = (
            f"since {since.at_utc:%H:%M:%S} UTC it moved by {event.told:.2f} at the broker and by "
            f"{event.own:.2f} here, allowed {event.allowed:.2f}"
        )
        log.warning("result differs", text=text)
        self._pager.page("warning", "the day's result differs", text)

    def _confirm(self, result: Comparison) -> None:
        """Open a ticket when the broker's value of the account has moved away from ours too."""
        worth, book = self._worth, self._ledger.book
        is_same = worth is not None and worth.since.span == result.since.span
        if worth is None or not is_same or not worth.is_apart:
            return
        if any(_is_ours(key) for key in book.tickets):
            return
        day = _day_of(result)
        text = (
            f"result: the broker's of its day differs from ours by {result.difference:.2f} and its "
            f"net liquidation by {worth.difference:.2f}, since {result.since.at_utc:%H:%M:%S} UTC"
        )
        ticket_id = TicketId(f"{book.seq + 1}-{DriftKind.RESULT}-{day[:10]}")
        run_id = RunId(f"result {day}")
        self._ledger.record(ev.TicketOpened(ticket_id, DriftKind.RESULT, None, text, run_id))
        log.error("result and net liquidation differ", text=text)
        self._pager.page("critical", "result and net liquidation differ", text)

    def _agree(self, reason: str) -> None:
        dispute = self._dispute
        if dispute is None:
            return
        self._ledger.record(ResultAgreed(dispute.day, reason))
        log.info("result agrees", reason=reason)
        self._pager.page("info", "the day's result agrees", reason)

    @property
    def _dispute(self) -> ResultDisputed | None:
        return self._ledger.book.account_record.dispute

    # ---- what is compared

    def _point(self) -> Point | str:
        """Return both figures now, or why they must not be held against each other."""
        told, now_s = self._told, self._clock.monotonic()
        if told is None:
            return "the broker has not told its result"
        if not _is_usable(told, now_s):
            return f"told {now_s - told.at_s:.0f} s ago, allowed {_TOLD_AGE_S_MAX:g} s"
        if told.daily is None:
            return "the broker has no result of its day"
        unsure = self._guard.book_may_lack()
        if unsure is not None:
            return f"the book may not be complete: {unsure}"
        now_utc = self._clock.utc()
        day = day_at_broker(now_utc, self._settings.zone, self._settings.resets)
        if day is None:
            return "the broker's day turns"
        valuation = self._valuer.current()
        if valuation is None:
            return "existing holdings have not been accepted"
        problem = next(self._unlike(valuation, now_s), None)
        if problem is not None:
            return problem
        book, currency = self._ledger.book, self._valuer.currency
        return Point(
            span=f"{day} {self._moves}",
            told=told.daily,
            own=valuation.nav,
            held=valuation.gross,
            commission_paid=book.commission_paid.get(currency, ZERO),
            commission_pending=pending_commission(book, self._settings.cash),
            at_s=told.at_s,
            at_utc=now_utc,
        )

    def _unlike(self, valuation: Valuation, now_s: float) -> Iterator[str]:
        """Say why our value is not of what the broker's result is of."""
        account, own = self._valuer.account, self._valuer.currency
        if account is None or account.currency != own:
            yield "the broker has not told in which currency it reckons"
        yield from valuation.missing
        for currency, amount in valuation.cash.items():
            if currency != own and amount != ZERO:
                yield f"cash in {currency}: what it gains is in our value alone"
        for con_id, mark in valuation.marks.items():
            symbol = self._symbol(con_id)
            if mark.currency != own:
                yield f"{symbol} is held in {mark.currency}"
            elif mark.source is not Source.QUOTE:
                yield f"{symbol} has no quote of ours"
            elif not now_s - mark.at_s <= _MARK_AGE_S_MAX:
                age_s = now_s - mark.at_s
                yield f"{symbol}: quote {age_s:.0f} s old, allowed {_MARK_AGE_S_MAX:g} s"
            else:
                yield from self._not_open(con_id)

    def _not_open(self, con_id: ConId) -> Iterator[str]:
        told = self._sessions.told(con_id)
        if told is None:
            return
        if not told.is_regular:
            yield f"{self._symbol(con_id)} is outside its regular hours"
        elif told.since_open_s is not None and told.since_open_s < _OPENED_S:
            yield f"{self._symbol(con_id)} opened {told.since_open_s:.0f} s ago"

    def _symbol(self, con_id: ConId) -> str:
        return self._ledger.book.positions[con_id].symbol

    # ---- to be seen

    def status(self) -> ResultStatus:
        """Return both figures and what the comparison says, as of now."""
        told, result, now_s = self._told, self._result, self._clock.monotonic()
        dispute = self._dispute
        shown = None if self._problem else result
        return ResultStatus(
            verdict=self._verdict(result),
            problem=self._problem,
            told_daily=None if told is None else told.daily,
            told_unrealized=None if told is None else told.unrealized,
            told_realized=None if told is None else told.realized,
            told_age_s=None if told is None else now_s - told.at_s,
            is_told_usable=_is_usable(told, now_s),
            own_daily=self._own_daily(),
            difference=None if shown is None else shown.difference,
            allowed=None if shown is None else shown.allowed,
            since_utc=None if shown is None else shown.since.at_utc,
            finding="" if dispute is None else _words(dispute),
        )

    def _verdict(self, result: Comparison | None) -> str:
        if self._dispute is not None:
            return "differs"
        if result is None or self._problem:
            return "not compared"
        if result.together < self._settings.tolerance.readings:
            return "comparing"
        return "agrees"

    def _own_daily(self) -> Decimal | None:
        """Return the result of the account's own day, where it can be said."""
        valuation = self._valuer.current()
        opened = opening(self._ledger.book.safety.baseline, self._sessions.day())
        if valuation is None or valuation.missing or opened is None:
            return None
        return valuation.nav - opened


def _is_usable(told: ResultReading | None, now_s: float) -> bool:
    # A NaN age compares false with everything: the test is written so that it refuses.
    return told is not None and 0 <= now_s - told.at_s <= _TOLD_AGE_S_MAX


def _day_of(result: Comparison) -> str:
    return result.since.span.rpartition(" ")[0]


def _is_ours(ticket: TicketId) -> bool:
    return f"-{DriftKind.RESULT}-" in ticket


def _words(dispute: ResultDisputed) -> str:
    return (
        f"since {dispute.since_utc:%Y-%m-%d %H:%M:%S} UTC the day's result moved by "
        f"{dispute.told:.2f} at the broker and by {dispute.own:.2f} here, "
        f"allowed {dispute.allowed:.2f}"
    )
