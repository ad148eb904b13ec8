"""What the broker's tests share: an exchange without sessions, orders, quotes and a listener."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.unit.sim.support import Bench, request
from trader.sim.gateway.orders.validation import preset
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import Execution, Order, OrderRequest, Side, Status

PERM_ID = 1000


class Ear:
    """A listener that remembers what it heard."""

    def __init__(self, bench: Bench) -> None:
        self.heard: list[tuple[str, object]] = []
        bench.exchange.listener = self

    def order_changed(self, order: Order) -> None:
        self.heard.append(("order", order.status))

    def order_reported(self, order: Order) -> None:
        self.heard.append(("status", order.status))

    def order_ended(self, order: Order, code: int, text: str) -> None:
        self.heard.append(("ended", code))

    def order_noted(self, order: Order, code: int, text: str) -> None:
        self.heard.append(("noted", code))

    def executed(self, item: Execution) -> None:
        self.heard.append(("executed", item.quantity))

    def commission_known(self, item: Execution) -> None:
        self.heard.append(("commission", item.commission))


def aapl(bench: Bench) -> Instrument:
    """Return the instrument most tests trade."""
    item = bench.market.catalogue.symbol("AAPL")
    assert item is not None
    return item


def make(item: Instrument, perm_id: int = PERM_ID, **changes: Any) -> Order:
    """Return an order as the gateway hands it over."""
    wanted: OrderRequest = request(perm_id, **changes)
    terms = preset(wanted.terms)
    return Order(
        perm_id, 7, wanted.order_id, item, Side(terms.action), terms, "DUSIM0001",
        wanted.order_ref, 0.0, quantity=terms.quantity or Decimal(0),
    )  # fmt: skip


def submit(
    bench: Bench, order_id: int = 1, *, parent: Order | None = None, **changes: Any
) -> Order:
    """Hand an order straight to the back end."""
    order = make(aapl(bench), bench.exchange.next_perm_id(), **changes)
    order.order_id = order_id
    if parent is not None:
        order.parent_id, order.parent_perm_id = parent.order_id, parent.perm_id
    bench.exchange.submit(order)
    return order


def quote(item: Instrument, last: str = "200.00", **changes: Any) -> Quote:
    """Return a quote a cent wide on either side of a last price."""
    price, cent = Decimal(last), Decimal("0.01")
    base = Quote(
        item, price - cent, price + cent, price, 500, 500, 100, price, price, price, price,
        1000, price - 50, price + 50,
    )  # fmt: skip
    return replace(base, **changes)


def state(order: Order) -> Status:
    """Return an order's status, read anew."""
    return order.status
