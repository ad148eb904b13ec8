"""When orders may trade, by the instruments' calendars.

Where the catalogue says that a market never closes, a DAY order has no end. A stock's auctions keep
their hours all the same: they are moments and not sessions.
"""

from trader.sim.broker.terms import cutoffs
from trader.sim.broker.terms.kinds import Auction
from trader.sim.clock import Clock
from trader.sim.model.instruments import Instrument
from trader.sim.reference import calendar as calendars
from trader.sim.reference.calendar import AUCTION_S, Phase

NEVER = float("inf")
_STOCKS = "US-STOCKS"


class Sessions:
    """The hours of one simulator's markets."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def is_open(self, item: Instrument, *, outside_rth: bool) -> bool:
        """Return whether continuous trading takes place now."""
        if calendars.never_closes(item.calendar):
            return True
        return calendars.is_open(item.calendar, self._clock.time(), outside_rth=outside_rth)

    def opens_s(self, item: Instrument, *, outside_rth: bool) -> float:
        """Return the moment at which trading begins next, now if it is under way."""
        now = self._clock.time()
        if self.is_open(item, outside_rth=outside_rth):
            return now
        day = calendars.next_day(item.calendar, now)
        first = day.start_s if outside_rth else day.open_s
        if first <= now:
            day = calendars.next_day(item.calendar, day.boundaries()[-1])
            first = day.start_s if outside_rth else day.open_s
        return first

    def opens_text(self, item: Instrument, *, outside_rth: bool) -> str:
        """Return that moment as the gateway's warning writes it (code 399)."""
        moment = self.opens_s(item, outside_rth=outside_rth)
        local = calendars.local_time(item.calendar, moment)
        return f"{local:%Y-%m-%d %H:%M:%S} {calendars.zone_name(item.calendar)}"

    def day_end_s(self, item: Instrument, *, outside_rth: bool) -> float:
        """Return when a DAY order given now ends; never where markets do not close."""
        now = self._clock.time()
        if calendars.next_change(item.calendar, now) == NEVER:
            return NEVER
        day = calendars.next_day(item.calendar, now)
        end = _end(day, outside_rth)
        if end <= now:
            day = calendars.next_day(item.calendar, day.boundaries()[-1])
            end = _end(day, outside_rth)
        return end

    def next_change_s(self, item: Instrument) -> float:
        """Return when the market's phase changes next; never where it does not close."""
        return calendars.next_change(item.calendar, self._clock.time())

    def has_auctions(self, item: Instrument) -> bool:
        """Return whether the instrument's market has auctions at all."""
        return calendars.next_day(_auctions(item), self._clock.time()).has_auctions

    def is_auction(self, item: Instrument, auction: Auction) -> bool:
        """Return whether that auction takes place now."""
        phase = calendars.phase(_auctions(item), self._clock.time())
        return phase is (Phase.OPENING if auction is Auction.OPENING else Phase.CLOSING)

    def auction_refusal(self, item: Instrument, auction: Auction) -> str:
        """Return why an order for an auction comes too late; empty where markets do not close."""
        if auction is Auction.NONE or calendars.never_closes(item.calendar):
            return ""
        now = self._clock.time()
        day = calendars.next_day(item.calendar, now - cutoffs.TURNOVER_S)
        return cutoffs.refusal(auction, item.primary_exchange or item.exchange, day, now)

    def auction_s(self, item: Instrument, auction: Auction) -> float:
        """Return when the next auction of that kind begins; its own beginning while it lasts."""
        now, calendar = self._clock.time(), _auctions(item)
        day = calendars.next_day(calendar, now)
        for _ in range(2):
            moment = day.open_s if auction is Auction.OPENING else day.close_s
            if now < moment + AUCTION_S:
                return moment
            day = calendars.next_day(calendar, day.boundaries()[-1])
        return day.open_s if auction is Auction.OPENING else day.close_s


def _auctions(item: Instrument) -> str:
    """Return the calendar of an instrument's auctions, also where it is traded at any hour."""
    is_stock = item.sec_type in ("STK", "ETF")
    return _STOCKS if is_stock and calendars.never_closes(item.calendar) else item.calendar


def _end(day: calendars.TradingDay, outside_rth: bool) -> float:
    regular = day.close_s + (AUCTION_S if day.has_auctions else 0.0)
    return max(day.end_s, regular) if outside_rth else regular
