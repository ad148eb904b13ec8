"""The one consumer of what the broker says, in arrival order.

Everything is taken in whatever the link's health: a fill that arrives while 1100 is flagged is
still a fill (INC-003). Handling a message never waits. Quotes are conflated before the queue, so
a burst of them cannot delay an execution.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from decimal import Decimal

import structlog

from trader.core import events as ev
from trader.core.account import AccountReading, ResultReading
from trader.core.amounts import ZERO
from trader.core.book import Book
from trader.core.changes import ChangeState, ChangeTerms
from trader.core.executions import Execution, delta
from trader.core.frozen import replace
from trader.core.halts import HaltCause
from trader.core.ids import AccountId, ConId, exec_family
from trader.core.orders import Order, OrderState
from trader.core.quarantine import BrokenMessage
from trader.engine.guard import Guard
from trader.engine.hub import MarketHub
from trader.engine.ledger import Ledger
from trader.engine.supervisor import Supervisor
from trader.engine.truth.quarantine import QuarantineLog
from trader.ports import BrokerMessage, DataProblem, LinkWord, QuoteTick

log = structlog.get_logger(__name__)

Wake = Callable[[str], None]
# Of an execution that a position may hold already: whose, by how much the book has moved, which.
Late = Callable[[ConId, Decimal, str], None]
# More than this many unhandled facts means that the loop has stopped doing its work.
_QUEUE_MAX = 200_000
# In a quiet market the task still shows that it is alive.
_BEAT_S = 5.0
_CONCLUDED = (OrderState.CANCELLED, OrderState.REJECTED, OrderState.WITHHELD)
_BROKER_ENDED = ("Cancelled", "ApiCancelled")
_WORKS = ("PreSubmitted", "Submitted")


class Inbox:
    """A queue of broker messages and their one consumer."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        guard: Guard,
        hub: MarketHub,
        supervisor: Supervisor,
        account: AccountId | None,
    ) -> None:
        self._ledger = ledger
        self._guard = guard
        self._hub = hub
        self._supervisor = supervisor
        self.account = account
        self.quarantine = QuarantineLog(ledger, guard)
        self._queue: deque[BrokerMessage] = deque()
        self._arrived = asyncio.Event()
        self.wake_reconciler: Wake = _ignore
        # Whether a position that was taken over from the broker may hold an execution already.
        self.is_late: Callable[[Execution], bool] = _never_late
        self.on_late: Late = _ignore_late
        self.on_link_word: Callable[[LinkWord], None] = _ignore_word
        # Answers why a reading must not be counted with, or None.
        self.on_account: Callable[[AccountReading], str | None] = _ignore_reading
        self._account_problem: str | None = None
        self.on_result: Callable[[ResultReading], None] = _ignore_result
        self.message_count = 0
        # Executions and commissions that said something new, booked or not.
        self.money_count = 0

    def put(self, message: BrokerMessage) -> None:
        """Take a message from the broker's callbacks; synchronous and cheap."""
        self.message_count += 1
        if isinstance(message, QuoteTick):
            self._hub.on_tick(message)
            return
        assert len(self._queue) < _QUEUE_MAX, f"inbox holds {_QUEUE_MAX} messages"
        self._queue.append(message)
        self._arrived.set()

    async def run(self) -> None:
        """Handle messages for ever."""
        while True:
            self._supervisor.beat("inbox")
            try:
                async with asyncio.timeout(_BEAT_S):
                    await self._arrived.wait()
            except TimeoutError:
                continue
            self.handle_queued()

    def handle_queued(self) -> None:
        """Handle everything that has arrived; the reconciler calls it before it compares."""
        self._arrived.clear()
        while self._queue:
            self._handle(self._queue.popleft())

    def _handle(self, message: BrokerMessage) -> None:
        match message:
            case ev.ExecutionSeen():
                self._on_execution(message)
            case ev.OpenOrderSeen():
                self._on_echo(message)
            case ev.OrderStatusSeen():
                self._note_word(message)
            case ev.CommissionSeen():
                self.money_count += self._ledger.note(message) is not None
            case ev.OrderErrorSeen():
                self._on_order_error(message)
            case LinkWord():
                self._on_link(message)
            case BrokenMessage():
                self.quarantine.take(message)
            case AccountReading():
                self._on_account(message)
            case ResultReading():
                self.on_result(message)
            case DataProblem():
                self._hub.on_problem(message)
                log.warning("market data problem", con_id=message.con_id, text=message.text)
            case QuoteTick():
                self._hub.on_tick(message)

    def _on_execution(self, seen: ev.ExecutionSeen) -> None:
        execution = seen.execution
        # Allocations of other accounts repeat the master's fill (INC-137).
        if self.account is not None and execution.account != self.account:
            log.info("execution of another account ignored", account=execution.account)
            return
        if self._ledger.book.account is None:
            # Before the baseline there is nothing to add to; the baseline contains it.
            self.money_count += 1
            return
        self.note_execution(seen)

    def note_execution(self, seen: ev.ExecutionSeen) -> None:
        """Book an execution, live or recovered; a liquidation halts when it is news.

        Told again after an operator has resumed, it must not halt again. So the halt comes first: a
        process that died between the two would never halt for it.
        """
        execution, book = seen.execution, self._ledger.book
        if book.is_before_history(execution):
            # Booked long ago, or never: only a person can tell, and no broker tells so late.
            at = execution.time_utc
            when = "a time nobody can read" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"
            what = "is older than what the book remembers, or of an order that it has let go"
            reason = f"{execution.exec_id} of {when} {what}"
            self._guard.latch(HaltCause.INVARIANT, reason, by="inbox")
            return
        order = _order_named(book, execution)
        if order is not None and order.is_proven_absent:
            self._refuted(order)
        if not book.is_news(seen):
            return
        self.money_count += 1
        cash = _cash_after(book, execution)
        if cash < ZERO <= book.cash.get(execution.currency, ZERO):
            # A market order pays what the market asks: the reserve was not enough for it.
            reason = f"cash is {cash} {execution.currency} after {execution.exec_id}"
            self._guard.latch(HaltCause.INVARIANT, reason, by="inbox")
        if execution.is_liquidation:
            reason = f"the broker liquidated {execution.symbol} ({execution.exec_id})"
            self._guard.latch(HaltCause.LIQUIDATION, reason, by="broker")
        problem = execution_mismatch(book, execution)
        if problem is not None:
            self._guard.latch(HaltCause.INVARIANT, problem, by="inbox")
        moved = _moved(book, execution) if self.is_late(execution) else None
        self._ledger.record(seen)
        if moved is not None:
            self.on_late(execution.con_id, moved, execution.exec_id)

    def _on_echo(self, seen: ev.OpenOrderSeen) -> None:
        order = self._ledger.book.order_named(seen)
        if order is None:
            return  # foreign orders are adopted by reconciliation, from complete lists
        problem = echo_mismatch(order, seen)
        if problem is not None:
            self._guard.latch(HaltCause.INVARIANT, problem, by="inbox")
        is_another = (
            order.perm_id and seen.perm_id and seen.perm_id not in self._ledger.book.perm_ids
        )
        self._note_word(seen)
        if is_another:
            # Perhaps a change that became a second order (INC-085): the lists tell.
            self.wake_reconciler(f"order {order.order_id} has the permId {seen.perm_id} as well")

    def _note_word(self, seen: ev.OrderStatusSeen | ev.OpenOrderSeen) -> None:
        """Note what is said of an order; one that we think is over and that works is looked up.

        Where the broker itself said that it is over, a late word is only late (INC-014). What we
        concluded, from lists that did not hold it or from a code, may be wrong.
        """
        order = self._ledger.book.order_named(seen)
        is_ghost = (
            order is not None
            and order.state in _CONCLUDED
            and order.broker_status not in _BROKER_ENDED
            and seen.status in _WORKS
        )
        is_news = self._ledger.book.is_news(seen)
        if is_news and is_ghost and order is not None and order.is_proven_absent:
            # First, as with an execution: told again after a crash it is no news.
            self._refuted(order)
        if self._ledger.note(seen) is None or not is_ghost or order is None:
            return
        self.wake_reconciler(f"order {order.order_id} is {order.state} and works all the same")

    def _refuted(self, order: Order) -> None:
        """Halt: what was no proof has freed a reservation, and another order may have followed."""
        reason = f"order {order.order_id} was proven absent and lives: orders are held back"
        self._guard.latch(HaltCause.INVARIANT, reason, by="inbox")

    def _on_order_error(self, seen: ev.OrderErrorSeen) -> None:
        order = self._ledger.book.orders.get(seen.order_id)
        if order is None:
            log.info("error for an unknown order", order=seen.order_id, code=seen.code)
            return
        self._ledger.record(seen)
        is_live = order.order_id in self._ledger.book.live_orders
        # A refusal of what has worked ends nothing by itself: the lists tell what became of it.
        # One of a change ends the change, and the order works on.
        is_refused = seen.evidence is ev.Evidence.REJECTS_NEW and order.open_change is None
        if (is_refused and is_live) or seen.evidence in (
            ev.Evidence.UNCLEAR,
            ev.Evidence.REFUSES_CANCEL,
        ):
            self.wake_reconciler(f"error {seen.code} on order {seen.order_id}")

    def _on_account(self, reading: AccountReading) -> None:
        before, self._account_problem = self._account_problem, self.on_account(reading)
        if self._account_problem is not None:
            # Every limit in money would be held against amounts of another currency.
            self._guard.set_level(HaltCause.ACCOUNT, self._account_problem)
        elif before is not None:
            # Of an account that is another one there are no readings: the link does not stand.
            self._guard.clear_level(HaltCause.ACCOUNT)

    def _on_link(self, word: LinkWord) -> None:
        log.info("link", axis=word.axis, up=word.is_up, code=word.code, text=word.text)
        self._guard.on_link(word)
        self.on_link_word(word)


