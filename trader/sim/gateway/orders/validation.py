"""The gateway's checks of a request, as pure functions: a `Refusal` with code and text, or None.

A refused new order gets exactly one error and never a status.
"""

from dataclasses import dataclass, replace

from trader.sim.model.instruments import ContractQuery, Instrument
from trader.sim.model.orders import Order, OrderRequest, Status, Terms
from trader.sim.reference import venues
from trader.sim.wire.frames import plain


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused, as message 4 says it."""

    code: int
    text: str


def invalid(cause: str) -> Refusal:
    """Refuse what the validation of a request does not let through (321)."""
    return Refusal(321, f"Error validating request.-'bW' : cause - {cause}")


def read_only() -> Refusal:
    """Refuse because the API is read-only."""
    return invalid("The API interface is currently in Read-Only mode.")


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


# What a contract may call itself, whether or not any of the kind is listed here.
SEC_TYPES = (
    "STK", "OPT", "FUT", "FOP", "IND", "CASH", "BAG", "BOND", "CMDTY", "CFD", "CRYPTO", "FUND",
    "WAR", "IOPT", "NEWS", "CONTFUT", "FUT+CONTFUT", "BILL", "FIXED", "SLB", "EC", "ICU", "ICS",
)  # fmt: skip


def check_kind(query: ContractQuery) -> Refusal | None:
    """Refuse a contract of no known type; one that is named by an id may leave it out."""
    has_id = bool(query.con_id or query.sec_id or query.issuer_id)
    if query.sec_type in SEC_TYPES or (has_id and not query.sec_type):
        return None
    return invalid("Please enter a valid security type")


def check_described(query: ContractQuery) -> Refusal | None:
    """Refuse a contract to ask data of that does not say its type or its exchange."""
    refusal = check_kind(query)
    if refusal is None and not query.exchange:
        return invalid("Please enter exchange")
    return refusal


def unknown_contract() -> Refusal:
    """Refuse a contract that is not in the catalogue."""
    return Refusal(200, "No security definition has been found for the request")


def duplicate_order_id() -> Refusal:
    """Refuse an order id that is not above the highest this client has used."""
    return Refusal(103, "Duplicate order id")


# Between these types a working order may be changed; any other change of type is refused (329).
_CHANGEABLE = (
    "MKT", "LMT", "STP", "STP LMT", "TRAIL", "TRAIL LIMIT", "MIT", "LIT", "MTL", "REL",
)  # fmt: skip


def check_change(order: Order, request: OrderRequest, item: Instrument | None) -> Refusal | None:
    """Check a change against the live order it means; the order stays as it was."""
    terms, before = request.terms, order.terms
    route = terms.route or order.instrument.exchange
    is_other = venues.official(route) != venues.official(order.route)
    if item != order.instrument or terms.action != order.side or is_other:
        return Refusal(105, "Order being modified does not match original order.")
    if terms.quantity is not None and terms.quantity and terms.quantity <= order.filled:
        return invalid(f"The order size must exceed what has filled, {plain(order.filled)}")
    both = (terms.order_type, before.order_type)
    if both[0] != both[1] and not all(kind in _CHANGEABLE for kind in both):
        return Refusal(329, "Order modify failed. Cannot change to the new order type.")
    if terms.oca_group and terms.oca_group != before.oca_group and not order.is_staged:
        return Refusal(10326, "OCA group revision is not allowed")
    return None


def parent_gone(parent_id: int) -> Refusal:
    """Refuse a change of a child whose parent is not live any more."""
    return Refusal(135, f"Can't find order with ID = {parent_id}")


def missing_parent() -> Refusal:
    """Refuse a child of an order that is not known."""
    return Refusal(10006, "Missing parent order.")


def preset(terms: Terms) -> Terms:
    """Return the terms with what the gateway's presets fill in: a missing time in force."""
    return terms if terms.tif else replace(terms, tif="DAY")


def change_too_late(order: Order) -> Refusal:
    """Refuse a change that reached a finished order."""
    if order.status is Status.FILLED:
        return Refusal(104, "Cannot modify a filled order.")
    return invalid(f"The order is in state {order.status}")


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
