"""The gateway's checks of a request, as pure functions: a `Refusal` with code and text, or None.

A refused new order gets exactly one error and never a status.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import Order, OrderRequest, Status, Terms
from trader.sim.reference import rules
from trader.sim.wire.frames import plain

ORDER_TYPES = ("MKT", "LMT", "STP", "STP LMT")
TIFS = ("DAY", "GTC", "IOC", "FOK")
# Recent gateways set a missing time in force by preset, say so, and keep the order live.
PRESET_TIF = (10349, "Order TIF was set to DAY based on order preset.")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused, as message 4 says it."""

    code: int
    text: str


def _invalid(cause: str) -> Refusal:
    return Refusal(321, f"Error validating request.-'bW' : cause - {cause}")


def read_only() -> Refusal:
    """Refuse because the API is read-only."""
    return _invalid("The API interface is currently in Read-Only mode.")


def client_id_in_use() -> Refusal:
    """Refuse a duplicate client id."""
    return Refusal(
        326, "Unable to connect as the client id is already in use. Retry with a unique client id."
    )


def too_many_clients(clients_max: int) -> Refusal:
    """Refuse one client too many."""
    return Refusal(
        507, f"Unable to connect: {clients_max} API clients are connected, no more are allowed."
    )


def unknown_contract() -> Refusal:
    """Refuse a contract that is not in the catalogue."""
    return Refusal(200, "No security definition has been found for the request")


def duplicate_order_id() -> Refusal:
    """Refuse an order id that is not above the highest this client has used."""
    return Refusal(103, "Duplicate order id")


def check_order(
    request: OrderRequest, item: Instrument | None, accounts: Sequence[str]
) -> Refusal | None:
    """Check what does not depend on other orders."""
    terms = request.terms
    if item is None:
        return unknown_contract()
    if not item.is_tradable:
        text = f"The security {item.symbol} is not available or allowed for this account."
        return Refusal(203, text)
    if request.account not in ("", *accounts):
        return _invalid("Invalid account code")
    if terms.action not in ("BUY", "SELL"):
        return _invalid("Invalid action was entered")
    if terms.order_type not in ORDER_TYPES:
        return _invalid("Invalid order type was entered")
    if terms.tif not in ("", *TIFS):
        return _invalid("Invalid time in force was entered")
    if request.parent_id or not request.transmit:
        return _invalid("Attached and untransmitted orders are not supported")
    return _check_quantity(terms.quantity, item) or _check_prices(terms, item.market_rule_id)


def _check_quantity(quantity: Decimal | None, item: Instrument) -> Refusal | None:
    if not quantity:
        return Refusal(434, "The order size cannot be zero.")
    if quantity < 0:
        return _invalid("The order size must be positive")
    if not rules.is_multiple(quantity, item.size_step):
        return Refusal(10318, "This order doesn't support fractional quantity trading")
    return None


def _check_prices(terms: Terms, market_rule_id: int) -> Refusal | None:
    needed = {
        "MKT": (),
        "LMT": (terms.limit_price,),
        "STP": (terms.aux_price,),
        "STP LMT": (terms.limit_price, terms.aux_price),
    }
    for price in needed[terms.order_type]:
        if price is None or price <= 0:
            return _invalid("Please enter a valid price")
        if not rules.conforms(market_rule_id, price):
            return Refusal(
                110,
                "The price does not conform to the minimum price variation for this contract.",
            )
    return None


def check_change(order: Order, request: OrderRequest, item: Instrument | None) -> Refusal | None:
    """Check a change against the live order it means."""
    terms = request.terms
    assert terms.quantity is not None, "checked with the order"
    if item != order.instrument or terms.action != order.side:
        return Refusal(105, "Order being modified does not match original order.")
    if terms.quantity <= order.filled:
        return _invalid(f"The order size must exceed what has filled, {plain(order.filled)}")
    return None


def preset(terms: Terms) -> Terms:
    """Return the terms with what the gateway's presets fill in: a missing time in force."""
    return terms if terms.tif else replace(terms, tif="DAY")


def change_too_late(order: Order) -> Refusal:
    """Refuse a change that reached a finished order."""
    if order.status is Status.FILLED:
        return Refusal(104, "Cannot modify a filled order.")
    return _invalid(f"The order is in state {order.status}")


def cancel_refused(order_id: int, done: Order | None) -> Refusal:
    """Refuse to cancel an order that is finished or not the client's own."""
    if done is None:
        return Refusal(10147, f"OrderId {order_id} that needs to be cancelled is not found.")
    return Refusal(
        10148,
        f"OrderId {order_id} that needs to be cancelled can not be cancelled, "
        f"state: {done.status}.",
    )


def cancel_too_late(order: Order) -> Refusal:
    """Refuse a cancel that met a finished order at the broker."""
    return Refusal(
        161,
        "Cancel attempted when order is not in a cancellable state.  "
        f"Order permId ={order.perm_id}",
    )
