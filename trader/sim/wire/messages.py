"""Server-to-client messages other than orders: exact layouts, one function each.

Field counts are exact because clients drop or misread a message with one field more or less.
`sv` is the server version agreed with the client.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from trader.sim.model.instruments import Instrument
from trader.sim.wire.frames import encode, plain

ORDER_TYPES = (
    "ACTIVETIM,AD,ADJUST,ALERT,ALGO,ALLOC,AON,AVGCOST,BASKET,BENCHPX,CASHQTY,COND,CONDORDER,"
    "DAY,DEACT,DEACTDIS,DEACTEOD,DIS,DUR,GAT,GTC,GTD,GTT,HID,ICE,IMB,IOC,LIT,LMT,LOC,MIT,MKT,"
    "MOC,MTL,NGCOMB,NONALGO,OCA,OPG,PEGBENCH,SCALE,SCALERST,SNAPMID,SNAPMKT,SNAPREL,STP,"
    "STPLMT,SWEEP,TRAIL,TRAILLIT,TRAILLMT,TRAILMIT,WHATIF"
)
MARKET_RULE = 26
TEXTS = {
    326: "Unable to connect as the client id is already in use. Retry with a unique client id.",
    1100: "Connectivity between IBKR and Trader Workstation has been lost.",
    1101: "Connectivity between IBKR and Trader Workstation has been restored - data lost.",
    1102: "Connectivity between IBKR and Trader Workstation has been restored - data maintained.",
    2110: "Connectivity between Trader Workstation and server is broken. "
    "It will be restored automatically.",
    2104: "Market data farm connection is OK:usfarm",
    2106: "HMDS data farm connection is OK:ushmds",
    2158: "Sec-def data farm connection is OK:secdefil",
}


def server_hello(version: int, time_text: str) -> bytes:
    """Answer the handshake: version and connection time."""
    return encode(version, time_text)


def error(sv: int, request_id: int, code: int, text: str, *, time_ms: int = 0) -> bytes:
    """Message 4: a request id, an order id or -1; a code; a text."""
    if sv >= 194:
        return encode(4, request_id, code, text, "", time_ms)
    if sv >= 166:
        return encode(4, 2, request_id, code, text, "")
    return encode(4, 2, request_id, code, text)


def managed_accounts(account: str) -> bytes:
    """Message 15."""
    return encode(15, 1, account)


def next_valid_id(order_id: int) -> bytes:
    """Message 9."""
    return encode(9, 1, order_id)


def current_time(epoch_s: int) -> bytes:
    """Message 49."""
    return encode(49, 1, epoch_s)


def end(message_id: int, request_id: int | None = None) -> bytes:
    """Return an end marker with a version field: 52, 53, 55, 57, 62, 64, 72 or 74."""
    if request_id is None:
        return encode(message_id, 1)
    return encode(message_id, 1, request_id)


def completed_orders_end() -> bytes:
    """Message 102, the one end marker without a version."""
    return encode(102)


def contract_details(
    sv: int, request_id: int, item: Instrument, exchange: str, hours: tuple[str, str]
) -> bytes:
    """Message 10; hours are the trading and the liquid hours."""
    is_stock = item.sec_type == "STK"
    exchanges = (
        f"SMART,NYSE,ARCA,{item.primary_exchange},IEX" if is_stock else item.primary_exchange
    )
    rules = ",".join([str(MARKET_RULE)] * (exchanges.count(",") + 1))
    head: list[object] = [10] if sv >= 164 else [10, 8]
    head += [request_id, item.symbol, item.sec_type, ""]
    if sv >= 182:
        head.append("")
    head += [
        "0", "", exchange, item.currency, item.symbol, item.trading_class, item.trading_class,
        item.con_id, plain(item.tick),
    ]  # fmt: skip
    if sv < 164:
        head.append(100)
    ids: list[object] = [1, "ISIN", item.isin] if item.isin else [0]
    body: list[object] = [
        "", ORDER_TYPES, exchanges, 1, 0, item.long_name, item.primary_exchange, "",
        item.industry, item.category, item.subcategory, "US/Eastern", hours[0], hours[1],
        "", "", *ids, 1, "", "", rules, "", "COMMON" if is_stock else "INDEX",
    ]  # fmt: skip
    if sv == 163:
        body.append(100)
    if sv >= 164:
        body += [1, 1, 100]
    if sv >= 186:
        body.append(0)
    return encode(*head, *body)


def market_rule(rule_id: int, increments: Sequence[tuple[Decimal, Decimal]]) -> bytes:
    """Message 93: price bands, each with its increment."""
    flat = [plain(value) for pair in increments for value in pair]
    return encode(93, rule_id, len(increments), *flat)


def market_data_type(request_id: int, kind: int) -> bytes:
    """Message 58."""
    return encode(58, 1, request_id, kind)


def tick_request_parameters(request_id: int, item: Instrument) -> bytes:
    """Message 81."""
    exchange = "9c0001" if item.is_tradable else ""
    return encode(81, request_id, plain(item.tick), exchange, 3)


def tick_price(request_id: int, kind: int, price: str, size: int) -> bytes:
    """Message 1, with the size inside."""
    return encode(1, 6, request_id, kind, price, size, 0)


def tick_size(request_id: int, kind: int, size: int) -> bytes:
    """Message 2."""
    return encode(2, 6, request_id, kind, size)


def tick_string(request_id: int, kind: int, text: str) -> bytes:
    """Message 46."""
    return encode(46, 6, request_id, kind, text)


def realtime_bar(request_id: int, epoch_s: int, values: Iterable[object]) -> bytes:
    """Message 50: open, high, low, close, volume, average, count."""
    return encode(50, 3, request_id, epoch_s, *values)


def historical_data(
    sv: int, request_id: int, span: tuple[str, str], bars: Sequence[Sequence[object]]
) -> bytes:
    """Message 17 (from 196 on followed by 108): date, prices, volume, average, count."""
    flat = [value for bar in bars for value in bar]
    if sv >= 196:
        return encode(17, request_id, len(bars), *flat) + encode(108, request_id, *span)
    return encode(17, request_id, *span, len(bars), *flat)


def account_value(key: str, value: str, currency: str, account: str) -> bytes:
    """Message 6."""
    return encode(6, 2, key, value, currency, account)


def account_time(text: str) -> bytes:
    """Message 8."""
    return encode(8, 1, text)


def account_download_end(account: str) -> bytes:
    """Message 54."""
    return encode(54, 1, account)


def portfolio(item: Instrument, values: Sequence[str], account: str) -> bytes:
    """Message 7: position, market price and value, average cost, unrealized, realized."""
    return encode(
        7, 8, item.con_id, item.symbol, item.sec_type, "", "0", "0", "", item.primary_exchange,
        item.currency, item.symbol, item.trading_class, *values, account,
    )  # fmt: skip


def position(account: str, item: Instrument, quantity: str, average_cost: str) -> bytes:
    """Message 61."""
    return encode(
        61, 3, account, *_position_contract(item), quantity, average_cost,
    )  # fmt: skip


def position_multi(
    request_id: int, account: str, item: Instrument, quantity: str, average_cost: str
) -> bytes:
    """Message 71."""
    return encode(71, 1, request_id, account, *_position_contract(item), quantity, average_cost, "")


def _position_contract(item: Instrument) -> tuple[object, ...]:
    return (
        item.con_id, item.symbol, item.sec_type, "", "0.0", "", "", item.primary_exchange,
        item.currency, item.symbol, item.trading_class,
    )  # fmt: skip


def account_summary(request_id: int, account: str, row: tuple[str, str, str]) -> bytes:
    """Message 63: tag, value, currency."""
    return encode(63, 1, request_id, account, *row)


def account_update_multi(request_id: int, account: str, row: tuple[str, str, str]) -> bytes:
    """Message 73: key, value, currency."""
    return encode(73, 1, request_id, account, "", *row)


def pnl(request_id: int, values: Sequence[str]) -> bytes:
    """Message 94: daily, unrealized, realized."""
    return encode(94, request_id, *values)


def pnl_single(request_id: int, values: Sequence[str]) -> bytes:
    """Message 95: position, daily, unrealized, realized, value."""
    return encode(95, request_id, *values)
