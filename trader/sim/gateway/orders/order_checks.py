"""The gateway's checks of an order before the broker sees it: pure, one `Refusal` or None.

The texts are the gateway's own. What it says of an order that it accepts all the same (a preset
time in force, a flag it ignores) is a notice and not a refusal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trader.sim.broker.terms import conditions
from trader.sim.broker.terms.kinds import KINDS, Auction, Kind, Trigger, auction_of
from trader.sim.broker.terms.moments import read_moment
from trader.sim.gateway.orders.order_rules import OrderRules
from trader.sim.gateway.orders.validation import Refusal, invalid, unknown_contract
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import OrderRequest, Side, Terms
from trader.sim.reference import rules

TIFS = ("DAY", "GTC", "IOC", "FOK", "GTD", "OPG")
# What the interbank market takes of a base currency; less than that goes there as an odd lot.
IDEALPRO_LEAST = (("EUR", 20_000), ("USD", 25_000), ("GBP", 17_000), ("AUD", 30_000))
TRIGGER_METHODS = (0, 1, 2, 3, 4, 7, 8)
OCA_TYPES = (0, 1, 2, 3)
CASH_MAX, PERCENT_MAX = 10**12, 100
TICK_TEXT = "The price does not conform to the minimum price variation for this contract."
TIME_TEXT = (
    "The date, time, or time-zone entered is invalid. The correct format is yyyymmdd hh:mm:ss xxx "
    "where yyyymmdd and xxx are optional. E.g.: 20031126 15:59:00 EST"
)
VOLATILITY_TEXT = (
    "VOL order requires non-negative floating point value for volatility.  "
    "Do not set it for other order types."
)
OUTSIDE_IGNORED = (
    2109,
    "Order Event Warning:Attribute 'Outside Regular Trading Hours' is ignored based on the order "
    "type and destination. PlaceOrder is now being processed.",
)


@dataclass(frozen=True, slots=True)
class Place:
    """What an order is checked against besides itself."""

    accounts: Sequence[str]
    now_s: float
    has_auctions: bool = True


def check_order(request: OrderRequest, item: Instrument | None, place: Place) -> Refusal | None:
    """Check what does not depend on other orders or on prices of the moment."""
    if item is None:
        return unknown_contract()
    if request.what_if and not request.transmit:
        return Refusal(413, "What-if order should have the transmit flag set to true.")
    if not item.is_tradable:
        text = f"The security {item.symbol} is not available or allowed for this account."
        return Refusal(203, text)
    if not request.contract.exchange:
        # Details and data do without one; an order must say where it goes.
        return invalid("Missing order exchange.")
    if request.account not in ("", *place.accounts):
        return invalid("Invalid account code")
    if not request.account and len(place.accounts) > 1:
        return invalid("You must specify an account.")
    terms = request.terms
    return (
        _check_words(terms)
        or _check_type(terms, place)
        or _check_quantity(terms, item)
        or _check_prices(terms, item)
        or _check_times(terms, place.now_s)
        or _check_attributes(terms)
    )


def _check_words(terms: Terms) -> Refusal | None:
    if terms.action not in ("BUY", "SELL"):
        return invalid("Invalid action was entered")
    if terms.order_type not in KINDS:
        return invalid("Invalid order type was entered")
    if terms.tif not in ("", *TIFS):
        return invalid("Invalid time in force was entered")
    if terms.trigger_method not in TRIGGER_METHODS:
        return Refusal(146, "Invalid trigger method.")
    if terms.oca_type not in OCA_TYPES:
        return invalid("Invalid OCA type was entered")
    return None


def _check_type(terms: Terms, place: Place) -> Refusal | None:
    kind, tif = KINDS[terms.order_type], terms.tif
    if kind.at_close and tif not in ("", "DAY"):
        return Refusal(113, "The Tif option should be set to DAY for MOC and LOC orders.")
    is_plain = terms.order_type in ("MKT", "LMT")
    if (tif == "OPG" and not is_plain) or (tif == "FOK" and kind.trigger is not Trigger.NONE):
        return Refusal(111, "The TIF (Tif type) and the order type are incompatible.")
    if auction_of(terms) is not Auction.NONE and not place.has_auctions:
        return Refusal(387, "Unsupported order type for this exchange and security type.")
    return None


def _check_quantity(terms: Terms, item: Instrument) -> Refusal | None:
    quantity, cash = terms.quantity, terms.cash_quantity
    if item.sec_type == "CRYPTO":
        if quantity and cash:
            return Refusal(10293, "Cryptocurrency. Cash Quantity order cannot specify size")
        if terms.order_type == "MKT" and terms.action == Side.BUY and not cash:
            return Refusal(10289, "You must set Cash Quantity for this order")
    if not quantity:
        if cash and 0 < cash <= CASH_MAX:
            return None
        return Refusal(434, "The order size cannot be zero.")
    if quantity < 0:
        return invalid("The order size must be positive")
    if not rules.is_multiple(quantity, item.size_step):
        return Refusal(10318, "This order doesn't support fractional quantity trading")
    if quantity < item.size_min:
        return Refusal(388, "Order size is smaller than the minimum requirement.")
    if terms.display_size is not None and terms.display_size >= quantity:
        return Refusal(10020, "Display size should be smaller than order size.")
    if terms.min_quantity and terms.min_quantity > quantity:
        return invalid("The minimum quantity must not exceed the order size")
    return None


def _needed(terms: Terms, kind: Kind) -> list[Decimal | None]:
    """Return the prices that the order type cannot be without."""
    needed: list[Decimal | None] = [terms.limit_price] if kind.has_limit else []
    if kind.trigger is Trigger.TRAIL:
        needed.append(terms.trailing_percent or terms.aux_price)
        if terms.order_type == "TRAIL LIMIT" and terms.limit_offset is None:
            needed.append(terms.limit_price)
    elif kind.trigger is not Trigger.NONE:
        needed.append(terms.aux_price)
    return needed


def _check_prices(terms: Terms, item: Instrument) -> Refusal | None:
    kind = KINDS[terms.order_type]
    # The price of a combination may be nothing or less than nothing.
    is_any = bool(item.legs)
    percent = terms.trailing_percent
    if percent is not None and not 0 < percent < PERCENT_MAX:
        return invalid("The trailing percent must be above 0 and below 100")
    if percent is not None and terms.aux_price and kind.trigger is Trigger.TRAIL:
        return invalid("The trailing amount and the trailing percent exclude each other")
    for price in _needed(terms, kind):
        if price is None or (price <= 0 and not is_any):
            return invalid("Please enter a valid price")
    amounts = [terms.limit_price if kind.has_limit else None, terms.trail_stop_price]
    if kind.trigger is not Trigger.NONE:
        amounts.append(terms.aux_price)
    for price in amounts:
        if price is not None and not rules.conforms(item.market_rule_id, price):
            return Refusal(110, TICK_TEXT)
    if terms.discretionary and not rules.conforms(item.market_rule_id, terms.discretionary):
        text = "Discretionary amount does not conform to the minimum price variation for this"
        return Refusal(168, f"{text} contract.")
    return None


def _check_times(terms: Terms, now_s: float) -> Refusal | None:
    if terms.tif == "GTD" and not terms.good_till:
        return invalid("A good till date is required for a GTD order")
    for text in (terms.good_after, terms.good_till):
        if text and read_moment(text, now_s=now_s) is None:
            return Refusal(337, TIME_TEXT)
    return None


def _check_attributes(terms: Terms) -> Refusal | None:
    if terms.echo.get("volatility"):
        return invalid(VOLATILITY_TEXT)
    if not terms.conditions:
        return None
    # Moments are read against today's date, which does not decide whether they can be read.
    flaw = conditions.flaw(terms.conditions, 0.0)
    return invalid(flaw) if flaw else None


def check_presets(terms: Terms, quote: Quote, limits: OrderRules) -> Refusal | None:
    """Check the precautions a person has set in the terminal against size and price."""
    if limits.size_max is not None and (terms.quantity or 0) > limits.size_max:
        text = "The size specified violates the size constraint specified in the default order"
        return Refusal(383, f"{text} settings.")
    price = terms.limit_price if KINDS[terms.order_type].has_limit else None
    if limits.percent_max is None or price is None or not quote.last:
        return None
    is_buy = terms.action == Side.BUY
    away = (price / quote.last - 1) * 100 * (1 if is_buy else -1)
    if away > limits.percent_max:
        text = "The price specified would violate the percentage constraint specified in the"
        return Refusal(163, f"{text} default order settings.")
    return None


def notices(terms: Terms, item: Instrument) -> list[tuple[int, str]]:
    """Return code and text of what is said of an order that is accepted all the same."""
    found = []
    if item.sec_type == "CASH" and terms.quantity and terms.quantity < _least(item):
        found.append((399, _odd_lot(terms, item)))
    if not terms.tif:
        # Recent gateways set a missing time in force by preset and keep the order live.
        found.append((10349, "Order TIF was set to DAY based on order preset."))
    if terms.outside_rth and (terms.order_type == "MKT" or auction_of(terms) is not Auction.NONE):
        found.append(OUTSIDE_IGNORED)
    return found


def _least(item: Instrument) -> int:
    return dict(IDEALPRO_LEAST).get(item.symbol, 0)


def _odd_lot(terms: Terms, item: Instrument) -> str:
    size = terms.quantity or 0
    shown = f"{size / 1000:f}K" if size and not size % 1000 else f"{size:f}"
    return (
        f"Order Message:\n{terms.action} {shown} {item.local_symbol} Forex\n"
        f"Warning: Your order size is below the {item.symbol} {_least(item)} IdealPro minimum and "
        "will be routed as an odd lot order."
    )
