"""Carries out the plan of reductions: when a person asks, and by itself where the policy says so.

Each round reconciles first, makes the plan anew and sends its orders at the market through the one
gateway, as exits: a halt holds them, every limit of an exit counts, and none crosses zero. What
waits at the broker, or is taken off by other exits already, is not sold a second time.
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal

import structlog

from trader.core.amounts import ZERO
from trader.core.flatten import close_side
from trader.core.halts import Lane
from trader.core.ids import ConId
from trader.core.intents import Intent, OrderType, TimeInForce
from trader.core.market import fault
from trader.core.orders import Order
from trader.core.policy import Policy
from trader.core.reducing import (
    NO_ROUNDS,
    Step,
    next_step,
    parts,
    wait_s,
    without_effect,
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
# How long a round waits for its orders; what is left of them then, the next plan has.
_FILLED_S = 10.0
_POLL_S = 0.05


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
        # For want of which measures the regime is a storm: not on such a one's word.
        self.regime_lacks: Callable[[], tuple[str, ...]] = tuple
        self._rounds = NO_ROUNDS
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
        is_planned = self._book.safety.reduction is not None
        self._rounds, step = next_step(
            self._rounds,
            is_planned=is_planned,
            objection=self._objection() if is_planned else "",
            after_s=after_s,
            now_s=self._clock.monotonic(),
        )
        if not is_planned:
            self._has_given_up = self._has_told_in_vain = False
        if step is Step.GIVE_UP and not self._has_given_up:
            self._has_given_up = True
            text = f"{self._rounds.count} rounds have not ended it; nothing more is sent by itself"
            self._pager.page("critical", "reduction without end", text)
        if step is not Step.SEND:
            return
        answer = await self.carry_out(reason=f"limits exceeded for {after_s:g} s", by=POLICY)
        said = "; ".join((answer.text, *answer.details))
        if answer.code == "sent":
            self._pager.page("critical", "exposure reduced", f"{said}. A person reviews it.")
            return
        self._rounds = without_effect(self._rounds)
        log.warning("reduction in vain", said=said)
        if not answer.is_done and not self._has_told_in_vain:
            self._has_told_in_vain = True
            self._pager.page("warning", "reduction in vain, tried again", said)

    def automatic(self) -> str:
        """Say in words what a plan that stands does: whether it goes by itself, and when."""
        after_s = self._policy.exposure.reduce_after_s
        if after_s is None:
            return "does not go by itself: exposure.reduce_after_s is not set"
        objection = self._objection()
        if objection:
            return f"does not go by itself: {objection}"
        if self._has_given_up:
            return f"goes by itself no more: {self._rounds.count} rounds have not ended it"
        left_s = wait_s(self._rounds, after_s, self._clock.monotonic())
        return f"goes by itself in {left_s:.0f} s"

    def _objection(self) -> str:
        """Say what keeps it from going by itself at this moment; empty when nothing does."""
        refusal = self._guard.refusal(Lane.REDUCE, OPERATOR)
        if refusal is not None:
            return refusal
        if not self._guard.may_send:
            return f"mode {self._guard.mode} sends no orders"
        lacks = self.regime_lacks()
        if lacks:
            return f"the regime is a storm for want of {', '.join(lacks)}"
        plan = self._exposure.plan()
        return plan if isinstance(plan, str) else ""

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
            # Made anew: what was shown may be sold by now. No await up to what is recorded.
            plan = self._exposure.plan()
            if isinstance(plan, str):
                return Answer(False, "not reduced", (plan,), "remains")
            if not plan.excesses:
                return Answer(True, "nothing that is held exceeds a limit", (), "done")
            prepared = [(order, self._sizes(order)) for order in plan.orders]
            wanted = tuple(row for row, sizes in prepared if not isinstance(sizes, str))
            if wanted:
                self._ledger.record(ReductionOrdered(wanted, reason, by))
                exceeded = tuple(row.words for row in plan.excesses)
                log.warning("reducing", by=by, reason=reason, exceeded=exceeded)
            sent, lines = 0, []
            for order, sizes in prepared:
                count, line = await self._ordered(order, sizes, f"reduction by {by}: {reason}")
                sent += count
                lines.append(f"{order.words}: {line}")
            await self._until_filled()
        return self._answer(sent, len(plan.orders), lines)

    def _answer(self, sent: int, wanted: int, lines: list[str]) -> Answer:
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
        return Answer(is_done, text, tuple(lines), code)

    async def _ordered(
        self, order: Reduction, sizes: tuple[Decimal, ...] | str, reason: str
    ) -> tuple[int, str]:
        """Send one line of the plan in its parts; returns how many left, and words."""
        if isinstance(sizes, str):
            return 0, sizes
        done: list[Decimal] = []
        problem = ""
        for size in sizes:
            # Each anew: while the last one was sent the position may have gone.
            most = self._closable.quantity(order.con_id)
            if isinstance(most, str):
                problem = most
                break
            intent = self._intent(order.con_id, min(size, most), reason)
            outcome = await self._gateway.submit(intent)
            if outcome.kind is not OutcomeKind.SENT:
                problem = f"{outcome.code} {outcome.text}".strip()
                break
            done.append(intent.quantity)
        said = [f"sent {' and '.join(f'{size:f}' for size in done)}"] if done else []
        return len(done), "; ".join((*said, problem) if problem else said)

    def _sizes(self, order: Reduction) -> tuple[Decimal, ...] | str:
        """Return the parts of a line that may be sent now, or why none may."""
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
        held = self._book.position_of(con_id)
        if close_side(held) is not order.side:
            return "it has turned since the plan was made"
        most = self._closable.quantity(con_id)
        if isinstance(most, str):
            return most
        wanted = min(order.quantity - self._under_way(con_id), most)
        if wanted <= ZERO:
            return "an earlier round's order is under way"
        # As the review counts: what a market order may cost at worst.
        unit = quote.ask * (1 + price.collar_fraction_max) * instrument.multiplier
        sizes = parts(wanted, instrument.size_increment, unit, self._policy.order)
        return sizes or f"one unit is worth {unit:.2f}, beyond what an order may be"

    def _intent(self, con_id: ConId, quantity: Decimal, reason: str) -> Intent:
        return Intent(
            intent_id=next_intent_id(self._ledger, OPERATOR),
            strategy=OPERATOR,
            con_id=con_id,
            side=close_side(self._book.position_of(con_id)),
            quantity=quantity,
            order_type=OrderType.MARKET,
            time_in_force=TimeInForce.DAY,
            is_reduce_only=True,
            reason=reason,
        )

    def _under_way(self, con_id: ConId) -> Decimal:
        """Return what orders like these may still take off."""
        return sum((row.remaining for row in self._own() if row.terms.con_id == con_id), ZERO)

    def _own(self) -> list[Order]:
        orders = self._book.live_orders.values()
        return [row for row in orders if row.terms.strategy == OPERATOR]

    async def _until_filled(self) -> None:
        deadline_s = self._clock.monotonic() + _FILLED_S
        while self._own() and self._clock.monotonic() < deadline_s:
            await self._clock.sleep(_POLL_S)
