"""Order messages: openOrder 5, orderStatus 3, execution 11, commission 59, completed 101.

The constant blocks are what a real gateway sends for a plain stock order; the comments name
the fields. Counts: openOrder has 136 fields at 173 and 176, 135 at 178.
"""

from datetime import datetime
from decimal import Decimal

from trader.sim.model.orders import Execution, Margin, Order, Side
from trader.sim.wire.frames import UNSET_DOUBLE, UNSET_INTEGER, UNSET_LONG, encode, plain

_UD = UNSET_DOUBLE
_UI = UNSET_INTEGER


def _block(*fields: str) -> str:
    return "\0".join(fields)


# From rule80A to nbboPriceCap.
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
    trail = _UD
    if order.limit_price is not None and not order.changes and order.order_type == "LMT":
        trail = _price(order.limit_price + 1)
    return encode(
        5, order.order_id, _contract(order), order.side, plain(order.quantity), order.order_type,
        _price(order.limit_price), _price(order.aux_price), order.tif, order.terms.oca_group,
        order.account, "", 0, order.order_ref, order.client_id, order.perm_id,
        int(order.terms.outside_rth), 0, 0, "",
        f"{order.perm_id}.{order.changes}/{order.account}/100", "", "", "", *_fa_profile(sv), "",
        order.terms.good_till, _OPEN_A, order.parent_id, _OPEN_B, *_outcome(order, margin), 0, 0, 0,
        "None", _UD, trail, _OPEN_C, *_open_tail(sv),
    )  # fmt: skip


def _fa_profile(sv: int) -> tuple[str, ...]:
    return () if sv >= 177 else ("",)


def _outcome(order: Order, margin: Margin | None) -> tuple[object, ...]:
    """Return whatIf, status, margin block, commission range, currency, warning."""
    if margin is not None:
        charge = plain(margin.commission)
        block = (*margin.before, *margin.change, *margin.after)
        return (1, "PreSubmitted", *block, charge, charge, charge, "USD", "")
    if order.commission is None:
        return (0, order.status, _NO_MARGIN, "", "", "", "", "")
    return (0, order.status, _NO_MARGIN, _price(order.commission), "", "", "USD", "")


def _open_tail(sv: int) -> list[object]:
    """Return duration, postToAts, autoCancelParent and the five pegging fields, as they exist."""
    tail: list[object] = []
    for since, value in ((158, ""), (160, ""), (162, 0)):
        if sv >= since:
            tail.append(value)
    return [*tail, "", 100, "0.02", "", ""] if sv >= 170 else tail


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
    tail = ("",) * 5 if sv >= 170 else ()
    return encode(
        101, _contract(order), order.side, quantity, order.order_type, _price(order.limit_price),
        _price(order.aux_price), order.tif, order.terms.oca_group, order.account, "", 0,
        order.order_ref, order.perm_id, int(order.terms.outside_rth), 0, 0, "", "", "", "",
        *_fa_profile(sv), "", order.terms.good_till, _DONE_A, _DONE_B, order.status, 0, 0, 0,
        _UD, _UD, 0, 1, 0, "", plain(order.filled), _UI, 0,
        "Not an insider or substantial shareholder", 0, 0, UNSET_LONG, completed,
        order.completed_text, *tail,
    )  # fmt: skip


def completed_orders_end() -> bytes:
    """Message 102, the one end marker without a version."""
    return encode(102)
