"""Whether an instrument is what a request describes: pure comparison, field by field.

A field that the client left empty (or zero) means any.
"""

from datetime import date
from decimal import Decimal, InvalidOperation

from trader.sim.model.instruments import ContractQuery, Instrument
from trader.sim.reference import venues

_RIGHTS = (("C", "C"), ("CALL", "C"), ("P", "P"), ("PUT", "P"))
_CUSIP = slice(2, 11)


def fits(query: ContractQuery, item: Instrument) -> bool:
    """Return whether the instrument is one the request means."""
    if query.con_id:
        # The id says everything; only a venue where it is not traded contradicts it.
        return trades_at(item, query.exchange)
    return (
        _same(query.symbol, item.symbol)
        and _same(query.sec_type, item.sec_type)
        and _same(query.currency, item.currency)
        and _same(query.local_symbol, item.local_symbol)
        and _same(query.trading_class, item.trading_class)
        and trades_at(item, query.exchange)
        and trades_at(item, query.primary_exchange)
        and fits_expiry(query.expiry, item.expiry)
        and (not query.strike or query.strike == item.strike)
        and right_of(query.right) in ("", item.right)
        and _fits_multiplier(query.multiplier, item)
        and _fits_sec_id(query, item)
    )


def is_identified(query: ContractQuery) -> bool:
    """Return whether a request without a contract id says enough to look for something."""
    return bool(query.symbol or query.local_symbol or query.sec_id)


def _same(wanted: str, has: str) -> bool:
    return not wanted or wanted == has


def trades_at(item: Instrument, exchange: str) -> bool:
    """Return whether an instrument can be asked for at an exchange; none means any."""
    name = venues.official(exchange)
    return not name or name in item.exchanges or name in (item.primary_exchange, item.exchange)


def right_of(text: str) -> str:
    """Return C or P for any spelling of an option's right, nothing for none."""
    return next((right for name, right in _RIGHTS if name == text.upper()), "")


def fits_expiry(wanted: str, expiry: date | None) -> bool:
    """Return whether a date is in the wanted month (`YYYYMM`) or is the wanted day."""
    digits = wanted.strip()[:8]
    if not digits:
        return True
    return expiry is not None and f"{expiry:%Y%m%d}".startswith(digits) and len(digits) in (6, 8)


def _fits_multiplier(wanted: str, item: Instrument) -> bool:
    if not wanted:
        return True
    try:
        return Decimal(wanted) == item.multiplier
    except InvalidOperation:
        return False


def _fits_sec_id(query: ContractQuery, item: Instrument) -> bool:
    if not query.sec_id:
        return True
    known = {"ISIN": item.isin}
    if item.isin.startswith("US"):
        known["CUSIP"] = item.isin[_CUSIP]
    return known.get(query.sec_id_type.upper()) == query.sec_id
