"""The life of an order at the broker, as one table: (status, event) -> status.

Theory. An order is *pending* until the broker has judged it, then *held* (PreSubmitted: for its
trigger, its parent, its conditions or the opening of the market) or *working* (Submitted: at the
exchange). A held order may start to work and a working one may be held again, when its market
closes overnight or when a change gives it a trigger. Asked to end, it may be shown as PendingCancel
until the exchange agrees; until then it can still trade. It ends as Filled, Cancelled, ApiCancelled
(it never left the gateway) or Inactive (refused). An order shows no partly filled state of its own:
a partial fill leaves a working order working.

A pair that is not in the table is a bug of the simulator and fails an assertion. What the table
lets happen after an end is what real gateways have been seen to do.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from trader.sim.model.orders import Status


class Event(StrEnum):
    """What happens to an order."""

    HELD = "held"
    WORKING = "working"
    TRADED = "traded"
    FILLED = "filled"
    CANCEL_ASKED = "cancel asked"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    DISCARDED = "discarded"


_PENDING, _HELD, _WORKING = Status.PENDING_SUBMIT, Status.PRE_SUBMITTED, Status.SUBMITTED
_ENDING, _FILLED, _CANCELLED = Status.PENDING_CANCEL, Status.FILLED, Status.CANCELLED

TABLE: Mapping[tuple[Status, Event], Status] = MappingProxyType(
    {
        (_PENDING, Event.HELD): _HELD,
        (_PENDING, Event.WORKING): _WORKING,
        (_PENDING, Event.REFUSED): Status.INACTIVE,
        # Fill-or-kill and immediate-or-cancel orders may end before they were ever shown alive.
        (_PENDING, Event.CANCEL_ASKED): _ENDING,
        (_PENDING, Event.CANCELLED): _CANCELLED,
        (_PENDING, Event.DISCARDED): Status.API_CANCELLED,
        (_HELD, Event.HELD): _HELD,
        (_HELD, Event.WORKING): _WORKING,
        # A market order is often shown as PreSubmitted right up to its fill.
        (_HELD, Event.TRADED): _WORKING,
        (_HELD, Event.FILLED): _FILLED,
        (_HELD, Event.CANCEL_ASKED): _ENDING,
        (_HELD, Event.CANCELLED): _CANCELLED,
        # The broker checks margin again when a held order is about to work.
        (_HELD, Event.REFUSED): Status.INACTIVE,
        (_WORKING, Event.HELD): _HELD,
        (_WORKING, Event.WORKING): _WORKING,
        (_WORKING, Event.TRADED): _WORKING,
        (_WORKING, Event.FILLED): _FILLED,
        (_WORKING, Event.CANCEL_ASKED): _ENDING,
        (_WORKING, Event.CANCELLED): _CANCELLED,
        (_WORKING, Event.REFUSED): Status.INACTIVE,
        # The exchange may refuse the cancel, or fill first.
        (_ENDING, Event.HELD): _HELD,
        (_ENDING, Event.WORKING): _WORKING,
        (_ENDING, Event.TRADED): _ENDING,
        (_ENDING, Event.FILLED): _FILLED,
        (_ENDING, Event.CANCEL_ASKED): _ENDING,
        (_ENDING, Event.CANCELLED): _CANCELLED,
        # A fill that crossed the cancel is booked although the end was already reported.
        (_CANCELLED, Event.TRADED): _CANCELLED,
        (_CANCELLED, Event.FILLED): _FILLED,
    }
)


def after(status: Status, event: Event) -> Status:
    """Return the status after an event; an event the status does not know is a bug."""
    found = TABLE.get((status, event))
    assert found is not None, f"an order that is {status} cannot be {event}"
    return found
