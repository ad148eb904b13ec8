"""An order must not trade with an own one: such a trade has no purpose and is forbidden.

A stop rests unseen until it is triggered and is not judged, on neither side. An exit that only
shrinks the position is let through: nothing may lock a position in.
"""

from trader.core.events import Check
from trader.core.intents import OrderType
from trader.core.risk.case import Case, check, needed


def wash_check(case: Case) -> Check:
    """Refuse an order that an own one on the other side could trade with."""
    other = case.working.best_ask if case.is_buy else case.working.best_bid
    if other is None or not case.policy.position.is_wash_prevented:
        return _ALONE
    if case.shrinks or case.intent.order_type is OrderType.STOP:
        return _ALONE
    if case.is_limit:
        price = needed(case.limit)
    else:
        # As far as a market order may reach: to the collar around the middle.
        reach = case.mid * case.policy.price.collar_fraction_max
        price = case.mid + (reach if case.is_buy else -reach)
    meets = price >= other if case.is_buy else price <= other
    value = f"{price} against an own {'sale' if case.is_buy else 'purchase'} at {other}"
    return check("WASH_TRADE", value, _ALONE.limit, passed=not meets)


_ALONE = Check("WASH_TRADE", "no own order to meet", "no own order to trade with", passed=True)

CHECKS = (("WASH_TRADE", wash_check),)
