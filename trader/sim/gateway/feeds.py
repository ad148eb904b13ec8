"""Market data: who is subscribed to what, one tick round for all, five-second bars.

A quote is drawn once per instrument and round and rendered once; each subscriber costs only
its request id. The first burst follows the order a real gateway was recorded with.
"""

from dataclasses import dataclass
from decimal import Decimal

from trader.sim.broker.exchange import Exchange
from trader.sim.clock import Clock
from trader.sim.gateway.faults import Faults
from trader.sim.gateway.outlet import Outlet
from trader.sim.market import bars
from trader.sim.market.market import Market
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument
from trader.sim.wire import messages_market, messages_session
from trader.sim.wire.frames import plain

BAR_S = 5
TICK_PRICE = b"1\x006\x00"
TICK_SIZE = b"2\x006\x00"
TICK_TEXT = b"46\x006\x00"
Part = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Line:
    """One market data or bar subscription."""

    outlet: Outlet
    request_id: int
    instrument: Instrument
    show: str = "TRADES"


def _tail(*fields: object) -> bytes:
    return "\0".join(("", *map(str, fields), "")).encode()


def price_part(kind: int, price: Decimal, size: int) -> Part:
    """Return what precedes and follows the request id in message 1."""
    return TICK_PRICE, _tail(kind, plain(price), size, 0)


def size_part(kind: int, size: int) -> Part:
    """Return what precedes and follows the request id in message 2."""
    return TICK_SIZE, _tail(kind, size)


def text_part(kind: int, text: str) -> Part:
    """Return what precedes and follows the request id in message 46."""
    return TICK_TEXT, _tail(kind, text)


def render(parts: list[Part], request_id: int) -> bytes:
    """Return the frames of the parts for one subscriber."""
    ident = str(request_id).encode()
    out = bytearray()
    for head, tail in parts:
        out += (len(head) + len(ident) + len(tail)).to_bytes(4, "big")
        out += head
        out += ident
        out += tail
    return bytes(out)


def burst(quote: Quote, epoch_s: float) -> list[Part]:
    """Return the first values of a subscription in the recorded order."""
    parts = [text_part(45, str(int(epoch_s))), price_part(4, quote.last, quote.last_size)]
    tradable = quote.instrument.is_tradable
    if tradable:
        parts += [size_part(5, quote.last_size), size_part(8, quote.volume)]
    levels = ((6, quote.high), (7, quote.low), (9, quote.close), (14, quote.open))
    parts += [price_part(kind, price, 0) for kind, price in levels]
    if tradable:
        parts += [
            price_part(1, quote.bid, quote.bid_size), price_part(2, quote.ask, quote.ask_size),
            size_part(0, quote.bid_size), size_part(3, quote.ask_size),
            text_part(32, "Q"), text_part(33, "Q"),
        ]  # fmt: skip
    return parts


def difference(old: Quote, new: Quote, epoch_s: float) -> list[Part]:
    """Return what changed from one quote to the next; a price repeats its size as message 2."""
    parts: list[Part] = []
    if new.last != old.last:
        parts += [text_part(45, str(int(epoch_s))), price_part(4, new.last, new.last_size)]
        if new.instrument.is_tradable:
            parts += [size_part(5, new.last_size), size_part(8, new.volume)]
    levels = (
        (6, old.high, new.high), (7, old.low, new.low), (9, old.close, new.close),
        (14, old.open, new.open),
    )  # fmt: skip
    parts += [price_part(kind, after, 0) for kind, before, after in levels if before != after]
    if new.instrument.is_tradable:
        parts += _side(1, 0, (old.bid, old.bid_size), (new.bid, new.bid_size))
        parts += _side(2, 3, (old.ask, old.ask_size), (new.ask, new.ask_size))
    return parts


def _side(
    price_kind: int, size_kind: int, old: tuple[Decimal, int], new: tuple[Decimal, int]
) -> list[Part]:
    if new == old:
        return []
    size = size_part(size_kind, new[1])
    return [size] if new[0] == old[0] else [price_part(price_kind, *new), size]


