"""Single events of the market, slot by slot: trades, changes of the quote, of its midpoint.

The same events are streamed tick by tick and returned as historical ticks, because each slot's
events are a pure function of the slot.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from trader.sim.market.chance import draw
from trader.sim.market.market import Market
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument

_VENUES = ("NASDAQ", "ARCA", "BATS", "IEX", "NYSE", "FINRA", "DRCTEDGE", "ISLAND")
# A trade of fewer than a hundred shares is marked as an odd lot, as the tape does.
_ODD_LOT = "   I"
_SCANNED_MAX = 20_000
# No exchange is shut for longer than this at a stretch.
_SHUT_S_MAX = 14 * 86_400
UNREPORTED = 2


@dataclass(frozen=True, slots=True)
class Print:
    """One trade; the mask has bit 1 (value 2) when it is not part of the consolidated last."""

    epoch_s: int
    price: Decimal
    size: int
    mask: int
    venue: str
    conditions: str


@dataclass(frozen=True, slots=True)
class Change:
    """A quote that differs from the one before."""

    epoch_s: int
    quote: Quote

    @property
    def midpoint(self) -> Decimal:
        """Return the middle of the two sides."""
        return (self.quote.bid + self.quote.ask) / 2


def trades(market: Market, item: Instrument, slot: int, *, all_of_them: bool) -> list[Print]:
    """Return the trades of a slot: those of the last price, or also the unreported ones."""
    size = market.traded(item, slot)
    if not size:
        return []
    bits, price = draw(market.seed ^ 0x7A, item.con_id, slot), market.middle(item, slot) * item.tick
    # Only the shares of one country trade at many places, and off every exchange.
    is_stock = item.sec_type in ("STK", "ETF") and _VENUES[0] in item.exchanges
    venue = _VENUES[bits % len(_VENUES)] if is_stock else item.primary_exchange
    epoch_s = int(market.epoch_of(slot) + 1e-6)
    found = [Print(epoch_s, price, size, 0, venue, _conditions(item, size))]
    if all_of_them and is_stock and bits >> 8 & 3 == 0:
        off = price + item.tick * ((bits >> 10 & 3) - 1)
        found.append(Print(epoch_s, off, 1 + (bits >> 16) % 99, UNREPORTED, "FINRA", _ODD_LOT))
    return found


def _conditions(item: Instrument, size: int) -> str:
    return _ODD_LOT if item.sec_type in ("STK", "ETF") and size < 100 else ""


def quote_change(market: Market, item: Instrument, slot: int) -> Change | None:
    """Return the quote of a slot if it differs from that of the slot before."""
    before, now = market.quote_at(item, slot - 1), market.quote_at(item, slot)
    if _sides(before) == _sides(now):
        return None
    return Change(int(market.epoch_of(slot) + 1e-6), now)


def _sides(quote: Quote) -> tuple[Decimal, Decimal, int, int]:
    return quote.bid, quote.ask, quote.bid_size, quote.ask_size


def midpoint_change(market: Market, item: Instrument, slot: int) -> Change | None:
    """Return the quote of a slot if its midpoint differs from that of the slot before."""
    before, now = market.quote_at(item, slot - 1), market.quote_at(item, slot)
    if before.bid + before.ask == now.bid + now.ask:
        return None
    return Change(int(market.epoch_of(slot) + 1e-6), now)


def forward(
    market: Market, item: Instrument, start_s: float, *, regular: bool = False
) -> Iterator[int]:
    """Return slots from a moment on up to now, leaping over hours that do not count."""
    slot, last = max(market.slot_at(start_s), _first_slot(market, item)), market.slot()
    for _ in range(_SCANNED_MAX):
        if slot > last:
            return
        if market.moment(item, slot).counts(regular=regular):
            yield slot
            slot += 1
            continue
        now_s = market.epoch_of(slot)
        sessions = market.hours.spans(item.calendar, now_s, now_s + _SHUT_S_MAX, regular=regular)
        if not sessions:
            return
        slot = max(market.slot_at(sessions[0][0]), slot + 1)


def backward(
    market: Market, item: Instrument, end_s: float, *, regular: bool = False
) -> Iterator[int]:
    """Return slots from a moment back, leaping over hours that do not count."""
    slot, first = min(market.slot_at(end_s), market.slot()), _first_slot(market, item)
    for _ in range(_SCANNED_MAX):
        if slot < first:
            return
        if market.moment(item, slot).counts(regular=regular):
            yield slot
            slot -= 1
            continue
        now_s = market.epoch_of(slot)
        sessions = market.hours.spans(item.calendar, now_s - _SHUT_S_MAX, now_s, regular=regular)
        if not sessions:
            return
        slot = min(market.slot_at(sessions[-1][1]), slot - 1)


def _first_slot(market: Market, item: Instrument) -> int:
    """Return the slot before which there is nothing."""
    return market.slot_from(market.first_s(item))
