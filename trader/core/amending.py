"""What an event means for the change of an order: pure, used by the book's fold alone."""

from datetime import datetime

from trader.core import events as ev
from trader.core.changes import Change, ChangeEvent, ChangeState
from trader.core.frozen import replace
from trader.core.orders import Order, OrderState, change_moved, completed

Step = ev.ModifySent | ev.ModifyWithheld | ev.ModifyUnanswered | ev.ModifyRefuted


def after_plan(order: Order, event: ev.ModifyPlanned, at: datetime) -> Order:
    """Return the order with a change that may leave from here on."""
    before = order.change
    assert before is None or not before.is_open, f"order {event.order_id} has an open change"
    expected = 1 if before is None else before.number + 1
    assert event.number == expected, f"change {event.number}, expected {expected}"
    change = Change(event.number, event.terms, order.terms.changeable)
    return replace(order, change=change, changed_utc=at)


def after_step(order: Order, event: Step, at: datetime) -> Order:
    """Return the order after a step of our own; one of an earlier change changes nothing."""
    if order.change is None or order.change.number != event.number:
        return order
    match event:
        case ev.ModifySent():
            return change_moved(order, ChangeEvent.SENT, at)
        case ev.ModifyWithheld(reason=reason):
            return change_moved(order, ChangeEvent.WITHHELD, at, reason)
        case ev.ModifyUnanswered(reason=reason):
            return change_moved(order, ChangeEvent.UNANSWERED, at, reason)
        case ev.ModifyRefuted(run_id=run_id):
            note = f"not shown by the snapshot {run_id}"
            return change_moved(order, ChangeEvent.REFUTED, at, note)


def after_word(order: Order, event: ev.OrderStatusSeen | ev.OpenOrderSeen, at: datetime) -> Order:
    """Return the order after a status or an echo, which has been taken in otherwise."""
    change = order.change
    if change is None:
        # The broker makes a bracket's leg smaller by itself; its last word says that it is done.
        return completed(order, at) if order.terms.is_leg else order
    if isinstance(event, ev.OpenOrderSeen):
        shown = (order.size_shown(event.quantity), event.limit_price, event.stop_price)
        if change.terms.is_shown(*shown):
            return change_moved(order, ChangeEvent.SHOWN, at)
        if change.state is ChangeState.APPLIED and change.was.is_shown(*shown):
            # An exchange can refuse what the broker has already shown.
            return change_moved(order, ChangeEvent.REVERTED, at, "the old terms were shown again")
    return completed(order, at)


def after_error(order: Order, evidence: ev.Evidence, at: datetime, note: str) -> Order | None:
    """Return the order after an error that answers its open change, or None: it says another thing.

    A change that is refused leaves the order working on its confirmed terms (INC-015).
    """
    if order.change is None or not order.change.may_hold:
        return None
    if evidence is ev.Evidence.REJECTS_NEW:
        return change_moved(order, ChangeEvent.REFUSED, at, note)
    # "Not found" of an order that nobody cancels is said of its change (135: INC-134).
    is_doubt = evidence is ev.Evidence.UNCLEAR or (
        evidence is ev.Evidence.REFUSES_CANCEL and order.state is OrderState.WORKING
    )
    return change_moved(order, ChangeEvent.UNANSWERED, at, note) if is_doubt else None


def after_fill(order: Order, at: datetime) -> Order:
    """Return the order after its filled quantity grew: what it proves of a change, and its end."""
    change = order.change
    may_hold = change is not None and change.may_hold
    if may_hold and order.terms.quantity < order.filled <= order.quantity_max:
        # More than the confirmed terms allow: the broker holds the new ones.
        order = change_moved(order, ChangeEvent.SHOWN, at)
    return completed(order, at)
