"""Prices and times as strategies keep them in JSON: a decimal and a moment as text."""

from datetime import datetime
from decimal import Decimal

from trader.core.amounts import ZERO, decimal_from


def text_of(value: Decimal | datetime | None) -> str | None:
    """Return a number or a moment as text, None for None."""
    if value is None:
        return None
    return value.isoformat() if isinstance(value, datetime) else str(value)


def price_of(text: object) -> Decimal | None:
    """Read a price above zero, None for None; raises ValueError."""
    if text is None:
        return None
    price = decimal_from(text) if isinstance(text, str) else None
    if price is None or price <= ZERO:
        # NaN would compare with nothing, and a stop below zero never comes.
        raise ValueError(f"kept is {text!r}, allowed is a price above 0 as text")
    return price


def utc_of(text: object) -> datetime | None:
    """Read a moment with its zone, None for None; raises ValueError."""
    if text is None:
        return None
    at = datetime.fromisoformat(text) if isinstance(text, str) else None
    if at is None or at.tzinfo is None:
        raise ValueError(f"kept is {text!r}, allowed is a moment with its zone as text")
    return at
