"""A strategy that wishes for one bracket, and another once nothing is left of the one before."""

from __future__ import annotations

from decimal import Decimal

from trader.core.ids import ConId
from trader.core.intents import BracketTerms, OrderType, Side, TimeInForce
from trader.core.market import Quote, fault
from trader.strategies.base import Context, OrderUpdate, Wish
from trader.strategies.own import OwnStrategy, Parameters

CENT = Decimal("0.01")


class BracketingParameters(Parameters):
    """How many brackets, how far the legs are from the market, and what the entry is."""

    count: int = 1
    quantity: int = 10
    away: str = "0.02"
    # Below the market, so that the entry rests; none for an entry at the market.
    entry_below: str = ""


class Bracketing(OwnStrategy[BracketingParameters]):
    """Buys once, protected."""

    Parameters = BracketingParameters

    def on_quote(self, quote: Quote, context: Context) -> None:
        """Ask for the next bracket as soon as there is a price and nothing is left."""
        asked = self.kept.get("asked", 0)
        if asked >= self.parameters.count or fault(quote, context.now_s, 2.0) is not None:
            return
        if context.orders(quote.con_id) or context.position(quote.con_id):
            return
        assert quote.mid is not None, "a good quote without a middle"
        self.kept["asked"] = asked + 1
        context.submit(self.wish(quote.con_id, quote.mid))

    def on_order(self, update: OrderUpdate, context: Context) -> None:
        """Ask again for what a halt has refused."""
        if update.code == "HALTED":
            self.kept["asked"] -= 1

    def wish(self, con_id: ConId, mid: Decimal) -> Wish:
        """Return the wish around a price."""
        below, away = self.parameters.entry_below, Decimal(self.parameters.away)
        price = (mid * (1 - Decimal(below or 0))).quantize(CENT)
        return Wish(
            con_id=con_id,
            side=Side.BUY,
            quantity=Decimal(self.parameters.quantity),
            order_type=OrderType.LIMIT if below else OrderType.MARKET,
            time_in_force=TimeInForce.DAY,
            limit_price=price if below else None,
            bracket=BracketTerms(
                take_profit=(price * (1 + away)).quantize(CENT),
                stop_loss=(price * (1 - away)).quantize(CENT),
            ),
        )
