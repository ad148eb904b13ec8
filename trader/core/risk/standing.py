"""What must still hold at the last moment, with the order already among the working ones.

Between the review and the socket lies the wait for the disk. Whatever happened in it (a fill, a
trade by hand, a correction) is in the book by now, so the projections are judged again as they
stand; the price was judged a moment ago.
"""

from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.book_view import BookView
from trader.core.intents import Side, reduces
from trader.core.orders import OrderTerms
from trader.core.policy import AccountType, Policy


def standing_refusal(
    terms: OrderTerms,
    left: Decimal,
    book: BookView,
    policy: Policy,
    *,
    told_held: Decimal | None = None,
) -> str | None:
    """Say why a promise must not leave as things stand now, or None when it may.

    ``left`` is what the order may still fill, at the worse of its terms while a change is open;
    ``told_held`` what the broker holds where it says otherwise than the book.
    """
    held = book.position_of(terms.con_id)
    # Where book and broker disagree about what is there, the lower counts, as in the review.
    there = held if told_held is None else told_held
    room = min(abs(held), abs(there)) if held * there > ZERO else ZERO
    working, foreign = book.workings.of(terms.con_id), book.workings.foreign_of(terms.con_id)
    is_buy = terms.side is Side.BUY
    # This order is among them.
    pushes = working.buys + foreign.buys if is_buy else working.sells + foreign.sells
    if reduces(held, left * terms.side.sign) and pushes <= room:
        return None
    if terms.is_reduce_only:
        by_now = f"{held} by now" if there == held else f"{held} by now, the broker says {there}"
        return f"position is {by_now}, exits {pushes}: the order would not only reduce"
    projected = held + (pushes if is_buy else -pushes)
    most = policy.position.quantity_max
    if abs(projected) > most:
        return f"position is {held} by now and could become {projected}, allowed is at most {most}"
    if is_buy:
        return _cash_refusal(terms, book, policy)
    may_short = (
        policy.position.is_short_allowed and policy.exposure.account_type is not AccountType.CASH
    )
    projected += min(there - held, ZERO)
    if projected < ZERO and not may_short:
        return f"position is {held} by now and could become {projected}, allowed is 0 or more"
    return None


def _cash_refusal(terms: OrderTerms, book: BookView, policy: Policy) -> str | None:
    cash = book.cash.get(terms.currency)
    if cash is None:
        return f"cash in {terms.currency} is not known by now"
    left = cash - book.workings.total(terms.currency).set_aside(policy.cash)
    if left < policy.cash.reserve_min:
        return f"cash could fall to {left:.2f} by now, allowed is {policy.cash.reserve_min} or more"
    return None
