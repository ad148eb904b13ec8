"""The operator's verbs, carried out: halt, resume, cancel, liquidate, reconcile, baseline."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

import structlog

from trader.core import events as ev
from trader.core.executions import Execution
from trader.core.halts import LATCHED, HaltCause
from trader.engine.acts.letter_desk import LetterDesk
from trader.engine.acts.liquidation import Liquidation, LiquidationSettings
from trader.engine.acts.ticket_desk import TicketDesk
from trader.engine.boot import baseline_of
from trader.engine.operator import Answer
from trader.engine.orders.gateway import OrderGateway
from trader.engine.services import Services
from trader.engine.truth.reconciler import Reconciler
from trader.ports import JournalFailed, WorldError

log = structlog.get_logger(__name__)

_DISK_S = 10.0
# How soon a halt file that could not be written is tried again.
_KEEP_AGAIN_S = 10.0
# What a resume clears by itself, or what its own reconciliation may clear.
_CLEARED_BY_RESUME = frozenset({*LATCHED, HaltCause.HALT_FILE, HaltCause.NOT_RECONCILED})

# The reason of each halt, and how often it was asked for.
_Halts = dict[HaltCause, tuple[str, int]]


class HaltControl(Protocol):
    """The halt file, as the desk writes it."""

    def engage(self, reason: str, by: str) -> None:
        """Write an active halt, atomically."""

    def release(self, reason: str, by: str, seen: str) -> None:
        """Write that no halt is active, atomically, in the place of the halt that was ``seen``.

        ``seen`` is its reason, empty without one; raises WorldError when another stands there.
        """


class BreakerDesk(Protocol):
    """The breakers, as the desk asks them."""

    def objections(self) -> tuple[str, ...]:
        """Say which breaker that kills forbids a resume."""

    def release(self, *, reason: str, by: str) -> None:
        """Close the breakers that had killed."""

    async def reset(self, *, breaker: str, reason: str, by: str) -> Answer:
        """Close a tripped breaker whose reading is good again."""

    async def override(self, *, breaker: str, minutes: int, reason: str, by: str) -> Answer:
        """Let a breaker not count for some minutes."""


class ReductionDesk(Protocol):
    """The plan of reductions, as the desk has it carried out."""

    async def carry_out(self, *, reason: str, by: str) -> Answer:
        """Send the orders of the plan as of now, in the desk's turn."""


class ReviewDesk(Protocol):
    """The reviews of automatic risk actions, as the desk asks for them."""

    async def review(self, *, action: str, verdict: str, reason: str, by: str) -> Answer:
        """Record whether an action was right."""


