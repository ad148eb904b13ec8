"""Orders as rows for reading: one, or a page of them, however many there are."""

from trader.core.book import Book
from trader.core.ids import OrderId
from trader.core.orders import Order
from trader.engine.status import OrderStatus

# Between two orders are the ids of other requests: so many are passed by one by one.
_GAP_IDS = 1_000


class OrderRows:
    """The orders of a book, newest first."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def page(self, before: int | None, limit: int) -> tuple[OrderStatus, ...]:
        """Return at most ``limit`` orders with ids below ``before``; all ids when it is None."""
        orders = self._book.orders
        # Ids only grow, so the oldest order is the first of the dict.
        oldest = next(iter(orders), OrderId(0))
        high = self._book.order_id_high
        number = high if before is None else min(before - 1, high)
        rows: list[OrderStatus] = []
        missed = 0
        while number >= oldest and len(rows) < limit:
            order = orders.get(OrderId(number))
            if order is not None:
                rows.append(order_row(order))
            missed = missed + 1 if order is None else 0
            number = number - 1 if missed < _GAP_IDS else self._newest_below(number)
        return tuple(rows)

    def _newest_below(self, number: int) -> int:
        """Return the id of the next older order, over however many ids."""
        return next((key for key in reversed(self._book.orders) if key < number), -1)

    def one(self, order_id: int) -> OrderStatus | None:
        """Return one order, or None."""
        order = self._book.orders.get(OrderId(order_id))
        return order_row(order) if order is not None else None


def order_row(order: Order) -> OrderStatus:
    """Return an order as people read it."""
    terms, change = order.terms, order.change
    # An order that is over holds no other terms any more, whatever was never answered.
    desired = None if order.is_final else order.open_change
    return OrderStatus(
        order_id=order.order_id,
        intent_id=terms.intent_id,
        strategy=terms.strategy,
        symbol=terms.symbol,
        side=terms.side,
        quantity=terms.quantity,
        filled=order.filled,
        order_type=terms.order_type,
        limit_price=terms.limit_price,
        stop_price=terms.stop_price,
        average_price=order.average_price,
        state=order.state,
        broker_status=order.broker_status,
        perm_id=order.perm_id,
        note=order.note,
        planned_utc=order.planned_utc,
        is_settling=order.is_settling,
        change_number=change.number if change else None,
        change_state=str(change.state) if change else "",
        desired_quantity=desired.quantity if desired else None,
        desired_limit_price=desired.limit_price if desired else None,
        desired_stop_price=desired.stop_price if desired else None,
        good_till_utc=terms.good_till_utc,
    )