def _order_named(book: Book, execution: Execution) -> Order | None:
    return book.find_order(
        order_ref=execution.order_ref,
        perm_id=execution.perm_id,
        order_id=execution.order_id,
        client_id=execution.client_id,
    )


def _moved(book: Book, execution: Execution) -> Decimal:
    """Return by how much an execution that is news will move its position."""
    known = book.fills.get(exec_family(execution.exec_id)[0])
    change = delta(known.execution if known else None, execution)
    return sum((quantity for quantity, _ in change.trades), start=ZERO)


def _cash_after(book: Book, execution: Execution) -> Decimal:
    """Return the cash of an execution's currency once it is booked."""
    family, _ = exec_family(execution.exec_id)
    known, paid = book.fills.get(family), book.commissions.get(family)
    cash = book.cash.get(execution.currency, ZERO)
    cash += delta(known.execution if known else None, execution).cash
    if known is None and paid is not None and paid.currency == execution.currency:
        cash -= paid.amount
    return cash


def execution_mismatch(book: Book, execution: Execution) -> str | None:
    """Say how an execution that is news contradicts the order that it names, or None."""
    order = _order_named(book, execution)
    if order is None:
        return None
    terms, what = order.terms, f"order {order.order_id}: execution {execution.exec_id}"
    if execution.con_id != terms.con_id:
        return f"{what} is of contract {execution.con_id}, sent {terms.con_id}"
    if execution.side is not terms.side:
        return f"{what} is a {execution.side}, sent {terms.side}"
    known = book.fills.get(exec_family(execution.exec_id)[0])
    # One that the order has not counted so far counts whole.
    is_counted = known is not None and known.order_id is not None
    before = known.execution if known is not None and is_counted else None
    filled = order.filled + delta(before, execution).quantity
    if filled > order.quantity_max:
        return f"{what} makes {filled} of {order.quantity_max} sent"
    return None


