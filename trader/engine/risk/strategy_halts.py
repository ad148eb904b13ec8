"""Which strategy may add no risk, because its own record has become too poor (BRK-12).

Each strategy's result is marked once a minute and for each new day; its rolling probabilistic
Sharpe ratio is held against the limit of the account's. Too few days are no verdict. A strategy
that is halted keeps its exits, loses its working entries, and stays halted over restarts until a
person lets it begin anew.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import structlog

from trader.core import breaker_events as be
from trader.core.amounts import ZERO, decimal_from
from trader.core.baselines import opening
from trader.core.breakers.artefact import Evaluation, evaluated
from trader.core.breakers.machine import CLOSED, Finding, Phase, Reading, State, Step
from trader.core.breakers.rules import BreakerName, Reset, Rule
from trader.core.ids import OrderId, StrategyName
from trader.core.intents import Side
from trader.core.orders import Order, OrderState
from trader.core.policy import Policy, policy_hash
from trader.core.results import Held
from trader.core.track_record import TrackRecord
from trader.core.valuation import Valuation
from trader.engine.asked import Asked
from trader.engine.risk.equity import MARK_INTERVAL_S, Equity
from trader.engine.risk.readings import sharpe_reading
from trader.engine.services import Services
from trader.engine.status import BreakerStatus

log = structlog.get_logger(__name__)

_NAME = BreakerName.PSR
Cancel = Callable[[OrderId, str], str | None]


def row_name(strategy: StrategyName) -> str:
    """Return what a strategy's own breaker is called: ``psr:momentum``."""
    return f"{_NAME}:{strategy}"


