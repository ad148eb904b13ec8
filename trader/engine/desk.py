"""The operator's verbs, carried out: halt, resume, cancel, liquidate, reconcile, baseline."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

import structlog

from trader.core import events as ev
from trader.core.amounts import ZERO
from trader.core.halts import LATCHED, HaltCause, Lane
from trader.core.ids import ConId, StrategyName, TicketId, intent_id
from trader.core.intents import Intent, OrderType, Side, TimeInForce
from trader.engine.boot import baseline_of
from trader.engine.gateway import OrderGateway, OutcomeKind
from trader.engine.operator import Answer
from trader.engine.reconciler import Reconciler
from trader.engine.services import Services
from trader.engine.tickets import resolution
from trader.ports import JournalFailed, WorldError

log = structlog.get_logger(__name__)

_OPERATOR = StrategyName("operator")
_POLL_S = 0.05
_DISK_S = 10.0
_ATTEMPTS_MAX = 5
_LOOK_AGAIN_S = 1.0
# What a resume clears by itself, or what its own reconciliation may clear.
_CLEARED_BY_RESUME = frozenset({*LATCHED, HaltCause.HALT_FILE, HaltCause.NOT_RECONCILED})


class HaltControl(Protocol):
    """The halt file, as the desk writes it."""

    def engage(self, reason: str, by: str) -> None:
        """Write an active halt, atomically."""

    def release(self, reason: str, by: str) -> None:
        """Write that no halt is active, atomically."""


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """Bounds of the operator's actions, in seconds."""

    cancel_s: float
    liquidate_s: float


