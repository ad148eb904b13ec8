"""What all sessions share: clients, orders and whose they are, and the way to the broker.

The gateway validates a request before the broker sees it (errors with no status), passes it on
after an acknowledgement latency in the order it came (`lanes`), and routes what the broker says to
the client that owns the order (`owned`).
"""

import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import tzinfo
from decimal import Decimal

from trader.sim.broker.exchange import Exchange, Latency
from trader.sim.broker.orders import life
from trader.sim.broker.orders.life import Event
from trader.sim.broker.orders.register import CANCELED
from trader.sim.broker.orders.unasked import MANUAL_PERM_ID
from trader.sim.clock import Clock
from trader.sim.gateway.orders import order_checks, validation
from trader.sim.gateway.orders.clients import Client
from trader.sim.gateway.orders.news import News
from trader.sim.gateway.orders.order_ids import OrderIds
from trader.sim.gateway.orders.order_rules import OrderRules
from trader.sim.gateway.orders.owned import MANUAL_CLIENT, Owned
from trader.sim.gateway.orders.validation import Refusal
from trader.sim.gateway.ways.account_view import AccountView
from trader.sim.gateway.ways.faults import Faults
from trader.sim.gateway.ways.lanes import NEWS, Lanes
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import (
    ZERO,
    Execution,
    Margin,
    Order,
    OrderRequest,
    Side,
    Status,
    Terms,
)

CLIENTS_MAX = 32


