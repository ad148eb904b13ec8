"""The API's door: one key, one intent, change or cancel, whatever is repeated, raced or restarted.

What a key stands for is recorded before it is decided on. An order passes the same gate, review
and pacing as a strategy's; its intent id is the key of idempotency from there on. A change is
decided by the very event that promises or refuses it, which holds the key.
"""

import asyncio
from collections.abc import Awaitable, Callable

from trader.core import request_events as rq
from trader.core.entries import RequestRecord
from trader.core.ids import ConId, IntentId, OrderId, StrategyName
from trader.core.intents import Intent
from trader.core.orders import OrderState
from trader.core.risk.change import Revision
from trader.engine.numbering import next_intent_id
from trader.engine.orders.gateway import OrderGateway
from trader.engine.orders.wishes import CancelWish, ChangeWish, Turn, Verdict, Wish
from trader.engine.outcomes import OutcomeKind
from trader.engine.services import Services
from trader.ports import JournalFailed

API = StrategyName("api")
_DISK_S = 10.0
# How long an answer may wait for the cancel to leave; the pacing seldom holds one for a second.
_CANCEL_S = 5.0
_LOOK_S = 0.02
_CANCEL_SENT = "cancel sent"
# A symbol that no instrument has: the review refuses it and the journal holds the refusal.
_NO_CONTRACT = ConId(0)

AnyWish = Wish | ChangeWish | CancelWish
Decide = Callable[[], Awaitable[Verdict]]


