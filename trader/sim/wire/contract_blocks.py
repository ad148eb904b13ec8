"""The eleven contract fields as each message of a gateway writes them, for every security type.

Messages differ in how they write a missing strike and right, and in which exchange they name.
"""

from trader.sim.model.instruments import DERIVATIVES, ONE, Instrument
from trader.sim.wire.frames import amount, plain


def expiry(item: Instrument) -> str:
    """Return the last trade date as `yyyymmdd`, empty when there is none."""
    return "" if item.expiry is None else f"{item.expiry:%Y%m%d}"


def multiplier(item: Instrument) -> str:
    """Return the multiplier, empty where the contract has none."""
    has_one = item.sec_type in DERIVATIVES or item.multiplier != ONE
    return plain(item.multiplier) if has_one else ""


def of_order(item: Instrument, route: str) -> str:
    """Return the block of openOrder (5) and completedOrder (101), which name the order's route."""
    return _block(item, _strike(item, "0"), item.right or "?", route)


def of_execution(item: Instrument, exchange: str) -> str:
    """Return the block of an execution (11), which names where it traded."""
    return _block(item, _double(item), item.right, exchange)


def of_portfolio(item: Instrument) -> str:
    """Return the block of a portfolio row (7), which names the primary exchange."""
    return _block(item, _strike(item, "0"), item.right or "0", item.primary_exchange)


def of_position(item: Instrument) -> str:
    """Return the block of a position (61, 71); derivatives name no exchange there."""
    exchange = "" if item.sec_type in DERIVATIVES else item.primary_exchange
    return _block(item, _double(item), item.right, exchange)


def _block(item: Instrument, strike: str, right: str, exchange: str) -> str:
    return "\0".join(
        (
            str(item.con_id), item.symbol, item.sec_type, expiry(item), strike, right,
            multiplier(item), exchange, item.currency, item.local_symbol, item.trading_class,
        )
    )  # fmt: skip


def _strike(item: Instrument, missing: str) -> str:
    return missing if item.strike is None else plain(item.strike)


def _double(item: Instrument) -> str:
    return "0.0" if item.strike is None else amount(item.strike)
