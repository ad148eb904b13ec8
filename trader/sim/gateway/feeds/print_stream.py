"""Tick-by-tick lines (message 99): every single event since the last round, none left out."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from trader.sim.gateway.feeds.lines import Line
from trader.sim.gateway.feeds.market_faults import Falsity, MarketFaults
from trader.sim.market import prints
from trader.sim.market.market import Market
from trader.sim.market.prints import Print
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument
from trader.sim.wire import messages_market
from trader.sim.wire.frames import plain

Key = tuple[int, int]
# After a long sleep of the host no more events than these are made up for.
_SLOTS_MAX = 400


class Kind(StrEnum):
    """What a tick-by-tick line shows."""

    LAST = "Last"
    ALL_LAST = "AllLast"
    BID_ASK = "BidAsk"
    MIDPOINT = "MidPoint"


@dataclass(slots=True)
class PrintLine(Line):
    """One tick-by-tick subscription and the slot up to which it was served."""

    kind: Kind = Kind.LAST
    served: int = 0


class PrintStream:
    """All tick-by-tick lines of one simulator."""

    def __init__(self, market: Market, faults: MarketFaults) -> None:
        self._market, self._faults = market, faults
        self._lines: dict[Key, PrintLine] = {}

    @property
    def count(self) -> int:
        """Return how many lines there are, of all clients together."""
        return len(self._lines)

    def instruments(self) -> list[Instrument]:
        """Return the instruments that somebody watches tick by tick."""
        return [line.instrument for line in self._lines.values()]

    def lines(self) -> list[PrintLine]:
        """Return all lines."""
        return list(self._lines.values())

    def has(self, key: Key) -> bool:
        """Return whether a line of this key exists."""
        return key in self._lines

    def add(self, line: PrintLine) -> None:
        """Take a line; it shows what happens from now on."""
        line.served = self._market.slot()
        self._lines[line.key] = line

    def drop(self, key: Key) -> bool:
        """Forget a line; say whether there was one."""
        return self._lines.pop(key, None) is not None

    def leave(self, outlet_id: int) -> None:
        """Forget all lines of a connection."""
        for key in [key for key in self._lines if key[0] == outlet_id]:
            del self._lines[key]

    def round(self, is_served: Callable[[Instrument], bool]) -> None:
        """Send every line the events since its last round; deaf and unserved ones lose theirs."""
        now = self._market.slot()
        for line in self._lines.values():
            first = max(line.served + 1, now - _SLOTS_MAX)
            line.served = max(now, line.served)
            if line.is_deaf or not is_served(line.instrument):
                continue
            frames = [frame for slot in range(first, now + 1) for frame in self._events(line, slot)]
            if frames:
                line.outlet.push_tick(b"".join(frames), len(frames))

    def _events(self, line: PrintLine, slot: int) -> list[bytes]:
        market, item = self._market, line.instrument
        if line.kind in (Kind.LAST, Kind.ALL_LAST):
            found = prints.trades(market, item, slot, all_of_them=line.kind is Kind.ALL_LAST)
            falsity = self._faults.falsities.get(item.con_id)
            return [trade_frame(line, one, falsity) for one in found]
        find = prints.midpoint_change if line.kind is Kind.MIDPOINT else prints.quote_change
        change = find(market, item, slot)
        if change is None:
            return []
        return [quote_frame(line, change.epoch_s, self._faults.shown(change.quote))]


def trade_frame(line: PrintLine, one: Print, falsity: Falsity | None = None) -> bytes:
    """Return message 99 of a trade; a falsified feed adds its offset to the price."""
    price = one.price + (falsity.amount if falsity is not None else 0)
    number = 1 if line.kind is Kind.LAST else 2
    values = (one.epoch_s, plain(price), one.size, one.mask, one.venue, one.conditions)
    return messages_market.tick_by_tick_trade(line.request_id, number, values)


def quote_frame(line: PrintLine, epoch_s: int, quote: Quote) -> bytes:
    """Return message 99 of both sides or of the midpoint."""
    ident = line.request_id
    if line.kind is Kind.MIDPOINT:
        middle = plain((quote.bid + quote.ask) / 2)
        return messages_market.tick_by_tick_midpoint(ident, epoch_s, middle)
    sides = (plain(quote.bid), plain(quote.ask), quote.bid_size, quote.ask_size)
    return messages_market.tick_by_tick_quote(ident, (epoch_s, *sides, 0))
