"""Messages of fills: execution 11 and commission report 59.

`sv` is the server version agreed with the client.
"""

from trader.sim.model.orders import Execution, Side
from trader.sim.wire import contract_blocks
from trader.sim.wire.frames import UNSET_DOUBLE, amount, encode, plain, quotient


def execution(sv: int, request_id: int, item: Execution, time_text: str) -> bytes:
    """Message 11; the request id is -1 for a live one."""
    tail: tuple[str, ...] = ()
    if sv >= 178:
        tail = ("0",)  # pendingPriceRevision
    if sv >= 198:
        tail = ("0", "")  # the submitter, which recorded live fills leave empty
    return encode(
        11, request_id, item.order_id,
        contract_blocks.of_execution(item.instrument, item.exchange), item.exec_id, time_text,
        item.account, item.exchange, "BOT" if item.side is Side.BUY else "SLD",
        plain(item.quantity), plain(item.told_price), item.perm_id, item.client_id,
        item.liquidation, plain(item.cumulative),
        quotient(item.average_price / item.instrument.price_magnifier), item.order_ref, "", "", "",
        item.liquidity, *tail,
    )  # fmt: skip


def commission_report(item: Execution, unknown: str = "") -> bytes:
    """Message 59; the realized result is unset for an opening trade.

    `unknown` is written in place of a commission that has yet to be known.
    """
    realized = UNSET_DOUBLE if item.realized is None else quotient(item.realized)
    currency = item.commission_currency or item.instrument.currency
    return encode(
        59,
        1,
        item.exec_id,
        unknown or amount(item.commission),
        currency,
        realized,
        UNSET_DOUBLE,
        "",
    )
