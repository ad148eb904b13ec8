"""Actions on the market: prices."""

from typing import Any

from trader.sim.script import fields
from trader.sim.script.fields import Given
from trader.sim.script.stage import Action, Stage


def _price(stage: Stage, given: Given) -> dict[str, Any]:
    symbol, price = stage.instrument(given.text("symbol")).symbol, given.maybe_decimal("price")
    pins = stage.host.market.pins
    if price is None:
        pins.pop(symbol, None)
    else:
        pins[symbol] = price
    stage.host.feeds.refresh(symbol)
    return {"symbol": symbol, "price": None if price is None else str(price)}


ACTIONS = (
    Action(
        "price", "Hold the price of a symbol, or let it go again.", ("S15",),
        (
            fields.text("symbol", "a known symbol"),
            fields.decimal("price", "the middle price, null to let go", above_zero=True,
                           nullable=True),
        ),
        _price,
    ),
)  # fmt: skip
