"""Option computations (message 21): what an option's bid, ask and last say about volatility."""

import math
from decimal import Decimal

from trader.sim.gateway.feeds.lines import Part, computation_part
from trader.sim.market import options
from trader.sim.market.market import Market
from trader.sim.market.options import Greeks, Terms
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument

# What message 21 carries for a value that cannot be computed: volatility and prices have -1,
# the sensitivities -2.
_NO_VALUE, _NO_GREEK = "-1", "-2"
_VEGA_MIN = 1e-4
_CUSTOM = 53


def is_option(item: Instrument) -> bool:
    """Return whether an instrument has option computations."""
    return item.sec_type in ("OPT", "FOP")


def computations(market: Market, quote: Quote, slot: int, first_kind: int) -> list[Part]:
    """Return the computations of bid, ask, last and model, in this order of tick types."""
    item = quote.instrument
    terms, spot, volatility = market.option_terms(item, slot)
    model = options.greeks(terms, spot, volatility)
    prices = (quote.bid, quote.ask, quote.last)
    parts = [
        computation_part(first_kind + n, _near(price, model, volatility, spot))
        for n, price in enumerate(prices)
    ]
    values = _values(volatility, model.price, model, spot)
    return [*parts, computation_part(first_kind + len(prices), values)]


def _near(price: Decimal, model: Greeks, volatility: float, spot: float) -> tuple[str, ...]:
    """Return the computation of a price near the model's: the volatility moves by its vega."""
    if not price.is_finite() or price <= 0 or model.vega < _VEGA_MIN:
        return _nothing(price, spot)
    implied = volatility + (float(price) - model.price) / model.vega / 100
    if implied <= 0:
        return _nothing(price, spot)
    return _values(implied, float(price), model, spot)


def _nothing(price: Decimal, spot: float) -> tuple[str, ...]:
    shown = repr(float(price)) if price.is_finite() and price > 0 else _NO_VALUE
    greeks = (_NO_GREEK,) * 3
    return (_NO_VALUE, _NO_GREEK, shown, _NO_VALUE, *greeks, repr(round(spot, 4)))


def _values(implied: float, price: float, model: Greeks, spot: float) -> tuple[str, ...]:
    return (
        repr(implied), repr(model.delta), repr(price), "0.0", repr(model.gamma), repr(model.vega),
        repr(model.theta), repr(round(spot, 4)),
    )  # fmt: skip


def implied_volatility(terms: Terms, price: float, spot: float) -> Part | None:
    """Return the answer to message 54: the volatility at which the option has a price."""
    if not (math.isfinite(price) and math.isfinite(spot) and price > 0 and spot > 0):
        return None
    found = options.implied_volatility(terms, spot, price)
    if found is None:
        return None
    return computation_part(
        _CUSTOM, _values(found, price, options.greeks(terms, spot, found), spot)
    )


def option_price(terms: Terms, volatility: float, spot: float) -> Part | None:
    """Return the answer to message 55: the price of the option at a volatility."""
    if not (math.isfinite(volatility) and math.isfinite(spot) and spot > 0 and volatility > 0):
        return None
    model = options.greeks(terms, spot, volatility)
    return computation_part(_CUSTOM, _values(volatility, model.price, model, spot))
