"""What the breakers are held against: one reading for each, collected anew every time.

Whatever goes wrong while one of them is collected makes that one fail and no other: it then counts
as tripped, says why, and proves nothing (BRK-10).
"""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice

import structlog

from trader.core import events as ev
from trader.core.amounts import ZERO
from trader.core.baselines import Baseline, change_of_day, drawdown
from trader.core.breakers.machine import Reading
from trader.core.breakers.rules import BreakerName, Rule
from trader.core.halts import Mode
from trader.core.ids import ConId, ExecFamily, OrderId, exec_family
from trader.core.market import form_fault
from trader.core.orders import OrderState
from trader.core.policy import Policy
from trader.core.quality import feed_fault
from trader.core.round_trips import closed_trades, losses_in_a_row
from trader.core.statistics import PSR_SAMPLE_MIN, probabilistic_sharpe
from trader.engine.market.coverage import coverage
from trader.engine.market.volatility import Volatility
from trader.engine.risk.blind_spots import BlindSpots
from trader.engine.risk.equity import Equity, Look
from trader.engine.risk.probes import Probes
from trader.engine.services import Services
from trader.ports import WorldError

log = structlog.get_logger(__name__)

# What look-ups, arithmetic and the world raise; a reading that raises any of it has failed.
_BROKEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    WorldError,
)
_ORDERS_LOOKED_AT = 20
_ORDERS_MIN = 5
_FILLS_LOOKED_AT = 500
_FILL_WINDOW_S = 60.0
# A quote may stand still for a while; older than this nobody knows what an order meets.
_QUOTE_AGE_S = 30.0
_NOT_ANSWERED_YET = (OrderState.PLANNED, OrderState.JOURNALED, OrderState.WITHHELD)
_VIX = "VIX"

Collector = Callable[[], Reading]


