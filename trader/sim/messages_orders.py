"""Order messages: openOrder 5, orderStatus 3, execution 11, commission 59, completed 101.

The constant blocks are what a real gateway sends for a plain stock order; the comments name
the fields. Counts: openOrder has 136 fields at 173 and 176, 135 at 178.
"""

from datetime import datetime
from decimal import Decimal

from trader.sim.orders import Execution, Margin, Order, Side
from trader.sim.wire import UNSET_DOUBLE, UNSET_INTEGER, UNSET_LONG, encode, frame, plain

_UD = UNSET_DOUBLE
_UI = UNSET_INTEGER


def _block(*fields: str) -> str:
    return "\0".join(fields)


# modelCode, goodTillDate placeholder is filled in; from rule80A to nbboPriceCap.
_OPEN_A = _block(
    "", "", "", "0", "", "-1", "0", "", "", "", "", "", _UI, "0", "0", "0", "", "3", "0", "0", ""
)
# triggerMethod, volatility, volatilityType, delta-neutral block ("None" is not empty, so its
# eight fields follow), continuousUpdate, referencePriceType, trail, basis points, combo,
# scale, hedge, routing, clearing, algo, solicited.
_OPEN_B = _block(
    "0", "", "0", "None", "", "0", "", "", "", "?", "0", "0", "", "0", "0", "", "", "", "", "",
    "0", "0", "0", _UI, _UI, "", "", "0", "", "IB", "0", "0", "", "0",
)  # fmt: skip
_NO_MARGIN = _block(*[_UD] * 9)
# From lmtPriceOffset to usePriceMgmtAlgo.
_OPEN_C = _block(_UD, _UD, _UD, _UD, "0", "", "", "", "0", "1", "0", "0", "0")


def _price(value: Decimal | None) -> str:
    """Write a price as the gateway does: 0.0 when there is none, at least one decimal."""
    if value is None or not value:
        return "0.0"
    text = plain(value)
    return text if "." in text else text + ".0"


def _contract(order: Order) -> str:
    item = order.instrument
    return _block(
        str(item.con_id), item.symbol, item.sec_type, "", "0", "?", "", item.exchange,
        item.currency, item.symbol, item.trading_class,
    )  # fmt: skip


def open_order(sv: int, order: Order, margin: Margin | None = None) -> bytes:
    """Message 5; with a margin it is the answer to a what-if order."""
    perm = order.perm_id
    model = "" if sv >= 177 else "\0"  # below 177 faProfile precedes modelCode
    trail = _UD
    if order.limit_price is not None and not order.changes and order.order_type == "LMT":
        trail = _price(order.limit_price + 1)
    payload = (
        f"5\0{order.order_id}\0{_contract(order)}\0{order.side}\0{plain(order.quantity)}\0"
        f"{order.order_type}\0{_price(order.limit_price)}\0{_price(order.stop_price)}\0"
        f"{order.tif}\0{order.oca_group}\0{order.account}\0\0" "0\0"
        f"{order.order_ref}\0{order.client_id}\0{perm}\0{int(order.outside_rth)}\0" "0\0" "0\0\0"
        f"{perm}.{order.changes}/{order.account}/100\0\0\0\0{model}\0{order.good_till}\0"
        f"{_OPEN_A}\0{order.parent_id}\0{_OPEN_B}\0{_outcome(order, margin)}\0" "0\0" "0\0" "0\0"
        f"None\0{_UD}\0{trail}\0{_OPEN_C}\0{_open_tail(sv)}"
    )  # fmt: skip
    return frame(payload.encode())


def _outcome(order: Order, margin: Margin | None) -> str:
    """whatIf, status, margin block, commission range, currency, warning."""
    if margin is not None:
        charge = plain(margin.commission)
        return _block(
            "1", "PreSubmitted", *margin.before, *margin.change, *margin.after, charge, charge, charge,
            "USD", "",
        )  # fmt: skip
    if order.commission is None:
        return f"0\0{order.status}\0{_NO_MARGIN}\0\0\0\0\0"
    return f"0\0{order.status}\0{_NO_MARGIN}\0{_price(order.commission)}\0\0\0USD\0"


