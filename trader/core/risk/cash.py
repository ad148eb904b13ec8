"""Cash that is there when everything that buys fills first, worst commissions included."""

from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.events import Check
from trader.core.intents import Side
from trader.core.policy import AccountType
from trader.core.risk.case import Case, check, needed
from trader.core.risk.grace import told


def reserve_check(case: Case) -> Check:
    """Refuse what could bring cash under its reserve in any order of fills."""
    cash, policy = _cash(case), case.policy.cash
    left = cash - _set_aside(case) - needed(case.commission)
    if case.is_buy:
        left -= case.cost()
    # An exit must not be refused for want of cash: a sale of what is held brings cash in. What
    # the working exits will have closed by then is not held any more.
    passed = left >= policy.reserve_min or case.shrinks
    value = told(case, f"{left:.2f} left of {cash:.2f}", passed=passed, side=Side.BUY)
    return check("CASH_RESERVE", value, f"cash left at least {policy.reserve_min}", passed)


def settled_check(case: Case) -> Check:
    """Refuse a purchase in a cash account with the proceeds of a sale that is not settled."""
    if not case.is_buy or case.shrinks or case.account_type is not AccountType.CASH:
        return _NOT_ASKED
    currency = needed(case.instrument).currency
    settled = min(needed(needed(case.given.account).settled_cash.get(currency)), _cash(case))
    left = settled - _set_aside(case) - needed(case.commission) - case.cost()
    return check("SETTLED_CASH", f"{left:.2f} left of {settled:.2f}", "0 or more", left >= ZERO)


_NOT_ASKED = Check("SETTLED_CASH", "not asked", "for purchases of a cash account", passed=True)


def _cash(case: Case) -> Decimal:
    return needed(case.book.cash.get(needed(case.instrument).currency))


def _set_aside(case: Case) -> Decimal:
    """Return what the working orders and the commissions not yet reported may still cost."""
    total = case.book.workings.total(needed(case.instrument).currency)
    return total.buys_value + case.policy.cash.worst_commissions(
        total.order_count + total.pending_count, total.order_quantity + total.pending_quantity
    )


CHECKS = (("CASH_RESERVE", reserve_check), ("SETTLED_CASH", settled_check))
