"""The one door to the broker.

Every intent passes one review; the promise is durable before the first byte; and between the
last check and the socket nothing is awaited. Cancels leave under any halt.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import structlog

from trader.core import events as ev
from trader.core.baselines import opening
from trader.core.brackets import Membership
from trader.core.expiry import good_till
from trader.core.frozen import maker
from trader.core.halts import REFUSAL_CODES, Lane, Posture
from trader.core.ids import ConId, Lineage, OrderId, StrategyName, order_ref
from trader.core.intents import Intent, digest, is_writable
from trader.core.orders import Order, OrderState, OrderTerms
from trader.core.policy import Policy, policy_hash
from trader.core.regime import Outlook
from trader.core.risk import Approved, ApprovedOrder, Downgraded, Refused, RiskInput, review
from trader.core.risk.change import Revision, refusal_by_now
from trader.core.risk.standing import standing_refusal
from trader.engine.market.bar_gate import BarsReader, no_bars
from trader.engine.orders.amender import REVIEW_AGE_S_MAX, Amender
from trader.engine.orders.answers import Answers
from trader.engine.orders.brackets import (
    approvals_of,
    places_of,
    planned_ids,
    slots_missing,
    take_slots,
)
from trader.engine.orders.previews import NOT_PREVIEWED, Previewed, Previews, after_wait
from trader.engine.orders.strays import reused, stray_refusal
from trader.engine.outcomes import Outcome, OutcomeKind, kind_before_answer, kind_of_refusal
from trader.engine.services import Services
from trader.ports import JournalFailed, LinkDown, SendUncertain, Vetoed

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Bounds of the order path."""

    intent_deadline_s: float
    policy: Policy
    # Of a compartment without a broker; None is the real gateway. Neither takes the other's.
    tag: Lineage | None = None


@dataclass(frozen=True, slots=True)
class _Times:
    """When a submission began, when it was approved, and by when it has to leave; monotonic."""

    started_s: float
    reviewed_s: float
    deadline_s: float


# Each is made for every order.
_made_input, _made_terms = maker(RiskInput), maker(OrderTerms)
_made_review, _made_promise = maker(ev.IntentReviewed), maker(ev.OrderPlanned)
_made_times = maker(_Times)

_NOT_LEFT_YET = (OrderState.PLANNED, OrderState.JOURNALED)

_RETIRED = "its number was used long ago: trader why tells what became of it"
OffsetReader = Callable[[ConId], Decimal | None]


