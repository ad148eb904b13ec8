"""Past ticks as messages 96 (midpoints), 97 (quotes) and 98 (trades): the very ones streamed."""

from collections.abc import Iterable
from dataclasses import dataclass

from trader.sim.gateway.feeds.print_stream import Kind, PrintLine
from trader.sim.market import prints
from trader.sim.market.market import Market
from trader.sim.model.instruments import Instrument
from trader.sim.wire import messages_history
from trader.sim.wire.frames import plain

TICKS_MAX = 1000
_MESSAGE = {Kind.LAST: 98, Kind.ALL_LAST: 98, Kind.BID_ASK: 97, Kind.MIDPOINT: 96}
KINDS = {"TRADES": Kind.ALL_LAST, "BID_ASK": Kind.BID_ASK, "MIDPOINT": Kind.MIDPOINT}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which past ticks are asked for: from a start on, or else up to an end."""

    kind: Kind
    count: int
    start_s: float | None = None
    end_s: float | None = None
    is_regular: bool = False


def rows(market: Market, item: Instrument, wanted: Wanted) -> list[list[object]]:
    """Return at least so many ticks, if there are: a second is never cut in two."""
    regular = wanted.is_regular
    if wanted.start_s is not None:
        slots = prints.forward(market, item, wanted.start_s, regular=regular)
        return _collect(market, item, wanted, slots)
    end_s = wanted.end_s if wanted.end_s is not None else market.epoch_of(market.slot())
    found = _collect(market, item, wanted, prints.backward(market, item, end_s, regular=regular))
    found.reverse()
    return found


def _collect(
    market: Market, item: Instrument, wanted: Wanted, slots: Iterable[int]
) -> list[list[object]]:
    found: list[list[object]] = []
    last_s: object = None
    for slot in slots:
        new = _of_slot(market, item, wanted.kind, slot)
        if new and len(found) >= wanted.count and new[0][0] != last_s:
            break
        if new:
            # Backwards the events of one slot stand in reverse as well.
            found += new if wanted.start_s is not None else new[::-1]
            last_s = new[0][0]
    return found


def _of_slot(market: Market, item: Instrument, kind: Kind, slot: int) -> list[list[object]]:
    if kind in (Kind.LAST, Kind.ALL_LAST):
        found = prints.trades(market, item, slot, all_of_them=kind is Kind.ALL_LAST)
        return [
            [one.epoch_s, one.mask, plain(one.price), one.size, one.venue, one.conditions]
            for one in found
        ]
    if kind is Kind.MIDPOINT:
        middle = prints.midpoint_change(market, item, slot)
        return [] if middle is None else [[middle.epoch_s, 0, plain(middle.midpoint), 0]]
    change = prints.quote_change(market, item, slot)
    if change is None:
        return []
    quote = change.quote
    sides = (plain(quote.bid), plain(quote.ask), quote.bid_size, quote.ask_size)
    return [[change.epoch_s, 0, *sides]]


def without_sizes(found: list[list[object]], kind: Kind) -> list[list[object]]:
    """Return quotes without those in which only a size changed; trades as they are."""
    if kind is not Kind.BID_ASK:
        return found
    return [
        row for place, row in enumerate(found) if not place or row[2:4] != found[place - 1][2:4]
    ]


def frame(request_id: int, kind: Kind, found: list[list[object]]) -> tuple[int, bytes]:
    """Return the message id and the one message that carries all ticks found."""
    message_id = _MESSAGE[kind]
    return message_id, messages_history.historical_ticks(
        message_id, request_id, found, is_done=True
    )


def before_stream(market: Market, line: PrintLine, count: int) -> tuple[int, bytes]:
    """Return the past ticks with which a tick-by-tick line begins."""
    found = rows(market, line.instrument, Wanted(line.kind, count))
    return frame(line.request_id, line.kind, found[-count:])
