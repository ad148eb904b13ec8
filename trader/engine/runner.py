"""Strategy tasks, and the context each one gets.

Before an intent leaves, the strategy's own state and its intent counter are recorded, so that a
replay after a restart names the same intent again and collides instead of duplicating.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from decimal import Decimal

import structlog

from trader.core.amounts import ZERO
from trader.core.book import Book
from trader.core.events import ExecutionSeen, Recorded, StrategyCheckpointed
from trader.core.executions import Execution, delta
from trader.core.ids import ConId, IntentId, exec_family, intent_id
from trader.core.instruments import Instrument
from trader.core.intents import Intent
from trader.engine.gateway import OrderGateway
from trader.engine.outcomes import Outcome, OutcomeKind
from trader.engine.services import Services
from trader.engine.supervisor import Ended
from trader.strategies.base import Strategy, Wish, WishResult

log = structlog.get_logger(__name__)

_WISHES_MAX = 100


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """How often a strategy looks at the market at most, and how often its state is saved."""

    look_interval_s: float
    checkpoint_interval_s: float


class StrategyRunner:
    """One strategy, its task and its context."""

    def __init__(
        self,
        services: Services,
        *,
        strategy: Strategy,
        gateway: OrderGateway,
        settings: RunnerSettings,
    ) -> None:
        self.strategy = strategy
        self._ledger = services.ledger
        self._gateway = gateway
        self._hub = services.hub
        self._supervisor = services.supervisor
        self._clock = services.clock
        self._pager = services.pager
        self._settings = settings
        self._wake = asyncio.Event()
        self._wishes: deque[Intent] = deque()
        self._fills: deque[Execution] = deque()
        self._positions: dict[ConId, Decimal] = {}
        self._account = _before_fills(services.ledger.book)
        self._booked: dict[str, Execution] = {}
        self._saved_s = services.clock.monotonic()
        self._watched: frozenset[ConId] = frozenset()
        self.problem = ""
        self.is_stopping = False
        known = services.ledger.book.strategies.get(strategy.name)
        self.intent_count = known.intent_count if known else 0
        if known is not None and known.state:
            try:
                strategy.restore(known.state)
            except ValueError as error:
                # It must not trade on a state it does not know; the daemon comes up all the same.
                self.problem = f"state not restored: {error}"
        for fill in services.ledger.book.fills.values():
            self._book_fill(fill.execution)

    @property
    def task_name(self) -> str:
        """Return the name of the strategy's task."""
        return f"strategy:{self.strategy.name}"

    def start(self) -> None:
        """Start the task; a failure stops this strategy alone, and pages."""
        if self.problem:
            self._on_failure(Ended(self.task_name, self.problem))
            return
        self._supervisor.start(self.task_name, self._run, on_failure=self._on_failure)

    async def _run(self) -> None:
        while True:
            self._supervisor.beat(self.task_name)
            try:
                async with asyncio.timeout(1.0):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            self._watch()
            while self._fills:
                self.strategy.on_fill(self._fills.popleft(), self)
            if not self.is_stopping:
                self.strategy.on_market(self._hub.view(self._watched), self)
            await self._submit_wishes()
            self._save_when_due()
            await self._clock.sleep(self._settings.look_interval_s)

    def _watch(self) -> None:
        found = (self._hub.by_symbol(symbol) for symbol in self.strategy.symbols)
        con_ids = frozenset(row.con_id for row in found if row is not None)
        if con_ids != self._watched:
            self._watched = con_ids
            self._hub.wake_on(con_ids, self._wake)

    async def _submit_wishes(self) -> None:
        while self._wishes:
            # Each time: the result of one wish may have led to the next.
            self._save()
            intent = self._wishes.popleft()
            outcome = await self._gateway.submit(intent)
            self.strategy.on_result(_result(intent, outcome), self)

    def _save_when_due(self) -> None:
        due_s = self._saved_s + self._settings.checkpoint_interval_s
        if self._clock.monotonic() >= due_s:
            self._save()

    def _save(self) -> None:
        self._saved_s = self._clock.monotonic()
        state = self.strategy.checkpoint()
        known = self._ledger.book.strategies.get(self.strategy.name)
        if known and known.state == state and known.intent_count == self.intent_count:
            return
        self._ledger.record(StrategyCheckpointed(self.strategy.name, self.intent_count, state))

    def _on_failure(self, ended: Ended) -> None:
        self.problem = ended.problem
        self._wishes.clear()
        self._fills.clear()
        self._pager.page("critical", f"strategy {self.strategy.name} stopped", ended.problem)

    # ---- the strategy's context

    def instrument(self, symbol: str) -> Instrument | None:
        """Return an instrument by symbol, or None until the broker has described it."""
        return self._hub.by_symbol(symbol)

    def position(self, con_id: ConId) -> Decimal:
        """Return this strategy's own signed position, from its own fills.

        It is never more than the account holds: the rest was closed by somebody else.
        """
        return _capped(self._positions.get(con_id, ZERO), self._ledger.book.position_of(con_id))

    def working(self, con_id: ConId) -> Decimal:
        """Return the signed quantity of this strategy's orders that may still fill.

        What a cancelled order leaves is among it until it is settled (INC-024): a replacement is
        sized from the position once it is not.
        """
        return sum(
            (
                order.signed_remaining
                for order in self._ledger.book.may_fill()
                if order.terms.strategy == self.strategy.name and order.terms.con_id == con_id
            ),
            start=ZERO,
        )

    def submit(self, wish: Wish) -> IntentId:
        """Wish for an order; it is submitted once the strategy's look has ended."""
        assert len(self._wishes) < _WISHES_MAX, f"more than {_WISHES_MAX} wishes in one look"
        lineage = self._ledger.book.lineage
        assert lineage is not None, "a strategy ran before the journal was opened"
        self.intent_count += 1
        intent = Intent(
            intent_id=intent_id(lineage, self.strategy.name, self.intent_count),
            strategy=self.strategy.name,
            con_id=wish.con_id,
            side=wish.side,
            quantity=wish.quantity,
            order_type=wish.order_type,
            time_in_force=wish.time_in_force,
            limit_price=wish.limit_price,
            stop_price=wish.stop_price,
            is_reduce_only=wish.is_reduce_only,
            reason=wish.reason,
        )
        self._wishes.append(intent)
        return intent.intent_id

    def cancel_all(self, con_id: ConId, reason: str) -> None:
        """Cancel this strategy's working orders in an instrument."""
        for order in self._gateway.working_orders():
            if order.terms.strategy == self.strategy.name and order.terms.con_id == con_id:
                problem = self._gateway.cancel(order.order_id, reason)
                if problem is not None:
                    log.warning("cancel not sent", problem=problem)

    # ---- its own fills

    def on_recorded(self, recorded: Recorded) -> None:
        """Queue the strategy's own fills for its next look."""
        event = recorded.event
        if not isinstance(event, ExecutionSeen) or not self._book_fill(event.execution):
            return
        if not self.problem:
            self._fills.append(event.execution)
            self._wake.set()

    def _book_fill(self, execution: Execution) -> bool:
        family, _ = exec_family(execution.exec_id)
        fill = self._ledger.book.fills.get(family)
        order = self._ledger.book.orders.get(fill.order_id) if fill and fill.order_id else None
        change = delta(self._booked.get(family), execution)
        self._booked[family] = execution
        moved = sum((quantity for quantity, _ in change.trades), start=ZERO)
        con_id = execution.con_id
        own = self._positions.get(con_id, ZERO)
        account = self._account[con_id] = self._account.get(con_id, ZERO) + moved
        if order is None or order.terms.strategy != self.strategy.name:
            # A liquidation, or a person at TWS, closes what we hold too. Without this we would
            # wish to sell it for ever, or sell what somebody buys later.
            self._positions[con_id] = _capped(own, account)
            return False
        self._positions[con_id] = own + moved
        return True


def _before_fills(book: Book) -> dict[ConId, Decimal]:
    """Return what the account held before the first execution in the book."""
    held = {con_id: row.quantity for con_id, row in book.positions.items()}
    for fill in book.fills.values():
        execution = fill.execution
        held[execution.con_id] = held.get(execution.con_id, ZERO) - execution.signed_quantity
    return held


def _capped(own: Decimal, account: Decimal) -> Decimal:
    """Return the part of a strategy's position that the account still holds."""
    return max(min(own, account), ZERO) if own > ZERO else min(max(own, account), ZERO)


def _result(intent: Intent, outcome: Outcome) -> WishResult:
    return WishResult(
        intent_id=intent.intent_id,
        is_sent=outcome.kind in (OutcomeKind.SENT, OutcomeKind.UNCERTAIN),
        code=outcome.code,
        text=outcome.text,
    )
