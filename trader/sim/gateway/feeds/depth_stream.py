"""Market depth lines (messages 12 and 13): the whole book once, then row by row what changed.

A row that differs is updated, a new last row inserted, a surplus one deleted from the end.
"""

from dataclasses import dataclass, field

from trader.sim.gateway.feeds.lines import Line
from trader.sim.market.book import Book, Level, merged
from trader.sim.market.market import Market
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument
from trader.sim.wire import messages_market
from trader.sim.wire.frames import plain

Key = tuple[int, int]
_INSERT, _UPDATE, _DELETE = 0, 1, 2
_ASK, _BID = 0, 1


@dataclass(slots=True)
class DepthLine(Line):
    """One depth subscription and the rows its client has."""

    rows: int = 10
    is_smart: bool = False
    # Who stands in the book of the one exchange it is of; nobody where no makers are named.
    maker: str = ""
    # Bids and asks as sent so far, best first.
    sent: dict[int, list[Level]] = field(default_factory=lambda: {_ASK: [], _BID: []})

    @property
    def has_makers(self) -> bool:
        """Return whether rows name who stands there (message 13)."""
        return self.is_smart or bool(self.maker)

    def wanted(self, levels: tuple[Level, ...]) -> list[Level]:
        """Return the rows its client should have of one side."""
        return list((levels if self.is_smart else merged(levels))[: self.rows])


class DepthStream:
    """All depth lines of one simulator."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._lines: dict[Key, DepthLine] = {}

    def watched(self) -> dict[int, Instrument]:
        """Return the instruments that have depth lines."""
        return {line.instrument.con_id: line.instrument for line in self._lines.values()}

    def lines(self) -> list[DepthLine]:
        """Return all depth lines."""
        return list(self._lines.values())

    def has(self, key: Key) -> bool:
        """Return whether a line of this key exists."""
        return key in self._lines

    def add(self, line: DepthLine) -> None:
        """Take a line and send the whole book."""
        self._lines[line.key] = line
        self._update(line, self._market.book(line.instrument))

    def drop(self, key: Key) -> bool:
        """Forget a line; say whether there was one."""
        return self._lines.pop(key, None) is not None

    def leave(self, outlet_id: int) -> None:
        """Forget all lines of a connection."""
        for key in [key for key in self._lines if key[0] == outlet_id]:
            del self._lines[key]

    def tick(self, quote: Quote) -> None:
        """Send all who watch the depth of an instrument what changed."""
        con_id, book = quote.instrument.con_id, None
        for line in self._lines.values():
            if line.instrument.con_id == con_id:
                book = book or self._market.book(quote.instrument)
                self._update(line, book)

    def reset(self, line: DepthLine) -> None:
        """Forget what was sent, as after the notice 317: the client has emptied its book."""
        line.sent = {_ASK: [], _BID: []}

    def _update(self, line: DepthLine, book: Book) -> None:
        frames = []
        for side, levels in ((_BID, book.bids), (_ASK, book.asks)):
            wanted = line.wanted(levels)
            frames += _rows(line, side, line.sent[side], wanted)
            line.sent[side] = wanted
        if frames and not line.is_deaf:
            line.outlet.push_tick(b"".join(frames), len(frames))


def _rows(line: DepthLine, side: int, old: list[Level], new: list[Level]) -> list[bytes]:
    frames = []
    for place, level in enumerate(new):
        if place >= len(old):
            frames.append(_row(line, side, (place, _INSERT), level))
        elif level != old[place]:
            frames.append(_row(line, side, (place, _UPDATE), level))
    for place in range(len(old) - 1, len(new) - 1, -1):
        frames.append(_row(line, side, (place, _DELETE), old[place]))
    return frames


def _row(line: DepthLine, side: int, what: tuple[int, int], level: Level) -> bytes:
    place, operation = what
    price, size = plain(level.price), level.size
    at = (place, operation, side)
    if not line.has_makers:
        return messages_market.market_depth(line.request_id, at, price, size)
    shown = (price, size, line.is_smart)
    maker = level.venue if line.is_smart else line.maker
    return messages_market.market_depth_by_maker(line.request_id, at, maker, shown)
