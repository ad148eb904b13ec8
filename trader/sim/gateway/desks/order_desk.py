"""What one session does with orders: place, change, cancel, list; and past executions."""

from collections.abc import Callable

from trader.sim.broker.orders.unasked import is_by_hand
from trader.sim.clock import stamp
from trader.sim.gateway.desks.world import Asker
from trader.sim.gateway.orders import executions, validation
from trader.sim.model.orders import Order, OrderRequest, Status
from trader.sim.wire import messages_completed, messages_orders, messages_session, requests_orders
from trader.sim.wire.frames import FieldError

Handler = Callable[[list[str]], None]


class OrderDesk:
    """Orders and executions of one session."""

    def __init__(self, session: Asker) -> None:
        self._session, self._world = session, session.world

    def handlers(self) -> dict[int, Handler]:
        """Return the message ids answered here."""
        return {
            3: self._place, 4: self._cancel, 5: self._own_orders, 7: self._executions,
            15: self._bind, 16: self._all_orders, 58: self._cancel_all, 99: self._completed_orders,
        }  # fmt: skip

    def _place(self, fields: list[str]) -> None:
        self._take(fields, is_noted=False)

    def place_late(self, fields: list[str]) -> None:
        """Take a placeOrder whose coming was recorded when it came."""
        self._take(fields, is_noted=True)

    def _take(self, fields: list[str], *, is_noted: bool) -> None:
        assert self._session.client_id is not None, "dispatched after startApi"
        request = requests_orders.parse_place_order(fields, self._session.sv)
        if request.what_if:
            self._what_if(request)
            return
        gateway = self._world.gateway
        refusal = gateway.place(self._session.client_id, request, is_noted=is_noted)
        if refusal is not None:
            self._session.show_error(request.order_id, refusal.code, refusal.text)

    def note(self, fields: list[str]) -> None:
        """Record a placeOrder that nobody handles now, if it can be read."""
        assert self._session.client_id is not None, "dispatched after startApi"
        try:
            request = requests_orders.parse_place_order(fields, self._session.sv)
        except FieldError:
            return
        self._world.gateway.note_place(self._session.client_id, request)

    def place_beside(self, fields: list[str], *, is_hidden: bool) -> None:
        """Take a change as a second order under the same order id."""
        assert self._session.client_id is not None, "dispatched after startApi"
        request = requests_orders.parse_place_order(fields, self._session.sv)
        gateway = self._world.gateway
        refusal = gateway.place_beside(self._session.client_id, request, is_hidden=is_hidden)
        if refusal is not None:
            self._session.show_error(request.order_id, refusal.code, refusal.text)

    def _what_if(self, request: OrderRequest) -> None:
        assert self._session.client_id is not None, "dispatched after startApi"
        gateway = self._world.gateway
        refusal = gateway.check(self._session.client_id, request)
        if refusal is not None:
            self._session.show_error(request.order_id, refusal.code, refusal.text)
            return
        order, margin = gateway.preview(self._session.client_id, request)
        self._session.push(5, messages_orders.open_order(self._session.sv, order, margin))

    def _cancel(self, fields: list[str]) -> None:
        assert self._session.client_id is not None, "dispatched after startApi"
        order_id = requests_orders.parse_cancel_order(fields, self._session.sv).order_id
        refusal = self._world.gateway.cancel(self._session.client_id, order_id)
        if refusal is not None:
            self._session.show_error(order_id, refusal.code, refusal.text)

    def _cancel_all(self, fields: list[str]) -> None:
        assert self._session.client_id is not None, "dispatched after startApi"
        requests_orders.parse_global_cancel(fields, self._session.sv)
        self._world.gateway.cancel_all(self._session.client_id)

    def _own_orders(self, _fields: list[str]) -> None:
        assert self._session.client_id is not None, "dispatched after startApi"
        orders = self._world.gateway.orders_of(self._session.client_id)
        if self._world.faults.shows_done_orders:
            known = self._world.exchange.orders.values()
            own = [o for o in known if o.client_id == self._session.client_id]
            orders = [*orders, *(o for o in own if o.status.is_done)]
        self._list_orders(orders)

    def _all_orders(self, _fields: list[str]) -> None:
        assert self._session.client_id is not None, "dispatched after startApi"
        self._list_orders(self._world.gateway.orders_of_all(self._session.client_id))

    def _bind(self, fields: list[str]) -> None:
        """Only client 0 can have what is entered by hand bound to itself."""
        is_on = requests_orders.parse_auto_open_orders(fields)
        if self._session.client_id == 0:
            self._world.gateway.bind_automatically(is_on=is_on)
            return
        refusal = validation.invalid("Only the default client (i.e 0) can auto bind orders")
        self._session.show_error(-1, refusal.code, refusal.text)

    def _list_orders(self, orders: list[Order]) -> None:
        if self._world.gateway.is_read_only:
            refusal = self._world.gateway.read_only_refusal()
            self._session.show_error(-1, refusal.code, refusal.text)
            return
        for order in orders:
            if not self._world.faults.omits(order.perm_id):
                self._session.show_order(order)
        self._session.push(53, messages_session.end(53))

    def _completed_orders(self, fields: list[str]) -> None:
        is_api_only = requests_orders.parse_completed_orders(fields)
        gateway = self._world.gateway
        # The orders of the gateway's day, as a real one lists them.
        since_s = executions.day_start_s(gateway.clock.time(), gateway.zone)
        for order in self._world.exchange.register.completed_since(since_s):
            if order.status is not Status.INACTIVE and not (is_api_only and is_by_hand(order)):
                frame = messages_completed.completed_order(
                    self._session.sv, order, stamp(order.completed_s)
                )
                self._session.push(101, frame)
        self._session.push(102, messages_completed.completed_orders_end())

    def _executions(self, fields: list[str]) -> None:
        wanted = requests_orders.parse_executions(fields, self._session.sv)
        now_s, zone = self._world.gateway.clock.time(), self._world.gateway.zone
        oldest_s = now_s - executions.DAYS_MAX * executions.DAY_S
        known = self._world.exchange.trades.since(oldest_s)
        found = executions.matching(known, wanted, now_s=now_s, zone=zone)
        for item in found:
            self._session.show_execution(item, wanted.request_id)
        for item in found:
            if self._world.faults.commissions != "never":
                self._session.show_commission(item)
        self._session.push(55, messages_session.end(55, wanted.request_id))
