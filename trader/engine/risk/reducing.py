"""Carries out the plan of reductions: when a person asks, and by itself where the policy says so.

Each round reconciles first, makes the plan anew and sends its orders at the market through the one
gateway, as exits: a halt holds them, every limit of an exit counts, and none crosses zero. What
waits at the broker, or is taken off by other exits already, is not sold a second time.

By itself a round sends no more than every one of the last looks has asked for, nothing that would
exceed another limit, and only while what is measured at this moment is what it acts upon.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from decimal import Decimal

import structlog

from trader.core.amounts import ZERO
from trader.core.flatten import close_side
from trader.core.halts import Lane
from trader.core.ids import ConId, OrderId
from trader.core.intents import Intent, OrderType, Side, TimeInForce
from trader.core.market import fault
from trader.core.policy import Policy
from trader.core.reducing import (
    LOOKS,
    NO_ROUNDS,
    Step,
    lasting,
    next_step,
    parts,
    wait_s,
)
from trader.core.reduction_events import POLICY, Reduction, ReductionOrdered
from trader.core.results import OPERATOR
from trader.engine.acts.closable import Closable
from trader.engine.numbering import next_intent_id
from trader.engine.operator import Answer
from trader.engine.orders.gateway import OrderGateway
from trader.engine.outcomes import OutcomeKind
from trader.engine.risk.exposure import Exposure
from trader.engine.services import Services
from trader.engine.truth.reconciler import Reconciler

log = structlog.get_logger(__name__)

LOOK_S = 1.0
# How long a round sends, in which nobody else has the desk's turn; the next one has the rest.
_SENDING_S = 30.0
# How long a round waits for its orders; what is left of them then, the next plan has.
_FILLED_S = 10.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class _Line:
    """One order of a plan in its parts; ``keeps`` is what has to stay, without its sign."""

    wanted: Reduction
    sizes: tuple[Decimal, ...]
    keeps: Decimal


class Reducing:
    """One round at a time, in the desk's turn."""

    def __init__(
        self,
        services: Services,
        *,
        gateway: OrderGateway,
        reconciler: Reconciler,
        exposure: Exposure,
        policy: Policy,
        turn: asyncio.Lock,
    ) -> None:
        self._ledger = services.ledger
        self._book = services.ledger.book
        self._guard = services.guard
        self._hub = services.hub
        self._sessions = services.sessions
        self._clock = services.clock
        self._supervisor = services.supervisor
        self._pager = services.pager
        self._gateway = gateway
        self._reconciler = reconciler
        self._exposure = exposure
        self._policy = policy
        self._turn = turn
        self._closable = Closable(services, gateway=gateway, reconciler=reconciler)
        # Why the regime is not what is measured now: not on such a one's word.
        self.regime_doubt: Callable[[], str] = str
        self._rounds = NO_ROUNDS
        # What each of the last looks wanted taken off.
        self._looks: deque[tuple[Reduction, ...]] = deque(maxlen=LOOKS)
        self._has_given_up = self._has_told_in_vain = False

    # ---- by itself

    async def run(self) -> None:
        """Look each second."""
        while True:
            self._supervisor.beat("reductions")
            await self.look()
            await self._clock.sleep(LOOK_S)

    async def look(self) -> None:
        """Carry the plan out, if the policy says so and it has stood for long enough."""
        after_s = self._policy.exposure.reduce_after_s
        if after_s is None:
            return
        safety = self._book.safety
        is_planned = safety.reduction is not None
        objection, wanted = self._found() if is_planned else ("", ())
        self._rounds, step = next_step(
            self._rounds,
            is_planned=is_planned,
            objection=objection,
            count=safety.reduction_rounds,
            after_s=after_s,
            now_s=self._clock.monotonic(),
        )
        if not is_planned:
            self._has_given_up = self._has_told_in_vain = False
        if objection or not is_planned:
            self._looks.clear()
        else:
            self._looks.append(wanted)
        if step is Step.GIVE_UP and not self._has_given_up:
            self._has_given_up = True
            rounds = f"{safety.reduction_rounds} rounds have not ended it"
            text = f"{rounds}; nothing more is sent by itself"
            self._pager.page("critical", "reduction without end", text)
        if step is not Step.SEND:
            return
        answer = await self.carry_out(reason=f"limits exceeded for {after_s:g} s", by=POLICY)
        said = "; ".join((answer.text, *answer.details))
        if answer.code == "sent":
            self._pager.page("critical", "exposure reduced", f"{said}. A person reviews it.")
            return
        log.warning("reduction in vain", said=said)
        # What refuses it is told by itself, and has the time begin anew.
        if not answer.is_done and answer.code != "refused" and not self._has_told_in_vain:
            self._has_told_in_vain = True
            self._pager.page("warning", "reduction in vain, tried again", said)

    def automatic(self) -> str:
        """Say in words what a plan that stands does: whether it goes by itself, and when."""
        after_s = self._policy.exposure.reduce_after_s
        if after_s is None:
            return "does not go by itself: exposure.reduce_after_s is not set"
        objection, _ = self._found()
        if objection:
            return f"does not go by itself: {objection}"
        if self._has_given_up:
            count = self._book.safety.reduction_rounds
            return f"goes by itself no more: {count} rounds have not ended it"
        left_s = wait_s(self._rounds, after_s, self._clock.monotonic())
        return f"goes by itself in {left_s:.0f} s"

    def _found(self) -> tuple[str, tuple[Reduction, ...]]:
        """Say what keeps it from going by itself now, empty when nothing does, and what it asks."""
        refusal = self._guard.refusal(Lane.REDUCE, OPERATOR)
        if refusal is not None:
            return refusal, ()
        if not self._guard.may_send:
            return f"mode {self._guard.mode} sends no orders", ()
        # One that is ignored does not halt, and what is held is in question all the same.
        if self._book.tickets:
            return f"ticket {next(iter(self._book.tickets))} is open", ()
        if doubt := self.regime_doubt():
            return doubt, ()
        plan = self._exposure.plan()
        if isinstance(plan, str):
            return plan, ()
        return ("" if plan.excesses else "nothing exceeds a limit at this moment"), plan.orders

    # ---- a round

    async def carry_out(self, *, reason: str, by: str) -> Answer:
        """Send the orders of the plan as of now; the code is ``sent`` when at least one left."""
        async with self._turn:
            refusal = self._guard.refusal(Lane.REDUCE, OPERATOR)
            if refusal is not None:
                return Answer(False, "not reduced", (refusal,), "refused")
            run = await self._reconciler.run_once("reduce")
            if run.problem:
                return Answer(False, "not reduced", (f"reconciliation: {run.problem}",), "remains")
            # The turn and the run took their time. No await from here up to what is recorded.
            refusal = self._guard.refusal(Lane.REDUCE, OPERATOR)
            if refusal is None and by == POLICY:
                refusal, _ = self._found()
            if refusal:
                return Answer(False, "not reduced", (refusal,), "refused")
            # Made anew: what was shown may be sold by now.
            plan = self._exposure.plan()
            if isinstance(plan, str):
                return Answer(False, "not reduced", (plan,), "remains")
            if not plan.excesses:
                return Answer(True, "nothing that is held exceeds a limit", (), "done")
            prepared = [(order, self._line(order, by)) for order in plan.orders]
            wanted = tuple(line.wanted for _, line in prepared if isinstance(line, _Line))
            opened = self._exposure.opened_by(wanted) if by == POLICY else ()
            if opened:
                why = (f"what can be sent of it alone would exceed {'; '.join(opened)}",)
                told = tuple(
                    f"{row.words}: {line}" for row, line in prepared if isinstance(line, str)
                )
                return Answer(False, "not reduced", (*why, *told), "remains")
            if wanted:
                self._ledger.record(ReductionOrdered(wanted, reason, by))
                exceeded = tuple(row.words for row in plan.excesses)
                log.warning("reducing", by=by, reason=reason, exceeded=exceeded)
            sent: list[OrderId] = []
            told = await self._sent(prepared, f"reduction by {by}: {reason}", sent)
            await self._until_filled(sent)
        return self._answer(len(sent), len(plan.orders), told)

    def _answer(self, sent: int, wanted: int, lines: tuple[str, ...]) -> Answer:
        left = self._exposure.plan()
        if isinstance(left, str):
            after = f"whether that was enough nobody knows: {left}"
        elif left.excesses:
            after = "still exceeded: " + "; ".join(row.words for row in left.excesses)
        else:
            after = "what is held is inside the limits"
        is_done = not isinstance(left, str) and not left.excesses
        code = "sent" if sent else "remains"
        text = f"{sent} orders sent for {wanted} of the plan; {after}"
        return Answer(is_done, text, lines, code)

    async def _sent(
        self, prepared: list[tuple[Reduction, _Line | str]], reason: str, sent: list[OrderId]
    ) -> tuple[str, ...]:
        """Send the lines that can be, and add what left to ``sent``; returns words of each."""
        deadline_s = self._clock.monotonic() + _SENDING_S
        told = []
        for order, line in prepared:
            said = line if isinstance(line, str) else self._stopped(deadline_s)
            if isinstance(line, _Line) and not said:
                said = await self._ordered(line, reason, sent, deadline_s)
            told.append(f"{order.words}: {said}")
        return tuple(told)

    async def _ordered(
        self, line: _Line, reason: str, sent: list[OrderId], deadline_s: float
    ) -> str:
        """Send one line of the plan in its parts, and add what left to ``sent``."""
        done: list[Decimal] = []
        problem = ""
        for size in line.sizes:
            problem = self._stopped(deadline_s) if done else ""
            # Each anew: while the last one was sent the position may have gone.
            most = self._most(line.wanted.con_id, line.wanted.side, line.keeps)
            problem = problem or (most if isinstance(most, str) else "")
            if problem or isinstance(most, str):
                break
            intent = self._intent(line.wanted, min(size, most), reason)
            outcome = await self._gateway.submit(intent)
            if outcome.kind in (OutcomeKind.SENT, OutcomeKind.UNCERTAIN) and outcome.order_id:
                # Nobody knows of an uncertain one whether it left: it counts as one that did.
                sent.append(outcome.order_id)
            if outcome.kind is not OutcomeKind.SENT:
                problem = f"{outcome.code} {outcome.text}".strip()
                break
            done.append(intent.quantity)
        said = [f"sent {' and '.join(f'{size:f}' for size in done)}"] if done else []
        return "; ".join((*said, problem) if problem else said)

    def _stopped(self, deadline_s: float) -> str:
        """Say why nothing more of a round is sent; empty while it goes on."""
        if self._clock.monotonic() >= deadline_s:
            return f"a round sends for {_SENDING_S:g} s, the next one has the rest"
        return self._guard.refusal(Lane.REDUCE, OPERATOR) or ""

    def _line(self, order: Reduction, by: str) -> _Line | str:
        """Return what of a line may be sent now, in its parts, or why nothing may."""
        con_id = order.con_id
        instrument = self._hub.instruments.get(con_id)
        if instrument is None:
            return "not managed: close it in TWS"
        if self._sessions.is_closed(con_id):
            return "its market is closed"
        quote, price = self._hub.quotes.get(con_id), self._policy.price
        problem = fault(quote, self._clock.monotonic(), price.quote_age_s_max)
        if problem is not None or quote is None or quote.ask is None:
            return f"no price to trade at: {problem}"
        quantity = order.quantity
        if by == POLICY:
            quantity = min(quantity, lasting(self._looks).get((con_id, order.side), ZERO))
            if quantity <= ZERO:
                return "not asked for by each of the last looks"
        keeps = abs(order.held) - quantity
        most = self._most(con_id, order.side, keeps)
        if isinstance(most, str):
            return most
        # As the review counts: what a market order may cost at worst.
        unit = quote.ask * (1 + price.collar_fraction_max) * instrument.multiplier
        sizes = parts(most, instrument.size_increment, unit, self._policy.order)
        if not sizes:
            return f"one unit is worth {unit:.2f}, beyond what an order may be"
        return _Line(replace(order, quantity=sum(sizes, ZERO)), sizes, keeps)

    def _most(self, con_id: ConId, side: Side, keeps: Decimal) -> Decimal | str:
        """Return how much may be taken off as of now, so that so much stays; or why nothing may."""
        held = self._book.position_of(con_id)
        if held == ZERO or close_side(held) is not side:
            return "it has turned since the plan was made"
        most = self._closable.quantity(con_id)
        if isinstance(most, str):
            return most
        left = abs(held) - self._under_way(con_id, side) - keeps
        increment = self._hub.instruments[con_id].size_increment
        most = min(most, left // increment * increment)
        return most if most > ZERO else "what is under way takes it off already"

    def _intent(self, order: Reduction, quantity: Decimal, reason: str) -> Intent:
        return Intent(
            intent_id=next_intent_id(self._ledger, OPERATOR),
            strategy=OPERATOR,
            con_id=order.con_id,
            side=order.side,
            quantity=quantity,
            order_type=OrderType.MARKET,
            time_in_force=TimeInForce.DAY,
            is_reduce_only=True,
            reason=reason,
        )

    def _under_way(self, con_id: ConId, side: Side) -> Decimal:
        """Return what orders may take off soon: an earlier round's, and whatever has no limit.

        One that is over counts until it is settled: its last fill may not have been told yet.
        """
        return sum(
            (
                row.remaining
                for row in self._book.may_fill()
                if row.terms.con_id == con_id
                and row.terms.side is side
                and (row.terms.strategy == OPERATOR or row.terms.order_type is OrderType.MARKET)
            ),
            ZERO,
        )

    async def _until_filled(self, sent: Collection[OrderId]) -> None:
        """Wait for what was sent, unless a halt comes: whoever halts needs the desk's turn."""
        deadline_s = self._clock.monotonic() + _FILLED_S
        while any(key in self._book.live_orders for key in sent):
            is_halted = self._guard.refusal(Lane.REDUCE, OPERATOR) is not None
            if is_halted or self._clock.monotonic() >= deadline_s:
                return
            await self._clock.sleep(_POLL_S)
