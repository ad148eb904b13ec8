"""Cancels that left and were lost on the way: each is sent again until the broker has answered.

A cancel that went into a link as it broke may have reached nobody. The order then counts as being
cancelled and works on at the broker, and whoever asked for the cancel was told that it left. So
after a loss, once book and broker were compared, whatever is open there still is cancelled again:
to cancel twice is to cancel once. A start does so too: what was being cancelled when the process
ended is to be over.
"""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from trader.core.events import CancelSent, Evidence, OrderErrorSeen, Recorded
from trader.core.ids import OrderId
from trader.core.orders import OrderState
from trader.engine.services import Services

log = structlog.get_logger(__name__)

_AGAIN = "again, the link was lost: "
# The broker has it, and it is not done yet.
_TAKEN = "PendingCancel"
Cancel = Callable[[OrderId, str], str | None]


@dataclass(frozen=True, slots=True)
class _Written:
    """A cancel that left, and how often the link had been lost by then."""

    losses: int
    reason: str


class LostCancels:
    """Remembers the cancels that nobody has answered, and has them sent again after a loss."""

    def __init__(self, services: Services, cancel: Cancel) -> None:
        self._book = services.ledger.book
        self._guard = services.guard
        self._cancel = cancel
        # Those of before the start left on a link that is gone.
        self._written = {
            order.order_id: _Written(-1, order.note)
            for order in self._book.live_orders.values()
            if order.state is OrderState.CANCELLING
        }
        # After how many losses it was looked for the last time.
        self._looked = -1
        services.ledger.observe(self.on_recorded)

    def on_recorded(self, recorded: Recorded) -> None:
        """Follow what leaves, and what is answered: the end of the order or a refusal."""
        event = recorded.event
        if isinstance(event, CancelSent):
            reason = event.reason.removeprefix(_AGAIN)
            self._written[event.order_id] = _Written(self._guard.loss_count, reason)
        elif isinstance(event, OrderErrorSeen) and event.evidence is Evidence.REFUSES_CANCEL:
            self._written.pop(event.order_id, None)
        order_id = self._book.changed_order
        if order_id in self._written and order_id not in self._book.live_orders:
            del self._written[order_id]

    def repeat(self) -> None:
        """Cancel again what has survived a loss: once for each, when the broker was compared."""
        losses = self._guard.loss_count
        if losses == self._looked or not self._guard.is_compared:
            return
        for order_id, written in tuple(self._written.items()):
            order = self._book.live_orders.get(order_id)
            if order is None:
                del self._written[order_id]
            elif written.losses != losses and order.broker_status != _TAKEN:
                log.warning("cancelled again", order=order_id, reason=written.reason)
                problem = self._cancel(order_id, _AGAIN + written.reason)
                if problem is not None:
                    log.warning("cancel not sent", problem=problem)
                    return
        self._looked = losses
