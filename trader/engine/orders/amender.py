"""Changes of working orders: reviewed, promised, checked once more, written, and answered.

An order has one open change at a time. What is not known to have been applied or refused counts
at the worse of both terms; a refused change leaves the order as it was (INC-015). Nothing is
changed while the upstream is not proven up: a degraded gateway makes a second order of it
(INC-085).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

import structlog

from trader.core import events as ev
from trader.core.changes import ChangeState, ChangeTerms
from trader.core.halts import REFUSAL_CODES, Lane
from trader.core.ids import OrderId, StrategyName
from trader.core.orders import Order, OrderState, OrderTerms, changed_terms
from trader.core.policy import Policy, policy_hash
from trader.core.risk import Approved, ApprovedChange, Refused, RiskInput
from trader.core.risk.bracket_change import entry_of, why_fixed
from trader.core.risk.change import (
    Revision,
    is_less,
    refusal_by_now,
    review_change,
    wanted_terms,
)
from trader.core.risk.rates import churn_refusal
from trader.core.risk.standing import standing_refusal
from trader.core.risk.values import Downgraded
from trader.engine.orders.previews import NOT_PREVIEWED, Previewed, Previews, after_wait
from trader.engine.outcomes import Outcome, OutcomeKind
from trader.engine.services import Services
from trader.ports import JournalFailed, LinkDown, SendUncertain, Vetoed

log = structlog.get_logger(__name__)

# A promise that the disk took longer for is reviewed again: the market has moved on meanwhile.
REVIEW_AGE_S_MAX = 0.25
RiskInputReader = Callable[[OrderTerms, Lane, Previewed], RiskInput]


@dataclass(frozen=True, slots=True)
class _Approval:
    """A change that may go on: the order as it was reviewed, and what was found."""

    order: Order
    lane: Lane
    approved: Approved
    terms: ChangeTerms
    # It only takes risk away: what the order was before is no reason to leave it so.
    is_less: bool


class Amender:
    """Changes orders for the gateway, which alone owns one."""

    def __init__(
        self,
        services: Services,
        *,
        policy: Policy,
        deadline_s: float,
        risk_input: RiskInputReader,
        is_to_be_cancelled: Callable[[OrderId], bool],
    ) -> None:
        self._ledger = services.ledger
        self._book = services.ledger.book
        self._guard = services.guard
        self._broker = services.broker
        self._pacer = services.pacer
        self._clock = services.clock
        self._pager = services.pager
        self._policy = policy
        self._policy_hash = policy_hash(policy)
        self._deadline_s = deadline_s
        self._risk_input = risk_input
        self._is_to_be_cancelled = is_to_be_cancelled
        self._previews = Previews(services.broker, services.clock, policy.exposure)
        # When the last change of each order left; monotonic.
        self._sent_s: dict[OrderId, float] = {}

    async def modify(
        self, order_id: OrderId, revision: Revision, owner: StrategyName | None = None
    ) -> Outcome:
        """Change a working order, if everything allows it; refused, it goes on as it was.

        With an ``owner`` only an order of that strategy is changed.
        """
        deadline_s = self._clock.monotonic() + self._deadline_s
        asked = NOT_PREVIEWED
        decided = self._decide(order_id, revision, owner)
        if isinstance(decided, _Approval) and self._previews.wants(decided.approved):
            asked = await self._previews.ask(decided.approved, deadline_s)
            # Whatever was true before a wait is reviewed again after it.
            decided = self._decide(order_id, revision, owner, asked)
        if isinstance(decided, _Approval) and not self._pacer.try_take(decided.lane):
            if not await self._pacer.take(decided.lane, deadline_s):
                return self._refuse(order_id, revision, "PACING", "no message slot in time", ())
            decided = self._decide(order_id, revision, owner, after_wait(asked))
        if isinstance(decided, Outcome):
            return decided
        reviewed_s = self._clock.monotonic()
        number = self._plan(decided, revision)
        if number is None:
            return Outcome(OutcomeKind.WITHHELD, "JOURNAL", "the promise failed", order_id)
        problem = await self._made_durable(order_id, number, deadline_s)
        if problem is not None:
            return self._withhold(order_id, number, problem, "JOURNAL")
        return self._send(decided, number, reviewed_s, deadline_s)

    def mark_unanswered(self, older_than_s: float, reason: str) -> tuple[OrderId, ...]:
        """Make every change uncertain that left that long ago without an answer."""
        now_s = self._clock.monotonic()
        late = []
        for order in tuple(self._book.live_orders.values()):
            change = order.change
            if change is None or change.state is not ChangeState.SENT:
                continue
            if now_s - self._sent_s.get(order.order_id, float("-inf")) >= older_than_s:
                self._ledger.record(ev.ModifyUnanswered(order.order_id, change.number, reason))
                late.append(order.order_id)
        for order_id in [key for key in self._sent_s if key not in self._book.live_orders]:
            del self._sent_s[order_id]
        return tuple(late)

    # ---- deciding

    def _decide(
        self,
        order_id: OrderId,
        revision: Revision,
        owner: StrategyName | None,
        asked: Previewed = NOT_PREVIEWED,
    ) -> _Approval | Outcome:
        order = self._book.orders.get(order_id)
        if order is None:
            text = f"there is no order {order_id}"
            return self._refuse(order_id, revision, "ORDER_UNKNOWN", text, ())
        if owner not in (None, order.terms.strategy):
            text = f"order {order_id} is an order of {order.terms.strategy}"
            return self._refuse(order_id, revision, "ORDER_NOT_OWN", text, ())
        problem = self._over(order) or _unchangeable(order, revision)
        problem = problem or why_fixed(self._book, order, revision.quantity)
        if self._is_to_be_cancelled(order_id):
            problem = "ORDER_NOT_WORKING", f"order {order_id} is about to be cancelled"
        if problem is not None:
            return self._refuse(order_id, revision, *problem, ())
        less = is_less(order, revision)
        lane = Lane.REDUCE if less or order.terms.is_reduce_only else Lane.NEW
        refusal = self._guard.refusal(lane, order.terms.strategy)
        if refusal is not None:
            code = REFUSAL_CODES[self._guard.posture()]
            return self._refuse(order_id, revision, code, refusal, ())
        churn = churn_refusal(
            self._book,
            self._policy,
            self._clock.utc(),
            order_id=order_id,
            con_id=order.terms.con_id,
        )
        if churn is not None:
            self._pager.page("warning", f"order {order_id} is changed too often", churn)
            return self._refuse(order_id, revision, "CHURN", churn, ())
        given = self._risk_input(order.terms, lane, asked)
        verdict = review_change(order, revision, given)
        if isinstance(verdict, Refused | Downgraded):
            return self._refuse(order_id, revision, verdict.code, verdict.text, verdict.checks)
        if not self._guard.may_send:
            text = f"mode {self._guard.mode} sends no changes"
            return Outcome(OutcomeKind.NOT_SENT, "", text, order_id)
        return _Approval(order, lane, verdict, wanted_terms(order, verdict), less)

    def _over(self, order: Order) -> tuple[str, str] | None:
        """Say that an order's time is over, though nobody has told its end.

        A gateway may take the id of what is over for that of a new order.
        """
        ends_utc = order.terms.good_till_utc
        if ends_utc is None or self._clock.utc() < ends_utc:
            return None
        text = f"order {order.order_id} was good till {ends_utc:%H:%M:%S} UTC"
        return "ORDER_NOT_WORKING", text

    def _refuse(
        self,
        order_id: OrderId,
        revision: Revision,
        code: str,
        text: str,
        checks: tuple[ev.Check, ...],
    ) -> Outcome:
        log.info("change refused", order=order_id, code=code, text=text)
        try:
            self._ledger.record(
                ev.ModifyRefused(
                    order_id,
                    code,
                    text,
                    revision.reason,
                    checks,
                    self._policy_hash,
                    revision.request,
                )
            )
        except JournalFailed as error:
            return Outcome(OutcomeKind.REFUSED, "JOURNAL", str(error), order_id)
        return Outcome(OutcomeKind.REFUSED, code, text, order_id)

    # ---- promising and sending

    def _plan(self, approval: _Approval, revision: Revision) -> int | None:
        """Record the promise and return the change's number, or None when that fails."""
        before = approval.order.change
        number = 1 if before is None else before.number + 1
        order_id = approval.order.order_id
        try:
            self._ledger.record(
                ev.ModifyPlanned(
                    order_id,
                    number,
                    approval.terms,
                    revision.reason,
                    approval.approved.checks,
                    self._policy_hash,
                    revision.request,
                )
            )
        except JournalFailed as error:
            log.error("change not promised", order=order_id, problem=str(error))
            order = self._book.orders[order_id]
            if order.change is not None and order.change.number == number:
                # It is in the book alone; no byte left.
                self._withhold(order_id, number, str(error), "JOURNAL")
            return None
        return number

    async def _made_durable(self, order_id: OrderId, number: int, deadline_s: float) -> str | None:
        """Wait for the promise, at most until the deadline; returns why it cannot be kept."""
        try:
            return await self._ledger.made_durable(deadline_s)
        except asyncio.CancelledError:
            self._withhold(order_id, number, "the change was cancelled", "WITHHELD")
            raise

    def _send(
        self, approval: _Approval, number: int, reviewed_s: float, deadline_s: float
    ) -> Outcome:
        """Check once more and write: one synchronous run, no await inside."""
        order_id = approval.order.order_id
        refusal = self._last_refusal(approval, number, reviewed_s, deadline_s)
        if refusal is not None:
            return self._withhold(order_id, number, refusal, "WITHHELD")
        change = ApprovedChange(
            approval=approval.approved,
            order=approval.order,
            terms=changed_terms(approval.order.terms, approval.terms),
            has_parent=entry_of(self._book, approval.order) is not None,
        )
        doubt: str | None = "changing broke off"
        try:
            self._broker.modify(change)
            doubt = None
        except LinkDown as error:
            doubt = None
            return self._withhold(order_id, number, f"link: {error}", "WITHHELD")
        except Vetoed as error:
            doubt = None
            return self._withhold(order_id, number, f"vetoed at the socket: {error}", "WITHHELD")
        except SendUncertain as error:
            doubt = str(error)
            return Outcome(OutcomeKind.UNCERTAIN, "UNCERTAIN", doubt, order_id)
        finally:
            if doubt is not None:
                self._ledger.record(ev.ModifySent(order_id, number))
                self._ledger.record(ev.ModifyUnanswered(order_id, number, doubt))
        self._sent_s[order_id] = self._clock.monotonic()
        self._ledger.record(ev.ModifySent(order_id, number))
        return Outcome(OutcomeKind.SENT, "", "sent", order_id)

    def _last_refusal(
        self, approval: _Approval, number: int, reviewed_s: float, deadline_s: float
    ) -> str | None:
        """Say why a change that was promised must not leave after all."""
        refusal = self._guard.refusal(approval.lane, approval.order.terms.strategy)
        if refusal is not None:
            return refusal
        order = self._book.orders[approval.order.order_id]
        # A cancel that came meanwhile wins: the change would make another order of it.
        if order.state is not OrderState.WORKING or self._is_to_be_cancelled(order.order_id):
            return f"the order is {order.state} by now, or about to be cancelled"
        if (over := self._over(order)) is not None:
            return over[1]
        is_planned = order.change is not None and order.change.state is ChangeState.PLANNED
        if not is_planned or order.change is None or order.change.number != number:
            return "the change is not open any more"
        if order.filled >= min(order.terms.quantity, approval.terms.quantity):
            return f"{order.filled} has filled by now"
        now_s = self._clock.monotonic()
        if now_s > deadline_s:
            return f"deadline of {self._deadline_s} s passed"
        if order.terms.is_leg:
            fixed = why_fixed(self._book, order, None)
            return None if fixed is None else fixed[1]
        if approval.is_less:
            return None
        given = self._risk_input(order.terms, approval.lane, NOT_PREVIEWED)
        if now_s - reviewed_s > REVIEW_AGE_S_MAX:
            # What has filled since is held by now, and not asked for any more.
            left = approval.terms.quantity - order.filled
            intent = replace(approval.approved.intent, quantity=left)
            if by_now := refusal_by_now(order, intent, given):
                return f"refused by now, {by_now}"
        return standing_refusal(
            order.terms,
            order.remaining,
            self._book,
            self._policy,
            told_held=given.broker_position,
        )

    def _withhold(self, order_id: OrderId, number: int, reason: str, code: str) -> Outcome:
        self._ledger.record(ev.ModifyWithheld(order_id, number, reason))
        log.warning("change withheld", order=order_id, reason=reason)
        return Outcome(OutcomeKind.WITHHELD, code, reason, order_id)