class _NotNow(Exception):
    """Nothing was decided; the same request may be sent again."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class OrderDoor:
    """Takes wishes from outside the process."""

    def __init__(self, services: Services, gateway: OrderGateway) -> None:
        self._ledger = services.ledger
        self._book = services.ledger.book
        self._hub = services.hub
        self._guard = services.guard
        self._clock = services.clock
        self._gateway = gateway
        self._under_way: dict[str, asyncio.Future[None]] = {}

    async def submit(self, key: str, wish: Wish, by: str) -> Verdict:
        """Decide on an order, once for each key; the verdict is durable when this returns."""
        return await self._once(key, wish, lambda: self._submitted(key, wish, by))

    async def change(self, key: str, wish: ChangeWish, by: str) -> Verdict:
        """Decide on a change of an order, once for each key; durable as above."""
        return await self._once(key, wish, lambda: self._changed(key, wish, by))

    async def cancel(self, key: str, wish: CancelWish, by: str) -> Verdict:
        """Cancel an order, once for each key; the cancel has left when this approves."""
        return await self._once(key, wish, lambda: self._cancelled(key, wish, by))

    def verdict_of(self, intent: IntentId) -> Verdict | None:
        """Return the verdict on an intent of the door, or None when there is none."""
        record = self._book.intents.get(intent)
        if record is None:
            return None
        return Verdict(
            Turn.DECIDED,
            record.code,
            record.text,
            intent,
            is_approved=record.is_approved,
            order_id=record.order_id,
            state=self._state_of(record.order_id),
        )

    # ---- one key, one turn

    async def _once(
        self, key: str, wish: Wish | ChangeWish | CancelWish, decide: Decide
    ) -> Verdict:
        if wish.mode is not self._guard.mode:
            text = f"mode is {wish.mode}; this daemon runs in mode {self._guard.mode}"
            return Verdict(Turn.CONFLICT, "MODE_MISMATCH", text)
        while key in self._under_way:
            await asyncio.shield(self._under_way[key])
        known = self._book.requests.get(key)
        if known is not None and known.digest != wish.digest():
            what = f"intent {known.intent_id}" if known.intent_id else f"order {known.order_id}"
            text = f"the key was used for another request, {what}"
            self._gateway.answers.on_reuse("key")
            return Verdict(Turn.CONFLICT, "KEY_REUSED", text, known.intent_id)
        turn = asyncio.get_running_loop().create_future()
        self._under_way[key] = turn
        try:
            return await decide()
        except _NotNow as error:
            return Verdict(Turn.UNAVAILABLE, error.code, str(error))
        except (JournalFailed, TimeoutError) as error:
            text = str(error) or f"the disk did not answer within {_DISK_S:g} s"
            return Verdict(Turn.UNAVAILABLE, "JOURNAL", text)
        finally:
            del self._under_way[key]
            turn.set_result(None)

    async def _durable(self) -> None:
        async with asyncio.timeout(_DISK_S):
            await self._ledger.durable(self._ledger.seq)

    # ---- orders

    async def _submitted(self, key: str, wish: Wish, by: str) -> Verdict:
        known = self._book.requests.get(key)
        intent = None if known is None else known.intent_id
        if intent is None:
            intent = next_intent_id(self._ledger, API)
            self._ledger.record(rq.RequestReceived(key, wish.digest(), intent, by))
        if intent not in self._book.intents:
            if not intent.startswith(f"{self._book.lineage}-"):
                # Named before a copy took the journal's place: its order may have left since.
                text = f"a restore may have lost its order: look for {intent} at the broker"
                return Verdict(Turn.CONFLICT, rq.KEY_LOST, text, intent)
            # Also after a crash between the key and the review: no byte left without a review.
            await self._gateway.submit(self._intent_of(wish, intent, by))
        await self._durable()
        verdict = self.verdict_of(intent)
        if verdict is None:
            # The gateway could not even record its refusal.
            raise JournalFailed("the verdict could not be recorded")
        return verdict

    def _intent_of(self, wish: Wish, intent: IntentId, by: str) -> Intent:
        instrument = self._hub.by_symbol(wish.symbol)
        return Intent(
            intent_id=intent,
            strategy=API,
            con_id=instrument.con_id if instrument else _NO_CONTRACT,
            side=wish.side,
            quantity=wish.quantity,
            order_type=wish.order_type,
            time_in_force=wish.time_in_force,
            limit_price=wish.limit_price,
            stop_price=wish.stop_price,
            is_reduce_only=wish.is_reduce_only,
            reason=_reason(wish.reason, by),
        )

    # ---- changes and cancels

    async def _changed(self, key: str, wish: ChangeWish, by: str) -> Verdict:
        if not self._is_decided(key, wish, by):
            revision = Revision(
                wish.quantity, wish.limit_price, wish.stop_price, _reason(wish.reason, by), key
            )
            outcome = await self._gateway.modify(wish.order_id, revision)
            if outcome.kind is OutcomeKind.NOT_SENT:
                self._ledger.record(rq.RequestDecided(key, True, outcome.code, outcome.text))
        return await self._told(key)

    async def _cancelled(self, key: str, wish: CancelWish, by: str) -> Verdict:
        is_repeated = key in self._book.requests
        if not self._is_decided(key, wish, by):
            order = self._book.orders.get(wish.order_id)
            if is_repeated and order is not None and order.state is OrderState.CANCELLED:
                # It left before a crash that the answer did not survive.
                code, text = "", _CANCEL_SENT
            else:
                code, text = await self._cancel(wish.order_id, _reason(wish.reason, by))
            self._ledger.record(rq.RequestDecided(key, not code, code, text))
        return await self._told(key)

    async def _cancel(self, order_id: OrderId, reason: str) -> tuple[str, str]:
        """Cancel and wait until it has left; returns why not as code and text. Raises _NotNow."""
        order = self._book.orders.get(order_id)
        if order is None:
            return "ORDER_UNKNOWN", f"there is no order {order_id}"
        if order.is_final:
            return "ORDER_NOT_WORKING", f"order {order_id} is {order.state}"
        problem = self._gateway.cancel(order_id, reason)
        if problem is not None:
            raise _NotNow("LINK", problem)
        deadline_s = self._clock.monotonic() + _CANCEL_S
        while self._gateway.is_cancel_waiting(order_id):
            if self._clock.monotonic() >= deadline_s:
                text = f"the cancel of order {order_id} waits for a message slot and will leave"
                raise _NotNow("PACING", text)
            await self._clock.sleep(_LOOK_S)
        if self._book.orders[order_id].state is OrderState.FILLED:
            return "ORDER_NOT_WORKING", f"order {order_id} is FILLED"
        return "", _CANCEL_SENT

    def _is_decided(self, key: str, wish: ChangeWish | CancelWish, by: str) -> bool:
        """Tell whether a key has its answer; one that nobody has used is recorded."""
        known = self._book.requests.get(key)
        if known is None:
            self._ledger.record(rq.OrderRequestReceived(key, wish.digest(), wish.order_id, by))
        return known is not None and known.decision is not None

    async def _told(self, key: str) -> Verdict:
        await self._durable()
        record = self._book.requests[key]
        if record.decision is None:
            # The gateway could not even record its refusal.
            raise JournalFailed("the verdict could not be recorded")
        decision = record.decision
        return Verdict(
            Turn.CONFLICT if decision.code == rq.KEY_LOST else Turn.DECIDED,
            decision.code,
            decision.text,
            is_approved=decision.is_approved,
            order_id=record.order_id,
            state=self._state_of(record.order_id),
            change_number=decision.change_number,
            change_state=self._change_state(record),
        )

    def _state_of(self, order_id: OrderId | None) -> str:
        order = None if order_id is None else self._book.orders.get(order_id)
        return "" if order is None else str(order.state)

    def _change_state(self, record: RequestRecord) -> str:
        order = None if record.order_id is None else self._book.orders.get(record.order_id)
        change = None if order is None else order.change
        if change is None or record.decision is None:
            return ""
        return str(change.state) if change.number == record.decision.change_number else ""


def _reason(reason: str, by: str) -> str:
    return f"{reason or 'asked for'} (by {by})"