def _kept_by_nobody(_order: Order) -> None:
    """Put nothing down: there is no store."""


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
        self.clock, self.exchange, self.faults = clock, exchange, faults
        self.rules = OrderRules()
        self.clients: dict[int, Client] = {}
        self.is_read_only = False
        self._ids, self._owned = OrderIds(), Owned(exchange.register.ended)
        self._lanes = Lanes(clock, faults, rng, ack)
        self._binds_manual = False
        # The latest frames; the host may put the older ones away, and then knows them.
        self.place_frames: deque[PlaceFrame] = deque()
        self.past_frames: Callable[[], Iterator[PlaceFrame]] = lambda: iter(())
        # Who puts down an order that is kept back, or given up, before the broker hears of it.
        self.on_kept: Callable[[Order], None] = _kept_by_nobody
        self.frames_in = 0
        # A real gateway allows a client 50 messages a second (error 100); this shows the pace.
        self.frames_in_per_s_max = 0
        self.frames_out = 0
        self.news = News(
            exchange, self.clients, faults, self.rules, lanes=self._lanes, owned=self._owned
        )
        exchange.listener = self.news
        exchange.bank.listener = self.news

    @property
    def zone(self) -> tzinfo:
        """Return where the gateway believes to be: its day begins at midnight there."""
        return self.exchange.zone

    @zone.setter
    def zone(self, value: tzinfo) -> None:
        self.exchange.zone = value

    @property
    def account_view(self) -> AccountView:
        """Return positions as clients are shown them."""
        return self.news.account_view

    @property
    def on_change(self) -> Callable[[], None]:
        """Return what is called when anything worth keeping has changed."""
        return self.news.on_change

    @on_change.setter
    def on_change(self, value: Callable[[], None]) -> None:
        self.news.on_change = value

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

    @property
    def ack(self) -> Latency:
        """Return how long a message needs from the gateway to the broker."""
        return self._lanes.ack

    @ack.setter
    def ack(self, value: Latency) -> None:
        self._lanes.ack = value

    # -- order ids ------------------------------------------------------------------------------

    @property
    def highest_id(self) -> dict[int, int]:
        """Return the highest order id each client has used."""
        return self._ids.highest

    @property
    def announced_id(self) -> dict[int, int]:
        """Return the ids announced instead of the next ones, by client."""
        return self._ids.announced

    def next_order_id(self, client_id: int) -> int:
        """Return the id to announce: the highest used by this client id, plus one."""
        return self._ids.next(client_id)

    def live(self, client_id: int, order_id: int) -> Order | None:
        """Return a client's live order under this id."""
        return self._owned.live(client_id, order_id)

    def adopt(self, order: Order) -> None:
        """Know an order that came from saved state."""
        if order.status.is_done:
            self._owned.end(order)
        else:
            self._owned.add(order)

    # -- requests from clients ------------------------------------------------------------------

    def place(
        self, client_id: int, request: OrderRequest, *, is_noted: bool = False
    ) -> Refusal | None:
        """Take a placeOrder: a new order or a change of the client's live one.

        `is_noted` says that its coming was recorded before, when it came.
        """
        existing = self._owned.live(client_id, request.order_id)
        if not is_noted:
            self.note_place(client_id, request)
        swallow = None if request.what_if else self.faults.takes("placeOrder")
        if swallow is not None and not swallow.register:
            return None
        refusal = self._refusal(client_id, request, existing)
        if refusal is not None:
            return None if swallow else refusal
        if existing is not None and not existing.is_staged:
            self._lanes.up(client_id, lambda: self._change(existing, request))
            return None
        order = self._new_order(client_id, request, self.exchange.next_perm_id())
        if existing is not None:
            order.perm_id = existing.perm_id
        if swallow is not None:
            self.news.silence(order)
        self._ids.use(client_id, request.order_id)
        self._stage(order)
        if request.transmit:
            for code, text in order_checks.notices(request.terms, order.instrument):
                self.news.order_noted(order, code, text)
            for one in self._owned.family(order):
                self._transmit(one)
        return None

    def _stage(self, order: Order) -> None:
        """Keep an order back until it, or one it belongs to, is to be transmitted."""
        parent = self._owned.known(order.client_id, order.parent_id) if order.parent_id else None
        order.parent_perm_id = 0 if parent is None else parent.perm_id
        order.is_staged = True
        if self.rules.perm_ids_withheld:
            self.rules.perm_ids_withheld -= 1
            self.news.withhold(order, self.rules.messages_withheld)
        self._owned.add(order)
        self.on_kept(order)

    def _transmit(self, order: Order) -> None:
        self._owned.send(order)
        self._lanes.up(order.client_id, lambda: self.exchange.submit(order))

    def transmit_by_hand(self, order: Order) -> None:
        """Send an order that was kept back, and its family, as a person at TWS would."""
        for one in self._owned.family(order):
            self._transmit(one)

    def keep_order_id(self, client_id: int, order_id: int) -> None:
        """Let a new order that was read but waits be taken later, whatever has passed it."""
        self._ids.keep(client_id, order_id)

    def note_place(self, client_id: int, request: OrderRequest) -> None:
        """Record that a placeOrder has come, whatever becomes of it."""
        existing = self._owned.live(client_id, request.order_id)
        self.place_frames.append(
            PlaceFrame(
                request.order_id, client_id, request.order_ref, existing is not None,
                self.clock.host_monotonic(), self.clock.time(),
            )
        )  # fmt: skip

    def place_beside(
        self, client_id: int, request: OrderRequest, *, is_hidden: bool
    ) -> Refusal | None:
        """Take a change as a second order beside the first, under the same order id.

        The first stays the one that the id means; the second lives on with a permanent id of
        its own and reports under the same order id. When the first has ended the id means the
        second, unless that is hidden: then only a global cancel ends it.
        """
        self.note_place(client_id, request)
        item = self.exchange.market.catalogue.find(request.contract)
        refusal = order_checks.check_order(request, item, self._place(item))
        if refusal is None:
            order = self._new_order(client_id, request, self.exchange.next_perm_id())
            if not is_hidden:
                self._owned.add_beside(order)
            self._lanes.up(client_id, lambda: self.exchange.submit(order))
        return refusal

    def _place(self, item: Instrument | None) -> order_checks.Place:
        has_auctions = item is not None and self.exchange.sessions.has_auctions(item)
        return order_checks.Place(self.exchange.bank.names, self.clock.time(), has_auctions)

    def _refusal(
        self, client_id: int, request: OrderRequest, existing: Order | None
    ) -> Refusal | None:
        if self.is_read_only:
            return validation.read_only()
        catalogue = self.exchange.market.catalogue
        item = catalogue.find(request.contract)
        if item is None:
            return Refusal(*catalogue.why_not(request.contract))
        refusal = order_checks.check_order(request, item, self._place(item))
        if refusal is None and self.rules.has_presets:
            quote = self.exchange.price_now(item)
            refusal = order_checks.check_presets(request.terms, quote, self.rules)
        if refusal is not None:
            return refusal
        if existing is not None:
            return self._refused_change(existing, request, item)
        return self._refused_id(client_id, request)

    def _refused_change(
        self, existing: Order, request: OrderRequest, item: Instrument
    ) -> Refusal | None:
        parent = self._owned.live(existing.client_id, request.parent_id)
        if self.rules.refuses_gone_parent and request.parent_id and parent is None:
            return validation.parent_gone(request.parent_id)
        return validation.check_change(existing, request, item)

    def _refused_id(self, client_id: int, request: OrderRequest) -> Refusal | None:
        if request.parent_id and self._owned.known(client_id, request.parent_id) is None:
            return validation.missing_parent()
        if self.rules.revives_ended_ids and self._owned.ended(client_id, request.order_id):
            return None
        was_kept = self._ids.redeem(client_id, request.order_id)
        if self._ids.is_used(client_id, request.order_id) and not was_kept:
            return validation.duplicate_order_id()
        return None

    def _new_order(self, client_id: int, request: OrderRequest, perm_id: int) -> Order:
        contract, terms = request.contract, validation.preset(request.terms)
        if self.rules.rewrites_combos:
            contract = replace(contract, legs=contract.legs[::-1])
            terms = replace(terms, leg_prices=terms.leg_prices[::-1])
        item = self.exchange.market.catalogue.find(contract)
        assert item is not None, "validated before"
        return Order(
            perm_id, client_id, request.order_id, item, Side(terms.action), terms,
            request.account or self.exchange.bank.main.name, request.order_ref,
            self.clock.time(), parent_id=request.parent_id,
            quantity=request.terms.quantity or ZERO,
        )  # fmt: skip

    def _change(self, order: Order, request: OrderRequest) -> None:
        if order.status.is_done:
            refusal = validation.change_too_late(order)
            self.news.order_noted(order, refusal.code, refusal.text)
            return
        terms = validation.preset(request.terms)
        terms = replace(terms, quantity=terms.quantity or order.quantity)
        if not terms.oca_group:
            terms = replace(terms, oca_group=order.terms.oca_group, oca_type=order.terms.oca_type)
        reason = self.exchange.change(order, terms)
        if reason:
            self.news.order_noted(order, 201, f"Order rejected - reason:{reason}")

    def check(self, client_id: int, request: OrderRequest) -> Refusal | None:
        """Say why a what-if order would be refused; nothing is placed or recorded."""
        existing = self._owned.live(client_id, request.order_id)
        return self._refusal(client_id, request, existing)

    def preview(self, client_id: int, request: OrderRequest) -> tuple[Order, Margin]:
        """Return the order a checked what-if request describes and what it would change."""
        order = self._new_order(client_id, request, perm_id=0)
        return order, self.exchange.bank.preview(order)

    def read_only_refusal(self) -> Refusal:
        """Return what a read-only API answers."""
        return validation.read_only()

    def cancel(self, client_id: int, order_id: int) -> Refusal | None:
        """Take a cancelOrder: only the client's own live order can be cancelled, as a rule."""
        swallow = self.faults.takes("cancelOrder")
        if swallow is not None and not swallow.register:
            return None
        order = self._owned.live(client_id, order_id)
        if order is None and self.rules.allows_foreign_cancel:
            order = self._owned.everybodys(client_id, order_id)
        if order is None:
            done = self._owned.ended(client_id, order_id)
            return None if swallow else validation.cancel_refused(order_id, done)
        if swallow is not None:
            self.news.silence(order)
        if order.is_staged:
            self._discard(order)
        else:
            self._lanes.up(client_id, lambda: self._cancel(order, client_id))
        return None

    def _discard(self, order: Order) -> None:
        """End an order the broker has not heard of, and its children with it."""
        children = [o for o in self._owned.family(order) if o.parent_id == order.order_id]
        for one in (order, *children):
            # It stays one that was never sent, for whoever puts it down.
            one.status = life.after(one.status, Event.DISCARDED)
            self.on_kept(one)
            self.news.order_ended(one, 202, CANCELED)

    def _cancel(self, order: Order, client_id: int) -> None:
        if order.status.is_done:
            # It ended while the cancel was on its way; 161 does not say whether it filled.
            refusal = validation.cancel_too_late(order)
            self.news.order_noted(order, refusal.code, refusal.text)
            return
        self.exchange.cancel(order)
        stranger = self.clients.get(client_id)
        is_live = self._owned.live(order.client_id, order.order_id) is order
        if client_id != order.client_id and stranger is not None and not is_live:
            # As recorded: the end is told to whoever asked for it, as if the order were its own.
            stranger.show_status(replace(order, client_id=client_id))
            stranger.show_error(order.order_id, 202, CANCELED)

    def cancel_all(self, client_id: int) -> None:
        """Take a global cancel: every live order, whoever owns it."""

        def step() -> None:
            working = self.exchange.working()
            leaves, self.faults.global_cancel_leaves = self.faults.global_cancel_leaves, 0
            for order in working[: max(len(working) - leaves, 0)]:
                if not order.status.is_done:
                    self.exchange.cancel(order)

        self._lanes.up(client_id, step)

    # -- news and the broker link -----------------------------------------------------------------

    def end_position_lag(self) -> None:
        """Show every position change that was held back (S13)."""
        self.news.end_position_lag()

    def speak(self, order: Order) -> None:
        """Break the silence about a swallowed order: show it now, and its news from now on."""
        self.news.speak(order)

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
        self._lanes.release(replay)

    # -- views ----------------------------------------------------------------------------------

    def orders_of(self, client_id: int) -> list[Order]:
        """Return the live orders a client owns, by order id."""
        found = self._owned.of_client(client_id)
        if client_id == MANUAL_CLIENT:
            self.bind_manual()
            found = self._owned.of_client(client_id)
        return found

    def orders_of_all(self, client_id: int) -> list[Order]:
        """Return every live order the broker knows, as one client may see it."""
        found = [o for o in self.exchange.working() if o.status is not Status.PENDING_SUBMIT]
        if not self.rules.hides_foreign_ids:
            return found
        return [o if o.client_id == client_id else replace(o, order_id=0) for o in found]

    # -- hands at the terminal ------------------------------------------------------------------

    def bind_automatically(self, *, is_on: bool) -> None:
        """Bind what is entered by hand, now and from now on (message 15 of client 0)."""
        self._binds_manual = is_on
        if is_on:
            self.bind_manual()

    def bind_manual(self) -> None:
        """Give client 0 an order id for each manual order, and say so (message 100)."""
        client = self.clients.get(MANUAL_CLIENT)
        if client is None:
            return
        for order in self._owned.bind():
            client.show_bound(order)

    def order_by_hand(self, item: Instrument, terms: Terms, *, account: str = "") -> Order:
        """Enter an order as a person at TWS would: client 0, order id 0 until it is bound."""
        order = Order(
            MANUAL_PERM_ID + self.exchange.next_perm_id(), MANUAL_CLIENT, 0, item,
            Side(terms.action), validation.preset(terms), account or self.exchange.bank.main.name,
            "", self.clock.time(), quantity=terms.quantity or ZERO,
        )  # fmt: skip
        self._owned.add(order)
        if self._binds_manual:
            self.bind_manual()
        self.exchange.submit(order)
        return order

    def trade_by_hand(self, symbol: str, side: Side, quantity: Decimal) -> Execution:
        """Trade as a person at TWS would; only client 0 hears of the execution."""
        item = self.exchange.market.catalogue.symbol(symbol)
        assert item is not None, "the control port checked the symbol"
        return self.exchange.trade_by_hand(item, side, quantity)
