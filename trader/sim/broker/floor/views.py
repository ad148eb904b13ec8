"""What the broker sees of each instrument right now: its quote, its book, and what it has taken.

A view holds for one slot of the market, or until a new quote is taken; orders that trade within it
take from the same levels, so two of them cannot have the same shares.
"""

from decimal import Decimal

from trader.sim.market.book import Level, make_book
from trader.sim.market.market import Market
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import ZERO, Side


class View:
    """One instrument at one slot."""

    __slots__ = ("_market", "_sides", "quote", "slot", "taken")

    def __init__(self, market: Market, quote: Quote, slot: int) -> None:
        self.quote, self.slot = quote, slot
        self.taken: dict[tuple[Side, int], Decimal] = {}
        self._market = market
        self._sides: dict[Side, tuple[Level, ...]] | None = None

    def levels(self, side: Side) -> tuple[Level, ...]:
        """Return what an order of this side can take, best first; drawn when first asked for."""
        if self._sides is None:
            book = make_book(self.quote, self._market.seed, self.slot)
            self._sides = {Side.BUY: book.asks, Side.SELL: book.bids}
        return self._sides[side]

    def take(self, side: Side, place: int, quantity: Decimal) -> None:
        """Note that a level has less now."""
        self.taken[(side, place)] = self.taken.get((side, place), ZERO) + quantity


class Views:
    """The present views of all instruments anybody trades."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._views: dict[int, View] = {}

    def now(self, item: Instrument) -> View:
        """Return the view of the present slot."""
        slot = self._market.slot()
        found = self._views.get(item.con_id)
        if found is None or found.slot != slot:
            found = self._views[item.con_id] = View(self._market, self._market.quote(item), slot)
        return found

    def take_quote(self, quote: Quote) -> None:
        """See a new quote; what was taken before it no longer counts."""
        con_id = quote.instrument.con_id
        self._views[con_id] = View(self._market, quote, self._market.slot())
