"""Reference data messages: contract details 10 and market rules 93.

Field counts are exact because clients drop or misread a message with one field more or less.
`sv` is the server version agreed with the client.
"""

from collections.abc import Sequence
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