class Readings:
    """Collects every reading that an enabled breaker needs."""

    def __init__(
        self, services: Services, *, policy: Policy, equity: Equity, probes: Probes
    ) -> None:
        self._book = services.ledger.book
        self._guard = services.guard
        self._hub = services.hub
        self._clock = services.clock
        self._rules = policy.breaker.rules
        self._sessions = services.sessions
        self._quote_age_s = max(_QUOTE_AGE_S, policy.price.quote_age_s_max)
        self._mark_age_s = max(self._quote_age_s, policy.exposure.mark_age_s_max)
        self._equity = equity
        self._probes = probes
        self.volatility = Volatility(services, 2 * policy.blind.minutes_min + 1)
        self.blind = BlindSpots(services, policy, self.volatility)
        self._fills: deque[tuple[ExecFamily, float]] = deque()
        # Drifts that two complete runs one after the other could not settle, and when told.
        self._pending: frozenset[str] = frozenset()
        self._lasting: frozenset[str] = frozenset()
        self._unsettled = 0
        self._ran_s: float | None = None
        # Why this machine's clock does not count as right; empty when it does.
        self.time_problem: Callable[[], str] = lambda: "the time service was not asked"
        self._collectors: dict[BreakerName, Collector] = {
            BreakerName.DAILY_LOSS: lambda: self._loss(self._rules.daily_loss, change_of_day),
            BreakerName.LOSS_KILL: lambda: self._loss(self._rules.loss_kill, change_of_day),
            BreakerName.DRAWDOWN: lambda: self._loss(self._rules.drawdown, drawdown),
            BreakerName.PSR: self._psr,
            BreakerName.CONSECUTIVE_LOSSES: self._losses,
            BreakerName.VOLATILITY_RATIO: self.volatility.ratio,
            BreakerName.VIX: self._vix,
            BreakerName.REJECT_RATE: self._rejects,
            BreakerName.UNANSWERED: self._unanswered,
            BreakerName.FILL_RATE: self._fill_rate,
            BreakerName.QUOTE_STALENESS: self._staleness,
            BreakerName.DRIFT: self._drift,
            BreakerName.LOOP_LAG: self._lag,
            BreakerName.JOURNAL_LATENCY: probes.journal,
            BreakerName.CLOCK_SKEW: self._skew,
            BreakerName.DISK_SPACE: probes.disk,
            BreakerName.DATA_QUALITY: self._quality,
            BreakerName.UNPRICED: self.blind.unpriced,
            BreakerName.UNCOVERED: self.blind.uncovered,
            BreakerName.RISK_RATIO: self.blind.risk_ratio,
            BreakerName.CLUSTER: self.blind.cluster,
            BreakerName.CORRELATION_BREAK: self.blind.correlation_break,
        }

    def of(self, name: BreakerName) -> Reading:
        """Collect one reading; one that cannot be collected has no value and says why."""
        try:
            return self._collectors[name]()
        except _BROKEN as error:
            log.exception("reading failed", breaker=name)
            problem = f"{type(error).__name__}: {error}"[:200]
            return Reading(None, self._clock.monotonic(), text=problem)

    # ---- facts that come by themselves

    def on_recorded(self, recorded: ev.Recorded) -> None:
        """Note when each execution came."""
        if isinstance(recorded.event, ev.ExecutionSeen):
            family, _ = exec_family(recorded.event.execution.exec_id)
            self._fills.append((family, self._clock.monotonic()))

    def on_run(
        self,
        pending: frozenset[str] | None,
        ticket_count: int,
        unseen: frozenset[str] = frozenset(),
    ) -> None:
        """Take in a reconciliation; ``pending`` is None when it was not complete.

        What is ``unseen`` it could not look at: that is as it was, and has not been settled.
        """
        if pending is None:
            return
        self._lasting = (pending & self._pending) | (unseen & self._lasting)
        self._unsettled = len(self._lasting) + ticket_count
        self._pending = pending | (unseen & self._pending)
        self._ran_s = self._clock.monotonic()

    # ---- money

    def _loss(
        self, rule: Rule, measure: Callable[[Baseline, Decimal | None], Decimal | None]
    ) -> Reading:
        now_s, look = self._clock.monotonic(), self._equity.now
        baseline, day = self._book.safety.baseline, self._equity.day()
        if isinstance(look, str):
            return Reading(None, now_s, text=look)
        if baseline is None or baseline.day != day:
            return Reading(None, now_s, text=f"no opening value of {day} yet")
        value = measure(baseline, look.high)
        if value is None:
            return Reading(None, now_s, text="the measure is doubtful since a change of cash")
        told = self._equity.told()
        told_change = None if told is None else measure(baseline, told)
        is_confirmed = told_change is not None and rule.is_bad(told_change)
        words = _words(look, baseline, told)
        return Reading(value, look.at_s, is_confirmed, text=words, heard_s=look.heard_s)

    def _psr(self) -> Reading:
        now_s, baseline = self._clock.monotonic(), self._book.safety.baseline
        returns = () if baseline is None else baseline.returns
        return sharpe_reading(returns, now_s, "the value of the account")

    def _losses(self) -> Reading:
        now_s, book = self._clock.monotonic(), self._book
        since = self._since(BreakerName.CONSECUTIVE_LOSSES)
        fills = []
        for family in islice(reversed(book.fills), _FILLS_LOOKED_AT):
            fill = book.fills[family]
            time_utc = fill.execution.time_utc
            if since is not None and time_utc is not None and time_utc < since:
                # Not the end: an execution can be told long after it happened.
                continue
            paid = book.commissions.get(family)
            fills.append((fill, paid.amount if paid else ZERO))
        held = {row.con_id: row.quantity for row in book.positions.values()}
        count = losses_in_a_row(closed_trades(reversed(fills), held))
        return Reading(Decimal(count), now_s, text="closed trades, commissions included")

    def _vix(self) -> Reading:
        now_s = self._clock.monotonic()
        instrument = self._hub.by_symbol(_VIX)
        quote = self._hub.quotes.get(instrument.con_id) if instrument is not None else None
        if quote is None:
            return Reading(None, now_s, text="no VIX: it counts as high")
        price = quote.last if quote.last is not None else quote.mid
        at_s = quote.last_s if quote.last is not None else quote.received_s
        return Reading(price, now_s if at_s is None else at_s, text="VIX")

    # ---- orders

    def _since(self, name: BreakerName) -> datetime | None:
        """Return from when on something counts against a breaker: since a person closed it.

        A time that is still to come is that of a clock which has been set back: what it would
        hide is counted.
        """
        found = self._book.safety.reset_utc_of(name)
        return found if found is not None and found <= self._clock.utc() else None

    def _rejects(self) -> Reading:
        now_s = self._clock.monotonic()
        since = self._since(BreakerName.REJECT_RATE)
        # Not further back than this: nothing here may grow with history.
        recent = islice(reversed(self._book.orders.values()), 10 * _ORDERS_LOOKED_AT)
        left = (
            order
            for order in recent
            if order.state not in _NOT_ANSWERED_YET
            and (since is None or order.planned_utc >= since)
        )
        looked_at = list(islice(left, _ORDERS_LOOKED_AT))
        text = f"of the last {len(looked_at)} orders"
        if len(looked_at) < _ORDERS_MIN:
            return Reading(None, now_s, is_too_early=True, text=text)
        rejected = sum(order.state is OrderState.REJECTED for order in looked_at)
        return Reading(Decimal(rejected) / len(looked_at), now_s, text=text)

    def _unanswered(self) -> Reading:
        late = [
            order.order_id
            for order in self._book.live_orders.values()
            if order.state is OrderState.UNKNOWN
        ]
        return Reading(
            Decimal(len(late)), self._clock.monotonic(), text=", ".join(map(str, late[:10]))
        )

    def _fill_rate(self) -> Reading:
        """Hold what our orders of the last minute executed against what they could."""
        now_s = self._clock.monotonic()
        while self._fills and self._fills[0][1] < now_s - _FILL_WINDOW_S:
            self._fills.popleft()
        since = self._since(BreakerName.FILL_RATE)
        orders: set[OrderId] = set()
        stray = ZERO
        for family in dict.fromkeys(key for key, _ in self._fills):
            fill = self._book.fills.get(family)
            if fill is None:
                continue
            execution = fill.execution
            time_utc = execution.time_utc
            if since is not None and time_utc is not None and time_utc < since:
                continue
            named = self._book.find_order(
                order_ref=execution.order_ref,
                perm_id=execution.perm_id,
                order_id=execution.order_id,
                client_id=execution.client_id,
            )
            if named is not None and fill.order_id is None:
                stray += execution.quantity
            elif fill.order_id is not None:
                orders.add(fill.order_id)
        rows = [self._book.orders[key] for key in sorted(orders)]
        executed = sum((row.filled for row in rows), start=stray)
        could = sum((min(row.filled, row.terms.quantity) for row in rows), start=ZERO)
        if executed == ZERO:
            return Reading(ZERO, now_s, text="nothing was executed")
        value = executed / could if could else Decimal(2)
        return Reading(value, now_s, text=f"{executed} executed, {could} could be")

    # ---- data

    def _involved(self) -> list[ConId]:
        """Return what is held or worked, in a fixed order."""
        held = [row.con_id for row in self._book.positions.values() if row.quantity != ZERO]
        worked = [row.terms.con_id for row in self._book.live_orders.values()]
        return sorted({*held, *worked})

    def _staleness(self) -> Reading:
        """Count what we work without a quote, and what we hold without a price of today's.

        Or of all that is open what has no usable quote, where that share is the larger one: a feed
        that is dead for most is not to be believed for the rest (DAT-05).
        What is no instrument of ours has no quote and never will; it is valued by the broker. Of
        what is closed nobody expects one.
        """
        now_s = self._clock.monotonic()
        worked = {row.terms.con_id for row in self._book.live_orders.values()}
        con_ids = [
            con_id
            for con_id in self._involved()
            if con_id in self._hub.instruments and not self._sessions.is_closed(con_id)
        ]
        stale = [con_id for con_id in con_ids if self._is_stale(con_id, con_id in worked, now_s)]
        share = Decimal(len(stale)) / len(con_ids) if con_ids else ZERO
        text = f"{len(stale)} of {len(con_ids)} without a usable quote"
        found = coverage(self._hub, now_s, self._quote_age_s)
        missing = len(found.waiting) + len(found.unusable)
        if found.expected and Decimal(missing) / len(found.expected) > share:
            share = Decimal(missing) / len(found.expected)
            text = f"{missing} of all {len(found.expected)} open ones without a usable quote"
        return Reading(share, now_s, text=text)

    def _is_stale(self, con_id: ConId, is_worked: bool, now_s: float) -> bool:
        age_s_max = self._quote_age_s if is_worked else self._mark_age_s
        return form_fault(self._hub.quotes.get(con_id), now_s, age_s_max) is not None

    def _quality(self) -> Reading:
        now_s = self._clock.monotonic()
        faults = []
        for con_id in self._involved():
            quote = self._hub.quotes.get(con_id)
            problem = feed_fault(quote, now_s) if quote is not None else None
            if problem is not None:
                faults.append(f"{con_id} {problem}")
        return Reading(Decimal(len(faults)), now_s, text="; ".join(faults)[:200])

    def _drift(self) -> Reading:
        if self._ran_s is None:
            return Reading(None, self._clock.monotonic(), text="not reconciled yet")
        count = self._unsettled + len(self._guard.ignored.counting())
        return Reading(Decimal(count), self._ran_s, text="not settled in two runs, or by ticket")

    # ---- the process

    def _lag(self) -> Reading:
        at_s = self._guard.lag_at_s
        if at_s is None:
            return Reading(None, self._clock.monotonic(), text="not measured yet")
        return Reading(Decimal(repr(self._guard.take_worst_lag())), at_s, text="seconds")

    def _skew(self) -> Reading:
        skew_s, at_s = self._guard.clock_skew_s, self._guard.heartbeat_s
        if skew_s is None or at_s is None:
            return Reading(None, self._clock.monotonic(), text="no answer of the broker yet")
        problem = self.time_problem() if self._guard.mode is Mode.LIVE else ""
        if problem and not self._rules.clock_skew.is_bad(Decimal(repr(skew_s))):
            # The broker's clock tells whole seconds: it does not vouch for ours alone.
            return Reading(None, at_s, text=problem)
        return Reading(Decimal(repr(skew_s)), at_s, text="seconds")


def sharpe_reading(returns: Sequence[Decimal], at_s: float, whose: str) -> Reading:
    """Return the probabilistic Sharpe ratio of daily returns, or why there is none yet (BRK-12)."""
    values = [float(value) for value in returns]
    if len(values) < PSR_SAMPLE_MIN:
        text = f"{len(values)} days of {PSR_SAMPLE_MIN}: too few to judge by"
        return Reading(None, at_s, is_too_early=True, text=text)
    if max(values) == min(values):
        if values[0] < 0:
            # No spread, so no ratio; what loses the same every day needs none.
            return Reading(ZERO, at_s, text=f"{len(values)} days, each with the same loss")
        return Reading(None, at_s, is_too_early=True, text=f"{whose} does not vary")
    ratio = probabilistic_sharpe(values)
    value = None if ratio is None else Decimal(repr(ratio))
    return Reading(value, at_s, text=f"{len(values)} days")


def _words(look: Look, baseline: Baseline, told: Decimal | None) -> str:
    broker = "" if told is None else f", broker {told}"
    return f"{look.high:.2f}{broker}, opened {baseline.opened}, flows {baseline.flows}"
