"""Timed, on-connect and on-demand reconciliation. It never sends an order.

One run: note where the book stands, ask the broker for everything, then compare and record in
one synchronous stretch. What one look cannot prove waits for a second, a quiet period later.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import structlog

from trader.core.amounts import ZERO
from trader.core.book import Book
from trader.core.comparison import (
    Answer,
    Decision,
    Doubt,
    Passed,
    Question,
    RunRecord,
    answered,
    doubted,
)
from trader.core.drifts import Drift, DriftKind, Plan, RunContext, sighting
from trader.core.duplicates import duplicated_orders
from trader.core.events import (
    CommissionSeen,
    ExecutionSeen,
    OrderAbsentSeen,
    ReconcileFinished,
)
from trader.core.executions import Execution
from trader.core.halts import HaltCause
from trader.core.ids import ConId, OrderId, RunId
from trader.core.policy import CashPolicy
from trader.core.reconcile import cash_slack, unanswered_orders, unknown_to_the_book
from trader.core.snapshots import BrokerSnapshot
from trader.engine.orders.duplicates import Duplicates
from trader.engine.services import Services
from trader.engine.truth.inbox import Inbox
from trader.ports import LinkDown, SnapshotUnavailable

log = structlog.get_logger(__name__)

# So late an execution may be told that a position holds already; looks have come since, later.
_LATE_S_MAX = 3600.0
# The broker's clock and ours are no better, beside what they are known to differ by.
_CLOCKS_S = 5.0
# So often a person's snapshot is taken before it is given up.
_WORDS_MAX = 3
# What must be settled before anything is sold: how much there is, and what sells it already.
_DISPUTES = (DriftKind.POSITION, DriftKind.ORDER_GHOST, DriftKind.DUPLICATED)


@dataclass(frozen=True, slots=True)
class ReconcileSettings:
    """How patient, how tolerant."""

    quiet_s: float
    absence_s: float
    # The broker tells cash anew only every few minutes: younger than that, it may be of before.
    cash_lag_s: float
    cash_tolerance: Decimal
    cash_adjust_max: Decimal
    policy: CashPolicy


RunObserver = Callable[[RunRecord], None]
Compared = Callable[[float, datetime], None]


class Reconciler:
    """Runs reconciliations, one at a time."""

    def __init__(
        self,
        services: Services,
        *,
        inbox: Inbox,
        settings: ReconcileSettings,
    ) -> None:
        self._ledger = services.ledger
        self._guard = services.guard
        self._inbox = inbox
        inbox.is_late, inbox.on_late = self._is_late, self._note_late
        # Positions that a person has taken over from the broker: when, by both clocks.
        self._stated: dict[ConId, tuple[datetime, float]] = {}
        self._broker = services.broker
        self._clock = services.clock
        self._pager = services.pager
        self._supervisor = services.supervisor
        self._settings = settings
        self._lock = asyncio.Lock()
        self._wanted: asyncio.Event = asyncio.Event()
        self._trigger = ""
        self._due_s: float | None = None
        # What the last complete run left open, with the time from which a look is a second one.
        self._pending: dict[str, tuple[Drift, float]] = {}
        # Instruments of which book and broker said different things in the last complete run.
        self.disputed: dict[ConId, str] = {}
        # What the broker holds more of them, or less: executions since then move both alike.
        self.offsets: dict[ConId, Decimal] = {}
        # Instruments whose position the last complete run could not look at: it moved meanwhile.
        self.unlooked: frozenset[ConId] = frozenset()
        # When this process first missed an order that is in no list; monotonic.
        self._missed_s: dict[OrderId, float] = {}
        # Since when it has looked for each of them, also for those that were missed before it.
        self._sought_s: dict[OrderId, float] = {}
        # How many runs in a row could not look at what differs.
        self._passed: tuple[Passed, ...] = ()
        # How many executions and commissions had come when it was last looked, and since when.
        self._money = (0, float("-inf"))
        self._observers: list[RunObserver] = []
        self.duplicates = Duplicates(services.pager)
        # Told of each complete look: when it was asked for, and how far back its lists reach.
        self.on_compared: Compared = _settle_nothing

    def observe(self, observer: RunObserver) -> None:
        """Have every run shown to ``observer``, complete or not, after those before it."""
        self._observers.append(observer)

    def _show(self, record: RunRecord) -> None:
        for observer in self._observers:
            observer(record)

    @property
    def _book(self) -> Book:
        return self._ledger.book

    def offset_of(self, con_id: ConId) -> Decimal | None:
        """Return how much more the broker holds than the book says, or None while they agree."""
        return self.offsets.get(con_id)

    def ghosts(self) -> tuple[OrderId, ...]:
        """Return the orders that are over in the book and open at the broker, as far as known.

        By what is pending, and by the tickets that nobody has closed yet.
        """
        rows = (row for row, _ in self._pending.values() if row.kind is DriftKind.ORDER_GHOST)
        names = [row.key for row in rows]
        for ticket in self._book.tickets.values():
            if ticket.kind == DriftKind.ORDER_GHOST:
                names.append(ticket.ticket_id.rpartition("-")[2])
        return tuple(OrderId(int(name)) for name in dict.fromkeys(names))

    def wake(self, trigger: str) -> None:
        """Ask for a run soon; new risk waits for it."""
        if not self._guard.has(HaltCause.STARTING):
            self._guard.set_level(HaltCause.NOT_RECONCILED, f"asked for by: {trigger}")
        self._trigger = self._trigger or trigger
        self._wanted.set()

    async def run_on_demand(self) -> None:
        """Run whenever asked, and again a quiet period after anything was left pending."""
        while True:
            self._supervisor.beat("reconcile-demand")
            try:
                async with asyncio.timeout(self._patience_s()):
                    await self._wanted.wait()
            except TimeoutError:
                if self._due_s is None or self._clock.monotonic() < self._due_s:
                    continue
                self._trigger = self._trigger or "second look"
            # Before the link is proven the answer would not count, and hold up what proves it.
            if self._broker.is_connected and not self._guard.has(HaltCause.LINK):
                await self.run_once(self._trigger or "on demand")
            else:
                # The next connect reconciles before anything else.
                self._wanted.clear()
                self._due_s = None

    def _patience_s(self) -> float:
        if self._due_s is None:
            return 5.0
        return max(self._due_s - self._clock.monotonic(), 0.05)

    async def run_timed(self, name: str, interval_s: float) -> None:
        """Run every ``interval_s`` seconds, for ever."""
        waited_s = 0.0
        while True:
            self._supervisor.beat(f"reconcile-{name}")
            await self._clock.sleep(min(interval_s, 5.0))
            waited_s += min(interval_s, 5.0)
            if waited_s >= interval_s and self._broker.is_connected:
                waited_s = 0.0
                await self.run_once(f"timed {name}")

    async def run_once(self, trigger: str) -> ReconcileFinished:
        """Reconcile now; returns what was recorded about it."""
        async with self._lock:
            self._wanted.clear()
            self._trigger = ""
            started_s, started_utc = self._clock.monotonic(), self._clock.utc()
            mark = self._ledger.seq
            run_id = RunId(f"{started_utc:%Y%m%dT%H%M%SZ}-{mark}")
            losses = self._guard.loss_count
            was_deaf = self._guard.deafness(losses)
            try:
                snapshot = await self._broker.snapshot()
            except (SnapshotUnavailable, LinkDown) as error:
                return self._finish_without(run_id, trigger, str(error), started_s)
            self._inbox.handle_queued()
            self._last_money_s()
            deaf = was_deaf or self._guard.deafness(losses)
            if deaf is not None:
                return self._finish_deaf(run_id, trigger, deaf, started_s)
            if self._book.account is None:
                return self._finish_without(run_id, trigger, "no baseline yet", started_s)
            run = RunContext(
                run_id=run_id,
                mark=mark,
                now_utc=started_utc,
                quiet_s=self._settings.quiet_s,
                absence_s=self._settings.absence_s,
                policy=self._settings.policy,
                cash_tolerance=self._settings.cash_tolerance,
                cash_adjust_max=self._settings.cash_adjust_max,
                missed_lately=self._missed_lately(started_s),
                missed_long=self._missed_long(started_s),
            )
            return self._compare(snapshot, run, trigger, started_s)

    async def brokers_word(self) -> BrokerSnapshot:
        """Take a snapshot that a person may accept; raises SnapshotUnavailable or LinkDown.

        While executions or commissions come nobody can tell whether its positions and its cash
        contain them: accepted, they would be lost or count twice. It is taken again.
        """
        for _ in range(_WORDS_MAX):
            self._inbox.handle_queued()
            heard, losses = self._inbox.money_count, self._guard.loss_count
            was_deaf = self._guard.deafness(losses)
            snapshot = await self._broker.snapshot()
            deaf = was_deaf or self._guard.deafness(losses)
            if deaf is not None:
                raise SnapshotUnavailable(deaf)
            self._inbox.handle_queued()
            if self._inbox.money_count == heard:
                return snapshot
        raise SnapshotUnavailable("executions or commissions came each time the broker was asked")

    def cash_slack(self) -> Decimal:
        """Return how far apart the cash of book and broker may be without a drift."""
        return cash_slack(self._book, self._settings.cash_tolerance, self._settings.policy)

    def note_stated(self, *con_ids: ConId) -> None:
        """Note that these positions are the broker's as of now, whatever led to them."""
        self._stated |= dict.fromkeys(con_ids, (self._clock.utc(), self._clock.monotonic()))

    def _is_late(self, execution: Execution) -> bool:
        """Tell whether an execution may be of before its position was taken over."""
        if (stated := self._stated.get(execution.con_id)) is None:
            return False
        stated_utc, stated_s = stated
        if self._clock.monotonic() - stated_s > _LATE_S_MAX:
            return False
        at_utc, skew_s = execution.time_utc, _CLOCKS_S + (self._guard.clock_skew_s or 0.0)
        return at_utc is None or (at_utc - stated_utc).total_seconds() <= skew_s

    def _note_late(self, con_id: ConId, moved: Decimal, exec_id: str) -> None:
        """Count on no more than the broker holds, where the book may hold a trade twice."""
        text = f"{exec_id} may be in the position that was taken over before it was told"
        self.disputed[con_id] = text
        self.offsets[con_id] = self.offsets.get(con_id, ZERO) - moved
        log.warning("late execution", con_id=con_id, execution=exec_id)
        self.wake(f"execution {text}")

    def cash_wait_s(self) -> float:
        """Return for how long the broker's cash may still lack what has traded last."""
        due_s = self._last_money_s() + self._settings.cash_lag_s
        return max(0.0, due_s - self._clock.monotonic())

    def _last_money_s(self) -> float:
        """Return when an execution or a commission last came, at the latest; monotonic."""
        count, since_s = self._money
        if count != self._inbox.money_count:
            # Since the last look, nobody knows when.
            since_s = self._clock.monotonic()
            self._money = (self._inbox.money_count, since_s)
        return since_s

    def take_executions(self, snapshot: BrokerSnapshot) -> None:
        """Book the executions of a snapshot that a person accepts, as a comparison would."""
        for execution in snapshot.executions:
            if execution.account == snapshot.account:
                self._inbox.note_execution(ExecutionSeen(execution))

    def take_in(self, fact: ExecutionSeen | CommissionSeen) -> None:
        """Take a fact in as if the broker had told it now: by the inbox and its rules."""
        self._inbox.put(fact)
        self._inbox.handle_queued()

    def _compare(
        self, snapshot: BrokerSnapshot, run: RunContext, trigger: str, started_s: float
    ) -> ReconcileFinished:
        """Compare and record: synchronous, so that nothing moves between the two."""
        now_s = self._clock.monotonic()
        question = Question(
            run=run,
            snapshot=snapshot,
            left=tuple(drift for drift, _ in self._pending.values()),
            seen_before=self._seen_before(started_s),
            passed=self._passed,
            was_compared=self._guard.is_compared,
        )
        asked_seq = self._ledger.seq
        answer = answered(self._book, question)
        self._record(answer, now_s)
        decided_seq = self._ledger.seq
        doubt = doubted(self._book, question, answer)
        self._take(doubt, now_s)
        if self.duplicates.take_off(duplicated_orders(self._book, snapshot), now_s):
            self._due_s = now_s + self._settings.quiet_s + 0.1
        self._note_disputes(answer.drifts, doubt.plan.unseen, snapshot)
        # After the disputes: what is disputed settles nothing.
        self.on_compared(started_s, snapshot.window_utc)
        for problem in unknown_to_the_book(self._book, snapshot):
            self._guard.latch(HaltCause.INVARIANT, problem, by="reconciler")
        finished = ReconcileFinished(
            run_id=run.run_id,
            trigger=trigger,
            problem="",
            drift_count=len(answer.drifts),
            repair_count=len(answer.plan.repairs),
            ticket_count=len(answer.plan.tickets),
            duration_s=now_s - started_s,
        )
        self._ledger.record(finished)
        decision = Decision(question, answer, doubt.plan, asked_seq, decided_seq)
        self._show(RunRecord(finished, decision))
        self._tell(run, answer)
        self._judge(doubt.plan)
        return finished

    def _record(self, answer: Answer, now_s: float) -> None:
        for event in answer.records:
            if isinstance(event, ExecutionSeen):
                self._inbox.note_execution(event)
            else:
                self._ledger.note(event)
            if isinstance(event, OrderAbsentSeen):
                self._missed_s[event.order_id] = now_s

    def _take(self, doubt: Doubt, now_s: float) -> None:
        """Keep what the next run will be asked with."""
        self._passed, self.unlooked = doubt.passed, doubt.unlooked
        self._guard.on_compared()
        self._remember(doubt.plan, now_s)

    def _tell(self, run: RunContext, answer: Answer) -> None:
        for ticket in answer.plan.tickets:
            # By its own name: a title that was just told is not told again.
            name = ticket.ticket_id.removeprefix(f"{run.run_id}-")
            self._pager.page("critical", f"ticket {name}", ticket.text)
        for drift in answer.drifts:
            log.warning(
                "drift",
                kind=drift.kind,
                key=drift.key,
                expected=drift.expected,
                observed=drift.observed,
                run=run.run_id,
            )

    def _missed_lately(self, asked_s: float) -> frozenset[OrderId]:
        """Return the orders in no list whose first look, by this process, is not long ago."""
        absent = self._book.absent_since
        self._missed_s = {key: at_s for key, at_s in self._missed_s.items() if key in absent}
        return frozenset(
            key for key, at_s in self._missed_s.items() if asked_s - at_s < self._settings.absence_s
        )

    def _missed_long(self, asked_s: float) -> frozenset[OrderId]:
        """Return the orders in no list that this process has looked for in vain for long."""
        absent, sought = self._book.absent_since, self._sought_s
        self._sought_s = {key: sought.get(key, self._missed_s.get(key, asked_s)) for key in absent}
        absence_s = self._settings.absence_s
        return frozenset(key for key, at_s in self._sought_s.items() if asked_s - at_s >= absence_s)

    def _note_disputes(
        self, drifts: tuple[Drift, ...], unseen: tuple[Drift, ...], snapshot: BrokerSnapshot
    ) -> None:
        """Note of which instruments it is not known how much there is, and by how much."""
        seen = _disputes(drifts)
        offsets = {
            con_id: snapshot.position_of(con_id) - self._book.position_of(con_id) for con_id in seen
        }
        # Of what was not looked at, the last word stands.
        self.disputed = _disputes(unseen) | seen
        self.offsets = {
            con_id: offsets.get(con_id, self.offsets.get(con_id, ZERO)) for con_id in self.disputed
        }

    def _judge(self, decided: Plan) -> None:
        """Clear or keep the cause that holds new risk back until book and broker agree."""
        unknown = unanswered_orders(self._book)
        if decided.open:
            kinds = ", ".join(f"{drift.kind} {drift.key}" for drift in decided.open)
            self._guard.set_level(HaltCause.NOT_RECONCILED, f"waiting for a second look: {kinds}")
        elif any(order.state == "UNKNOWN" for order in unknown):
            names = ", ".join(str(order.order_id) for order in unknown)
            self._guard.set_level(HaltCause.NOT_RECONCILED, f"orders without an answer: {names}")
        elif not self._wanted.is_set():
            # Whoever asked after this run had begun is answered by the next one.
            self._guard.clear_level(HaltCause.NOT_RECONCILED)
        self._guard.clear_level(HaltCause.STARTING)

    def _seen_before(self, asked_s: float) -> frozenset[str]:
        # By when the broker was asked: its word may be of that very moment, however long it took.
        return frozenset(key for key, (_, due_s) in self._pending.items() if asked_s >= due_s)

    def _doubt_s(self, kind: DriftKind) -> float:
        """Return how long a difference must stand unchanged before it is believed."""
        quiet_s = self._settings.quiet_s
        if kind is DriftKind.CHANGE_UNSETTLED:
            # As an order that is in no list: what is late can still come.
            return max(quiet_s, self._settings.absence_s)
        # Two looks at one list of values are one look (INC-037).
        return max(quiet_s, self._settings.cash_lag_s) if kind is DriftKind.CASH else quiet_s

    def _remember(self, decided: Plan, now_s: float) -> None:
        before, now = self._pending, {sighting(drift): drift for drift in decided.open}
        self._pending = {
            key: before.get(key, (drift, now_s + self._doubt_s(drift.kind)))
            for key, drift in now.items()
        }
        unknown = any(row.state == "UNKNOWN" for row in unanswered_orders(self._book))
        again = bool(now) or unknown
        self._due_s = now_s + self._settings.quiet_s + 0.1 if again else None

    def _finish_deaf(
        self, run_id: RunId, trigger: str, problem: str, started_s: float
    ) -> ReconcileFinished:
        finished = self._finish_without(run_id, trigger, problem, started_s)
        # The word that the link is back asks again.
        self._due_s = None
        return finished

    def _finish_without(
        self, run_id: RunId, trigger: str, problem: str, started_s: float
    ) -> ReconcileFinished:
        finished = ReconcileFinished(
            run_id=run_id,
            trigger=trigger,
            problem=problem,
            drift_count=0,
            repair_count=0,
            ticket_count=0,
            duration_s=self._clock.monotonic() - started_s,
        )
        self._ledger.record(finished)
        self._show(RunRecord(finished))
        log.warning("reconciliation incomplete", run=run_id, problem=problem)
        self._guard.set_level(HaltCause.NOT_RECONCILED, problem)
        self._guard.clear_level(HaltCause.STARTING)
        self._due_s = self._clock.monotonic() + self._settings.quiet_s
        return finished


def _disputes(drifts: Iterable[Drift]) -> dict[ConId, str]:
    """Return what of each instrument must be settled before any of it is sold."""
    return {
        drift.con_id: f"the book says {drift.expected}, the broker {drift.observed}"
        for drift in drifts
        if drift.kind in _DISPUTES and drift.con_id is not None
    }


def _settle_nothing(asked_s: float, window_utc: datetime) -> None:
    """Stand in until somebody settles orders."""
