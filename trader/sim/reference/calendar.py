"""When instruments trade: named calendars, exact over weekends, holidays and clock changes.

A moment is in seconds since the epoch, UTC. A trading day has up to three parts (pre, regular,
post); a calendar with auctions has an instant of `AUCTION_S` at the open (`OPENING`) and one at the
close (`CLOSING`), in which its auction orders meet. A futures or currency day begins the evening
before its date. Everything here is a pure function of calendar and moment; what is kept are
results already computed.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from trader.sim.reference import holidays

AUCTION_S = 1.0
# No exchange is shut for longer than this at a stretch.
_GAP_DAYS_MAX = 14
_DAYS_KEPT = 8192
_MIDNIGHT = (0, 0)
_ALWAYS = "ALWAYS"


class Phase(StrEnum):
    """What a market is doing at a moment."""

    CLOSED = "CLOSED"
    PRE = "PRE"
    OPENING = "OPENING"
    REGULAR = "REGULAR"
    CLOSING = "CLOSING"
    POST = "POST"


@dataclass(frozen=True, slots=True)
class TradingDay:
    """One trading day: when trading starts, opens, closes and ends, in epoch seconds."""

    day: date
    start_s: float
    open_s: float
    close_s: float
    end_s: float
    has_auctions: bool

    def phase(self, epoch_s: float) -> Phase:
        """Return the phase at a moment of this day."""
        if not self.start_s <= epoch_s < self.end_s + self._closing_s:
            return Phase.CLOSED
        if epoch_s < self.open_s:
            return Phase.PRE
        if self.has_auctions and epoch_s < self.open_s + AUCTION_S:
            return Phase.OPENING
        if epoch_s < self.close_s:
            return Phase.REGULAR
        if self.has_auctions and epoch_s < self.close_s + AUCTION_S:
            return Phase.CLOSING
        return Phase.POST

    @property
    def _closing_s(self) -> float:
        # Where nothing follows the regular session, the closing auction is what follows.
        return AUCTION_S if self.has_auctions and self.end_s == self.close_s else 0.0

    def boundaries(self) -> list[float]:
        """Return the moments at which the phase may change, ascending."""
        auction = AUCTION_S if self.has_auctions else 0.0
        return sorted(
            {
                self.start_s, self.open_s, self.open_s + auction,
                self.close_s, self.close_s + auction, self.end_s + self._closing_s,
            }
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Rule:
    """A calendar as local times; the start may be on the evening before."""

    zone: str
    wire_zone: str
    start: tuple[int, int]
    opens: tuple[int, int]
    closes: tuple[int, int]
    ends: tuple[int, int]
    shut: Callable[[int], frozenset[date]]
    early: Callable[[int], Mapping[date, holidays.Closing]]
    starts_evening_before: bool = False
    has_auctions: bool = False
    never_closes: bool = False


def _never_shut(_year: int) -> frozenset[date]:
    return frozenset()


def _never_early(_year: int) -> Mapping[date, holidays.Closing]:
    return holidays.NO_CLOSINGS


def _always(zone: str, wire_zone: str) -> _Rule:
    return _Rule(
        zone, wire_zone, _MIDNIGHT, _MIDNIGHT, _MIDNIGHT, _MIDNIGHT, _never_shut, _never_early,
        never_closes=True,
    )  # fmt: skip


def _rules() -> dict[str, _Rule]:
    new_york, chicago = ("America/New_York", "US/Eastern"), ("America/Chicago", "US/Central")
    berlin, london = ("Europe/Berlin", "MET"), ("Europe/London", "GB-Eire")
    return {
        "ALWAYS": _always(*new_york),
        "CRYPTO": _always(*new_york),
        # Days of instruments of other places, from midnight to midnight there.
        "ALWAYS US/Central": _always(*chicago),
        "ALWAYS MET": _always(*berlin),
        "ALWAYS GB-Eire": _always(*london),
        "US-STOCKS": _Rule(
            *new_york, (4, 0), (9, 30), (16, 0), (20, 0), holidays.us, holidays.us_early,
            has_auctions=True,
        ),
        # Options and indices: the regular session alone.
        "US-REGULAR": _Rule(
            *new_york, (9, 30), (9, 30), (16, 0), (16, 0), holidays.us, holidays.us_early
        ),
        "CME": _Rule(
            *chicago, (17, 0), (8, 30), (16, 0), (16, 0), holidays.cme, holidays.cme_early,
            starts_evening_before=True,
        ),
        "FX": _Rule(
            *new_york, (17, 15), (17, 15), (17, 0), (17, 0), holidays.currency, _never_early,
            starts_evening_before=True,
        ),
        "IBIS": _Rule(
            *berlin, (9, 0), (9, 0), (17, 30), (17, 30), holidays.germany,
            _never_early, has_auctions=True,
        ),
        "LSE": _Rule(
            *london, (8, 0), (8, 0), (16, 30), (16, 30), holidays.london,
            holidays.london_early, has_auctions=True,
        ),
    }  # fmt: skip


NAMES = tuple(_rules())


@lru_cache(1)
def _table() -> dict[str, _Rule]:
    return _rules()


def _rule(calendar: str) -> _Rule:
    found = _table().get(calendar)
    if found is None:
        raise ValueError(f"calendar: {calendar!r} is not known; allowed: {', '.join(NAMES)}")
    return found


def never_closes(calendar: str) -> bool:
    """Return whether a calendar has neither nights nor holidays. Raises ValueError if unknown."""
    return _rule(calendar).never_closes


def always_in(zone: str) -> str:
    """Return the calendar that never closes, with days from midnight to midnight in a zone."""
    return next(
        (name for name in NAMES if name.startswith(_ALWAYS) and zone_name(name) == zone), _ALWAYS
    )


def phase(calendar: str, epoch_s: float) -> Phase:
    """Return what a market is doing. Raises ValueError for an unknown calendar."""
    if _rule(calendar).never_closes:
        return Phase.REGULAR
    current = day_at(calendar, epoch_s)
    return current.phase(epoch_s) if current is not None else Phase.CLOSED


def is_open(calendar: str, epoch_s: float, *, outside_rth: bool = False) -> bool:
    """Return whether orders match: in the regular session, or in any with `outside_rth`."""
    now = phase(calendar, epoch_s)
    return now is not Phase.CLOSED if outside_rth else now in _REGULAR


_REGULAR = (Phase.OPENING, Phase.REGULAR, Phase.CLOSING)


def next_change(calendar: str, epoch_s: float) -> float:
    """Return the moment of the next change of phase; infinity where there is none."""
    if _rule(calendar).never_closes:
        return math.inf
    before, moment = phase(calendar, epoch_s), epoch_s
    for _ in range(_GAP_DAYS_MAX):
        day = next_day(calendar, moment)
        for boundary in day.boundaries():
            if boundary > epoch_s and phase(calendar, boundary) is not before:
                return boundary
        moment = day.boundaries()[-1]
    raise AssertionError(f"{calendar} does not change for {_GAP_DAYS_MAX} days")


def day_at(calendar: str, epoch_s: float) -> TradingDay | None:
    """Return the trading day in whose hours the moment lies, None while closed."""
    found = next_day(calendar, epoch_s)
    return found if found.start_s <= epoch_s else None


def next_day(calendar: str, epoch_s: float) -> TradingDay:
    """Return the trading day under way, or the next one while closed."""
    day = local_date(calendar, epoch_s)
    for ahead in range(_GAP_DAYS_MAX):
        found = trading_day(calendar, day + timedelta(days=ahead))
        if found is not None and epoch_s < found.boundaries()[-1]:
            return found
    raise AssertionError(f"{calendar} is shut for {_GAP_DAYS_MAX} days from {day}")


def day_of(calendar: str, epoch_s: float) -> date:
    """Return the trading date a moment belongs to: that under way, or the next while closed."""
    return next_day(calendar, epoch_s).day


@lru_cache(_DAYS_KEPT)
def trading_day(calendar: str, day: date) -> TradingDay | None:
    """Return the trading day of a date, None when the calendar has none."""
    rule = _rule(calendar)
    if rule.never_closes:
        start, end = _epoch(rule, day, _MIDNIGHT), _epoch(rule, day + timedelta(days=1), _MIDNIGHT)
        return TradingDay(day, start, start, end, end, has_auctions=False)
    if day.weekday() > 4 or day in rule.shut(day.year):
        return None
    closes, ends = rule.early(day.year).get(day, (rule.closes, rule.ends))
    eve = day - timedelta(days=1) if rule.starts_evening_before else day
    start = _epoch(rule, eve, rule.start)
    # A currency day is regular from its start; a futures day opens in the morning.
    opens = start if rule.opens == rule.start else _epoch(rule, day, rule.opens)
    return TradingDay(
        day, start, opens, _epoch(rule, day, closes), _epoch(rule, day, ends), rule.has_auctions
    )


def trading_from(calendar: str, day: date) -> TradingDay:
    """Return the trading day of a date or the first one after it."""
    for ahead in range(_GAP_DAYS_MAX):
        found = trading_day(calendar, day + timedelta(days=ahead))
        if found is not None:
            return found
    raise AssertionError(f"{calendar} is shut for {_GAP_DAYS_MAX} days from {day}")


def _epoch(rule: _Rule, day: date, clock: tuple[int, int]) -> float:
    local = datetime(day.year, day.month, day.day, *clock, tzinfo=ZoneInfo(rule.zone))
    return local.timestamp()


def local_date(calendar: str, epoch_s: float) -> date:
    """Return the date on the wall calendar of the market's place."""
    return local_time(calendar, epoch_s).date()


def local_time(calendar: str, epoch_s: float) -> datetime:
    """Return the wall time of the market's place."""
    return datetime.fromtimestamp(epoch_s, ZoneInfo(_rule(calendar).zone))


def zone_name(calendar: str) -> str:
    """Return the zone as the gateway names it in contract details."""
    return _rule(calendar).wire_zone