class Desk:
    """Implements :class:`trader.engine.operator.OperatorDesk`."""

    def __init__(
        self,
        services: Services,
        *,
        gateway: OrderGateway,
        reconciler: Reconciler,
        halt_control: HaltControl,
        settings: DeskSettings,
    ) -> None:
        self._ledger = services.ledger
        self._guard = services.guard
        self._gateway = gateway
        self._hub = services.hub
        self._reconciler = reconciler
        self._broker = services.broker
        self._clock = services.clock
        self._halt_control = halt_control
        self._settings = settings
        self._lock = asyncio.Lock()
        self._halt_count = 0

    def halt(self, *, reason: str, by: str) -> Answer:
        """Halt now; the gate reads the cause before every send."""
        self._halt_count += 1
        self._guard.latch(HaltCause.OPERATOR, reason, by)
        if not self._guard.has(HaltCause.HALT_FILE):
            # The journal's record is durable soon, the file at once: a halt that was answered
            # holds at the next start, whatever ends this process.
            try:
                self._halt_control.engage(reason, by)
            except WorldError as error:
                log.error("halt file not written", problem=str(error))
        return Answer(is_done=True, text=f"halted: {reason}")

    async def resume(self, *, reason: str, by: str) -> Answer:
        """Clear the latched causes, if nothing else objects and reconciliation is clean."""
        async with self._lock:
            known = self._known_halts()
            objections = self._objections()
            if not objections:
                objections = await self._reconciled()
            objections = objections or self._new_halts(known) or await self._cleared(reason, by)
            # Looked at again after each wait: a halt that came meanwhile was not meant.
            objections = objections or self._new_halts(known)
            if objections:
                return Answer(is_done=False, text="not resumed", details=objections)
            try:
                self._halt_control.release(reason, by)
            except WorldError as error:
                return Answer(is_done=False, text="not resumed", details=(f"halt file: {error}",))
            left = tuple(f"{cause}: {text}" for cause, text in self._guard.causes().items())
            if left:
                return Answer(is_done=False, text="halted again while resuming", details=left)
            log.warning("resumed", reason=reason, by=by)
            return Answer(is_done=True, text=f"resumed: {reason}")

    async def _reconciled(self) -> tuple[str, ...]:
        """Reconcile for a resume; returns what objects."""
        run = await self._reconciler.run_once("resume")
        if not run.problem and self._guard.has(HaltCause.NOT_RECONCILED):
            # A question that came during the run (1102, an order's error) takes a run of its own.
            run = await self._reconciler.run_once("resume")
        objections = self._objections()
        if run.problem:
            return (*objections, f"reconciliation: {run.problem}")
        open_question = self._guard.causes().get(HaltCause.NOT_RECONCILED)
        return (*objections, f"reconciliation: {open_question}") if open_question else objections

    async def _cleared(self, reason: str, by: str) -> tuple[str, ...]:
        """Clear the latched causes, durably; returns what objects, with the causes back."""
        halts = dict(self._ledger.book.halts)
        seq = self._ledger.seq
        for cause in halts:
            seq = self._ledger.record(ev.HaltCleared(cause, reason, by))
        try:
            async with asyncio.timeout(_DISK_S):
                await self._ledger.durable(seq)
        except (JournalFailed, TimeoutError) as error:
            for cause, text in halts.items():
                self._ledger.record(ev.HaltRaised(cause, text, by))
            problem = str(error) or f"no answer within {_DISK_S} s"
            return (f"journal: {problem}",)
        return ()

    def _known_halts(self) -> tuple[dict[HaltCause, str], int]:
        """Return the halts that a resume is about, and how often an operator has halted."""
        causes = self._guard.causes()
        known = {key: causes[key] for key in (*LATCHED, HaltCause.HALT_FILE) if key in causes}
        return known, self._halt_count

    def _new_halts(self, known: tuple[dict[HaltCause, str], int]) -> tuple[str, ...]:
        """Return the halts that came after a resume had begun: they were not meant by it."""
        before, count = known
        now, now_count = self._known_halts()
        new = [f"{key}: {text}" for key, text in now.items() if before.get(key) != text]
        if now_count != count and not new:
            new = [f"{HaltCause.OPERATOR}: halted again meanwhile"]
        return tuple(new)

    def _objections(self) -> tuple[str, ...]:
        return tuple(
            f"{cause}: {text}"
            for cause, text in self._guard.causes().items()
            if cause not in _CLEARED_BY_RESUME
        )

    async def cancel_orders(self, *, by: str) -> Answer:
        """Cancel every working order of ours and wait until the broker confirms each."""
        async with self._lock:
            return await self._cancel_orders(by)

    async def _cancel_orders(self, by: str) -> Answer:
        wanted = self._gateway.working_orders()
        problems = [
            problem
            for order in wanted
            if (problem := self._gateway.cancel(order.order_id, f"cancelled by {by}")) is not None
        ]
        await self._wait_until(self._no_order_works, self._settings.cancel_s)
        if self._gateway.working_orders():
            # What was not confirmed may still be gone: the broker's lists tell.
            await self._reconciler.run_once("cancel orders")
        left = [
            f"order {row.order_id} {row.terms.side} {row.remaining} {row.terms.symbol}: {row.state}"
            for row in self._gateway.working_orders()
        ]
        text = f"{len(wanted) - len(left)} of {len(wanted)} working orders cancelled"
        return Answer(is_done=not left, text=text, details=(*problems, *left))

    async def liquidate(self, *, by: str) -> Answer:
        """Close every managed position: cancel, reconcile, then reduce, never crossing zero."""
        async with self._lock:
            if not self._guard.has(HaltCause.OPERATOR) and not self._guard.has(HaltCause.HALT_FILE):
                self._guard.latch(HaltCause.OPERATOR, "liquidation", by)
            deadline_s = self._clock.monotonic() + self._settings.liquidate_s
            await self._cancel_orders(by)
            details: list[str] = []
            for _ in range(_ATTEMPTS_MAX):
                run = await self._reconciler.run_once("liquidate")
                if run.problem:
                    details.append(f"reconciliation: {run.problem}")
                    break
                held = self._held()
                if not held or self._clock.monotonic() >= deadline_s:
                    break
                for con_id in held:
                    details.append(await self._close(con_id, by))
                if self._reconciler.disputed.keys() & set(held):
                    await self._clock.sleep(_LOOK_AGAIN_S)
                await self._wait_until(self._no_order_works, deadline_s - self._clock.monotonic())
            left = [
                f"{self._symbol(con_id)} {self._ledger.book.position_of(con_id)}"
                for con_id in self._held()
            ]
            text = "flat" if not left else f"not flat: {', '.join(left)}"
            return Answer(is_done=not left, text=text, details=tuple(details))

    def _held(self) -> tuple[ConId, ...]:
        """Return the managed instruments that are not flat."""
        return tuple(
            con_id
            for con_id, row in self._ledger.book.positions.items()
            if row.quantity != ZERO and con_id in self._hub.instruments
        )

    def _symbol(self, con_id: ConId) -> str:
        instrument = self._hub.instruments.get(con_id)
        return instrument.symbol if instrument else str(con_id)

    async def _close(self, con_id: ConId, by: str) -> str:
        """Send one closing order of exactly what is held and not being closed already."""
        disputed = self._reconciler.disputed.get(con_id)
        if disputed is not None:
            # To sell what the broker says is not there would cross zero (INC-032).
            return f"{self._symbol(con_id)}: not closed, {disputed}"
        held = self._ledger.book.position_of(con_id)
        quantity = abs(held) - self._gateway.working_exits(con_id)
        if quantity <= ZERO:
            return f"{self._symbol(con_id)}: an exit is working already"
        intent = self._operator_intent(con_id, Side.SELL if held > ZERO else Side.BUY, quantity, by)
        outcome = await self._gateway.submit(intent, Lane.OPERATOR)
        sent = outcome.kind is OutcomeKind.SENT
        what = f"{intent.side} {quantity} {self._symbol(con_id)}"
        return f"{what}: {'sent' if sent else outcome.text}"

    def _operator_intent(self, con_id: ConId, side: Side, quantity: Decimal, by: str) -> Intent:
        book = self._ledger.book
        assert book.lineage is not None, "the desk works before the journal was opened"
        known = book.strategies.get(_OPERATOR)
        number = (known.intent_count if known else 0) + 1
        self._ledger.record(ev.StrategyCheckpointed(_OPERATOR, number, "{}"))
        return Intent(
            intent_id=intent_id(book.lineage, _OPERATOR, number),
            strategy=_OPERATOR,
            con_id=con_id,
            side=side,
            quantity=quantity,
            order_type=OrderType.MARKET,
            time_in_force=TimeInForce.DAY,
            is_reduce_only=True,
            reason=f"liquidation by {by}",
        )

    async def reconcile(self, *, by: str) -> Answer:
        """Run a reconciliation now."""
        if not self._broker.is_connected:
            return Answer(is_done=False, text="not connected to the broker")
        run = await self._reconciler.run_once(f"asked by {by}")
        if run.problem:
            return Answer(is_done=False, text=f"run {run.run_id} incomplete: {run.problem}")
        text = f"run {run.run_id}: {run.drift_count} drifts, {run.repair_count} repairs"
        return Answer(is_done=True, text=f"{text}, {run.ticket_count} tickets")

    async def baseline(self, *, by: str) -> Answer:
        """Accept the broker's holdings as the starting point; once, before the first order."""
        async with self._lock:
            if self._ledger.book.account is not None:
                return Answer(is_done=False, text="the baseline exists already")
            try:
                snapshot = await self._reconciler.brokers_word()
                event = baseline_of(snapshot, by)
                await self._ledger.durable(self._ledger.record(event))
            except (WorldError, JournalFailed) as error:
                return Answer(is_done=False, text=f"no baseline: {error}")
            run = await self._reconciler.run_once("baseline")
            held = tuple(f"{row.symbol} {row.quantity}" for row in event.holdings)
            text = f"{len(held)} positions accepted"
            return Answer(is_done=not run.problem, text=text, details=held)

    async def resolve(self, *, ticket: str, reason: str, by: str) -> Answer:
        """Close a ticket by accepting what the broker says now about its difference."""
        async with self._lock:
            opened = self._ledger.book.tickets.get(TicketId(ticket))
            if opened is None:
                known = tuple(self._ledger.book.tickets) or ("none",)
                return Answer(is_done=False, text=f"no open ticket {ticket!r}", details=known)
            try:
                snapshot = await self._reconciler.brokers_word()
                for execution in snapshot.executions:
                    # The accepted position contains it: recorded later it would count twice.
                    if execution.account == snapshot.account:
                        self._ledger.note(ev.ExecutionSeen(execution))
                seq = self._ledger.seq
                for event in resolution(self._ledger.book, opened, snapshot, reason=reason, by=by):
                    seq = self._ledger.record(event)
                await self._ledger.durable(seq)
            except (WorldError, JournalFailed) as error:
                return Answer(is_done=False, text=f"ticket {ticket} stays open: {error}")
            run = await self._reconciler.run_once("ticket resolved")
            text = f"ticket {ticket} closed; reconciliation: {run.drift_count} drifts"
            return Answer(is_done=True, text=text)

    def _no_order_works(self) -> bool:
        return not self._gateway.working_orders()

    async def _wait_until(self, is_met: Callable[[], bool], bound_s: float) -> None:
        deadline_s = self._clock.monotonic() + bound_s
        while not is_met() and self._clock.monotonic() < deadline_s:
            await self._clock.sleep(_POLL_S)
