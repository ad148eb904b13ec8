"""What all sessions share: client ids, the order id authority, and the way to the broker.

The gateway validates a request before the broker sees it (errors with no status), passes it on
after an acknowledgement latency in the order it came, and routes what the broker says to the
client that owns the order. While the broker link is cut it holds both directions.
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from trader.sim.broker.accounts import Position
from trader.sim.broker.exchange import Exchange, Latency
from trader.sim.clock import Clock
from trader.sim.gateway import validation
from trader.sim.gateway.account_view import AccountView, Shown
from trader.sim.gateway.faults import Faults
from trader.sim.gateway.validation import Refusal
from trader.sim.model.orders import Execution, Margin, Order, OrderRequest, Side, Status

CLIENTS_MAX = 32
PLACE_FRAMES_MAX = 200_000
# The kinds of news that a cut link holds back.
NEWS = ("orders", "executions", "commissions", "positions")


class Client(Protocol):
    """What the gateway needs of one connected session."""

    def show_order(self, order: Order) -> None:
        """Send openOrder and orderStatus."""

    def show_status(self, order: Order) -> None:
        """Send orderStatus alone."""

    def show_execution(self, item: Execution) -> None:
        """Send a live execution."""

    def show_commission(self, item: Execution) -> None:
        """Send a commission report."""

    def show_error(self, request_id: int, code: int, text: str, *, advanced: str = "") -> None:
        """Send an error message; `advanced` is the JSON of a refusal that can be overridden."""

    def show_position(self, account: str, row: Shown) -> None:
        """Send a position if the client asked for positions."""

    def account_changed(self, account: str, con_id: int = 0) -> None:
        """Note that an account's values are out of date."""

    def data_lost(self) -> None:
        """Forget market data subscriptions (1101)."""


@dataclass(frozen=True, slots=True)
class PlaceFrame:
    """One placeOrder frame as received, whatever became of it."""

    order_id: int
    client_id: int
    order_ref: str
    is_change: bool
    received_monotonic_s: float
    received_s: float


