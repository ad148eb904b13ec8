"""Settles orders that are over: one list of executions for all of them, and never one too early.

An order that was cancelled or rejected counts as if it worked until a complete list of
executions, asked for long enough after its end, shows that none is missing (INC-024). What
settles is decided in :mod:`trader.core.settling`; here it is asked for. While the link is down,
or the gateway is cut off from the broker, nothing is asked and nothing is settled.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import structlog

from trader.core.events import OrderSettled, Recorded
from trader.core.ids import ConId, OrderId
from trader.core.orders import Order
from trader.core.policy import OrderPolicy
from trader.core.settling import Proof, missed_executions, why_unsettled
from trader.engine.services import Services
from trader.engine.truth.inbox import Inbox
from trader.engine.truth.reconciler import Reconciler
from trader.ports import LinkDown, SnapshotUnavailable

log = structlog.get_logger(__name__)

_LOOK_S = 0.25
# Lists of executions are long in a busy account: at most one in so many seconds.
_BETWEEN_LISTS_S = 1.0
# So many lists in vain, and a person is told.
_LISTS_MAX = 12


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was last said of an order that is over, when (monotonic), and how many lists after."""

    fills: tuple[Decimal, Decimal]
    at_s: float
    lists: int = 0


class Settler:
    """Waits for orders that are over, asks for executions, and records what is settled."""

    def __init__(
        self, services: Services, *, inbox: Inbox, reconciler: Reconciler, policy: OrderPolicy
    ) -> None:
        self._ledger = services.ledger
        self._book = services.ledger.book
        self._guard = services.guard
        self._broker = services.broker
        self._clock = services.clock
        self._pager = services.pager
        self._supervisor = services.supervisor
        self._inbox = inbox
        self._reconciler = reconciler
        self._settle_s = policy.settle_s
        self._seen: dict[OrderId, _Seen] = {}
        self._not_before_s = float("-inf")
        services.ledger.observe(self.on_recorded)
        reconciler.on_compared = self.take_in

    def on_recorded(self, recorded: Recorded) -> None:
        """Note when an order was seen to be over; any word of another fill begins anew."""
        # Only the order that the event changed is looked at: a burst of cancels has hundreds.
        order_id = self._book.changed_order
        if order_id is not None:
            self._look_at(order_id)

    def _look_at(self, order_id: OrderId) -> None:
        order = self._book.settling.get(order_id)
        if order is None:
            self._seen.pop(order_id, None)
            return
        seen = self._seen.get(order_id)
        if seen is None or seen.fills != order.fills_told:
            self._seen[order_id] = _Seen(order.fills_told, self._clock.monotonic())

    async def run(self) -> None:
        """Settle whatever is due, for ever."""
        while True:
            self._supervisor.beat("settler")
            await self._clock.sleep(_LOOK_S)
            await self.settle_due()

    async def settle_due(self) -> None:
        """Ask for the executions once an order has been over long enough, and settle by them."""
        # Those of before the start, and whatever an event in answer to an event left unseen.
        for order_id in (*self._book.settling, *self._seen):
            self._look_at(order_id)
        asked_s = self._clock.monotonic()
        if asked_s < self._not_before_s or not self._is_due(asked_s):
            return
        losses = self._guard.loss_count
        if not self._broker.is_connected or self._guard.deafness(losses) is not None:
            return
        self._not_before_s = asked_s + _BETWEEN_LISTS_S
        try:
            told = await self._broker.executions()
        except (SnapshotUnavailable, LinkDown) as error:
            log.warning("no list of executions", problem=str(error))
            return
        # What came before the list is older than it.
        self._inbox.handle_queued()
        deaf = self._guard.deafness(losses)
        if deaf is not None or told.account != self._book.account:
            log.warning("list of executions not used", problem=deaf or f"account {told.account}")
            return
        for seen in missed_executions(self._book, told.account, told.executions).values():
            self._inbox.note_execution(seen)
        self._settle_by(asked_s, told.window_utc, is_compared=False)

    def take_in(self, asked_s: float, window_utc: datetime) -> None:
        """Settle by a reconciliation's lists, which the book has taken in; monotonic seconds."""
        self._settle_by(asked_s, window_utc, is_compared=True)

    def _is_due(self, now_s: float) -> bool:
        return any(now_s - seen.at_s >= self._settle_s for seen in self._seen.values())

    def _settle_by(self, asked_s: float, window_utc: datetime, *, is_compared: bool) -> None:
        """Hold each order against the list: synchronous, so that nothing moves between them."""
        for order in tuple(self._book.settling.values()):
            seen = self._seen.get(order.order_id)
            if seen is None:
                continue
            proof = Proof(
                age_s=asked_s - seen.at_s,
                window_utc=window_utc,
                is_position_agreed=self._is_agreed(order.terms.con_id, is_compared=is_compared),
            )
            problem = why_unsettled(order, proof, self._settle_s)
            if not problem:
                text = f"executions listed {proof.age_s:.1f} s after its end: {order.filled}"
                self._ledger.record(OrderSettled(order.order_id, order.filled, text))
            elif proof.age_s >= self._settle_s:
                self._wait_again(order, seen, problem)

    def _is_agreed(self, con_id: ConId, *, is_compared: bool) -> bool | None:
        """Tell whether the broker's position is the book's; None where nobody can tell.

        A dispute stands until the next comparison; that there is none shows only in one, and of an
        instrument with a ticket, or of one that moved meanwhile, none is made.
        """
        if con_id in self._reconciler.disputed:
            return False
        is_asked = any(ticket.con_id == con_id for ticket in self._book.tickets.values())
        is_looked_at = is_compared and con_id not in self._reconciler.unlooked
        return True if is_looked_at and not is_asked else None

    def _wait_again(self, order: Order, seen: _Seen, problem: str) -> None:
        """Ask again a settle window later; tell a person once it has gone on for long."""
        lists = seen.lists + 1
        self._seen[order.order_id] = _Seen(seen.fills, self._clock.monotonic(), lists)
        log.warning("order not settled", order=order.order_id, problem=problem)
        if lists == _LISTS_MAX:
            text = f"{problem}; {order.remaining} of it still counts as working"
            self._pager.page("warning", f"order {order.order_id} does not settle", text)