def echo_mismatch(order: Order, seen: ev.OpenOrderSeen) -> str | None:
    """Say how the broker's echo differs from what was sent (INC-156), or None."""
    terms = order.terms
    pairs = (
        ("contract", terms.con_id, seen.con_id),
        ("side", terms.side, seen.side),
        ("order type", str(terms.order_type), seen.order_type),
        ("account", terms.account, seen.account),
        # What is not told differs from nothing.
        ("time in force", terms.told_time_in_force, seen.time_in_force or terms.told_time_in_force),
    )
    for name, sent, echoed in pairs:
        if sent != echoed:
            return f"order {order.order_id}: {name} sent {sent}, echoed {echoed}"
    return _changeable_mismatch(order, replace(seen, quantity=order.size_shown(seen.quantity)))


def _changeable_mismatch(order: Order, seen: ev.OpenOrderSeen) -> str | None:
    """Say how quantity and prices differ from all that the broker may hold, or None."""
    differs = _difference(order.terms.changeable, seen)
    change = order.change
    if differs is None or change is None or change.state is ChangeState.PLANNED:
        return differs and f"order {order.order_id}: {differs}"
    if change.state is ChangeState.DROPPED and _difference(change.terms, seen) is None:
        return (
            f"order {order.order_id}: change {change.number} was dropped ({change.note}) and holds"
        )
    # An echo of before the change can still come after it.
    if None in (_difference(change.terms, seen), _difference(change.was, seen)):
        return None
    return f"order {order.order_id}: {differs}"


def _difference(terms: ChangeTerms, seen: ev.OpenOrderSeen) -> str | None:
    pairs = (
        ("quantity", terms.quantity, seen.quantity),
        ("limit", terms.limit_price, _told(seen.limit_price, terms.limit_price)),
        ("stop", terms.stop_price, _told(seen.stop_price, terms.stop_price)),
    )
    for name, sent, echoed in pairs:
        if sent != echoed:
            return f"{name} sent {sent}, echoed {echoed}"
    return None


def _told(echoed: Decimal | None, sent: Decimal | None) -> Decimal | None:
    # The echo of a contract that nobody has described yet tells no prices (INC-101).
    return sent if echoed is None else echoed


def _ignore(trigger: str) -> None:
    """Stand in until the reconciler is there."""


def _never_late(execution: Execution) -> bool:
    """Stand in until the reconciler is there."""
    return False


def _ignore_late(con_id: ConId, moved: Decimal, exec_id: str) -> None:
    """Stand in until the reconciler is there."""


def _ignore_reading(reading: AccountReading) -> str | None:
    """Stand in until the valuer is there."""
    return None


def _ignore_result(reading: ResultReading) -> None:
    """Stand in until somebody compares it with ours."""


def _ignore_word(word: LinkWord) -> None:
    """Stand in until the link watch is there."""
