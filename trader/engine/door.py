"""The API's door: one key, one intent, whatever is repeated, raced or restarted.

What a key stands for is recorded before the intent is reviewed, and the intent id is the key of
idempotency from there on. A wish passes the same gate, review and pacing as a strategy's.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from trader.core import request_events as rq
from trader.core.halts import Mode
from trader.core.ids import ConId, IntentId, OrderId, StrategyName
from trader.core.intents import Intent, OrderType, Side, TimeInForce
from trader.engine.gateway import OrderGateway
from trader.engine.numbering import next_intent_id
from trader.engine.services import Services
from trader.ports import JournalFailed

API = StrategyName("api")
_DISK_S = 10.0
# A symbol that no instrument has: the review refuses it and the journal holds the refusal.
_NO_CONTRACT = ConId(0)


@dataclass(frozen=True, slots=True)
class Wish:
    """One order as it was asked for; ``symbol`` is looked up among the configured assets."""

    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    time_in_force: TimeInForce
    limit_price: Decimal | None
    stop_price: Decimal | None
    is_reduce_only: bool
    mode: Mode
    reason: str

    def digest(self) -> str:
        """Return 32 hex characters that seal everything that was asked for."""
        told = (
            self.symbol, self.side, self.quantity.normalize(), self.order_type,
            self.time_in_force, _plain(self.limit_price), _plain(self.stop_price),
            self.is_reduce_only, self.mode, self.reason,
        )  # fmt: skip
        return hashlib.sha256(repr([str(part) for part in told]).encode()).hexdigest()[:32]


class Turn(StrEnum):
    """What became of knocking at the door."""

    DECIDED = "decided"
    CONFLICT = "conflict"  # the key was used for something else, or the mode is another
    UNAVAILABLE = "unavailable"  # nothing could be made durable


@dataclass(frozen=True, slots=True)
class Verdict:
    """The durable answer; asked again with the same key, it is the same but for ``state``."""

    turn: Turn
    code: str
    text: str
    intent_id: IntentId | None = None
    is_approved: bool = False
    order_id: OrderId | None = None
    # The order's state at the time of asking; empty without an order.
    state: str = ""


class OrderDoor:
    """Takes wishes from outside the process."""

    def __init__(self, services: Services, gateway: OrderGateway) -> None:
        self._ledger = services.ledger
        self._book = services.ledger.book
        self._hub = services.hub
        self._guard = services.guard
        self._gateway = gateway
        self._under_way: dict[str, asyncio.Future[None]] = {}

    async def submit(self, key: str, wish: Wish, by: str) -> Verdict:
        """Decide on a wish, once for each key; the verdict is durable when this returns."""
        if wish.mode is not self._guard.mode:
            text = f"mode is {wish.mode}; this daemon runs in mode {self._guard.mode}"
            return Verdict(Turn.CONFLICT, "MODE_MISMATCH", text)
        while key in self._under_way:
            await asyncio.shield(self._under_way[key])
        known = self._book.requests.get(key)
        if known is not None and known.digest != wish.digest():
            text = f"the key was used for another request, intent {known.intent_id}"
            return Verdict(Turn.CONFLICT, "KEY_REUSED", text, known.intent_id)
        turn = asyncio.get_running_loop().create_future()
        self._under_way[key] = turn
        try:
            return await self._decided(key, wish, by, known.intent_id if known else None)
        except (JournalFailed, TimeoutError) as error:
            text = str(error) or f"the disk did not answer within {_DISK_S:g} s"
            return Verdict(Turn.UNAVAILABLE, "JOURNAL", text)
        finally:
            del self._under_way[key]
            turn.set_result(None)

    def verdict_of(self, intent: IntentId) -> Verdict | None:
        """Return the verdict on an intent of the door, or None when there is none."""
        record = self._book.intents.get(intent)
        if record is None:
            return None
        order = self._book.order_of_intent(intent)
        return Verdict(
            Turn.DECIDED,
            record.code,
            record.text,
            intent,
            is_approved=record.is_approved,
            order_id=record.order_id,
            state=str(order.state) if order else "",
        )

    async def _decided(self, key: str, wish: Wish, by: str, intent: IntentId | None) -> Verdict:
        if intent is None:
            intent = next_intent_id(self._ledger, API)
            self._ledger.record(rq.RequestReceived(key, wish.digest(), intent, by))
        if intent not in self._book.intents:
            # Also after a crash between the key and the review: no byte left without a review.
            await self._gateway.submit(self._intent_of(wish, intent, by))
        async with asyncio.timeout(_DISK_S):
            await self._ledger.durable(self._ledger.seq)
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
            reason=f"{wish.reason or 'asked for'} (by {by})",
        )


def _plain(price: Decimal | None) -> str:
    return "" if price is None else str(price.normalize())
