"""What a scripted client says: the handshake and the requests it needs, as a real one writes them.

The layouts are those of server versions 157 to 178; a client that offers no more than 178 is
never asked for another.
"""

from dataclasses import dataclass

from trader.sim.wire.frames import encode

VERSION_MAX = 178


@dataclass(frozen=True, slots=True)
class PlainOrder:
    """The fields of message 3 that a scripted client sets; empty text where it sets nothing."""

    order_id: int
    action: str
    quantity: str
    order_type: str
    symbol: str
    sec_type: str = "STK"
    exchange: str = "SMART"
    currency: str = "USD"
    con_id: int = 0
    limit: str = ""
    stop: str = ""
    tif: str = "DAY"
    oca_group: str = ""
    oca_type: int = 0
    account: str = ""
    order_ref: str = ""
    transmit: bool = True
    parent_id: int = 0
    outside_rth: bool = False
    good_till: str = ""


def hello(version_max: int = VERSION_MAX) -> bytes:
    """Return what opens a connection."""
    text = f"v157..{version_max}".encode()
    return b"API\0" + len(text).to_bytes(4, "big") + text


def start_api(client_id: int) -> bytes:
    """Return message 71."""
    return encode(71, 2, client_id, "")


def cancel_order(order_id: int, version: int) -> bytes:
    """Return message 4."""
    return encode(4, 1, order_id, *([""] if version >= 169 else []))


def place_order(order: PlainOrder, version: int) -> bytes:
    """Return message 3."""
    head: tuple[object, ...] = (
        3, order.order_id, order.con_id, order.symbol, order.sec_type, "", 0.0, "", "",
        order.exchange, "", order.currency, "", "", "", "", order.action, order.quantity,
        order.order_type, order.limit, order.stop, order.tif, order.oca_group, order.account,
        "", 0, order.order_ref, int(order.transmit), order.parent_id, 0, 0, 0, 0,
        int(order.outside_rth), 0,
    )  # fmt: skip
    # From the shares allocation to the model, then to the exempt code.
    body: tuple[object, ...] = ("", 0.0, "", order.good_till, "", "", "")
    body += ("",) if version < 177 else ()
    body += ("", 0, "", -1, order.oca_type, "", "", 0, "", "", 0, 0, "", 0, "", "", "", "", "", 0)
    # Volatility, scale, hedge, clearing, algo, what-if.
    body += ("", "", "", "", 0, "", "", "", "", "", "", "", "", "", "", 0, "", "", 0, 0)
    body += ("", "", 0, "", 0, 0, 0, 0)
    body += ("", "", "", "", "", "", 0, "", "", "", "", "", "", "", "", 0, 0, 0, 0)
    tail = ((158, ""), (160, ""), (162, 0), (166, ""), (169, ""))
    return encode(*head, *body, *(value for since, value in tail if version >= since))
