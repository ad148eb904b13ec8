"""What the broker says, routed to those it concerns, in the shape in which each may see it.

An order's news goes to the client that owns it and to the master client; positions go to everybody
who asked. A cut link, a silence about an order or a permanent id that comes late change what is
shown, never what is true.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from trader.sim.broker.exchange import Exchange
from trader.sim.broker.money.accounts import Position
from trader.sim.broker.orders.unasked import LIQUIDATION_ORDER_ID
from trader.sim.gateway.orders.clients import Client
from trader.sim.gateway.orders.order_rules import OrderRules
from trader.sim.gateway.orders.owned import MANUAL_CLIENT, Owned
from trader.sim.gateway.ways.account_view import AccountView, Shown
from trader.sim.gateway.ways.faults import Faults
from trader.sim.gateway.ways.lanes import Lanes
from trader.sim.model.orders import Execution, Order, Terms

# What an order that is no volatility order may be shown with: annual, as a share.
FILLED_IN_VOLATILITY = "0.25"


class News:
    """The router from the broker to the clients (exchange.Listener and bank.Listener)."""

    def __init__(
        self,
        exchange: Exchange,
        clients: Mapping[int, Client],
        faults: Faults,
        rules: OrderRules,
        *,
        lanes: Lanes,
        owned: Owned,
    ) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self.account_view = AccountView(exchange.bank, lanes.clock, faults.account)
        self._exchange, self._clients, self._faults = exchange, clients, faults
        self._rules, self._lanes, self._owned = rules, lanes, owned
        self._silent: set[int] = set()
        # Permanent id -> how many more messages of that order are shown without it.
        self._withheld: dict[int, int] = {}

    def silence(self, order: Order) -> None:
        """Tell nothing of an order, whatever becomes of it."""
        self._silent.add(order.perm_id)

    def withhold(self, order: Order, messages: int) -> None:
        """Show an order without its permanent id for its next messages."""
        self._withheld[order.perm_id] = messages

    # -- orders and executions (exchange.Listener) ------------------------------------------------

    def order_changed(self, order: Order) -> None:
        """Route one openOrder and orderStatus pair."""
        if order.status.is_done:
            self._owned.end(order)
        shown = self._as_shown(order)
        self._route(order, lambda c: c.show_order(shown))
        self.on_change()

    def order_ended(self, order: Order, code: int, text: str) -> None:
        """Route the end of an order: status, then the code."""
        self._owned.end(order)
        shown = self._as_shown(order)

        def show(client: Client) -> None:
            client.show_status(shown)
            client.show_error(order.order_id, code, text)

        self._route(order, show)
        self.on_change()

    def order_reported(self, order: Order) -> None:
        """Route a state that is told as an orderStatus alone."""
        if order.status.is_done:
            self._owned.end(order)
        shown = self._as_shown(order)
        self._route(order, lambda c: c.show_status(shown))
        self.on_change()

    def order_noted(self, order: Order, code: int, text: str) -> None:
        """Route what is to be known about an order whose state has not changed."""
        self._route(order, lambda c: c.show_error(order.order_id, code, text))

    def executed(self, item: Execution) -> None:
        """Route an execution to its owner and the position to everybody who asked."""
        self._route(item, lambda c: c.show_execution(item), kind="executions")
        if not item.instrument.legs:
            account = self._exchange.bank.account(item.account)
            self.position_moved(account.name, account.position(item.instrument))

    def position_moved(self, account: str, entry: Position) -> None:
        """Tell everybody who asked that a position is another one (bank.Listener)."""
        con_id = entry.instrument.con_id

        def news() -> None:
            self.account_view.moved(account, entry, self._show_position)
            for client in list(self._clients.values()):
                client.account_changed(account, con_id)

        self._lanes.down("positions", news)
        self.on_change()

    def _show_position(self, account: str, row: Shown) -> None:
        for client in list(self._clients.values()):
            client.show_position(account, row)

    def funds_moved(self, account: str) -> None:
        """Tell everybody who asked that cash was paid in or out (bank.Listener)."""

        def news() -> None:
            for client in list(self._clients.values()):
                client.account_changed(account)

        self._lanes.down("positions", news)
        self.on_change()

    def end_position_lag(self) -> None:
        """Show every position change that was held back (S13)."""
        self.account_view.end_lag(self._show_position)

    def commission_known(self, item: Execution) -> None:
        """Route a commission report, as the commission fault allows."""
        mode = self._faults.commissions
        if mode == "never" or (mode == "first" and item.cumulative != item.quantity):
            return
        self._route(item, lambda c: c.show_commission(item), kind="commissions")

    def _route(
        self, owner: Order | Execution, show: Callable[[Client], None], kind: str = "orders"
    ) -> None:
        if owner.perm_id in self._silent:
            return

        def deliver() -> None:
            for client in self._hearers(owner):
                show(client)

        self._lanes.down(kind, deliver)

    def _hearers(self, owner: Order | Execution) -> list[Client]:
        """Return who hears of an order or execution: its client, the master, or for some all."""
        if owner.order_id == LIQUIDATION_ORDER_ID and isinstance(owner, Execution):
            return list(self._clients.values())
        ids = dict.fromkeys((owner.client_id, self._rules.master_client_id))
        if isinstance(owner, Order) and _is_unbound(owner):
            del ids[owner.client_id]
        return [self._clients[key] for key in ids if key is not None and key in self._clients]

    def _as_shown(self, order: Order) -> Order:
        """Return the order as its client may see it: for some, the permanent id comes late."""
        if self._rules.fills_in_volatility:
            order = replace(order, terms=_with_volatility(order.terms))
        if not self._withheld:
            return order
        left = self._withheld.pop(order.perm_id, 0)
        if left > 1:
            self._withheld[order.perm_id] = left - 1
        return replace(order, perm_id=0) if left else order

    def speak(self, order: Order) -> None:
        """Break the silence about a swallowed order: show it now, and its news from now on."""
        self._silent.discard(order.perm_id)
        self._route(order, lambda c: c.show_order(order))


def _with_volatility(terms: Terms) -> Terms:
    return replace(terms, echo={**terms.echo, "volatility": FILLED_IN_VOLATILITY})


def _is_unbound(order: Order) -> bool:
    return order.client_id == MANUAL_CLIENT and order.order_id == 0
