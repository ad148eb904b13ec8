"""Keeps what the broker tells of trading hours, and says where a shipped calendar doubts it.

It says as well when a calendar is about to end. Nothing here decides anything: the sessions hold
new risk to the stricter word by themselves.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from trader.core.exchanges import RENEW_DAYS, ExchangeCalendar
from trader.core.ids import ConId
from trader.core.schedule import SessionTerms
from trader.engine.services import Services
from trader.ops.anew import Anew
from trader.ops.hours_file import HoursUnreadable, Kept, KeptHours, read_hours, write_hours

log = structlog.get_logger(__name__)

# What was told of instruments that are configured no more is of no use for longer.
_KEPT = timedelta(days=30)
_SHOWN = 3
_CALENDAR = "calendar"


class CalendarWatch:
    """Looks every few seconds; the disk is written when the broker has told hours anew."""

    def __init__(
        self,
        services: Services,
        path: Path,
        terms: SessionTerms,
        calendars: tuple[ExchangeCalendar, ...],
    ) -> None:
        self._clock = services.clock
        self._hub = services.hub
        self._sessions = services.sessions
        self._pager = services.pager
        self._path = path
        self._terms = terms
        self._calendars = calendars
        self._rows: dict[ConId, KeptHours] | None = None
        self._anew = Anew()
        self._is_written = False
        self._problem = ""

    def look(self) -> dict[str, str]:
        """Return what a person should know, by name, in words; page what is there anew."""
        now_utc = self._clock.utc()
        self._keep(now_utc)
        ending = "; ".join(ending_texts(self._calendars, now_utc))
        doubts = [
            (row.text, f"{instrument.symbol} {row.text}")
            for instrument, rows in self._sessions.disagreeing()
            for row in rows
        ]
        # One that lasts hides no other: a doubt is known by what it says, of whomever.
        wrong = dict(doubts) | ({_CALENDAR: ending} if ending else {})
        fresh = self._anew.of(wrong)
        if _CALENDAR in fresh:
            self._pager.page("warning", "trading calendar runs out", fresh.pop(_CALENDAR))
        if fresh:
            self._pager.page("warning", "trading hours in doubt", _first_of(fresh.values()))
        found = {_CALENDAR: ending, "hours": _first_of(text for _, text in doubts)}
        return {name: text for name, text in found.items() if text}

    def _keep(self, now_utc: datetime) -> None:
        if self._rows is None:
            self._rows = self._kept_before(now_utc)
        is_new = False
        for con_id, instrument in self._hub.instruments.items():
            hours, known = instrument.hours, self._rows.get(con_id)
            if hours is None or (known is not None and known.hours is hours):
                continue
            is_new = True
            self._rows[con_id] = KeptHours(
                con_id=con_id,
                symbol=instrument.symbol,
                sec_type=instrument.sec_type,
                exchange=instrument.exchange,
                currency=instrument.currency,
                primary_exchange=instrument.primary_exchange,
                hours=hours,
                told_utc=now_utc,
                is_tradeable=instrument.is_tradeable,
            )
        if is_new or not self._is_written:
            self._write(self._rows)

    def _write(self, rows: dict[ConId, KeptHours]) -> None:
        try:
            write_hours(self._path, Kept(tuple(rows.values()), self._terms))
        except OSError as error:
            self._is_written = False
            if not self._problem:
                log.warning("trading hours not kept", problem=str(error))
            self._problem = str(error)
        else:
            self._is_written, self._problem = True, ""

    def _kept_before(self, now_utc: datetime) -> dict[ConId, KeptHours]:
        try:
            kept = read_hours(self._path)
        except HoursUnreadable as error:
            log.warning("kept trading hours are not known", problem=str(error))
            return {}
        rows = () if kept is None else kept.rows
        return {ConId(row.con_id): row for row in rows if now_utc - row.hours.known.end_utc < _KEPT}


def ending_texts(calendars: Iterable[ExchangeCalendar], now_utc: datetime) -> Iterator[str]:
    """Say which calendars end soon or have ended; those that end on one day in one text."""
    found: dict[tuple[str, date], list[ExchangeCalendar]] = {}
    for row in calendars:
        found.setdefault((row.version, row.valid_until), []).append(row)
    for (version, until), rows in found.items():
        # It is the next day in the east first.
        days = min(row.days_left(now_utc.astimezone(ZoneInfo(row.zone)).date()) for row in rows)
        if days <= RENEW_DAYS:
            which = f"calendar {version} of {', '.join(row.name for row in rows)}"
            ends = f"has ended on {until}" if days < 0 else f"ends in {days} days, on {until}"
            yield f"{which} {ends}: install a newer program"


def _first_of(found: Iterable[str]) -> str:
    """Return some of many texts, and how many more there are."""
    texts = list(found)
    more = f"; and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return "; ".join(texts[:_SHOWN]) + more
