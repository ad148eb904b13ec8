"""The intent by itself: side, kind of order, quantity and prices that are numbers on the grid."""

from decimal import Decimal
from functools import lru_cache

from trader.core.amounts import ZERO, is_multiple
from trader.core.events import Check
from trader.core.intents import OrderType, Side
from trader.core.risk.case import Case, check, needed, plain, text_of

_SIDES = {side: Check("SIDE_UNKNOWN", side.value, "BUY or SELL", passed=True) for side in Side}
_ABOVE_ZERO = "a number above 0"
_PRICES = "prices as the order type needs, above 0"


def side_check(case: Case) -> Check:
    """Refuse a side that is neither."""
    # Whatever a strategy has put there: the type is a promise that nobody has checked.
    side: object = case.intent.side
    known = _SIDES.get(side) if isinstance(side, Side) else None
    return known or check("SIDE_UNKNOWN", repr(side), "BUY or SELL", passed=False)


def form_check(case: Case) -> Check:
    """Refuse a kind of order that the policy does not list for the asset class.

    The operator's exits are market orders: a class without them must not keep its positions in.
    """
    sec_type = case.instrument.sec_type
    kind, time = case.intent.order_type, case.intent.time_in_force
    allowed = (sec_type, kind, time) in case.policy.order.forms or case.is_freed
    return check("FORM_FORBIDDEN", _form(sec_type, kind, time), "a form of the policy", allowed)


def quantity_check(case: Case) -> Check:
    """Refuse a quantity that is no number above zero; each way of being none has its code."""
    if case.quantity is not None:
        return check("QUANTITY_INVALID", str(case.quantity), _ABOVE_ZERO, passed=True)
    given = case.intent.quantity
    return check(f"QUANTITY_{problem_of(given)}", repr(given), _ABOVE_ZERO, passed=False)


def increment_check(case: Case) -> Check:
    """Refuse a quantity between two steps of the instrument's size."""
    step = case.instrument.size_increment
    quantity = needed(case.quantity)
    fits = is_multiple(quantity, step)
    return check("QUANTITY_OFF_INCREMENT", str(quantity), f"a multiple of {step!s}", fits)


def price_check(case: Case) -> Check:
    """Refuse prices that the kind of order does not have, lacks, or that are no numbers."""
    intent = case.intent
    if case.is_limit and case.limit is not None and intent.stop_price is None:
        return check("PRICE_INVALID", f"LMT {case.limit!s}", _PRICES, passed=True)
    wanted = ((intent.limit_price, OrderType.LIMIT), (intent.stop_price, OrderType.STOP))
    for price, owner in wanted:
        unwanted = None if price is None else "UNWANTED"
        problem = problem_of(price) if intent.order_type is owner else unwanted
        if problem is not None:
            return check(f"PRICE_{problem}", case.text_of_prices(), _PRICES, passed=False)
    return check("PRICE_INVALID", case.text_of_prices(), _PRICES, passed=True)


def tick_check(case: Case) -> Check:
    """Refuse a price between two steps; the step depends on the price (marketRule, 93)."""
    instrument = case.instrument
    for given, price in (
        (case.intent.limit_price, case.limit),
        (case.intent.stop_price, case.stop),
    ):
        if given is None:
            continue
        tick = instrument.tick_at(needed(price))
        if not is_multiple(needed(price), tick):
            return check("PRICE_OFF_TICK", str(price), f"a multiple of {tick}", passed=False)
    return _ON_TICK


_ON_TICK = Check("PRICE_OFF_TICK", "on the grid", "a multiple of the tick", passed=True)


@lru_cache(maxsize=64, typed=True)
def _form(sec_type: str, kind: object, time: object) -> str:
    return f"{sec_type} {text_of(kind)} {text_of(time)}"


def problem_of(value: object) -> str | None:
    """Name what keeps a value from being a number above zero, or None when nothing does."""
    if value is None or value == "":
        return "MISSING"
    if isinstance(value, bool):
        return "BOOLEAN"
    if not isinstance(value, Decimal) or value.is_nan():
        return "NOT_A_NUMBER"
    if value.is_infinite():
        return "INFINITE"
    if value < ZERO:
        return "NEGATIVE"
    if value == ZERO:
        return "ZERO"
    return None if plain(value) is not None else "ABSURD"


CHECKS = (
    ("SIDE_UNKNOWN", side_check),
    ("FORM_FORBIDDEN", form_check),
    ("QUANTITY_INVALID", quantity_check),
    ("QUANTITY_OFF_INCREMENT", increment_check),
    ("PRICE_INVALID", price_check),
    ("PRICE_OFF_TICK", tick_check),
)
