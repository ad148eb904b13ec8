"""Strategy tasks, and the context each one gets.

Before an intent leaves, the strategy's own state and its intent counter are recorded, so that a
replay after a restart names the same intent again and collides instead of duplicating. What that
state does not know of is told again after a restart.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import structlog

from trader.core.amounts import ZERO
from trader.core.bars import Bar
from trader.core.events import Recorded
from trader.core.executions import Execution
from trader.core.ids import ConId, IntentId, OrderId, intent_id
from trader.core.instruments import Instrument
from trader.core.intents import Intent
from trader.core.market import Quote
from trader.core.orders import Order
from trader.core.risk.change import Revision
from trader.core.strategy_events import StrategyCheckpointed, StrategyFailed
from trader.engine.orders.gateway import OrderGateway
from trader.engine.outcomes import OutcomeKind
from trader.engine.services import Services
from trader.engine.strategy.strategy_bars import StrategyBars
from trader.engine.strategy.strategy_news import StrategyNews, update_of
from trader.engine.strategy.strategy_times import SessionTeller, Timers
from trader.engine.supervisor import Ended
from trader.ports import JournalFailed
from trader.strategies.base import OrderStage, OrderUpdate, OwnOrder, Strategy, Wish

log = structlog.get_logger(__name__)

# Of one look, with all that its answers lead to.
_WISHES_MAX = 100
_LOOK_S_MAX = 1.0
# While it waits for its beginning.
_BEGIN_LOOK_S = 0.25
_TIMER_S_MAX = 7 * 86_400
# How long the broker may take to tell of the past before a strategy begins without: exits wait.
_PAST_S_MAX = 5.0
_LEFT = (OutcomeKind.SENT, OutcomeKind.UNCERTAIN)
BarsOf = Callable[[ConId, int], Sequence[Bar]]


class StrategyFault(Exception):
    """A strategy does what none may: it is stopped, and the others go on."""


@dataclass(frozen=True, slots=True)
class _Amendment:
    """A change that a strategy has wished for."""

    order_id: OrderId
    revision: Revision


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """How often a strategy looks at the market at most, how often its state is saved at least.

    And what it may do: how long one call of it may take, and how many wishes it may have in a
    minute. All in seconds.
    """

    look_interval_s: float
    checkpoint_interval_s: float
    call_s_max: float = 2.0
    wishes_per_minute_max: int = 600
    # How old its output may become while its session is on (trader.engine.strategy.output_watch).
    output_age_s_max: float = 300.0


@dataclass(slots=True)
class Output:
    """When a strategy has last put something out, monotonic; None before the first time."""

    # It was shown a quote or a bar, and has answered, with a wish or without.
    answered_s: float | None = None
    wished_s: float | None = None
    # A wish of its was decided on.
    decided_s: float | None = None


class StrategyRunner:
    """One strategy, its task and its context."""

    def __init__(
        self,
        services: Services,
        *,
        strategy: Strategy,
        gateway: OrderGateway,
        settings: RunnerSettings,
        bars_of: BarsOf = lambda con_id, size_s: (),
    ) -> None:
        self.strategy = strategy
        self._ledger = services.ledger
        self._gateway = gateway
        self._hub = services.hub
        self._supervisor = services.supervisor
        self._clock = services.clock
        self._pager = services.pager
        self._settings = settings
        self._bars_of = bars_of
        self._wake = asyncio.Event()
        self._wishes: deque[Intent | _Amendment] = deque()
        # When the wishes of the last minute were made.
        self._wished_s: deque[float] = deque()
        self._look_wishes = 0
        self._news = StrategyNews(services.ledger.book, strategy.name)
        self._timers = Timers()
        self._sessions = SessionTeller(services.sessions, strategy.closing_s)
        self._saved_s, self._must_save = services.clock.monotonic(), False
        self._watched: tuple[Instrument, ...] = ()
        # Each quote as it was shown last.
        self._seen: dict[ConId, Quote] = {}
        self._now_s, self._now_utc = services.clock.monotonic(), services.clock.utc()
        self.problem = ""
        self.is_stopping = False
        self.output = Output()
        self._guard = services.guard
        # When the daemon had come up; None before it has.
        self._came_up_s: float | None = None
        known = services.ledger.book.strategies.get(strategy.name)
        self.intent_count = known.intent_count if known else 0
        self._bars = StrategyBars(known.bars_known if known else (), self._now_utc)
        if known is not None and known.state:
            try:
                strategy.restore(known.state)
            except ValueError as error:
                # It must not trade on a state it does not know; the daemon comes up all the same.
                self.problem = f"state not restored: {error}"

    @property
    def task_name(self) -> str:
        """Return the name of the strategy's task."""
        return f"strategy:{self.strategy.name}"

    @property
    def output_age_s_max(self) -> float:
        """Return how old its output may become while its session is on."""
        return self._settings.output_age_s_max

    def start(self) -> None:
        """Start the task; a failure stops this strategy alone, and pages."""
        if self.problem:
            self._on_failure(Ended(self.task_name, self.problem))
            return
        self._supervisor.start(self.task_name, self._run, on_failure=self._on_failure)

    # ---- its looks

    async def _run(self) -> None:
        self._wake.set()
        is_up = False
        while True:
            self._supervisor.beat(self.task_name)
            try:
                most_s = _LOOK_S_MAX if is_up else _BEGIN_LOOK_S
                wait_s = self._timers.wait_s(self._clock.monotonic(), most_s)
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            self._look_wishes = 0
            # Until it is up whatever was wished for would be refused, and be decided otherwise than
            # by one that was never restarted: what there is to tell waits.
            if not is_up and self._may_begin():
                is_up = True
                self._bars.drop_late(self._clock.utc())
                self._call(self.strategy.on_start)
            if is_up:
                await self._look()
            await self._clock.sleep(self._settings.look_interval_s)

    def _may_begin(self) -> bool:
        """Tell whether nothing that it may wish for is refused because this process is young."""
        if self._guard.is_coming_up:
            return False
        now_s = self._clock.monotonic()
        self._came_up_s = now_s if self._came_up_s is None else self._came_up_s
        if now_s - self._came_up_s >= _PAST_S_MAX:
            return True
        self._watch()
        view = self._gateway.bars_of
        return not any(view(self.strategy.name, one.con_id).unknown for one in self._watched)

    async def _look(self) -> None:
        """Tell all that is new, show the market, and ask for what was wished."""
        self._watch()
        self._tell_news()
        if not self.is_stopping:
            now_s = self._clock.monotonic()
            for change in self._sessions.changes(self._watched, now_s):
                self._call(self.strategy.on_session, change)
            self._tell_bars()
            self._show_quotes()
            for name in self._timers.take_due(self._clock.monotonic()):
                self._call(self.strategy.on_timer, name)
        await self._submit_wishes()
        self._save_when_due()

    def _call(self, method: "Callable[..., None]", *told: object) -> None:
        """Call the strategy; raises StrategyFault when it kept everybody waiting."""
        self._now_s, self._now_utc = self._clock.monotonic(), self._clock.utc()
        method(*told, self)
        took_s = self._clock.monotonic() - self._now_s
        if took_s > self._settings.call_s_max:
            most_s = self._settings.call_s_max
            name = getattr(method, "__name__", "a call")
            raise StrategyFault(f"{name} took {took_s:.2f} s, allowed are {most_s:g} s")

    def _watch(self) -> None:
        found = (self._hub.by_symbol(symbol) for symbol in self.strategy.symbols)
        watched = tuple(row for row in found if row is not None)
        if watched != self._watched:
            self._watched = watched
            self._hub.wake_on((row.con_id for row in watched), self._wake)

    def _tell_news(self) -> None:
        while (told := self._news.take()) is not None:
            if isinstance(told, Execution):
                self._call(self.strategy.on_fill, told)
            else:
                self._call(self.strategy.on_order, told)

    def _tell_bars(self) -> None:
        if self._bars.is_behind(self.bars, self._clock.utc()):
            return
        while (bar := self._bars.take(self._clock.utc())) is not None:
            # What is decided on bars is decided the same way after a restart.
            self._must_save = True
            self._call(self.strategy.on_bar, bar)
            self.output.answered_s = self._clock.monotonic()

    def _show_quotes(self) -> None:
        for instrument in self._watched:
            quote = self._hub.quotes.get(instrument.con_id)
            if quote is not None and quote is not self._seen.get(instrument.con_id):
                self._seen[instrument.con_id] = quote
                self._hub.delivered(quote)
                self._call(self.strategy.on_quote, quote)
                self.output.answered_s = self._clock.monotonic()

    async def _submit_wishes(self) -> None:
        while self._wishes:
            # Each time: what became of one wish may have led to the next.
            self._save()
            wish = self._wishes.popleft()
            if isinstance(wish, Intent):
                await self._ask(wish)
            else:
                await self._amend(wish)
            self._tell_news()

    async def _ask(self, intent: Intent) -> None:
        outcome = await self._gateway.submit(intent)
        self.output.decided_s = self._clock.monotonic()
        order = self._ledger.book.orders.get(outcome.order_id or OrderId(0))
        if order is None or outcome.kind not in _LEFT:
            order_id = None if order is None else order.order_id
            refused = OrderUpdate(
                intent.intent_id, order_id, OrderStage.REFUSED, outcome.code, outcome.text
            )
            self._call(self.strategy.on_order, refused)
        elif not self._news.is_about(order.order_id):
            # Asked for before: nothing new was recorded of it.
            self._call(self.strategy.on_order, update_of(order))

    async def _amend(self, wish: _Amendment) -> None:
        outcome = await self._gateway.modify(wish.order_id, wish.revision, self.strategy.name)
        self.output.decided_s = self._clock.monotonic()
        if outcome.kind not in _LEFT:
            order = self._ledger.book.orders.get(wish.order_id)
            intent = None if order is None else order.terms.intent_id
            refused = OrderUpdate(
                intent, wish.order_id, OrderStage.CHANGE_REFUSED, outcome.code, outcome.text
            )
            self._call(self.strategy.on_order, refused)

    def _save_when_due(self) -> None:
        due_s = self._saved_s + self._settings.checkpoint_interval_s
        if self._must_save or self._clock.monotonic() >= due_s:
            self._save()

    def _save(self) -> None:
        self._saved_s, self._must_save = self._clock.monotonic(), False
        name = self.strategy.name
        state, untold = self.strategy.checkpoint(), self._news.untold()
        known = self._ledger.book.strategies.get(name)
        told = (self.intent_count, state, untold, self._bars.known())
        if known is None or _told(known) != told:
            self._ledger.record(StrategyCheckpointed(name, *told))

    def _on_failure(self, ended: Ended) -> None:
        self.problem = ended.problem
        with contextlib.suppress(JournalFailed):
            self._ledger.record(StrategyFailed(self.strategy.name, ended.problem[:500]))
        self._wishes.clear()
        self._news.clear()
        self._bars.clear()
        self._pager.page("critical", f"strategy {self.strategy.name} stopped", ended.problem)

    # ---- what it is told

    def on_recorded(self, recorded: Recorded) -> None:
        """Queue the strategy's own fills and what became of its orders for its next look."""
        if not self.problem and self._news.on_recorded(recorded):
            self._wake.set()

    def on_bar(self, bar: Bar) -> None:
        """Queue a bar that has just ended, if it is one that the strategy wants."""
        spec = self.strategy.bar_spec
        if self.problem or spec is None or bar.size_s != spec.size_s:
            return
        # It may have ended before the first look of all.
        instrument = self._hub.instruments.get(bar.con_id)
        if instrument is not None and instrument.symbol in self.strategy.symbols:
            self._bars.add(bar)
            self._wake.set()

    # ---- the strategy's context

    @property
    def now_utc(self) -> datetime:
        """Return the wall time of this look."""
        return self._now_utc

    @property
    def now_s(self) -> float:
        """Return the monotonic seconds of this look, in which quotes say when they came."""
        return self._now_s

    def instrument(self, symbol: str) -> Instrument | None:
        """Return an instrument by symbol, or None until the broker has described it."""
        return self._hub.by_symbol(symbol)

    def quote(self, con_id: ConId) -> Quote | None:
        """Return the latest quote of an instrument, or None."""
        return self._hub.quotes.get(con_id)

    def bars(self, con_id: ConId) -> Sequence[Bar]:
        """Return the bars of the size that the strategy asked for, oldest first."""
        spec = self.strategy.bar_spec
        return () if spec is None else self._bars_of(con_id, spec.size_s)[-spec.count :]

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
        self._make_room()
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
            bracket=wish.bracket,
        )
        self._wishes.append(intent)
        return intent.intent_id

    def _make_room(self) -> None:
        """Count a wish; raises StrategyFault for one too many in a look or in a minute."""
        now_s, wished_s = self._clock.monotonic(), self._wished_s
        self._look_wishes += 1
        if self._look_wishes > _WISHES_MAX:
            raise StrategyFault(f"more than {_WISHES_MAX} wishes in one look")
        while wished_s and now_s - wished_s[0] >= 60:
            wished_s.popleft()
        most = self._settings.wishes_per_minute_max
        if len(wished_s) >= most:
            raise StrategyFault(f"more than {most} wishes in a minute")
        wished_s.append(now_s)
        self.output.wished_s = now_s

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
        self._make_room()
        revision = Revision(quantity, limit_price, stop_price, reason)
        self._wishes.append(_Amendment(order_id, revision))

    def cancel(self, order_id: OrderId, reason: str) -> None:
        """Cancel an order of its own; leaves under any halt."""
        order = self._ledger.book.orders.get(order_id)
        is_own = order is not None and order.terms.strategy == self.strategy.name
        problem = f"order {order_id} is not its own"
        if is_own:
            problem = self._gateway.cancel(order_id, reason) or ""
        if problem:
            log.warning("cancel not sent", strategy=self.strategy.name, problem=problem)

    def cancel_all(self, con_id: ConId, reason: str) -> None:
        """Cancel this strategy's working orders in an instrument."""
        for order in self.orders(con_id):
            self.cancel(order.order_id, reason)

    def save(self) -> None:
        """Have the state recorded as soon as this look ends."""
        self._must_save = True

    def set_timer(self, name: str, after_s: float) -> None:
        """Have ``on_timer`` called once after so many seconds; the same name is set anew."""
        if not 0 <= after_s <= _TIMER_S_MAX:
            raise ValueError(f"after_s of timer {name!r} is {after_s}, allowed is 0 to a week")
        self._timers.set(name, self._clock.monotonic() + after_s)


def _told(known: StrategyCheckpointed) -> tuple[object, ...]:
    return known.intent_count, known.state, known.untold, known.bars_known


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
        bracket=terms.bracket,
    )
