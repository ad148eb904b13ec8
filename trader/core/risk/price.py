"""Prices against a fresh quote: collar, slippage, spread, and what illiquid instruments allow.

What only closes must not be locked in by a market that is not there: where the side that an exit
meets is the only one, it is judged by that one, and the operator's exit goes without any quote,
reserved at more than every price that was known. Both are recorded as what they are.
"""

from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.events import Check
from trader.core.intents import OrderType
from trader.core.risk.case import Case, check, needed, text_of

_MARKET_KINDS = (OrderType.MARKET, OrderType.STOP)


def quote_check(case: Case) -> Check:
    """Refuse without a live, two-sided, fresh quote (INC-019, INC-058, INC-141)."""
    problem = case.quote_problem
    if case.is_unquoted:
        value = f"{problem}: reserved at {case.worst_price}"
        return check("QUOTE_UNUSABLE", value, _FREE, passed=True)
    if case.is_one_sided:
        side = "ask" if case.is_buy else "bid"
        value = f"only the {side} {case.mid}"
        return check("QUOTE_UNUSABLE", value, "the side that an exit meets", passed=True)
    if case.doubt and case.quote_problem is None:
        value = f"not believed yet: {case.doubt}"
        return check("QUOTE_UNUSABLE", value, "for an exit", passed=True)
    limit = f"live, two-sided, at most {case.policy.price.quote_age_s_max!s} s old"
    return check("QUOTE_UNUSABLE", problem or "usable", limit, problem is None)


def collar_check(case: Case) -> Check:
    """Refuse a price too far from the middle; a market order is judged by half the spread."""
    if case.is_unquoted:
        return _unquoted("PRICE_COLLAR")
    mid = case.mid
    price = _own_price(case)
    if price is None:
        price = case.ask
    distance = abs(price - mid) / mid
    most = _narrowed(case, case.policy.price.collar_fraction_max)
    return check("PRICE_COLLAR", f"{distance:.5f}", f"at most {most!s}", distance <= most)


def slippage_check(case: Case) -> Check:
    """Refuse what gives more away than allowed beyond the best price of the other side."""
    if case.is_unquoted:
        return _unquoted("SLIPPAGE")
    mid, bid, ask = case.mid, case.bid, case.ask
    most = _narrowed(case, case.policy.price.slippage_fraction_max)
    if case.is_limit:
        limit = needed(case.limit)
        given_away = (limit - ask if case.is_buy else bid - limit) / mid
    else:
        # With one side alone nobody can say how far the middle would be from it.
        given_away = ZERO if case.is_one_sided else case.spread / 2
    passed = given_away <= most or case.shrinks
    return check("SLIPPAGE", f"{given_away:.5f}", f"at most {most!s}", passed)


def spread_check(case: Case) -> Check:
    """Refuse to enter a market that is no market; an exit must stay possible."""
    if case.is_unquoted or case.is_one_sided:
        return _unquoted("SPREAD")
    spread = case.spread
    most = case.policy.price.spread_fraction_max
    return check("SPREAD", f"{spread:.5f}", f"at most {most!s}", spread <= most or case.shrinks)


def illiquid_check(case: Case) -> Check:
    """Refuse an order without a limit price in an illiquid instrument; exits may use it."""
    kind = case.intent.order_type
    if kind not in _MARKET_KINDS:
        return _LIMITED
    if case.is_unquoted or case.is_one_sided:
        return _unquoted("ILLIQUID")
    value = f"{text_of(kind)}, spread {case.spread:.5f}"
    return check("ILLIQUID", value, _LIMITED.limit, case.shrinks or not case.is_illiquid)


_LIMITED = Check("ILLIQUID", "a limit order", "a limit order where illiquid", passed=True)


_FREE = "an operator's exit needs no quote"


def _unquoted(code: str) -> Check:
    return check(code, "no two sides", "for an exit", passed=True)


def _narrowed(case: Case, most: Decimal) -> Decimal:
    """Return what is left of a limit in an illiquid instrument."""
    # A stricter collar would lock a position in just when its market is thin.
    is_strict = case.is_illiquid and not case.shrinks
    return most * case.policy.price.illiquid_share if is_strict else most


def _own_price(case: Case) -> Decimal | None:
    """Return the price that the order names, None for a market order; raises Unavailable."""
    if case.is_limit:
        return needed(case.limit)
    return None if case.intent.order_type is OrderType.MARKET else needed(case.stop)


CHECKS = (
    ("QUOTE_UNUSABLE", quote_check),
    ("PRICE_COLLAR", collar_check),
    ("SLIPPAGE", slippage_check),
    ("SPREAD", spread_check),
    ("ILLIQUID", illiquid_check),
)