def _open_tail(sv: int) -> str:
    tail: list[str] = []
    if sv >= 158:
        tail.append("")  # duration
    if sv >= 160:
        tail.append("")  # postToAts
    if sv >= 162:
        tail.append("0")  # autoCancelParent
    if sv >= 170:
        tail += ["", "100", "0.02", "", ""]
    return "".join(f"{value}\0" for value in tail)


def order_status(order: Order) -> bytes:
    """Message 3, twelve fields."""
    return encode(
        3, order.order_id, order.status, plain(order.filled), plain(order.remaining),
        plain(order.average_price), order.perm_id, order.parent_id, plain(order.last_price),
        order.client_id, order.why_held, 0,
    )  # fmt: skip


def execution(sv: int, request_id: int, item: Execution, time_text: str) -> bytes:
    """Message 11; the request id is -1 for a live one."""
    contract = item.instrument
    tail = ["0"] if sv >= 178 else []  # pendingPriceRevision
    return encode(
        11, request_id, item.order_id, contract.con_id, contract.symbol, contract.sec_type, "",
        "0.0", "", "", item.exchange, contract.currency, contract.symbol, contract.trading_class,
        item.exec_id, time_text, item.account, item.exchange,
        "BOT" if item.side is Side.BUY else "SLD", plain(item.quantity), plain(item.price),
        item.perm_id, item.client_id, 0, plain(item.cumulative), plain(item.average_price),
        item.order_ref, "", "", "", 2, *tail,
    )  # fmt: skip


def commission_report(item: Execution) -> bytes:
    """Message 59; the realized result is unset for an opening trade."""
    realized = _UD if item.realized is None else plain(item.realized)
    return encode(59, 1, item.exec_id, _price(item.commission), "USD", realized, _UD, "")


def execution_time(moment: datetime) -> str:
    """Write a UTC moment with its zone, a form every client can read."""
    return moment.strftime("%Y%m%d %H:%M:%S UTC")


# From rule80A to triggerMethod of message 101.
_DONE_A = _block("", "", "", "0", "", "-1", "", "", "", "", "", _UI, "0", "0", "", "3", "0")
# volatility .. combo, scale, hedge, clearing, delta-neutral, algo, solicited.
_DONE_B = _block(
    "", "0", "None", "", "0", "0", "0", "", "0", "0", "", "", "", "0", "0", "0", _UI, _UI, "",
    "", "", "IB", "0", "0", "", "0",
)  # fmt: skip


def completed_order(sv: int, order: Order, completed: str) -> bytes:
    """Message 101; the order and client id are not sent, a filled order shows quantity 0."""
    quantity = "0" if not order.remaining else plain(order.quantity)
    model = "" if sv >= 177 else "\0"
    tail = "\0\0\0\0\0" if sv >= 170 else ""
    payload = (
        f"101\0{_contract(order)}\0{order.side}\0{quantity}\0{order.order_type}\0"
        f"{_price(order.limit_price)}\0{_price(order.stop_price)}\0{order.tif}\0"
        f"{order.oca_group}\0{order.account}\0\0" "0\0"
        f"{order.order_ref}\0{order.perm_id}\0{int(order.outside_rth)}\0" "0\0" "0\0\0\0\0\0"
        f"{model}\0{order.good_till}\0{_DONE_A}\0{_DONE_B}\0{order.status}\0" "0\0" "0\0" "0\0"
        f"{_UD}\0{_UD}\0" "0\0" "1\0" "0\0\0"
        f"{plain(order.filled)}\0{_UI}\0" "0\0Not an insider or substantial shareholder\0"
        "0\0" "0\0"
        f"{UNSET_LONG}\0{completed}\0{order.completed_text}\0{tail}"
    )  # fmt: skip
    return frame(payload.encode())
