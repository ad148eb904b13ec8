"""Conditions of an order (message 3): whether they hold now, and what has to be watched for them.

The fields of a condition are as the wire writes them after its type: `a` or `o` first (how it is
joined to the next one), then by type. Price, time, volume and percent change are decided here;
margin and execution conditions are kept and never come true by themselves.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo
from decimal import Decimal, InvalidOperation

from trader.sim.broker.terms.moments import read_moment
from trader.sim.market.quotes import Quote
from trader.sim.model.orders import Condition

PRICE, TIME, MARGIN, EXECUTION, VOLUME, PERCENT = 1, 3, 4, 5, 6, 7
LENGTHS = {PRICE: 6, TIME: 3, MARGIN: 3, EXECUTION: 4, VOLUME: 5, PERCENT: 5}
_ON_QUOTES = (PRICE, VOLUME, PERCENT)
_TRUE = ("1", "true")


def flaw(conditions: Sequence[Condition], now_s: float) -> str:
    """Return what is wrong with conditions, naming field, value and what is allowed."""
    for one in conditions:
        if one.kind not in LENGTHS:
            return f"condition type: {one.kind} is not allowed; allowed: {sorted(LENGTHS)}"
        if len(one.fields) != LENGTHS[one.kind]:
            return f"condition fields: {len(one.fields)}; allowed: {LENGTHS[one.kind]}"
        if one.kind == TIME and read_moment(one.fields[2], now_s=now_s) is None:
            return f"condition time: {one.fields[2]!r}; allowed: yyyymmdd hh:mm:ss zone"
        if one.kind in _ON_QUOTES and _number(one.fields[2]) is None:
            return f"condition value: {one.fields[2]!r}; allowed: a number"
        if one.kind in _ON_QUOTES and not one.fields[3].isdecimal():
            return f"condition conId: {one.fields[3]!r}; allowed: a contract id"
    return ""


def watched(conditions: Sequence[Condition]) -> list[int]:
    """Return the contract ids whose quotes decide."""
    ids = [int(one.fields[3]) for one in conditions if one.kind in _ON_QUOTES]
    return list(dict.fromkeys(ids))


def may_change(conditions: Sequence[Condition], con_id: int, low: Decimal, high: Decimal) -> bool:
    """Return whether any could change while an instrument's price stays within two bounds."""
    for one in conditions:
        if one.kind not in _ON_QUOTES or int(one.fields[3]) != con_id:
            continue
        value = _number(one.fields[2])
        if one.kind != PRICE or (value is not None and low <= value <= high):
            return True
    return False


def times(conditions: Sequence[Condition], now_s: float, zone: tzinfo = UTC) -> list[float]:
    """Return the moments at which a time condition may change; `zone` is the gateway's own."""
    wanted = [one.fields[2] for one in conditions if one.kind == TIME]
    found = [read_moment(text, now_s=now_s, zone=zone) for text in wanted]
    return [moment for moment in found if moment is not None]


def hold(
    conditions: Sequence[Condition],
    now_s: float,
    quote: Callable[[int], Quote | None],
    zone: tzinfo = UTC,
) -> bool:
    """Return whether the conditions are true together, joined from left to right.

    `zone` is that of times that name none: the gateway's own.
    """
    result, joined_by = True, "a"
    for one in conditions:
        value = _is_time(one, now_s, zone) if one.kind == TIME else _holds(one, quote)
        result = (result or value) if joined_by == "o" else (result and value)
        joined_by = one.fields[0].lower()[:1]
    return result


def _is_time(one: Condition, now_s: float, zone: tzinfo) -> bool:
    moment = read_moment(one.fields[2], now_s=now_s, zone=zone)
    return moment is not None and ((now_s >= moment) if _is_more(one) else (now_s <= moment))


def _is_more(one: Condition) -> bool:
    return len(one.fields) > 1 and one.fields[1].lower() in _TRUE


def _holds(one: Condition, quote: Callable[[int], Quote | None]) -> bool:
    if one.kind not in _ON_QUOTES:
        return False
    seen, value = quote(int(one.fields[3])), _number(one.fields[2])
    if seen is None or value is None:
        return False
    actual = _measure(one.kind, seen)
    return actual >= value if _is_more(one) else actual <= value


def _measure(kind: int, quote: Quote) -> Decimal:
    if kind == PRICE:
        return quote.last
    if kind == VOLUME:
        return Decimal(quote.volume)
    return (quote.last / quote.close - 1) * 100 if quote.close else Decimal(0)


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