class Gateway:
    """Shared state of all sessions and the router between them and the broker."""

    def __init__(
        self, clock: Clock, exchange: Exchange, faults: Faults, rng: random.Random, ack: Latency
    ) -> None:
        self.clock, self.exchange, self.faults, self.ack = clock, exchange, faults, ack
        self.clients: dict[int, Client] = {}
        self.is_read_only = False
        self.highest_id: dict[int, int] = {}
        self.announced_id: dict[int, int] = {}
        self.place_frames: deque[PlaceFrame] = deque(maxlen=PLACE_FRAMES_MAX)
        self.frames_in = 0
        # A real gateway allows a client 50 messages a second (error 100); this shows the pace.
        self.frames_in_per_s_max = 0
        self.frames_out = 0
        self.on_change: Callable[[], None] = lambda: None
        self._rng = rng
        self._live: dict[tuple[int, int], Order] = {}
        self._lane_due_s: dict[int, float] = {}
        self._lane_length: dict[int, int] = {}
        self._to_broker: list[Callable[[], None]] = []
        # What the cut link holds back, each with the kind of news it is.
        self._from_broker: list[tuple[str, Callable[[], None]]] = []
        self._silent: set[int] = set()
        self.account_view = AccountView(exchange.bank, clock, faults.account)
        exchange.listener = self
        exchange.bank.listener = self

    # -- client ids ---------------------------------------------------------------------------

    def admit(self, client_id: int, client: Client) -> Refusal | None:
        """Register a client; refuse a duplicate id (326) and the 33rd client."""
        now = self.clock.monotonic()
        if client_id in self.clients or self.faults.handshakes.is_busy(client_id, now):
            return validation.client_id_in_use()
        if len(self.clients) >= CLIENTS_MAX:
            return validation.too_many_clients(CLIENTS_MAX)
        self.clients[client_id] = client
        return None

    def leave(self, client_id: int, client: Client) -> None:
        """Forget a client; its orders stay with the broker."""
        if self.clients.get(client_id) is client:
            del self.clients[client_id]

    def next_order_id(self, client_id: int) -> int:
        """Return the id to announce: the highest used by this client id, plus one."""
        announced = self.announced_id.get(client_id)
        return self.highest_id.get(client_id, 0) + 1 if announced is None else announced

    def live(self, client_id: int, order_id: int) -> Order | None:
        """Return a client's live order under this id."""
        return self._live.get((client_id, order_id))

    def adopt(self, order: Order) -> None:
        """Know an order that came from saved state."""
        if not order.status.is_done:
            self._live[(order.client_id, order.order_id)] = order

    # -- requests from clients ------------------------------------------------------------------

    def place(self, client_id: int, request: OrderRequest) -> Refusal | None:
        """Take a placeOrder: a new order or a change of the client's live one."""
        existing = self._live.get((client_id, request.order_id))
        self.note_place(client_id, request)
        swallow = None if request.what_if else self.faults.takes("placeOrder")
        if swallow is not None and not swallow.register:
            return None
        refusal = self._refusal(client_id, request, existing)
        if refusal is not None:
            return None if swallow else refusal
        if existing is not None:
            self._pass_on(client_id, lambda: self._change(existing, request))
            return None
        order = self._new_order(client_id, request, self.exchange.next_perm_id())
        if swallow is not None:
            self._silent.add(order.perm_id)
        self.highest_id[client_id] = request.order_id
        self.announced_id.pop(client_id, None)
        self._live[(client_id, request.order_id)] = order
        if not request.terms.tif:
            self._route(order, lambda c: c.show_error(order.order_id, *validation.PRESET_TIF))
        self._pass_on(client_id, lambda: self.exchange.submit(order))
        return None

    def note_place(self, client_id: int, request: OrderRequest) -> None:
        """Record that a placeOrder has come, whatever becomes of it."""
        existing = self._live.get((client_id, request.order_id))
        self.place_frames.append(
            PlaceFrame(
                request.order_id, client_id, request.order_ref, existing is not None,
                self.clock.host_monotonic(), self.clock.time(),
            )
        )  # fmt: skip

    def place_beside(self, client_id: int, request: OrderRequest) -> Refusal | None:
        """Take a change as a second order beside the first, under the same order id.

        The first stays the one that the id means; the second lives on with a permanent id of
        its own and reports under the same order id.
        """
        self.note_place(client_id, request)
        item = self.exchange.market.catalogue.find(request.contract)
        refusal = validation.check_order(request, item, self.exchange.bank.names)
        if refusal is None:
            order = self._new_order(client_id, request, self.exchange.next_perm_id())
            self._pass_on(client_id, lambda: self.exchange.submit(order))
        return refusal

    def _refusal(
        self, client_id: int, request: OrderRequest, existing: Order | None
    ) -> Refusal | None:
        if self.is_read_only:
            return validation.read_only()
        catalogue = self.exchange.market.catalogue
        item = catalogue.find(request.contract)
        if item is None:
            return Refusal(*catalogue.why_not(request.contract))
        refusal = validation.check_order(request, item, self.exchange.bank.names)
        if refusal is not None:
            return refusal
        if existing is not None:
            return validation.check_change(existing, request, item)
        if request.order_id <= self.highest_id.get(client_id, 0):
            return validation.duplicate_order_id()
        return None

    def _new_order(self, client_id: int, request: OrderRequest, perm_id: int) -> Order:
        item = self.exchange.market.catalogue.find(request.contract)
        quantity = request.terms.quantity
        assert item is not None, "validated before"
        assert quantity is not None, "validated before"
        terms = validation.preset(request.terms)
        return Order(
            perm_id, client_id, request.order_id, item, Side(terms.action), terms,
            request.account or self.exchange.bank.main.name, request.order_ref,
            self.clock.time(), parent_id=request.parent_id, quantity=quantity,
        )  # fmt: skip

    def _change(self, order: Order, request: OrderRequest) -> None:
        if order.status.is_done:
            refusal = validation.change_too_late(order)
            self._route(order, lambda c: c.show_error(order.order_id, refusal.code, refusal.text))
            return
        reason = self.exchange.change(order, validation.preset(request.terms))
        if reason:
            text = f"Order rejected - reason:{reason}"
            self._route(order, lambda c: c.show_error(order.order_id, 201, text))

    def check(self, client_id: int, request: OrderRequest) -> Refusal | None:
        """Say why a what-if order would be refused; nothing is placed or recorded."""
        existing = self._live.get((client_id, request.order_id))
        return self._refusal(client_id, request, existing)

    def preview(self, client_id: int, request: OrderRequest) -> tuple[Order, Margin]:
        """Return the order a checked what-if request describes and what it would change."""
        order = self._new_order(client_id, request, perm_id=0)
        return order, self.exchange.bank.preview(order)

    def read_only_refusal(self) -> Refusal:
        """Return what a read-only API answers."""
        return validation.read_only()

    def cancel(self, client_id: int, order_id: int) -> Refusal | None:
        """Take a cancelOrder: only the client's own live order can be cancelled."""
        swallow = self.faults.takes("cancelOrder")
        if swallow is not None and not swallow.register:
            return None
        order = self._live.get((client_id, order_id))
        if order is None:
            done = self._find_done(client_id, order_id)
            return None if swallow else validation.cancel_refused(order_id, done)
        if swallow is not None:
            self._silent.add(order.perm_id)
        self._pass_on(client_id, lambda: self._cancel(order))
        return None

    def _find_done(self, client_id: int, order_id: int) -> Order | None:
        return next(
            (
                order
                for order in reversed(self.exchange.orders.values())
                if order.order_id == order_id and order.client_id == client_id
            ),
            None,
        )

    def _cancel(self, order: Order) -> None:
        if not order.status.is_done:
            self.exchange.cancel(order)
            return
        # It ended while the cancel was on its way; 161 does not say whether it filled.
        refusal = validation.cancel_too_late(order)
        self._route(order, lambda c: c.show_error(order.order_id, refusal.code, refusal.text))

    def cancel_all(self, client_id: int) -> None:
        """Take a global cancel: every live order, whoever owns it."""

        def step() -> None:
            working = self.exchange.working()
            leaves, self.faults.global_cancel_leaves = self.faults.global_cancel_leaves, 0
            for order in working[: max(len(working) - leaves, 0)]:
                self.exchange.cancel(order)

        self._pass_on(client_id, step)

    def _pass_on(self, client_id: int, step: Callable[[], None]) -> None:
        """Run a step at the broker after the latency, never before an earlier one."""
        delay_s, now = self.ack.draw(self._rng), self.clock.monotonic()
        due = max(now + delay_s, self._lane_due_s.get(client_id, 0.0))
        if due <= now and not self._lane_length.get(client_id):
            self._at_broker(step)
            return
        self._lane_due_s[client_id] = due
        self._lane_length[client_id] = self._lane_length.get(client_id, 0) + 1

        def arrive() -> None:
            self._lane_length[client_id] -= 1
            self._at_broker(step)

        self.clock.call_later(due - now, arrive)

    def _at_broker(self, step: Callable[[], None]) -> None:
        if self.faults.is_upstream_down:
            self._to_broker.append(step)
        else:
            step()

    # -- news from the broker (exchange.Listener) ----------------------------------------------

    def order_changed(self, order: Order) -> None:
        """Route one openOrder and orderStatus pair."""
        if order.status.is_done:
            self._live.pop((order.client_id, order.order_id), None)
        self._route(order, lambda c: c.show_order(order))
        self.on_change()

    def order_ended(self, order: Order, code: int, text: str) -> None:
        """Route the end of an order: status, then the code."""
        self._live.pop((order.client_id, order.order_id), None)

        def show(client: Client) -> None:
            client.show_status(order)
            client.show_error(order.order_id, code, text)

        self._route(order, show)
        self.on_change()

    def order_reported(self, order: Order) -> None:
        """Route a state that is told as an orderStatus alone."""
        if order.status.is_done:
            self._live.pop((order.client_id, order.order_id), None)
        self._route(order, lambda c: c.show_status(order))
        self.on_change()

    def order_noted(self, order: Order, code: int, text: str) -> None:
        """Route what is to be known about an order whose state has not changed."""
        self._route(order, lambda c: c.show_error(order.order_id, code, text))

    def executed(self, item: Execution) -> None:
        """Route an execution to its owner and the position to everybody who asked."""
        self._route(item, lambda c: c.show_execution(item), kind="executions")
        if not item.instrument.legs:
            account = self.exchange.bank.account(item.account)
            self.position_moved(account.name, account.position(item.instrument))

    def position_moved(self, account: str, entry: Position) -> None:
        """Tell everybody who asked that a position is another one (bank.Listener)."""
        con_id = entry.instrument.con_id

        def news() -> None:
            self.account_view.moved(account, entry, self._show_position)
            for client in list(self.clients.values()):
                client.account_changed(account, con_id)

        self._from("positions", news)
        self.on_change()

    def _show_position(self, account: str, row: Shown) -> None:
        for client in list(self.clients.values()):
            client.show_position(account, row)

    def funds_moved(self, account: str) -> None:
        """Tell everybody who asked that cash was paid in or out (bank.Listener)."""

        def news() -> None:
            for client in list(self.clients.values()):
                client.account_changed(account)

        self._from("positions", news)
        self.on_change()

    def end_position_lag(self) -> None:
        """Show every position change that was held back (S13)."""
        self.account_view.end_lag(self._show_position)

    def commission_known(self, item: Execution) -> None:
        """Route a commission report, as the commission fault allows."""
        mode = self.faults.commissions
        if mode == "never" or (mode == "first" and item.cumulative != item.quantity):
            return
        self._route(item, lambda c: c.show_commission(item), kind="commissions")

    def _route(
        self, owner: Order | Execution, show: Callable[[Client], None], kind: str = "orders"
    ) -> None:
        if owner.perm_id in self._silent:
            return

        def deliver() -> None:
            client = self.clients.get(owner.client_id)
            if client is not None:
                show(client)

        self._from(kind, deliver)

    def _from(self, kind: str, deliver: Callable[[], None]) -> None:
        if self.faults.is_upstream_down and not self.faults.is_delivering:
            self._from_broker.append((kind, deliver))
        else:
            deliver()

    def speak(self, order: Order) -> None:
        """Break the silence about a swallowed order: show it now, and its news from now on."""
        self._silent.discard(order.perm_id)
        self._route(order, lambda c: c.show_order(order))

    # -- broker link ----------------------------------------------------------------------------

    def tell_all(self, code: int, text: str) -> None:
        """Send a system message to every client."""
        for client in list(self.clients.values()):
            client.show_error(-1, code, text)

    def restore_link(self, *, data_lost: bool, replay: tuple[str, ...] = NEWS) -> None:
        """Let go, in order, of what the cut link held back; news of other kinds are lost."""
        self.faults.is_upstream_down = False
        if data_lost:
            for client in list(self.clients.values()):
                client.data_lost()
        news, requests = self._from_broker, self._to_broker
        self._from_broker, self._to_broker = [], []
        for kind, deliver in news:
            if kind in replay:
                deliver()
        for step in requests:
            step()

    # -- views ----------------------------------------------------------------------------------

    def orders_of(self, client_id: int) -> list[Order]:
        """Return the live orders a client owns, by order id."""
        own = [order for (owner, _), order in self._live.items() if owner == client_id]
        return sorted((o for o in own if o.status is not Status.PENDING_SUBMIT), key=_by_id)

    def trade_by_hand(self, symbol: str, side: Side, quantity: Decimal) -> Execution:
        """Trade as a person at TWS would; only client 0 hears of the execution."""
        item = self.exchange.market.catalogue.symbol(symbol)
        assert item is not None, "the control port checked the symbol"
        return self.exchange.trade_by_hand(item, side, quantity)


def _by_id(order: Order) -> int:
    return order.order_id
