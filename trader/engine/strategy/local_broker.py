"""A broker that is none: orders meet the quotes of the hub, and no byte leaves the process.

Behind the same port as the real one, so that gateway, book and strategies run as they do live. It
holds orders, fills them by the rules of :mod:`trader.core.matching` and answers in the broker's
words; what only a broker can say (holdings, previews, contracts) it does not say.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from typing import NoReturn

from trader.core.account import MarginPreview
from trader.core.amounts import ZERO
from trader.core.bars import Bar
from trader.core.events import CommissionSeen, ExecutionSeen, OpenOrderSeen, OrderStatusSeen
from trader.core.executions import Commission, Execution
from trader.core.frozen import replace
from trader.core.history_pacing import HistoryTrouble
from trader.core.ids import ClientId, ConId, ExecId, OrderId, OrderRef, PermId
from trader.core.instruments import Instrument, InstrumentSpec
from trader.core.intents import Intent, TimeInForce
from trader.core.local_groups import LocalGroup
from trader.core.market import Quote
from trader.core.matching import LocalFill, Look, Resting, Room, is_matchable, match
from trader.core.orders import OrderTerms
from trader.core.policy import CashPolicy
from trader.core.risk import ApprovedChange, ApprovedOrder
from trader.core.snapshots import BrokerSnapshot, ExecutionList
from trader.engine.hub import MarketHub
from trader.engine.sessions import Sessions
from trader.ports import (
    Clock,
    HistoryRefused,
    LinkDown,
    LinkFacts,
    QuoteTick,
    Reread,
    ServerTime,
    Sink,
    SnapshotUnavailable,
    WorldError,
)

LOCAL_CLIENT = ClientId(1)
# Held, and in force only from a moment on: what is looked at again without a tick.
_LOOK_S = 1.0
_PRICES = ("bid", "ask", "bid_size", "ask_size")


class NotABroker(WorldError):
    """Asked for what only a broker can tell."""


@dataclass(frozen=True, slots=True)
class LocalTerms:
    """How orders are matched here: after how long they arrive, against how old a quote at most."""

    latency_s: float
    quote_age_s_max: float
    cash: CashPolicy


@dataclass(slots=True)
class _Held:
    """An order here, with what its answers name."""

    resting: Resting
    terms: OrderTerms
    order_ref: OrderRef
    perm_id: PermId


def _held(order: ApprovedOrder) -> _Held:
    terms = order.terms
    resting = Resting(
        order_id=order.order_id,
        con_id=terms.con_id,
        side=terms.side,
        quantity=terms.quantity,
        order_type=terms.order_type,
        time_in_force=terms.time_in_force,
        limit_price=terms.limit_price,
        stop_price=terms.stop_price,
    )
    return _Held(resting, terms, order.order_ref, PermId(order.order_id))


class LocalBroker:
    """Implements ``ports.Broker`` without one."""

    def __init__(
        self, clock: Clock, hub: MarketHub, sessions: Sessions, terms: LocalTerms, sink: Sink
    ) -> None:
        self._clock = clock
        self._hub = hub
        self._sessions = sessions
        self._terms = terms
        self._sink = sink
        self._held: dict[OrderId, _Held] = {}
        # By each order of a bracket, while it is held here.
        self._groups: dict[OrderId, LocalGroup] = {}
        self._rooms: dict[ConId, Room] = {}
        # What is on its way here, in the order in which it left.
        self._coming: deque[tuple[float, Callable[[], None]]] = deque()
        # Every tick of what has orders here: none is conflated.
        self._ticks: deque[tuple[Quote, QuoteTick]] = deque()
        self._woken = asyncio.Event()
        self._last_id = 0
        self._fill_count = 0
        # The link that orders would leave by; down, nothing is taken and nothing fills.
        self.is_up: Callable[[], bool] = lambda: True
        hub.follow(self._on_tick)

    # ---- the market's side

    async def run(self, beat: Callable[[], None]) -> None:
        """Take in what arrives and match, for ever."""
        while True:
            beat()
            wait_s = _LOOK_S
            if self._coming:
                wait_s = min(max(self._coming[0][0] - self._clock.monotonic(), 0.0), _LOOK_S)
            try:
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()
            self.work()

    def work(self) -> None:
        """Do everything that is due now."""
        while self._ticks:
            quote, tick = self._ticks.popleft()
            self._rooms.setdefault(quote.con_id, Room()).told(tick.field)
            self._match_all(quote)
        # A hundred microseconds early is on time: a timer may be.
        until_s = self._clock.monotonic() + 0.0001
        while self._coming and self._coming[0][0] <= until_s:
            self._coming.popleft()[1]()
        for held in tuple(self._held.values()):
            if held.resting.order_id in self._held and self._has_expired(held):
                self._end(held, "Cancelled")

    def _on_tick(self, quote: Quote, tick: QuoteTick) -> None:
        # The rest is done in our own task: what breaks in it must not break the hub.
        if tick.field not in _PRICES:
            return
        if any(held.resting.con_id == quote.con_id for held in self._held.values()):
            self._ticks.append((quote, tick))
            self._woken.set()
        elif quote.con_id in self._rooms:
            self._rooms[quote.con_id].told(tick.field)

    def _match_all(self, quote: Quote) -> None:
        for held in tuple(self._held.values()):
            if held.resting.con_id == quote.con_id:
                self._match(held, quote)

    def _match(self, held: _Held, quote: Quote | None) -> None:
        # A leg may be over by now, with what was matched before it.
        if not self.is_up() or held.resting.order_id not in self._held:
            return
        told = self._sessions.told(held.resting.con_id)
        look = Look(
            quote=quote,
            now_s=self._clock.monotonic(),
            age_s_max=self._terms.quote_age_s_max,
            # Every order of ours is for regular hours (outsideRth is never set).
            is_open=None if told is None else told.is_regular,
        )
        room = self._rooms.setdefault(held.resting.con_id, Room())
        group = self._groups.get(held.resting.order_id)
        part = held.resting if group is None else group.part(held.resting, self._stop_of(group))
        if part is None:
            return
        found = match(part, look, room)
        held.resting = replace(found.order, quantity=held.resting.quantity)
        if found.fill is not None:
            self._filled(held, found.fill, quote)
        elif found.is_over:
            self._end(held, "Cancelled")

    def _filled(self, held: _Held, fill: LocalFill, quote: Quote | None) -> None:
        """Tell a fill, and have what hangs on it follow: legs that wake, or that are over."""
        order_id, resting = fill.order_id, held.resting
        group, is_whole = self._groups.get(order_id), resting.remaining == ZERO
        if group is not None:
            group.filled(order_id, fill.quantity)
            is_whole = group.has_filled(resting)
        self._tell_fill(held, fill, is_whole=is_whole)
        if is_whole:
            del self._held[order_id]
            self._release(order_id)
        elif resting.time_in_force is TimeInForce.IOC:
            self._end(held, "Cancelled")
        if group is not None and not group.is_leg(order_id):
            for leg in self._legs_of(group):
                self._match(leg, quote)

    def _has_expired(self, held: _Held) -> bool:
        good_till = held.terms.good_till_utc
        if good_till is not None and self._clock.utc() >= good_till:
            return True
        is_day = held.resting.time_in_force is TimeInForce.DAY
        return is_day and held.resting.has_waited and self._sessions.is_closed(held.resting.con_id)

    # ---- telling

    def _tell_echo(self, held: _Held) -> None:
        terms, resting = held.terms, held.resting
        self._sink(
            OpenOrderSeen(
                order_id=resting.order_id,
                client_id=LOCAL_CLIENT,
                perm_id=held.perm_id,
                order_ref=held.order_ref,
                account=terms.account,
                con_id=terms.con_id,
                symbol=terms.symbol,
                side=terms.side,
                quantity=resting.quantity,
                order_type=terms.order_type,
                limit_price=resting.limit_price,
                status="Submitted",
                stop_price=resting.stop_price,
                time_in_force=terms.told_time_in_force,
            )
        )

    def _tell_status(self, held: _Held, status: str) -> None:
        resting = held.resting
        self._sink(
            OrderStatusSeen(
                order_id=resting.order_id,
                client_id=LOCAL_CLIENT,
                perm_id=held.perm_id,
                status=status,
                filled=resting.filled,
                remaining=ZERO if status == "Filled" else resting.remaining,
                why_held="",
            )
        )

    def _tell_fill(self, held: _Held, fill: LocalFill, *, is_whole: bool) -> None:
        terms = held.terms
        instrument = self._hub.instruments.get(terms.con_id)
        self._fill_count += 1
        exec_id = ExecId(f"local.{self._fill_count}.01")
        execution = Execution(
            exec_id=exec_id,
            account=terms.account,
            con_id=terms.con_id,
            symbol=terms.symbol,
            side=terms.side,
            quantity=fill.quantity,
            price=fill.price,
            order_id=fill.order_id,
            client_id=LOCAL_CLIENT,
            perm_id=held.perm_id,
            order_ref=held.order_ref,
            time_utc=self._clock.utc().astimezone(UTC),
            multiplier=Decimal(1) if instrument is None else instrument.multiplier,
            currency=terms.currency,
        )
        self._sink(ExecutionSeen(execution))
        # The least of an order counts for each part of it: nobody is charged too little.
        amount = self._terms.cash.worst_commission(fill.quantity)
        self._sink(CommissionSeen(Commission(exec_id, amount, terms.currency)))
        self._tell_status(held, "Filled" if is_whole else "Submitted")

    def _end(self, held: _Held, status: str) -> None:
        del self._held[held.resting.order_id]
        self._tell_status(held, status)
        self._release(held.resting.order_id)

    def _release(self, order_id: OrderId) -> None:
        """End the legs of a bracket that have nothing to close, now that an order of it is over."""
        group = self._groups.pop(order_id, None)
        if group is None:
            return
        group.ended(order_id)
        # One after the other: each that ends comes through here, and ends the next.
        if group.is_over and (legs := self._legs_of(group)):
            self._end(legs[0], "Cancelled")

    def _legs_of(self, group: LocalGroup) -> tuple[_Held, ...]:
        return tuple(self._held[key] for key in group.place.legs if key in self._held)

    def _stop_of(self, group: LocalGroup) -> Resting | None:
        held = self._held.get(group.place.stop_loss_id)
        return None if held is None else held.resting

    # ---- the port: what we wish

    @property
    def client_id(self) -> ClientId:
        """Return the client id that owns our orders."""
        return LOCAL_CLIENT

    @property
    def is_connected(self) -> bool:
        """Tell whether orders are taken."""
        return self.is_up()

    @property
    def heard_s(self) -> float | None:
        """Return now: nothing is between it and us."""
        return self._clock.monotonic()

    def allocate_order_id(self) -> OrderId:
        """Return the next id."""
        self._last_id += 1
        return OrderId(self._last_id)

    def raise_order_ids(self, highest: OrderId) -> None:
        """Give out none up to this one any more."""
        self._last_id = max(self._last_id, highest)

    def place(self, order: ApprovedOrder) -> None:
        """Take an order; it meets the market once it has arrived."""
        self._refuse_without_link()
        held = _held(order)
        self._send(lambda: self._arrived((held,)))

    def place_bracket(self, orders: tuple[ApprovedOrder, ...]) -> None:
        """Take the three of a bracket; they arrive together."""
        self._refuse_without_link()
        place = orders[0].terms.bracket
        assert place is not None, f"order {orders[0].order_id} is of no bracket"
        group, members = LocalGroup(place), tuple(_held(order) for order in orders)
        self._groups.update(dict.fromkeys(place.ids, group))
        self._send(lambda: self._arrived(members))

    def modify(self, change: ApprovedChange) -> None:
        """Take a change; the order goes on as it was until it has arrived."""
        self._refuse_without_link()
        self._send(lambda: self._changed(change.order.order_id, change.terms))

    def cancel(self, order_id: OrderId) -> None:
        """Take a cancel; the order may fill until it has arrived."""
        self._refuse_without_link()
        self._send(lambda: self._cancelled(order_id))

    def cancel_everything(self) -> None:
        """Take every order off."""
        for order_id in tuple(self._held):
            self.cancel(order_id)

    def _refuse_without_link(self) -> None:
        if not self.is_up():
            raise LinkDown("the link that was recorded is down")

    def _send(self, arrives: Callable[[], None]) -> None:
        self._coming.append((self._clock.monotonic() + self._terms.latency_s, arrives))
        self._woken.set()

    def _arrived(self, members: tuple[_Held, ...]) -> None:
        for held in members:
            self._held[held.resting.order_id] = held
            self._tell_echo(held)
            # What waits for its entry is not at the exchange.
            self._tell_status(held, "PreSubmitted" if held.terms.is_leg else "Submitted")
        first = members[0]
        if not is_matchable(first.terms.order_type):
            self._end(first, "Cancelled")
            return
        self._match(first, self._hub.quotes.get(first.resting.con_id))

    def _changed(self, order_id: OrderId, terms: OrderTerms) -> None:
        held = self._held.get(order_id)
        # Filled or gone meanwhile: the answer to that has told it.
        if held is None or terms.quantity <= held.resting.filled:
            return
        held.terms = terms
        held.resting = replace(
            held.resting,
            quantity=terms.quantity,
            limit_price=terms.limit_price,
            stop_price=terms.stop_price,
            # Where it is now may be where the market is: as if it had just come.
            has_waited=False,
        )
        self._tell_echo(held)
        self._match(held, self._hub.quotes.get(held.resting.con_id))

    def _cancelled(self, order_id: OrderId) -> None:
        held = self._held.get(order_id)
        if held is not None:
            self._end(held, "Cancelled")

    # ---- the port: what only a broker knows

    async def connect(self, order_id_high: OrderId) -> LinkFacts:
        """Refuse: there is nothing to connect to."""
        self._not_here()

    def disconnect(self) -> None:
        """Do nothing: there is no connection."""

    async def preview(self, intent: Intent, instrument: Instrument) -> MarginPreview:
        """Refuse: only a broker knows its margin."""
        self._not_here()

    async def snapshot(self) -> BrokerSnapshot:
        """Refuse: there are no lists."""
        raise SnapshotUnavailable("no broker is here")

    async def executions(self) -> ExecutionList:
        """Refuse: there are no lists."""
        raise SnapshotUnavailable("no broker is here")

    async def heartbeat(self) -> ServerTime:
        """Answer with our own time."""
        return ServerTime(self._clock.utc(), 0.0)

    def reread(self, fields: Sequence[str], server_version: int) -> Reread:
        """Say that nothing was received here."""
        return Reread("no broker is here")

    async def resolve(self, spec: InstrumentSpec) -> Instrument:
        """Refuse: the hub has what was described."""
        self._not_here()

    async def resolve_id(self, con_id: ConId) -> Instrument:
        """Refuse: the hub has what was described."""
        self._not_here()

    async def subscribe(self, instrument: Instrument) -> None:
        """Refuse: the hub has what is subscribed to."""
        self._not_here()

    async def history(self, instrument: Instrument, size_s: int, count: int) -> Sequence[Bar]:
        """Refuse: there are no bars but those that are made here."""
        raise HistoryRefused(HistoryTrouble.NO_DATA, "no broker is here")

    async def subscribe_account(self) -> None:
        """Refuse: there is no account."""
        self._not_here()

    def _not_here(self) -> NoReturn:
        raise NotABroker("no broker is here")