class Desk:
    """Implements :class:`trader.engine.operator.OperatorDesk`."""

    def __init__(
        self,
        services: Services,
        *,
        gateway: OrderGateway,
        reconciler: Reconciler,
        halt_control: HaltControl,
        settings: LiquidationSettings,
    ) -> None:
        self._ledger = services.ledger
        self._guard = services.guard
        self._clock = services.clock
        self._reconciler = reconciler
        self._broker = services.broker
        self._halt_control = halt_control
        self._liquidation = Liquidation(
            services, gateway=gateway, reconciler=reconciler, settings=settings
        )
        # One act at a time, of whoever carries one out.
        self.turn = asyncio.Lock()
        self.tickets = TicketDesk(
            services, reconciler=reconciler, liquidation=self._liquidation, turn=self.turn
        )
        self.letters = LetterDesk(services, reconciler=reconciler, turn=self.turn)
        self._keep_due_s = float("-inf")
        # Executions that somebody else wrote down before there was a baseline: it holds them.
        self.before_baseline: tuple[Execution, ...] = ()
        # Set once they are built: they need the desk for what a kill cancels.
        self.breakers: BreakerDesk | None = None
        self.actions: ReviewDesk | None = None
        self.reductions: ReductionDesk | None = None

    def halt(self, *, reason: str, by: str) -> Answer:
        """Halt now; the gate reads the cause before every send."""
        self._guard.latch(HaltCause.OPERATOR, reason, by)
        if not self._guard.is_halt_written:
            # The journal's record is durable soon, the file at once: a halt that was answered
            # holds at the next start, whatever ends this process.
            try:
                self._halt_control.engage(reason, by)
            except WorldError as error:
                log.error("halt file not written", problem=str(error))
        return Answer(is_done=True, text=f"halted: {reason}")

    def keep_halts(self) -> None:
        """Have the halt file hold what the journal cannot: the next start would not know of it."""
        now_s = self._clock.monotonic()
        is_needed = self._ledger.failure is not None and self._ledger.book.halts
        if not is_needed or now_s < self._keep_due_s or self._guard.is_halt_written:
            return
        self._keep_due_s = now_s + _KEEP_AGAIN_S
        self._write_halts("not in the journal", self._ledger.book.halts, "daemon")

    async def resume(self, *, reason: str, by: str) -> Answer:
        """Clear the latched causes, if nothing else objects and reconciliation is clean."""
        # As of the question: a halt that comes while it waits its turn was not meant by it.
        known = self._known_halts()
        async with self.turn:
            objections = self._objections() or await self._reconciled()
            # Whatever waits for the disk is over before the last look: what that allows is then
            # done at once, and what came meanwhile was not meant.
            objections = objections or await self._on_disk()
            objections = objections or self._new_halts(known) or self._levels()
            objections = objections or self._released(known, reason, by)
            objections = objections or await self._cleared(known, reason, by)
            if objections:
                return Answer(is_done=False, text="not resumed", details=objections)
            left = tuple(f"{cause}: {text}" for cause, (text, _) in self._known_halts().items())
            if left:
                return Answer(is_done=False, text="halted again while resuming", details=left)
            log.warning("resumed", reason=reason, by=by)
            # Granted and on disk: these go by themselves, and it trades then.
            levels = self._levels()
            more = "; halted until what objects now goes by itself" if levels else ""
            return Answer(is_done=True, text=f"resumed: {reason}{more}", details=levels)

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

    async def _on_disk(self) -> tuple[str, ...]:
        """Wait until all that is recorded is on disk; returns what objects."""
        problem = await self._ledger.made_durable(self._clock.monotonic() + _DISK_S)
        return (f"journal: {problem}",) if problem else ()

    async def _cleared(self, known: _Halts, reason: str, by: str) -> tuple[str, ...]:
        """Clear the latched causes, durably; returns what objects, with what was ``known`` back.

        Nothing leaves before it is on disk: promises are written behind it. So a process that is
        killed has resumed or is halted, and nobody was told otherwise.
        """
        if self.breakers is not None:
            # Before the halt: a breaker that stands as killed would raise it anew.
            self.breakers.release(reason=reason, by=by)
        halts = dict(self._ledger.book.halts)
        for cause in halts:
            self._ledger.record(ev.HaltCleared(cause, reason, by))
        objections = await self._on_disk()
        if objections:
            self._put_back(halts, known, by)
        return objections

    def _released(self, known: _Halts, reason: str, by: str) -> tuple[str, ...]:
        """Release the halt file, if it says what was known; returns what objects."""
        seen, _ = known.get(HaltCause.HALT_FILE, ("", 0))
        try:
            self._halt_control.release(reason, by, seen)
        except WorldError as error:
            return (f"halt file: {error}",)
        return ()

    def _put_back(self, halts: Mapping[HaltCause, str], known: _Halts, by: str) -> None:
        """Have every halt stand as before a resume that did not reach the disk."""
        for cause, text in halts.items():
            if cause not in self._ledger.book.halts:
                self._ledger.record(ev.HaltRaised(cause, text, by))
        # The clearing may be on disk in the end, and these not; what the file alone held is in no
        # journal at all.
        held = dict(self._ledger.book.halts)
        if HaltCause.HALT_FILE in known:
            held[HaltCause.HALT_FILE], _ = known[HaltCause.HALT_FILE]
        self._write_halts("a resume did not reach the disk", held, by)
        if HaltCause.HALT_FILE in held and not self._guard.is_halt_written:
            # Neither takes it at this moment: it stands here, and the file is tried again.
            self._guard.latch(HaltCause.OPERATOR, held[HaltCause.HALT_FILE], by)

    def _write_halts(self, why: str, halts: Mapping[HaltCause, str], by: str) -> None:
        """Have the halt file hold these causes, unless it halts already."""
        if not halts or self._guard.is_halt_written:
            return
        reason = "; ".join(f"{cause}: {text}" for cause, text in halts.items())
        try:
            self._halt_control.engage(f"{why}: {reason}", by)
        except WorldError as error:
            log.error("halt file not written", problem=str(error))

    def _known_halts(self) -> _Halts:
        """Return the halts that a resume is about, each with how often it was asked for."""
        causes, counts = self._guard.causes(), self._guard.latch_counts
        return {
            key: (causes[key], counts.get(key, 0))
            for key in (*LATCHED, HaltCause.HALT_FILE)
            if key in causes
        }

    def _new_halts(self, known: _Halts) -> tuple[str, ...]:
        """Return the halts that came after a resume had begun: they were not meant by it.

        One that came again in the same words is as new as any: its reason has not gone.
        """
        now = self._known_halts()
        return tuple(f"{key}: {row[0]}" for key, row in now.items() if known.get(key) != row)

    def _levels(self) -> tuple[str, ...]:
        """Return the causes that follow a reading: none of them is a halt that somebody clears."""
        halts = {*LATCHED, HaltCause.HALT_FILE}
        causes = self._guard.causes().items()
        return tuple(f"{cause}: {text}" for cause, text in causes if cause not in halts)

    def _objections(self) -> tuple[str, ...]:
        killed = () if self.breakers is None else self.breakers.objections()
        return killed + tuple(
            f"{cause}: {text}"
            for cause, text in self._guard.causes().items()
            if cause not in _CLEARED_BY_RESUME
        )

    async def reset(self, *, breaker: str, reason: str, by: str) -> Answer:
        """Close a tripped breaker whose reading is good again."""
        if self.breakers is None:
            return Answer(is_done=False, text="this daemon has no breakers")
        return await self.breakers.reset(breaker=breaker, reason=reason, by=by)

    async def review(self, *, action: str, verdict: str, reason: str, by: str) -> Answer:
        """Record whether an automatic risk action was right."""
        if self.actions is None:
            return Answer(is_done=False, text="this daemon keeps no risk actions")
        return await self.actions.review(action=action, verdict=verdict, reason=reason, by=by)

    async def override(self, *, breaker: str, minutes: int, reason: str, by: str) -> Answer:
        """Let a breaker not count for 1 to 15 minutes; it ends by itself."""
        if self.breakers is None:
            return Answer(is_done=False, text="this daemon has no breakers")
        return await self.breakers.override(breaker=breaker, minutes=minutes, reason=reason, by=by)

    async def cancel_orders(
        self, *, by: str, keeps_exits: bool = False, is_everything: bool = False
    ) -> Answer:
        """Cancel every working order of ours and wait until the broker confirms each.

        With ``keeps_exits`` those that can only shrink a position stay, stops before others; with
        ``is_everything`` everybody's go, whatever they are.
        """
        async with self.turn:
            if is_everything:
                return await self._liquidation.cancel_everything(by)
            return await self._liquidation.cancel_orders(by, keeps_exits=keeps_exits)

    def has_entries(self) -> bool:
        """Tell whether an order of ours works that adds risk, or would cross zero."""
        return self._liquidation.has_entries()

    async def liquidate(self, *, by: str, is_everything: bool = False) -> Answer:
        """Close every managed position, or with ``is_everything`` every one of the account."""
        # At once: whoever has the turn, a round of reductions or a resume, goes no further.
        self._liquidation.halt("liquidation", by)
        async with self.turn:
            return await self._liquidation.liquidate(by, is_everything=is_everything)

    async def reduce(self, *, reason: str, by: str) -> Answer:
        """Carry out the plan of reductions as of now."""
        if self.reductions is None:
            return Answer(is_done=False, text="this daemon makes no plan of reductions")
        return await self.reductions.carry_out(reason=reason, by=by)

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
        async with self.turn:
            if self._ledger.book.account is not None:
                return Answer(is_done=False, text="the baseline exists already")
            try:
                snapshot = await self._reconciler.brokers_word()
                event = baseline_of(snapshot, by, self.before_baseline)
                seq = self._ledger.record(event)
                self._reconciler.note_stated(*(row.con_id for row in event.holdings))
                await self._ledger.durable(seq)
            except (WorldError, JournalFailed) as error:
                return Answer(is_done=False, text=f"no baseline: {error}")
            run = await self._reconciler.run_once("baseline")
            held = tuple(f"{row.symbol} {row.quantity}" for row in event.holdings)
            text = f"{len(held)} positions accepted"
            return Answer(is_done=not run.problem, text=text, details=held)
