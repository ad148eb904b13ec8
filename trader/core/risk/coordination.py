"""Several strategies in one account: none trades what another one holds.

The account has one position in an instrument, the strategies have shares of it, and all of them
are on one side: whoever was there first holds the other side shut. So the shares always add up to
the account, every exit finds what it is to close, and no strategy pays the spread to trade with
another. What belongs to nobody may be sold by anybody.
"""

from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.events import Check
from trader.core.risk.case import Case, check, needed


def opposed_check(case: Case) -> Check:
    """Refuse an order that would close, or go against, what another strategy holds."""
    if case.is_freed or not case.policy.coordination.is_one_sided:
        return _ALONE
    sign = -1 if case.is_buy else 1
    strategy, con_id = case.intent.strategy, case.intent.con_id
    holdings = case.book.holdings
    theirs = max(sign * holdings.of_others(strategy, con_id), ZERO)
    if theirs == ZERO:
        return _ALONE
    mine = max(sign * holdings.of(strategy, con_id, case.held), ZERO)
    nobodys = max(sign * case.held - theirs - mine, ZERO)
    asked = needed(case.quantity) + _asked_before(case)
    value = f"{asked} in all, own {mine}, of others {theirs}, of nobody {nobodys}"
    return check("OPPOSED", value, _ALONE.limit, passed=asked <= mine + nobodys)


def _asked_before(case: Case) -> Decimal:
    """Return what this strategy's other orders may still take off the same position."""
    intent = case.intent
    return sum(
        (
            order.remaining
            for order in case.book.may_fill()
            if order.terms.con_id == intent.con_id
            and order.terms.strategy == intent.strategy
            and order.terms.side is intent.side
            and order.terms.intent_id != intent.intent_id
        ),
        ZERO,
    )


_ALONE = Check("OPPOSED", "nobody else's", "what is its own or nobody's", passed=True)

CHECKS = (("OPPOSED", opposed_check),)
