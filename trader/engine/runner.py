"""Strategy tasks, and the context each one gets.

Before an intent leaves, the strategy's own state and its intent counter are recorded, so that a
replay after a restart names the same intent again and collides instead of duplicating.
"""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from decimal import Decimal

import structlog

from trader.core.amounts import ZERO
from trader.core.changes import Change, ChangeState
from trader.core.events import (
    ExecutionSeen,
    Recorded,
)
from trader.core.executions import Execution
from trader.core.ids import ConId, IntentId, OrderId, exec_family, intent_id
from trader.core.instruments import Instrument
from trader.core.intents import Intent
from trader.core.orders import Order
from trader.core.risk.change import Revision
from trader.core.strategy_events import StrategyCheckpointed, StrategyFailed
from trader.engine.gateway import OrderGateway
from trader.engine.outcomes import Outcome, OutcomeKind
from trader.engine.services import Services
from trader.engine.supervisor import Ended
from trader.ports import JournalFailed
from trader.strategies.base import (
    ChangeResult,
    ChangeStage,
    OwnOrder,
    Strategy,
    Wish,
    WishResult,
)

log = structlog.get_logger(__name__)

_WISHES_MAX = 100
# How far a change has come by its outcome, and by its state.
_LEFT = {OutcomeKind.SENT: ChangeStage.SENT, OutcomeKind.UNCERTAIN: ChangeStage.UNCERTAIN}
_STAGES = {
    ChangeState.SENT: (ChangeStage.SENT, "sent"),
    ChangeState.APPLIED: (ChangeStage.APPLIED, "the broker shows the new terms"),
    ChangeState.DROPPED: (ChangeStage.DROPPED, ""),
    ChangeState.UNCERTAIN: (ChangeStage.UNCERTAIN, ""),
}


@dataclass(frozen=True, slots=True)
class _Amendment:
    """A change that a strategy has wished for."""

    order_id: OrderId
    revision: Revision


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
        self._wishes: deque[Intent | _Amendment] = deque()
        self._fills: deque[Execution] = deque()
        # Own orders with a change, as it was told last; and what is to be told.
        self._changes: dict[OrderId, Change] = {}
        self._turns: deque[ChangeResult] = deque()
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
        for order in services.ledger.book.live_orders.values():
            if order.terms.strategy == strategy.name and order.change is not None:
                self._changes[order.order_id] = order.change

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
            while self._turns:
                self.strategy.on_change(self._turns.popleft(), self)
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
            wish = self._wishes.popleft()
            if isinstance(wish, Intent):
                outcome = await self._gateway.submit(wish)
                self.strategy.on_result(_result(wish, outcome), self)
            else:
                await self._amend(wish)

    async def _amend(self, wish: _Amendment) -> None:
        order_id = wish.order_id
        # What becomes of it on the way is told by its outcome, once.
        told = self._changes.pop(order_id, None)
        outcome = await self._gateway.modify(order_id, wish.revision, self.strategy.name)
        stage, code = ChangeStage.REFUSED, outcome.code
        if outcome.kind in _LEFT:
            stage, code = _LEFT[outcome.kind], ""
        result = ChangeResult(order_id, stage, code, outcome.text)
        order = self._ledger.book.live_orders.get(order_id)
        if order is not None and order.change is not None:
            is_earlier = told is not None and told.number == order.change.number
            self._changes[order_id] = told if told is not None and is_earlier else order.change
        self.strategy.on_change(result, self)
        self._follow_changes()

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
        with contextlib.suppress(JournalFailed):
            self._ledger.record(StrategyFailed(self.strategy.name, ended.problem[:500]))
        self._wishes.clear()
        self._fills.clear()
        self._turns.clear()
        self._pager.page("critical", f"strategy {self.strategy.name} stopped", ended.problem)

    # ---- the strategy's context

    def instrument(self, symbol: str) -> Instrument | None:
        """Return an instrument by symbol, or None until the broker has described it."""
        return self._hub.by_symbol(symbol)

    def position(self, con_id: ConId) -> Decimal:
        """Return this strategy's own signed position, from its own fills.

        It is never more than the account holds: the rest was closed by somebody else.
        """
        book = self._ledger.book
        return book.holdings.of(self.strategy.name, con_id, book.position_of(con_id))

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
        self._check_room()
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

    def _check_room(self) -> None:
        assert len(self._wishes) < _WISHES_MAX, f"more than {_WISHES_MAX} wishes in one look"

    def orders(self, con_id: ConId) -> tuple[OwnOrder, ...]:
        """Return this strategy's own orders in an instrument that may still fill, oldest first."""
        return tuple(
            _own_order(order)
            for order in self._gateway.working_orders()
            if order.terms.strategy == self.strategy.name and order.terms.con_id == con_id
        )

    def modify(
        self,
        order_id: OrderId,
        *,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        reason: str = "",
    ) -> None:
        """Wish for other terms of an order; it is asked for once the strategy's look has ended."""
        self._check_room()
        revision = Revision(quantity, limit_price, stop_price, reason)
        self._wishes.append(_Amendment(order_id, revision))

    def cancel_all(self, con_id: ConId, reason: str) -> None:
        """Cancel this strategy's working orders in an instrument."""
        for order in self._gateway.working_orders():
            if order.terms.strategy == self.strategy.name and order.terms.con_id == con_id:
                problem = self._gateway.cancel(order.order_id, reason)
                if problem is not None:
                    log.warning("cancel not sent", problem=problem)

    # ---- its own fills

    def on_recorded(self, recorded: Recorded) -> None:
        """Queue the strategy's own fills, and what became of its changes, for its next look."""
        event = recorded.event
        if self._changes and not self.problem:
            self._follow_changes()
        if not isinstance(event, ExecutionSeen) or not self._is_own(event.execution):
            return
        if not self.problem:
            self._fills.append(event.execution)
            self._wake.set()

    def _follow_changes(self) -> None:
        for order_id, told in tuple(self._changes.items()):
            order = self._ledger.book.orders[order_id]
            now = order.change
            if now is not None and (now.number, now.state) != (told.number, told.state):
                self._changes[order_id] = now
                if now.state in _STAGES:
                    stage, text = _STAGES[now.state]
                    self._turns.append(ChangeResult(order_id, stage, "", text or now.note))
                    self._wake.set()
            if order.is_final:
                del self._changes[order_id]

    def _is_own(self, execution: Execution) -> bool:
        book = self._ledger.book
        fill = book.fills.get(exec_family(execution.exec_id)[0])
        order = book.orders.get(fill.order_id) if fill and fill.order_id else None
        return order is not None and order.terms.strategy == self.strategy.name


def _own_order(order: Order) -> OwnOrder:
    terms = order.terms
    return OwnOrder(
        order_id=order.order_id,
        intent_id=terms.intent_id,
        con_id=terms.con_id,
        side=terms.side,
        quantity=terms.quantity,
        filled=order.filled,
        limit_price=terms.limit_price,
        stop_price=terms.stop_price,
        is_changing=order.open_change is not None,
    )


def _result(intent: Intent, outcome: Outcome) -> WishResult:
    return WishResult(
        intent_id=intent.intent_id,
        is_sent=outcome.kind in (OutcomeKind.SENT, OutcomeKind.UNCERTAIN),
        code=outcome.code,
        text=outcome.text,
        order_id=outcome.order_id,
    )
