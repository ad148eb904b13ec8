"""What time it is for a review: of an exchange, of the gateway's restart, of the account's day."""

from dataclasses import dataclass
from datetime import datetime, time, tzinfo

from trader.core.calendar import (
    ContractHours,
    Span,
    day_of,
    day_span,
    next_daily,
    standing,
    trading_day,
)
from trader.core.frozen import maker
from trader.core.ids import ConId
from trader.core.risk import SessionView
from trader.engine.hub import MarketHub
from trader.ports import Clock

# Every review asks where the day stands.
_made_view = maker(SessionView)


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """The account's zone, and when the gateway restarts in it every day, for how long (seconds)."""

    zone: tzinfo
    restart_at: time | None = None
    restart_s: float = 600.0


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

    def view(self, con_id: ConId) -> SessionView:
        """Return where the day stands for an instrument."""
        now_utc = self._clock.utc()
        until_restart_s = self._until_restart_s(now_utc)
        instrument = self._hub.instruments.get(con_id)
        hours = None if instrument is None else instrument.hours
        found = None if hours is None else standing(hours, now_utc)
        if found is None:
            return _made_view(None, None, until_restart_s=until_restart_s)
        return _made_view(
            is_regular=found.is_regular,
            is_extended=found.is_extended,
            since_open_s=found.since_open_s,
            until_close_s=found.until_close_s,
            until_restart_s=until_restart_s,
        )

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
        """Tell whether an instrument's exchange is known to be closed, extended hours included."""
        view = self.view(con_id)
        return view.is_regular is False and view.is_extended is False

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
