"""Several strategies in one account: none trades what another one holds, or is about to hold.

The account has one position in an instrument, the strategies have shares of it, and all of them
are on one side: whoever was there first holds the other side shut, with an entry that may still
fill as with what it holds. So the shares always add up to the account, every exit finds what it is
to close, and no strategy pays the spread to trade with another. What belongs to nobody may be sold
by anybody.
"""

from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.events import Check
from trader.core.results import OPERATOR
from trader.core.risk.case import Case, check, needed
from trader.core.usage import holding_of


def opposed_check(case: Case) -> Check:
    """Refuse an order that would close, or go against, what another strategy holds or enters."""
    if case.is_freed or not case.policy.coordination.is_one_sided:
        return _ALONE
    if case.shrinks and case.intent.strategy == OPERATOR:
        # What a person or the policy takes off is taken off whoever holds it.
        return _ALONE
    sign = -1 if case.is_buy else 1
    strategy, con_id = case.intent.strategy, case.intent.con_id
    holdings = case.book.holdings
    theirs = max(ZERO, sign * holdings.of_others(strategy, con_id))
    entering = _entering(case, sign)
    if theirs == entering == ZERO:
        return _ALONE
    mine = max(ZERO, sign * holdings.of(strategy, con_id, case.held))
    nobodys = max(ZERO, sign * case.held - theirs - mine)
    asked = needed(case.quantity) + _asked_before(case)
    value = f"{asked} in all, own {mine}, of others {theirs}, of nobody {nobodys}"
    if entering:
        value += f", others enter with {entering}"
    return check("OPPOSED", value, _ALONE.limit, passed=asked <= mine + nobodys)


def _entering(case: Case, sign: int) -> Decimal:
    """Return what other strategies' orders of the other side may add; their exits are none.

    What closes nobody's is none either. The operator's orders only close.
    """
    intent, book = case.intent, case.book
    beyond = ZERO
    for name, rows in book.workings.by_strategy.items():
        row = rows.get(intent.con_id)
        if row is not None and name not in (intent.strategy, OPERATOR):
            closes = max(ZERO, -sign * holding_of(book, name, intent.con_id))
            beyond += max(ZERO, row.on(intent.side.opposite) - closes)
    if beyond == ZERO:
        return ZERO
    owned = book.holdings.of_others(intent.strategy, intent.con_id)
    owned += holding_of(book, intent.strategy, intent.con_id)
    nobodys = max(ZERO, -sign * (case.held - owned))
    return max(ZERO, beyond - nobodys)


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
