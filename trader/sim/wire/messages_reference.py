"""Reference data messages: what is known of instruments, exchanges and the account's groups.

Field counts are exact because clients drop or misread a message with one field more or less.
`sv` is the server version agreed with the client.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from trader.sim.model.instruments import DERIVATIVES, Instrument
from trader.sim.wire.frames import ascii7, encode, plain

ORDER_TYPES = (
    "ACTIVETIM,AD,ADJUST,ALERT,ALGO,ALLOC,AON,AVGCOST,BASKET,BENCHPX,CASHQTY,COND,CONDORDER,"
    "DAY,DEACT,DEACTDIS,DEACTEOD,DIS,DUR,GAT,GTC,GTD,GTT,HID,ICE,IMB,IOC,LIT,LMT,LOC,MIT,MKT,"
    "MOC,MTL,NGCOMB,NONALGO,OCA,OPG,PEGBENCH,SCALE,SCALERST,SNAPMID,SNAPMKT,SNAPREL,STP,"
    "STPLMT,SWEEP,TRAIL,TRAILLIT,TRAILLMT,TRAILMIT,WHATIF"
)
_UNSET = 2147483647
# Stocks of all venues belong to one group of market data.
_STOCK_GROUP = 1


def contract_details(
    sv: int, request_id: int, item: Instrument, exchange: str, hours: tuple[str, str]
) -> bytes:
    """Message 10; hours are the trading and the liquid hours, in the instrument's zone."""
    exchanges = item.exchanges or (item.primary_exchange,)
    rules = item.market_rule_ids or (item.market_rule_id,) * len(exchanges)
    day = f"{item.expiry:%Y%m%d}" if item.expiry else ""
    # An index or a currency has no primary exchange of its own beside the one it is routed to.
    primary = item.primary_exchange if item.sec_type == "STK" else ""
    head: list[object] = [10] if sv >= 164 else [10, 8]
    head += [request_id, item.symbol, item.sec_type, _last_trade(item)]
    if sv >= 182:
        head.append(day)
    head += [
        "0" if item.strike is None else plain(item.strike), item.right, exchange, item.currency,
        item.local_symbol, item.trading_class, item.trading_class, item.con_id, plain(item.tick),
    ]  # fmt: skip
    if sv < 164:
        head.append(100)
    ids: list[object] = [1, "ISIN", item.isin] if item.isin else [0]
    body: list[object] = [
        plain(item.multiplier) if item.sec_type in DERIVATIVES else "",
        item.order_types or ORDER_TYPES, ",".join(exchanges), item.price_magnifier,
        item.under_con_id, ascii7(item.long_name), primary, item.contract_month,
        item.industry, item.category, item.subcategory, item.time_zone, hours[0], hours[1],
        "", "", *ids, _STOCK_GROUP if item.sec_type == "STK" else _UNSET, item.under_symbol,
        item.under_sec_type, ",".join(map(str, rules)), day, item.stock_type,
    ]  # fmt: skip
    if sv == 163:
        body.append(plain(item.size_min))
    if sv >= 164:
        body += [plain(item.size_min), plain(item.size_step), plain(item.size_suggested)]
    if sv >= 186:
        body.append(0)
    return encode(*head, *body)


def _last_trade(item: Instrument) -> str:
    if item.expiry is None:
        return ""
    day = f"{item.expiry:%Y%m%d}"
    return f"{day} {item.last_trade_time} {item.time_zone}" if item.last_trade_time else day


def market_rule(rule_id: int, increments: Sequence[tuple[Decimal, Decimal]]) -> bytes:
    """Message 93: price bands, each with its increment."""
    flat = [plain(value) for pair in increments for value in pair]
    return encode(93, rule_id, len(increments), *flat)


def symbol_samples(
    sv: int, request_id: int, items: Sequence[tuple[Instrument, Sequence[str]]]
) -> bytes:
    """Message 79: instruments, each with the kinds of its derivatives."""
    rows: list[object] = []
    for item, kinds in items:
        rows += [item.con_id, item.symbol, item.sec_type, item.primary_exchange, item.currency]
        rows += [len(kinds), *kinds]
        if sv >= 176:
            rows += [item.long_name, ""]
    return encode(79, request_id, len(items), *rows)


def option_chain(
    request_id: int, exchange: str, item: Instrument, multiplier: Decimal,
    sets: tuple[Sequence[str], Sequence[Decimal]],
) -> bytes:  # fmt: skip
    """Message 75: one exchange's chain of an underlying; its expiries and its strikes."""
    expiries, strikes = sets
    return encode(
        75, request_id, exchange, item.con_id, item.symbol, plain(multiplier),
        len(expiries), *expiries, len(strikes), *map(plain, strikes),
    )  # fmt: skip


def option_chain_end(request_id: int) -> bytes:
    """Message 76, without a version."""
    return encode(76, request_id)


def soft_dollar_tiers(request_id: int) -> bytes:
    """Message 77 of an account without tiers."""
    return encode(77, request_id, 0)


def family_codes(rows: Sequence[tuple[str, str]]) -> bytes:
    """Message 78: account and family code."""
    return encode(78, len(rows), *(value for row in rows for value in row))


def depth_exchanges(rows: Iterable[tuple[str, str, str, str, int | None]]) -> bytes:
    """Message 80: exchange, security type, listing exchange, service, group (None: unset)."""
    flat = [(*row[:4], _UNSET if row[4] is None else row[4]) for row in rows]
    return encode(80, len(flat), *(value for row in flat for value in row))


def smart_components(request_id: int, rows: Sequence[tuple[int, str, str]]) -> bytes:
    """Message 82: bit number, exchange, its letter."""
    return encode(82, request_id, len(rows), *(value for row in rows for value in row))


def user_info(request_id: int, white_branding_id: str = "") -> bytes:
    """Message 107."""
    return encode(107, request_id, white_branding_id)