class StrategyHalts:
    """The breaker of every strategy that has ever traded."""

    def __init__(self, services: Services, *, policy: Policy, equity: Equity) -> None:
        self._ledger = services.ledger
        self._book = services.ledger.book
        self._hub = services.hub
        self._valuer = services.valuer
        self._clock = services.clock
        self._pager = services.pager
        self._equity = equity
        # Whatever resets the account's, a strategy's waits for a person.
        self._rule: Rule = replace(policy.breaker.rules.psr, reset=Reset.OPERATOR)
        self._hash = policy_hash(policy)
        self._states: dict[StrategyName, State] = {}
        self._marked_s: dict[StrategyName, float] = {}
        # When each strategy's result was last known, monotonic.
        self._known_s: dict[StrategyName, float] = {}
        self.last: dict[StrategyName, Evaluation] = {}
        self._asked = Asked(services.clock)
        # Takes a working order off; of the gateway, once it is there.
        self.cancel: Cancel = _no_cancel

    def look(self, day: str) -> None:
        """Mark what each strategy has brought where that is due, and judge each."""
        self._mark(day)
        if not self._rule.is_enabled:
            self.last.clear()
            for halt in self._book.safety.strategy_halts:
                self._ledger.record(be.StrategyReleased(halt.strategy, "policy", "switched off"))
            return
        for record in self._book.safety.records:
            self._judge(record, day)
        self._take_off()

    def restrictions(self, is_overridden: bool) -> dict[str, str]:
        """Return why no new risk of a strategy leaves, by its name.

        An override lifts what a missing reading restricts, and never a halt.
        """
        found = {
            str(strategy): f"{row_name(strategy)} cannot be judged: {kept.verdict.text}"
            for strategy, kept in self.last.items()
            if kept.verdict.finding is Finding.FAILED and not is_overridden
        }
        halts = self._book.safety.strategy_halts
        return found | {str(row.strategy): f"{row.breaker}: {row.reason}" for row in halts}

    def named(self, text: str) -> StrategyName | None:
        """Return the strategy that the name of a breaker means, or None when it means none."""
        breaker, _, strategy = text.partition(":")
        name = StrategyName(strategy)
        known = breaker == _NAME and name in self.strategies()
        return name if known else None

    def strategies(self) -> tuple[StrategyName, ...]:
        """Return every strategy that has a record or a halt, by name."""
        safety = self._book.safety
        records, halts = safety.records, safety.strategy_halts
        return tuple(sorted({row.strategy for row in records} | {row.strategy for row in halts}))

    def release(self, strategy: StrategyName, *, reason: str, by: str) -> str | None:
        """Let a halted strategy begin anew; says why not, or None when it is done."""
        if self._book.safety.halt_of(strategy) is None:
            return f"{row_name(strategy)} is not tripped"
        self._ledger.record(be.StrategyReleased(strategy, by, reason))
        self._states.pop(strategy, None)
        self.last.pop(strategy, None)
        log.warning("strategy released", strategy=strategy, by=by, reason=reason)
        return None

    def rows(self) -> tuple[BreakerStatus, ...]:
        """Return the breaker of each strategy as it stands."""
        rows = []
        for strategy in self.strategies():
            halt, kept = self._book.safety.halt_of(strategy), self.last.get(strategy)
            rows.append(
                BreakerStatus(
                    name=row_name(strategy),
                    is_enabled=self._rule.is_enabled,
                    phase=str(Phase.CLOSED if halt is None else Phase.TRIPPED),
                    finding="" if kept is None else str(kept.verdict.finding),
                    text="" if kept is None else kept.verdict.text,
                    limit=f"{self._rule.bad} {self._rule.limit.normalize():f}",
                    action="strategy",
                    reset=str(Reset.OPERATOR),
                    reason="" if halt is None else halt.reason,
                    overridden_until_utc=None,
                    overridden_by="",
                )
            )
        return tuple(rows)

    # ---- marking

    def _mark(self, day: str) -> None:
        look, now_s, safety = self._equity.now, self._clock.monotonic(), self._book.safety
        capital = opening(safety.baseline, day)
        if isinstance(look, str) or not look.is_steady or capital is None or capital <= ZERO:
            return
        for strategy in self._book.results.strategies():
            result = self._result_of(strategy)
            if result is None:
                continue
            self._known_s[strategy] = now_s
            record = safety.record_of(strategy)
            is_new_day = record is None or record.day < day
            is_due = now_s - self._marked_s.get(strategy, float("-inf")) >= MARK_INTERVAL_S
            if not is_new_day and (not is_due or _is_told(record, result)):
                continue
            self._marked_s[strategy] = now_s
            self._ledger.record(be.StrategyMarked(strategy, day, result, capital))

    def _result_of(self, strategy: StrategyName) -> Decimal | None:
        """Return what a strategy has brought in all; None without a price or a rate for it."""
        valuation = self._valuer.current()
        if valuation is None:
            return None
        rates, total = valuation.rates, ZERO
        for earned in self._book.results.earned_by(strategy):
            rate = rates.get(earned.currency)
            if rate is None:
                return None
            total += earned.amount * rate
        for held in self._book.results.held_by(strategy):
            unit, rate = self._unit_value(held, valuation), rates.get(held.currency)
            if unit is None or rate is None:
                return None
            total += held.quantity * unit * rate
        return total

    def _unit_value(self, held: Held, valuation: Valuation) -> Decimal | None:
        """Return what a unit is worth in its own currency, as the account is valued."""
        mark = valuation.marks.get(held.con_id)
        if mark is not None:
            return mark.unit_value
        # What two strategies hold against each other is no holding of the account's.
        price = self._hub.mark_of(held.con_id)
        number = None if price is None else decimal_from(price)
        return None if number is None or number <= ZERO else number * held.multiplier

    # ---- judging

    def _judge(self, record: TrackRecord, day: str) -> None:
        strategy = record.strategy
        halt = self._book.safety.halt_of(strategy)
        before = self._states.get(strategy, CLOSED)
        if halt is not None and before.phase is Phase.CLOSED:
            before = State(phase=Phase.TRIPPED, day=halt.day, reason=halt.reason)
        reading = self._reading(record)
        kept = evaluated(_NAME, self._rule, before, reading, self._clock.monotonic(), day)
        kept = replace(kept, scope=str(strategy))
        self.last[strategy], self._states[strategy] = kept, kept.after
        if kept.verdict.step is Step.TRIP:
            self._halt(strategy, kept)

    def _reading(self, record: TrackRecord) -> Reading:
        now_s = self._clock.monotonic()
        # As old as the last time at which anybody knew what it has brought.
        at_s = self._known_s.setdefault(record.strategy, now_s)
        return sharpe_reading(record.returns, at_s, "the strategy's result")

    def _halt(self, strategy: StrategyName, kept: Evaluation) -> None:
        rule, text = kept.rule, kept.verdict.text
        self._ledger.record(
            be.StrategyHalted(
                strategy=strategy,
                name=_NAME,
                inputs=text,
                limit=f"{rule.bad} {rule.limit}",
                policy_hash=self._hash,
                day=kept.after.day,
            )
        )
        log.error("strategy halted", strategy=strategy, reading=text)
        self._pager.page("critical", f"strategy {strategy} halted", f"{_NAME} {text}")

    def _take_off(self) -> None:
        """Cancel what a halted strategy has working and could still add risk with."""
        halts = {row.strategy: row for row in self._book.safety.strategy_halts}
        live = self._book.live_orders
        self._asked.keep(live)
        for order in tuple(live.values()) if halts else ():
            if not self._asked.is_due(order.order_id):
                continue
            if order.terms.strategy in halts and self._may_add(order):
                self._asked.note(order.order_id)
                problem = self.cancel(order.order_id, f"strategy {order.terms.strategy} is halted")
                if problem is not None:
                    log.warning("cancel not sent", problem=problem)

    def _may_add(self, order: Order) -> bool:
        if order.terms.is_reduce_only or order.state is OrderState.CANCELLING:
            return False
        con_id, is_buy = order.terms.con_id, order.terms.side is Side.BUY
        held, workings = self._book.position_of(con_id), self._book.workings
        working, foreign = workings.of(con_id), workings.foreign_of(con_id)
        # Whatever closes beside it counts as if it filled first.
        closing = working.buys + foreign.buys if is_buy else working.sells + foreign.sells
        is_exit = held * order.terms.side.sign < ZERO and closing <= abs(held)
        return not is_exit


def _is_told(record: TrackRecord | None, result: Decimal) -> bool:
    return record is not None and record.last == result and not record.is_rebased


def _no_cancel(order_id: OrderId, reason: str) -> str | None:
    """Stand in until the gateway is there."""
    return f"order {order_id}: no gateway yet"
