"""Instruments of every type, orders and fills made by hand, and the fields of a frame."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from trader.sim.model.instruments import Instrument, Leg
from trader.sim.model.orders import Execution, Order, Side, Terms

VERSIONS = (157, 158, 160, 162, 163, 164, 166, 169, 170, 173, 176, 177, 178)
LATER = (179, 182, 183, 184, 185, 186, 188, 189, 190, 192, 193, 194, 195, 196, 198, 199, 200)


def split(data: bytes) -> list[list[str]]:
    """Cut whole frames into fields."""
    found = []
    while data:
        size = int.from_bytes(data[:4], "big")
        assert len(data) >= 4 + size, "a frame was cut"
        found.append(data[4 : 4 + size].decode().split("\0")[:-1])
        data = data[4 + size :]
    return found


def only(data: bytes) -> list[str]:
    """Return the fields of the one frame."""
    (fields,) = split(data)
    return fields


def instrument(con_id: int, symbol: str, sec_type: str, **more: Any) -> Instrument:
    """Return an instrument that trades in dollars at CME unless told."""
    values: dict[str, Any] = {
        "primary_exchange": "CME", "currency": "USD", "trading_class": symbol,
        "long_name": symbol.lower(), **more,
    }  # fmt: skip
    return Instrument(con_id=con_id, symbol=symbol, sec_type=sec_type, **values)


AAPL = instrument(
    265598, "AAPL", "STK", primary_exchange="NASDAQ", trading_class="NMS", isin="US0378331005"
)
ES = instrument(
    11004968, "ES", "FUT", local_name="ESZ6", expiry=date(2026, 12, 18), multiplier=Decimal(50),
    contract_month="202612", under_symbol="ES", under_sec_type="IND", under_con_id=11004958,
)  # fmt: skip
CALL = instrument(
    700001, "AAPL", "OPT", primary_exchange="CBOE", local_name="AAPL  261218C00200000",
    expiry=date(2026, 12, 18), strike=Decimal("202.5"), right="C", multiplier=Decimal(100),
)  # fmt: skip
EURO = instrument(12087792, "EUR", "CASH", primary_exchange="IDEALPRO", local_name="EUR.USD")
VIX = instrument(13455763, "VIX", "IND", primary_exchange="CBOE")
COIN = instrument(479624278, "BTC", "CRYPTO", primary_exchange="PAXOS", local_name="BTC.USD")
SPREAD = instrument(
    28812380, "AAPL,IBM", "BAG", primary_exchange="SMART", route="SMART",
    legs=(Leg(265598, 1, "BUY", "SMART"), Leg(8314, 2, "SELL", "SMART", 1, 1, "place", 5)),
)  # fmt: skip
EVERY: Mapping[str, Instrument] = {
    item.sec_type: item for item in (AAPL, ES, CALL, EURO, VIX, COIN, SPREAD)
}


def terms(**changes: Any) -> Terms:
    """Return the terms of a market order for 100, with changes."""
    values: dict[str, Any] = {
        "action": "BUY", "quantity": Decimal(100), "order_type": "MKT", "tif": "DAY",
        "oca_type": 3, **changes,
    }  # fmt: skip
    return Terms(**values)


def order(item: Instrument = AAPL, wanted: Terms | None = None, **changes: Any) -> Order:
    """Return a working order of client 7, with changes."""
    given = wanted or terms()
    values: dict[str, Any] = {
        "perm_id": 1824933227, "client_id": 7, "order_id": 5, "instrument": item,
        "side": Side(given.action), "terms": given, "account": "DU1", "order_ref": "ref-5",
        "created_s": 0.0, "quantity": given.quantity or Decimal(0), **changes,
    }  # fmt: skip
    return Order(**values)


def fill(item: Instrument = AAPL, **changes: Any) -> Execution:
    """Return the fill of 100 at 201.94 that opened a position, with changes."""
    values: dict[str, Any] = {
        "exec_id": "0000e0d5.67fe667b.01.01", "order_id": 5, "client_id": 7,
        "perm_id": 1824933227, "order_ref": "ref-5", "instrument": item, "account": "DU1",
        "exchange": "IEX", "side": Side.BUY, "quantity": Decimal(100),
        "price": Decimal("201.94"), "cumulative": Decimal(100),
        "average_price": Decimal("201.94"), "time_s": 0.0, "commission": Decimal(1),
        "realized": None, **changes,
    }  # fmt: skip
    return Execution(**values)
