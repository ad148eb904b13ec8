"""The review of a change: the order as it is to be, beside everything but the order as it is.

A change that only makes an order smaller or less bold is held against what an order must look
like and against nothing else: no limit may keep risk at the broker. A change is no new order, so
the counts of orders do not concern it; its own budget does (:mod:`trader.core.risk.rates`).
So is a promise reviewed that waited for the disk: it is on every tape and among what works by then.
"""

from copy import copy
from dataclasses import dataclass, replace
from decimal import Decimal

from trader.core.book_view import BookView
from trader.core.changes import ChangeTerms
from trader.core.events import Check
from trader.core.intents import Intent, Side
from trader.core.orders import Order
from trader.core.risk import bracket, bracket_change, form, identity, instrument, rates
from trader.core.risk.case import Case, needed
from trader.core.risk.codes import HOLD_CODE
from trader.core.risk.review import CHECKS, CheckFunction, evaluated, text_of_check
from trader.core.risk.values import REVIEWED, Approved, Downgraded, Refused, RiskInput, Verdict

_OF_ORDERS = frozenset(code for code, _ in rates.CHECKS if not code.startswith("MESSAGE_RATE"))
_FOR_CHANGES = tuple((code, run) for code, run in CHECKS if code not in _OF_ORDERS)
# What a promise counts by itself, and what the broker was asked before it was made.
_COUNTED = frozenset({*(code for code, _ in rates.CHECKS), "WHAT_IF"})
_ONCE_MORE = tuple((code, run) for code, run in CHECKS if code not in _COUNTED)
_FOR_LEGS: tuple[tuple[str, CheckFunction], ...] = (
    *identity.CHECKS,
    *instrument.CHECKS,
    *form.CHECKS,
    *(row for row in rates.CHECKS if row[0].startswith("MESSAGE_RATE")),
    *bracket_change.CHECKS,
)
_BRACKET_ONCE_MORE = (*_ONCE_MORE, *bracket.CHECKS)
_FOR_LESS: tuple[tuple[str, CheckFunction], ...] = (*instrument.CHECKS, *form.CHECKS)


@dataclass(frozen=True, slots=True)
class Revision:
    """What is to become of an order; None leaves a term as it is. Quantity is the whole order's."""

    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    reason: str = ""
    # The key of the request at the API door that asks for it, if one does.
    request: str = ""


def is_less(order: Order, revision: Revision) -> bool:
    """Tell whether a change only takes risk away: not larger, not bolder, no other trigger."""
    terms = order.terms
    if revision.quantity is not None and not revision.quantity <= terms.quantity:
        return False
    if revision.stop_price not in (None, terms.stop_price):
        return False
    if revision.limit_price is None:
        return True
    if terms.limit_price is None:
        return False
    if terms.side is Side.BUY:
        return revision.limit_price <= terms.limit_price
    return revision.limit_price >= terms.limit_price


def review_change(order: Order, revision: Revision, given: RiskInput) -> Verdict:
    """Hold an order's new terms against every check that concerns a change."""
    intent = revised(order, revision)
    if order.terms.is_leg:
        return _review_leg(order, intent, given)
    intent = replace(intent, bracket=bracket_change.bracket_terms(given.book, order))
    case = _case(order, intent, given)
    wanted = _FOR_LESS if is_less(order, revision) else _FOR_CHANGES
    if intent.bracket is not None:
        wanted = (*wanted, *bracket.CHECKS)
    checks, failed = evaluated(case, wanted)
    if not failed:
        return _approved(case, checks, order, given)
    first = failed[0]
    if first.code == HOLD_CODE:
        if len(failed) == 1:
            return Downgraded(case.intent, first.code, text_of_check(first), checks)
        first = failed[1]
    return Refused(case.intent, first.code, text_of_check(first), checks)


def _review_leg(order: Order, intent: Intent, given: RiskInput) -> Verdict:
    """Hold a leg's new price against its form and its bracket: it is no new risk, and no exit yet.

    What it may close is bounded by its bracket, whatever is held.
    """
    case = _case(order, intent, given)
    checks, failed = evaluated(case, _FOR_LEGS)
    entry = bracket_change.entry_as_changed(given.book, order, intent)
    if entry is not None:
        more, wrong = evaluated(_case(order, entry, given), bracket.CHECKS)
        checks, failed = (*checks, *more), [*failed, *wrong]
    if failed:
        return Refused(intent, failed[0].code, text_of_check(failed[0]), checks)
    per_unit = order.terms.reserve_per_unit
    if case.worst_price is not None:
        per_unit = max(per_unit, case.worst_price * case.multiplier)
    return Approved(intent, checks, needed(given.instrument), per_unit, REVIEWED)


def refusal_by_now(order: Order, intent: Intent, given: RiskInput) -> str | None:
    """Say why what was promised a while ago would be refused now, or None when it would not.

    ``order`` is the promise, or the order that a promise would change, as it works in the book.
    """
    case = _case(order, intent, given)
    _, failed = evaluated(case, _ONCE_MORE if intent.bracket is None else _BRACKET_ONCE_MORE)
    return text_of_check(failed[0]) if failed else None


def revised(order: Order, revision: Revision) -> Intent:
    """Return the intent of what would be left to fill under the new terms."""
    terms = order.terms
    whole = terms.quantity if revision.quantity is None else revision.quantity
    limit, stop = revision.limit_price, revision.stop_price
    return Intent(
        intent_id=terms.intent_id,
        strategy=terms.strategy,
        con_id=terms.con_id,
        side=terms.side,
        quantity=whole - order.filled,
        order_type=terms.order_type,
        time_in_force=terms.time_in_force,
        limit_price=terms.limit_price if limit is None else limit,
        stop_price=terms.stop_price if stop is None else stop,
        is_reduce_only=terms.is_reduce_only,
        reason=revision.reason,
    )


def wanted_terms(order: Order, approval: Approved) -> ChangeTerms:
    """Return the terms that an approved change asks the broker for."""
    intent = approval.intent
    return ChangeTerms(
        quantity=intent.quantity + order.filled,
        limit_price=intent.limit_price,
        stop_price=intent.stop_price,
        reserve_per_unit=approval.reserve_per_unit,
    )


def _approved(case: Case, checks: tuple[Check, ...], order: Order, given: RiskInput) -> Approved:
    found = needed(given.instrument)
    per_unit = order.terms.reserve_per_unit
    if case.limit is not None:
        per_unit = case.limit * found.multiplier
    elif case.worst_price is not None:
        per_unit = max(per_unit, case.worst_price * found.multiplier)
    return Approved(case.intent, checks, found, per_unit, REVIEWED)


def _case(order: Order, intent: Intent, given: RiskInput) -> Case:
    """Return what is left of an order, beside everything else that works."""
    case = Case(intent, replace(given, book=_without(given.book, order)))
    if case.quantity is not None:
        case.whole = case.quantity + order.filled
    return case


def _without(book: BookView, order: Order) -> BookView:
    """Return a view of the book in which an order does not work, nor the rest of its bracket."""
    view, held = copy(book), book.position_of(order.terms.con_id)
    view.workings = book.workings.without(order, held)
    place = order.terms.bracket
    for key in () if place is None else place.ids:
        if key != order.order_id and key in book.orders:
            view.workings = view.workings.without(book.orders[key], held)
    return view