class OrderGateway:
    """Submits intents and cancels orders; nothing else in the daemon writes an order."""

    def __init__(self, services: Services, *, settings: GatewaySettings) -> None:
        self._ledger = services.ledger
        self._book = services.ledger.book
        self._guard = services.guard
        self._hub = services.hub
        self._valuer = services.valuer
        self._sessions = services.sessions
        self._previews = Previews(services.broker, services.clock, settings.policy.exposure)
        self._broker = services.broker
        self._pacer = services.pacer
        self._clock = services.clock
        self._pager = services.pager
        self._settings = settings
        self._policy_hash = policy_hash(settings.policy)
        self.answers = Answers(services)
        # Why an order must not leave after all, though its promise is being written.
        self._called_off: dict[OrderId, str] = {}
        # Cancels that no slot was free for, in the order in which they were asked for.
        self._cancels: dict[OrderId, str] = {}
        self._amender = Amender(
            services,
            policy=settings.policy,
            deadline_s=settings.intent_deadline_s,
            risk_input=self._risk_input,
            is_to_be_cancelled=self._cancels.__contains__,
        )
        # How rough the market is, and what that leaves to new risk.
        self.outlook: Callable[[], Outlook] = Outlook
        # By how much the broker's last complete word on a position differs from the book.
        self.offset_of: OffsetReader = _no_offset
        # What is known of the bars that a strategy decides by.
        self.bars_of: BarsReader = no_bars

    # ---- submitting

    async def submit(self, intent: Intent, lane: Lane | None = None) -> Outcome:
        """Review an intent and, if everything allows it, send it; idempotent by intent id."""
        started_s = self._clock.monotonic()
        deadline_s = started_s + self._settings.intent_deadline_s
        lane = lane or self._lane_of(intent)
        asked = NOT_PREVIEWED
        verdict = self._decide(intent, lane)
        if isinstance(verdict, Approved) and self._previews.wants(verdict):
            asked = await self._previews.ask(verdict, deadline_s)
            # Whatever was true before a wait is reviewed again after it.
            verdict = self._decide(intent, lane, asked)
        missing = 0
        if not isinstance(verdict, Outcome):
            missing = slots_missing(self._pacer, lane, verdict)
        if missing:
            if not await take_slots(self._pacer, lane, missing, deadline_s):
                # A twin that got a slot meanwhile has made the order: its outcome stands.
                text = "no message slot before the deadline"
                return self._known(intent) or self._refuse(intent, "PACING", text, ())
            verdict = self._decide(intent, lane, after_wait(asked))
        if isinstance(verdict, Outcome):
            return verdict
        reviewed_s = self._clock.monotonic()
        try:
            orders = self._plan(verdict)
        except JournalFailed as error:
            # A journal that fails in this very call leaves orders that are in the book alone.
            return self._withhold(planned_ids(self._book, verdict), str(error))
        problem = await self._made_durable(orders, deadline_s)
        if problem is not None:
            # No byte left. On disk the promise may stand alone: the next start asks the broker.
            return self._withhold([one.order_id for one in orders], problem)
        return self._send(orders, lane, _made_times(started_s, reviewed_s, deadline_s))

    def _lane_of(self, intent: Intent) -> Lane:
        return Lane.REDUCE if intent.is_reduce_only else Lane.NEW

    def _decide(
        self, intent: Intent, lane: Lane, asked: Previewed = NOT_PREVIEWED
    ) -> Approved | Outcome:
        """Return the approval of an intent that may go on, or the outcome where it ends."""
        if not is_writable(intent):
            return self._refuse_unwritable(intent, lane)
        if (stray := stray_refusal(intent, self._settings.tag, self._pager)) is not None:
            return stray
        known = self._known(intent)
        if known is not None:
            return known
        refusal = self._guard.refusal(lane, intent.strategy)
        if refusal is not None:
            code = REFUSAL_CODES[self._guard.posture()]
            return self._refuse(intent, code, refusal, ())
        verdict = review(intent, self._risk_input(intent, lane, asked))
        if isinstance(verdict, Refused | Downgraded):
            return self._refuse(intent, verdict.code, verdict.text, verdict.checks)
        if not self._guard.may_send:
            text = f"mode {self._guard.mode} sends no orders"
            self._ledger.record(self._reviewed(intent, "", text, verdict.checks))
            return Outcome(OutcomeKind.NOT_SENT, "", text)
        return verdict

    def _known(self, intent: Intent) -> Outcome | None:
        record = self._book.intents.get(intent.intent_id)
        if record is None:
            is_retired = self._book.is_retired(intent.intent_id)
            return Outcome(OutcomeKind.REFUSED, "INTENT_REUSED", _RETIRED) if is_retired else None
        if record.digest != digest(intent):
            self.answers.on_reuse("intent")
            return reused(intent, record.order_id, self._pager)
        if record.order_id is None:
            kind = OutcomeKind.NOT_SENT if record.is_approved else kind_of_refusal(record.code)
            return Outcome(kind, record.code, record.text)
        state = self._book.orders[record.order_id].state
        kind = kind_before_answer(state)
        return Outcome(kind, "KNOWN", f"submitted before, {state}", record.order_id)

    def _risk_input(
        self, terms: Intent | OrderTerms, lane: Lane, asked: Previewed = NOT_PREVIEWED
    ) -> RiskInput:
        outlook, con_id = self.outlook(), terms.con_id
        # Before the clock is read: what is made in this very moment must not be from the future.
        valuation = self._valuer.current()
        return _made_input(
            book=self._book,
            instrument=self._hub.instruments.get(con_id),
            quote=self._hub.quotes.get(con_id),
            policy=self._settings.policy,
            now_utc=self._clock.utc(),
            now_s=self._clock.monotonic(),
            is_operator=lane is Lane.OPERATOR,
            regime=outlook.regime,
            allocation=outlook.allocation,
            valuation=valuation,
            account=self._valuer.account,
            session=self._sessions.view(con_id),
            day_start_utc=self._sessions.trading_day_start_utc(con_id),
            baseline_equity=opening(self._book.safety.baseline, self._sessions.day()),
            what_if=asked.found,
            is_what_if_asked=asked.is_asked,
            broker_position=self._told_held(con_id),
            bars=self.bars_of(terms.strategy, con_id),
        )

    def _reviewed(
        self, intent: Intent, code: str, text: str, checks: tuple[ev.Check, ...]
    ) -> ev.IntentReviewed:
        return _made_review(
            intent=intent,
            digest=digest(intent),
            is_approved=not code,
            code=code,
            text=text,
            checks=checks,
            policy_hash=self._policy_hash,
        )

    def _refuse_unwritable(self, intent: Intent, lane: Lane) -> Outcome:
        """Refuse what no journal could hold; it is told and not recorded."""
        code, text = "UNWRITABLE", "a value of the intent cannot be written down"
        if type(intent.con_id) is int:
            verdict = review(intent, self._risk_input(intent, lane))
            if isinstance(verdict, Refused):
                code, text = verdict.code, verdict.text
        log.error("intent not recorded", intent=str(intent.intent_id), code=code, text=text)
        return Outcome(OutcomeKind.REFUSED, code, text)

    def _refuse(
        self, intent: Intent, code: str, text: str, checks: tuple[ev.Check, ...]
    ) -> Outcome:
        try:
            self._ledger.record(self._reviewed(intent, code, text, checks))
        except JournalFailed as error:
            return Outcome(OutcomeKind.REFUSED, "JOURNAL", str(error))
        log.info("intent refused", intent=intent.intent_id, code=code, text=text)
        return Outcome(kind_of_refusal(code), code, text)

    def _plan(self, approval: Approved) -> tuple[ApprovedOrder, ...]:
        """Record verdict and promise, of a bracket all three; what they ask for is reserved now."""
        approvals = approvals_of(approval)
        for one in approvals:
            reviewed = self._reviewed(one.intent, "", "approved", one.checks)
            self._ledger.record(reviewed)
        ids = [self._broker.allocate_order_id() for _ in approvals]
        orders = tuple(self._ordered(*place) for place in places_of(approval, ids))
        for order in orders:
            self._ledger.record(
                _made_promise(order.order_id, order.client_id, order.order_ref, order.terms)
            )
        return orders

    def _ordered(
        self, approval: Approved, order_id: OrderId, place: Membership | None
    ) -> ApprovedOrder:
        intent, account = approval.intent, self._book.account
        quote = self._hub.quotes.get(intent.con_id)
        # What a leg gives away is against its own price, which nobody has seen yet.
        is_leg = place is not None and place.is_leg
        assert account is not None, "an intent passed the gate without a baseline"
        return ApprovedOrder(
            approval=approval,
            order_id=order_id,
            client_id=self._broker.client_id,
            order_ref=order_ref(intent.intent_id),
            terms=_made_terms(
                intent_id=intent.intent_id,
                strategy=intent.strategy,
                account=account,
                con_id=intent.con_id,
                symbol=approval.instrument.symbol,
                side=intent.side,
                quantity=intent.quantity,
                order_type=intent.order_type,
                time_in_force=intent.time_in_force,
                limit_price=intent.limit_price,
                stop_price=intent.stop_price,
                is_reduce_only=intent.is_reduce_only,
                reserve_per_unit=approval.reserve_per_unit,
                reference_price=quote.mid if quote and not is_leg else None,
                currency=approval.instrument.currency,
                good_till_utc=self._good_till(intent),
                bracket=place,
            ),
        )

    def _good_till(self, intent: Intent) -> datetime | None:
        expiry_s = self._settings.policy.order.entry_expiry_s
        held = self._book.position_of(intent.con_id)
        return good_till(intent, held, expiry_s, self._clock.utc())

    def _send(self, orders: tuple[ApprovedOrder, ...], lane: Lane, times: _Times) -> Outcome:
        """Check once more and write: one synchronous run, no await inside."""
        ids = [one.order_id for one in orders]
        refusal = self._last_refusal(orders, lane, times)
        if refusal is not None:
            return self._withhold(ids, refusal, "WITHHELD")
        doubt: str | None = "placing broke off"
        try:
            if len(orders) == 1:
                order = orders[0]
                self._broker.place(order)
            else:
                self._broker.place_bracket(orders)
            doubt = None
        except LinkDown as error:
            doubt = None
            return self._withhold(ids, f"link: {error}", "WITHHELD")
        except Vetoed as error:
            doubt = None
            return self._withhold(ids, f"vetoed at the socket: {error}", "WITHHELD")
        except SendUncertain as error:
            doubt = str(error)
            return Outcome(OutcomeKind.UNCERTAIN, "UNCERTAIN", doubt, ids[0])
        finally:
            # Whatever else goes wrong after the call began proves nothing about the bytes: the
            # broker's library has sent and asserted afterwards before now (INC-112).
            if doubt is not None:
                for order_id in ids:
                    self._ledger.record(ev.OrderSent(order_id))
                    self._ledger.record(ev.OrderUnanswered(order_id, doubt))
        now_s = self._clock.monotonic()
        for order_id in ids:
            self._ledger.record(ev.OrderSent(order_id))
            self.answers.await_of(order_id, times.started_s, now_s)
        self.answers.observe("intent_to_wire_latency_ms", (now_s - times.started_s) * 1000)
        decided_s = times.reviewed_s - times.started_s
        self.answers.observe("intent_to_decision_latency_ms", decided_s * 1000)
        return Outcome(OutcomeKind.SENT, "", "sent", ids[0])

    def _last_refusal(
        self, orders: tuple[ApprovedOrder, ...], lane: Lane, times: _Times
    ) -> str | None:
        """Say why what was promised must not leave after all; of a bracket its entry decides."""
        order = orders[0]
        refusal = self._guard.refusal(lane, order.terms.strategy)
        if refusal is not None:
            return refusal
        called_off = [self._called_off.pop(one.order_id, None) for one in orders]
        if (reason := next(filter(None, called_off), None)) is not None:
            return f"cancelled before it left: {reason}"
        now_s = self._clock.monotonic()
        if now_s > times.deadline_s:
            return f"deadline of {self._settings.intent_deadline_s} s passed"
        if now_s - times.reviewed_s > REVIEW_AGE_S_MAX:
            planned, intent = self._book.orders[order.order_id], order.approval.intent
            given = self._risk_input(intent, lane)
            if by_now := refusal_by_now(planned, intent, given):
                return f"refused by now, {by_now}"
        return standing_refusal(
            order.terms,
            order.terms.quantity,
            self._book,
            self._settings.policy,
            told_held=self._told_held(order.terms.con_id),
        )

    def _told_held(self, con_id: ConId) -> Decimal | None:
        """Return what the broker holds where it is something else than the book says, or None."""
        offset = self.offset_of(con_id)
        return None if offset is None else self._book.position_of(con_id) + offset

    async def _made_durable(
        self, orders: tuple[ApprovedOrder, ...], deadline_s: float
    ) -> str | None:
        """Wait for the promise, at most until the deadline; returns why it cannot be kept."""
        try:
            return await self._ledger.made_durable(deadline_s)
        except asyncio.CancelledError:
            self._withhold([one.order_id for one in orders], "the submission was cancelled")
            raise

    def _withhold(self, ids: list[OrderId], reason: str, code: str = "JOURNAL") -> Outcome:
        """Record that no byte left; a promise that was never recorded leaves nothing to record."""
        for order_id in ids:
            self._called_off.pop(order_id, None)
            self._ledger.record(ev.OrderWithheld(order_id, reason))
        log.warning("order withheld", orders=ids, reason=reason)
        return Outcome(OutcomeKind.WITHHELD, code, reason, ids[0] if ids else None)

    # ---- changing

    async def modify(
        self, order_id: OrderId, revision: Revision, owner: StrategyName | None = None
    ) -> Outcome:
        """Change a working order, if everything allows it; refused, it goes on as it was.

        With an ``owner`` only an order of that strategy is changed.
        """
        return await self._amender.modify(order_id, revision, owner)

    # ---- cancelling

    def cancel(self, order_id: OrderId, reason: str) -> str | None:
        """Send a cancel for one of our orders; returns why not, or None when it leaves.

        An order that has not left yet is withheld instead. Cancels are first in line, and no
        faster than the broker reads: one too many in a second ends the connection (INC-061).
        """
        order = self._book.live_orders.get(order_id)
        if order is None:
            return f"order {order_id} is not working"
        if order.state in _NOT_LEFT_YET:
            # A cancel on the wire would overtake the order, which would then work uncancelled.
            self._called_off[order_id] = reason
            return None
        if self._cancels or not self._pacer.try_take(Lane.CANCEL):
            self._cancels.setdefault(order_id, reason)
            return None
        return self._write_cancel(order_id, reason)

    def is_cancel_waiting(self, order_id: OrderId) -> bool:
        """Tell whether a cancel was asked for that has neither left nor become needless."""
        return order_id in self._cancels or order_id in self._called_off

    def cancel_duplicate(self, order_id: OrderId, reason: str) -> None:
        """Cancel an order that is over in the book, and of which the broker holds another."""
        if order_id in self._cancels or not self._pacer.try_take(Lane.CANCEL):
            return  # the next reconciliation asks again
        problem = self._write_cancel(order_id, reason)
        if problem is not None:
            log.warning("cancel not sent", problem=problem)

    def send_cancels(self) -> None:
        """Send the cancels that waited for a slot, as far as there are slots now."""
        for order_id in tuple(self._cancels):
            if order_id not in self._book.live_orders:
                del self._cancels[order_id]
                continue
            if not self._broker.is_connected or not self._pacer.try_take(Lane.CANCEL):
                return
            problem = self._write_cancel(order_id, self._cancels[order_id])
            if problem is not None:
                log.warning("cancel not sent", problem=problem)
                return
            del self._cancels[order_id]

    def _write_cancel(self, order_id: OrderId, reason: str) -> str | None:
        try:
            self._broker.cancel(order_id)
        except (LinkDown, SendUncertain) as error:
            return f"order {order_id}: {error}"
        self._ledger.record(ev.CancelSent(order_id, reason))
        return None

    def working_orders(self) -> tuple[Order, ...]:
        """Return every order of ours that is not final."""
        return tuple(self._book.live_orders.values())

    def working_exits(self, con_id: ConId) -> Decimal:
        """Return what working orders may still take off the position of an instrument."""
        return self._exits(self._book.live_orders.values(), con_id)

    def possible_exits(self, con_id: ConId) -> Decimal:
        """Return the same, with what orders that are over and not settled may have taken off."""
        return self._exits(self._book.may_fill(), con_id)

    def _exits(self, orders: Iterable[Order], con_id: ConId) -> Decimal:
        held = self._book.position_of(con_id)
        return sum(
            (
                order.remaining
                for order in orders
                if order.terms.con_id == con_id and order.terms.side.sign * held < 0
            ),
            start=Decimal(0),
        )

    def is_armed(self) -> bool:
        """Tell whether an intent that adds risk would pass the gate now."""
        return self._guard.posture() is Posture.ARMED and self._guard.may_send

    # ---- waiting for answers

    def on_recorded(self, recorded: ev.Recorded) -> None:
        """Watch for the first sign of life of each order sent."""
        self.answers.on_recorded(recorded)

    def mark_unanswered(self, older_than_s: float, reason: str) -> tuple[OrderId, ...]:
        """Make orders UNKNOWN, and changes uncertain, that left that long ago unanswered."""
        late = self.answers.mark_unanswered(older_than_s, reason)
        return (*late, *self._amender.mark_unanswered(older_than_s, reason))


def _no_offset(con_id: ConId) -> Decimal | None:
    """Stand in until somebody reconciles."""
    return None
