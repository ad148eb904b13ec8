"""Changes within a bracket: prices only, and never so that the three no longer fit together.

The size is that of all three orders, so it stays. A leg is changed at its whole size alone: once a
part has filled the broker has made it smaller by itself, and our change would make it large again.
Until the entry has filled, a leg is held against where that may fill; afterwards it is an exit like
every other, and only a slipped digit is refused.
"""

from dataclasses import replace
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.book_view import BookView
from trader.core.events import Check
from trader.core.ids import OrderId
from trader.core.intents import BracketTerms, Intent
from trader.core.orders import Order
from trader.core.risk import bracket
from trader.core.risk.case import Case, check, needed

_CODE = "CHANGE_INVALID"


def why_fixed(book: BookView, order: Order, quantity: Decimal | None) -> tuple[str, str] | None:
    """Return code and text of why a member of a bracket cannot be changed, or None if it can."""
    place = order.terms.bracket
    if place is None:
        return None
    if quantity is not None:
        return _CODE, f"quantity {quantity}: the size of a bracket is that of its three orders"
    members = [book.orders[key] for key in place.ids if key in book.orders]
    for other in members:
        if other.order_id != order.order_id and other.open_change is not None:
            return "CHANGE_OPEN", f"order {other.order_id} of the same bracket is being changed"
    if not place.is_leg:
        return None
    entry = book.orders.get(place.entry_id)
    is_whole = entry is None or entry.filled == entry.terms.quantity
    is_untouched = entry is not None and not entry.is_final and entry.filled == ZERO
    legs = [row for row in members if row.terms.is_leg]
    if not (is_whole or is_untouched) or any(row.filled for row in legs):
        return _CODE, f"order {order.order_id}: a part of its bracket has filled"
    return None


def bracket_terms(book: BookView, order: Order) -> BracketTerms | None:
    """Return where the legs of an entry are, or None where it has none that are known."""
    place = order.terms.bracket
    if place is None or place.is_leg:
        return None
    return _terms(book, place.take_profit_id, place.stop_loss_id)


def entry_of(book: BookView, order: Order) -> Order | None:
    """Return the entry of a leg while it may still fill; None once it is over."""
    place = order.terms.bracket
    if place is None or not place.is_leg:
        return None
    return book.live_orders.get(place.entry_id)


def entry_as_changed(book: BookView, leg: Order, intent: Intent) -> Intent | None:
    """Return the intent of a leg's entry with the leg as ``intent`` has it; None without one."""
    entry = entry_of(book, leg)
    if entry is None:
        return None
    place = needed(leg.terms.bracket)
    terms = needed(_terms(book, place.take_profit_id, place.stop_loss_id))
    if intent.limit_price is not None:
        terms = replace(terms, take_profit=intent.limit_price)
    if intent.stop_price is not None:
        terms = replace(terms, stop_loss=intent.stop_price)
    row = entry.terms
    return Intent(
        intent_id=row.intent_id,
        strategy=row.strategy,
        con_id=row.con_id,
        side=row.side,
        quantity=row.quantity,
        order_type=row.order_type,
        time_in_force=row.time_in_force,
        limit_price=row.limit_price,
        stop_price=row.stop_price,
        bracket=terms,
    )


def distance_check(case: Case) -> Check:
    """Refuse a leg so far from the market that somebody has mistyped it."""
    price = needed(case.stop if case.limit is None else case.limit)
    away = abs(price - case.mid) / case.mid
    limit = f"at most {bracket.DISTANCE_MAX} of the price away"
    return check("BRACKET_DISTANCE", f"{away:.5f}", limit, away <= bracket.DISTANCE_MAX)


def _terms(book: BookView, profit_id: OrderId, stop_id: OrderId) -> BracketTerms | None:
    profit, stop = book.orders.get(profit_id), book.orders.get(stop_id)
    if profit is None or stop is None:
        return None
    at, bound = profit.terms.limit_price, stop.terms.stop_price
    assert at is not None, "a profit is taken without a limit"
    assert bound is not None, "a stop without a price"
    return BracketTerms(at, bound, stop.terms.time_in_force)


CHECKS = (("BRACKET_DISTANCE", distance_check),)
