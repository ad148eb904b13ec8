"""Cash that is there when everything that buys fills first, worst commissions included."""

from datetime import timedelta
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.events import Check
from trader.core.intents import Side
from trader.core.policy import AccountType
from trader.core.risk.case import Case, check, needed
from trader.core.risk.grace import told

# Twice the three minutes after which the broker tells a value that has changed (INC-037).
_TELLS_EVERY_S = 360.0


def reserve_check(case: Case) -> Check:
    """Refuse what could bring cash under its reserve in any order of fills."""
    cash, policy = _cash(case), case.policy.cash
    left = cash - _set_aside(case) - case.commission
    if case.is_buy:
        left -= case.cost
    # An exit must not be refused for want of cash: a sale of what is held brings cash in. What
    # the working exits will have closed by then is not held any more.
    passed = left >= policy.reserve_min or case.shrinks
    value = told(case, f"{left:.2f} left of {cash:.2f}", passed=passed, side=Side.BUY)
    return check("CASH_RESERVE", value, f"cash left at least {policy.reserve_min!s}", passed)


def settled_check(case: Case) -> Check:
    """Refuse a purchase in a cash account with the proceeds of a sale that is not settled."""
    if not case.is_buy or case.shrinks or case.account_type is not AccountType.CASH:
        return _NOT_ASKED
    settled = _settled(case)
    left = settled - _set_aside(case) - case.commission - case.cost
    return check("SETTLED_CASH", f"{left:.2f} left of {settled:.2f}", "0 or more", left >= ZERO)


_NOT_ASKED = Check("SETTLED_CASH", "not asked", "for purchases of a cash account", passed=True)


def _cash(case: Case) -> Decimal:
    return case.book.cash[case.instrument.currency]


def _set_aside(case: Case) -> Decimal:
    """Return what the working orders and the commissions not yet reported may still cost."""
    currency = case.instrument.currency
    return case.book.workings.total(currency).set_aside(case.policy.cash)


def _settled(case: Case) -> Decimal:
    """Return the settled cash of the instrument's currency, at least; raises Unavailable.

    What the broker told is minutes old: what was sold since is not settled, and what was bought
    since is not there any more.
    """
    currency, given = case.instrument.currency, case.given
    told = needed(given.account)
    settled = told.settled_cash[currency]
    unsettled = told.unsettled_cash[currency]
    # A sale that the broker's values may already hold is taken off twice rather than never.
    told_utc = given.now_utc - timedelta(seconds=given.now_s - told.as_of_s + _TELLS_EVERY_S)
    return min(settled, _cash(case) - unsettled - case.book.sales.since(currency, told_utc))


CHECKS = (("CASH_RESERVE", reserve_check), ("SETTLED_CASH", settled_check))
