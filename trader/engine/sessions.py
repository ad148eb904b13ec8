"""What time it is for a review: of an exchange, of the gateway's restart, of the account's day.

The broker's own hours hold. On a day of which a shipped calendar says something else, new risk is
held to the stricter of the two; what nobody told stays unknown, whatever a calendar says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, tzinfo
from math import inf
from zoneinfo import ZoneInfo

from trader.core.calendar import (
    ContractHours,
    SessionNow,
    Span,
    Standing,
    day_of,
    day_span,
    next_daily,
    session_now,
    standing,
    stricter,
    trading_day,
)
from trader.core.exchanges import (
    Disagreement,
    ExchangeCalendar,
    disagreements,
    is_same_clock,
)
from trader.core.frozen import maker
from trader.core.ids import ConId
from trader.core.instruments import Instrument
from trader.core.policy import TradingHours
from trader.core.risk import SessionView
from trader.core.shipped_calendars import calendar_for
from trader.engine.hub import MarketHub
from trader.ports import Clock

# Every review asks where the day stands.
_made_view = maker(SessionView)


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """The account's zone, and when the gateway restarts in it every day, for how long (seconds).

    ``calendars`` are those that the broker's hours are held against.
    """

    zone: tzinfo
    restart_at: time | None = None
    restart_s: float = 600.0
    calendars: tuple[ExchangeCalendar, ...] = ()


class Sessions:
    """Answers from the hours that the broker told; what it did not tell is not known."""

    def __init__(self, hub: MarketHub, clock: Clock, settings: SessionSettings) -> None:
        self._hub = hub
        self._clock = clock
        self._settings = settings
        # The day and the restart window of the last answer: each holds for hours.
        self._day: Span | None = None
        self._day_name = ""
        self._restart: Span | None = None
        # Of each instrument's exchange, with the hours that it follows from.
        self._trading_days: dict[ConId, tuple[ContractHours, Span]] = {}
        self._zones = {row.zone: ZoneInfo(row.zone) for row in settings.calendars}
        # Of each instrument where broker and calendar differ, with the hours that it follows from.
        self._disagreements: dict[ConId, tuple[ContractHours, tuple[Disagreement, ...]]] = {}

    def view(self, con_id: ConId) -> SessionView:
        """Return where the day stands for new risk in an instrument."""
        now_utc = self._clock.utc()
        until_restart_s = self._until_restart_s(now_utc)
        instrument = self._hub.instruments.get(con_id)
        hours = None if instrument is None else instrument.hours
        found = None if hours is None else standing(hours, now_utc)
        if found is None or instrument is None or hours is None:
            return _made_view(None, None, until_restart_s=until_restart_s)
        for row in self._of_instrument(instrument, hours):
            other = standing(row.shipped, now_utc)
            if other is not None:
                found = stricter(found, other)
        return _made_view(
            is_regular=found.is_regular,
            is_extended=found.is_extended,
            since_open_s=found.since_open_s,
            until_close_s=found.until_close_s,
            until_restart_s=until_restart_s,
        )

    def told(self, con_id: ConId) -> Standing | None:
        """Return where the day stands by the broker's word alone; None where it gave none."""
        instrument = self._hub.instruments.get(con_id)
        hours = None if instrument is None else instrument.hours
        return None if hours is None else standing(hours, self._clock.utc())

    def now(self, con_id: ConId) -> SessionNow:
        """Return which session of an instrument is on, by the broker's word alone."""
        instrument = self._hub.instruments.get(con_id)
        return session_now(None if instrument is None else instrument.hours, self._clock.utc())

    def open_for_s(self, con_id: ConId, hours: TradingHours) -> float | None:
        """Return for how long a session has been on in which quotes must come; None outside.

        ``hours`` are those in which new risk is taken: nobody waits for what nobody needs. Where
        the broker told none, only who trades at any time expects anything.
        """
        now = self.now(con_id)
        if now.is_closed or (hours is TradingHours.REGULAR and not now.is_regular):
            return None
        if now.begun_utc is None:
            return inf if hours is TradingHours.ALWAYS else None
        return (self._clock.utc() - now.begun_utc).total_seconds()

    def disagreeing(self) -> Iterator[tuple[Instrument, tuple[Disagreement, ...]]]:
        """Give each instrument of which broker and calendar say something else, with the days."""
        for instrument in self._hub.instruments.values():
            if instrument.hours is not None and instrument.is_tradeable:
                rows = self._of_instrument(instrument, instrument.hours)
                if rows:
                    yield instrument, rows

    def _of_instrument(
        self, instrument: Instrument, hours: ContractHours
    ) -> tuple[Disagreement, ...]:
        known = self._disagreements.get(instrument.con_id)
        if known is None or known[0] is not hours:
            known = self._disagreements[instrument.con_id] = (
                hours,
                self._compared(instrument, hours),
            )
        return known[1]

    def _compared(self, instrument: Instrument, hours: ContractHours) -> tuple[Disagreement, ...]:
        calendar = calendar_for(
            instrument.sec_type,
            instrument.exchange,
            instrument.currency,
            symbol=instrument.symbol,
            primary_exchange=instrument.primary_exchange,
        )
        if calendar is None or calendar not in self._settings.calendars:
            return ()
        zone = self._zones[calendar.zone]
        return disagreements(hours, calendar, zone) if is_same_clock(hours, zone) else ()

    def trading_day_start_utc(self, con_id: ConId) -> datetime:
        """Return when the trading day of an instrument's exchange began.

        Where the broker has not told its hours, that of the account counts.
        """
        now_utc = self._clock.utc()
        instrument = self._hub.instruments.get(con_id)
        hours = None if instrument is None else instrument.hours
        if hours is None:
            return self.day_start_utc()
        known = self._trading_days.get(con_id)
        # Kept until it is over: every review asks.
        if known is None or known[0] is not hours or not known[1].holds(now_utc):
            day = trading_day(hours, now_utc)
            if day is None:
                return self.day_start_utc()
            known = self._trading_days[con_id] = hours, day
        return known[1].start_utc

    def is_closed(self, con_id: ConId) -> bool:
        """Tell whether an instrument's exchange is known to be closed, extended hours included.

        By the broker's word alone: a closed market forgives old prices, so that the calendar says
        closed is no reason.
        """
        told = self.told(con_id)
        return told is not None and not (told.is_regular or told.is_extended)

    def is_restarting(self) -> bool:
        """Tell whether the gateway's planned restart is going on, as the settings say."""
        return self._until_restart_s(self._clock.utc()) == 0

    def day_start_utc(self) -> datetime:
        """Return when the account's day began."""
        now_utc = self._clock.utc()
        if self._day is None or not self._day.holds(now_utc):
            self._day = day_span(now_utc, self._settings.zone)
            self._day_name = day_of(now_utc, self._settings.zone)
        return self._day.start_utc

    def day(self) -> str:
        """Return the account's day as YYYY-MM-DD."""
        self.day_start_utc()
        return self._day_name

    def _until_restart_s(self, now_utc: datetime) -> float | None:
        """Return seconds until the gateway restarts: 0 while it does, None when none is planned."""
        settings, window = self._settings, self._restart
        if settings.restart_at is None:
            return None
        # A clock that was set back makes an earlier window the next one again.
        if window is None or not _is_next(window, now_utc):
            window = self._restart = next_daily(
                now_utc, settings.restart_at, settings.zone, settings.restart_s
            )
        return max((window.start_utc - now_utc).total_seconds(), 0.0)


def _is_next(window: Span, now_utc: datetime) -> bool:
    return now_utc < window.end_utc and (window.start_utc - now_utc).total_seconds() <= 86_400