def _unchangeable(order: Order, revision: Revision) -> tuple[str, str] | None:
    """Return code and text of why an order cannot be changed so, or None when it can."""
    if order.state is not OrderState.WORKING:
        # Of an order that nobody has acknowledged, or that is being cancelled, nobody knows
        # which terms a change would meet.
        return "ORDER_NOT_WORKING", f"order {order.order_id} is {order.state}"
    if order.is_doubled:
        # A change would reach one of the two, and nobody knows which.
        return "ORDER_DOUBLED", f"order {order.order_id} has two permanent ids at the broker"
    if order.change is not None and order.change.is_open:
        text = f"change {order.change.number} of order {order.order_id} is {order.change.state}"
        return "CHANGE_OPEN", text
    given = (
        ("quantity", revision.quantity, order.terms.quantity),
        ("limit_price", revision.limit_price, order.terms.limit_price),
        ("stop_price", revision.stop_price, order.terms.stop_price),
    )
    for name, value, now in given:
        if value is None:
            continue
        if type(value) is not Decimal or not value.is_finite() or value <= 0:
            return "CHANGE_INVALID", f"{name} {value!r}, allowed is a Decimal above 0"
        if now is None:
            text = f"{name} {value}: a {order.terms.order_type} order has none"
            return "CHANGE_INVALID", text
    if all(value is None or value == now for _, value, now in given):
        return "CHANGE_INVALID", "nothing changes"
    if revision.quantity is not None and revision.quantity <= order.filled:
        filled = order.filled
        return "CHANGE_INVALID", f"quantity {revision.quantity}, of which {filled} has filled"
    return None