class Feeds:
    """The tick rounds and bar rounds of one simulator."""

    def __init__(
        self, clock: Clock, market: Market, exchange: Exchange, faults: Faults, interval_s: float
    ) -> None:
        self._clock, self._market, self._exchange, self._faults = clock, market, exchange, faults
        self._interval_s = interval_s
        self._lines: dict[str, dict[tuple[int, int], Line]] = {}
        self._bar_lines: dict[tuple[int, int], Line] = {}
        self._is_running = False

    def start(self) -> None:
        """Begin the rounds."""
        self._is_running = True
        for item in self._market.catalogue.all():
            self._exchange.quotes[item.con_id] = self._market.quote(item)
        self._clock.call_later(self._interval_s, self._round)
        self._schedule_bars()

    def stop(self) -> None:
        """End the rounds; timers that are under way do nothing any more."""
        self._is_running = False

    def subscribe(self, line: Line) -> None:
        """Add a market data line and send its first burst."""
        quote = self._exchange.quote(line.instrument)
        self._lines.setdefault(line.instrument.symbol, {})[_key(line)] = line
        parts = burst(quote, self._clock.time())
        line.outlet.push_tick(render(parts, line.request_id), len(parts))

    def snapshot(self, line: Line) -> None:
        """Send the present values once and the end of the snapshot."""
        parts = burst(self._exchange.quote(line.instrument), self._clock.time())
        line.outlet.push_tick(render(parts, line.request_id), len(parts))
        line.outlet.push(57, messages_session.end(57, line.request_id))

    def subscribe_bars(self, line: Line) -> None:
        """Add a five-second bar line."""
        self._bar_lines[_key(line)] = line

    def cancel(self, outlet: Outlet, request_id: int) -> bool:
        """Drop a market data line; say whether there was one."""
        key = (id(outlet), request_id)
        return any(lines.pop(key, None) for lines in self._lines.values())

    def cancel_bars(self, outlet: Outlet, request_id: int) -> None:
        """Drop a bar line."""
        self._bar_lines.pop((id(outlet), request_id), None)

    def leave(self, outlet: Outlet) -> None:
        """Drop all lines of a connection."""
        for lines in (*self._lines.values(), self._bar_lines):
            for key in [key for key in lines if key[0] == id(outlet)]:
                del lines[key]

    def refresh(self, symbol: str) -> None:
        """Draw a new quote of one symbol now, match and send it."""
        item = self._market.catalogue.symbol(symbol)
        assert item is not None, "only known symbols are refreshed"
        self._tick(item)

    def _round(self) -> None:
        if not self._is_running:
            return
        self._clock.call_later(self._interval_s, self._round)
        for item in self._market.catalogue.all():
            self._tick(item)

    def _tick(self, item: Instrument) -> None:
        old = self._exchange.quote(item)
        new = self._market.quote(item)
        self._exchange.take_quote(new)
        lines = self._lines.get(item.symbol)
        if not lines or self._faults.is_upstream_down:
            return
        parts = difference(old, new, self._clock.time())
        if parts:
            for line in lines.values():
                line.outlet.push_tick(render(parts, line.request_id), len(parts))

    def _schedule_bars(self) -> None:
        now = self._clock.time()
        self._clock.call_later(BAR_S - now % BAR_S, self._bar_round)

    def _bar_round(self) -> None:
        if not self._is_running:
            return
        self._schedule_bars()
        if self._faults.is_upstream_down:
            return
        start = (int(self._clock.time() + 0.5) // BAR_S - 1) * BAR_S
        for line in self._bar_lines.values():
            bar = bars.show_bar(self._market, line.instrument, start, BAR_S)
            if bar is not None:
                prices = [plain(v) for v in (bar.open, bar.high, bar.low, bar.close)]
                values = (*prices, bar.volume, plain(bar.average), max(1, bar.volume // 100))
                frame = messages_market.realtime_bar(line.request_id, start, values)
                line.outlet.push_tick(frame, 1)


def _key(line: Line) -> tuple[int, int]:
    return id(line.outlet), line.request_id
