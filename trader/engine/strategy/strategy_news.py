"""What a strategy is yet to be told of its own orders, in the order in which it was recorded."""

from collections import deque

from trader.core.book import Book
from trader.core.changes import Change, ChangeState
from trader.core.events import ExecutionSeen, Recorded
from trader.core.executions import Execution
from trader.core.ids import ExecId, OrderId, StrategyName, exec_family
from trader.core.orders import Order, OrderState
from trader.strategies.base import OrderStage, OrderUpdate

# An order that is withheld is told with the code of the refusal, by whoever asked for it.
STAGES = {
    OrderState.SENT: OrderStage.SENT,
    OrderState.WORKING: OrderStage.WORKING,
    OrderState.CANCELLING: OrderStage.CANCELLING,
    OrderState.UNKNOWN: OrderStage.UNCERTAIN,
    OrderState.FILLED: OrderStage.FILLED,
    OrderState.CANCELLED: OrderStage.CANCELLED,
    OrderState.REJECTED: OrderStage.REJECTED,
}
_CHANGES = {
    ChangeState.SENT: (OrderStage.CHANGE_SENT, "sent"),
    ChangeState.APPLIED: (OrderStage.CHANGED, "the broker shows the new terms"),
    ChangeState.DROPPED: (OrderStage.CHANGE_DROPPED, ""),
    ChangeState.UNCERTAIN: (OrderStage.CHANGE_UNCERTAIN, ""),
}

_Known = tuple[OrderState, Change | None]


class StrategyNews:
    """Fills and stages of one strategy's orders that wait to be told.

    It begins with the fills that the strategy's saved state does not know of.
    """

    def __init__(self, book: Book, name: StrategyName) -> None:
        self._book = book
        self._name = name
        self._waiting: deque[Execution | OrderUpdate] = deque(_untold(book, name))
        # Of every order of its own that may still fill, as it was seen last.
        self._known: dict[OrderId, _Known] = {
            order.order_id: _known(order) for order in book.may_fill() if self._is_own(order)
        }

    def on_recorded(self, recorded: Recorded) -> bool:
        """Take in what was recorded; returns whether there is more to tell."""
        before = len(self._waiting)
        event = recorded.event
        if isinstance(event, ExecutionSeen):
            self._take_execution(event.execution)
        order = self._book.orders.get(self._book.changed_order or OrderId(0))
        if order is not None and self._is_own(order):
            self._take_order(order)
        return len(self._waiting) > before

    def take(self) -> Execution | OrderUpdate | None:
        """Return what is to be told next, None when all is told."""
        return self._waiting.popleft() if self._waiting else None

    def clear(self) -> None:
        """Forget what waits: there is nobody to tell."""
        self._waiting.clear()

    def untold(self) -> tuple[ExecId, ...]:
        """Return the executions that wait, oldest first."""
        return tuple(one.exec_id for one in self._waiting if isinstance(one, Execution))

    def is_about(self, order_id: OrderId) -> bool:
        """Tell whether anything waits that says how far an order has come."""
        return any(
            isinstance(one, OrderUpdate) and one.order_id == order_id for one in self._waiting
        )

    def _is_own(self, order: Order) -> bool:
        return order.terms.strategy == self._name

    def _take_execution(self, execution: Execution) -> None:
        fill = self._book.fills.get(exec_family(execution.exec_id)[0])
        order = self._book.orders.get(fill.order_id) if fill and fill.order_id else None
        if order is not None and self._is_own(order):
            self._waiting.append(execution)

    def _take_order(self, order: Order) -> None:
        known = self._known.get(order.order_id)
        if known is None and order.is_final:
            return  # over, and told
        state, change = known or (OrderState.PLANNED, None)
        self._known[order.order_id] = _known(order)
        if order.change is not None and _is_told(change, order.change):
            stage, text = _CHANGES[order.change.state]
            self._waiting.append(_update(order, stage, text or order.change.note))
        if order.state is not state and order.state in STAGES:
            self._waiting.append(update_of(order))
        if order.is_final and not order.is_settling:
            del self._known[order.order_id]


def update_of(order: Order) -> OrderUpdate:
    """Return how far an order has come; one that never left was refused."""
    return _update(order, STAGES.get(order.state, OrderStage.REFUSED), order.note)


def _update(order: Order, stage: OrderStage, text: str) -> OrderUpdate:
    terms = order.terms
    return OrderUpdate(terms.intent_id, order.order_id, stage, text=text, bracket=terms.bracket)


def _known(order: Order) -> _Known:
    return order.state, order.change


def _is_told(before: Change | None, now: Change) -> bool:
    """Tell whether a change has come a stage further; one that never left is told as refused."""
    if now.state not in _CHANGES:
        return False
    if before is None or before.number != now.number:
        return True
    is_withheld = before.state is ChangeState.PLANNED and now.state is ChangeState.DROPPED
    return before.state is not now.state and not is_withheld


def _untold(book: Book, name: StrategyName) -> list[Execution]:
    """Return what the strategy's state does not know of, as it is known now."""
    known = book.strategies.get(name)
    found = []
    for exec_id in known.untold if known is not None else ():
        fill = book.fills.get(exec_family(exec_id)[0])
        # One that was corrected since is told as it was corrected.
        if fill is not None and fill.execution.exec_id == exec_id:
            found.append(fill.execution)
    return found
