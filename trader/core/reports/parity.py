"""Whether what was decided, what was routed and what filled say the same.

Each order of the last day is held against its fills: instrument, side, how much, and the limit it
was approved with. An order that leaves although the mode sends none is a difference as well. A look
with nothing to compare proves nothing; so many in a row fail, because a gate must not live on them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.entries import Fill
from trader.core.halts import Mode
from trader.core.intents import Side
from trader.core.orders import Order, OrderState
from trader.core.reports.content import Alarm, Content, ReportStatus

# Decided and recorded; nothing may leave.
_SENDS_NOTHING = (Mode.DRY_RUN, Mode.SHADOW)
_UNSENT = (OrderState.PLANNED, OrderState.JOURNALED, OrderState.WITHHELD)
_SHOWN_MAX = 50


@dataclass(frozen=True, slots=True)
class ParityReport:
    """Counts of the window, and every difference in words."""

    window_s: float
    compared_orders: int
    filled_orders: int
    fills: int
    unsent_orders: int
    # Of what filled against the price it was decided at, as a share of that; adverse is positive.
    slippage_mean: Decimal | None
    difference_count: int
    differences: tuple[str, ...]
    insufficient_in_a_row: int
    insufficient_max: int


def differences_of(order: Order, fills: Iterable[Fill], mode: Mode) -> tuple[str, ...]:
    """Say what an order's fills are otherwise than its terms, a sentence each."""
    terms, name = order.terms, f"order {order.order_id}"
    found: list[str] = []
    total = ZERO
    for fill in fills:
        done = fill.execution
        total += done.quantity
        if (done.con_id, done.side) != (terms.con_id, terms.side):
            found.append(f"{name}: {terms.side} {terms.symbol} filled as {done.side} {done.symbol}")
        limit = terms.limit_price
        if limit is not None and (done.price - limit) * done.side.sign > ZERO:
            found.append(f"{name}: {done.side} filled at {done.price}, its limit is {limit}")
    if total > terms.quantity:
        found.append(f"{name}: {total} filled of {terms.quantity}")
    if total != order.filled:
        found.append(f"{name}: its fills make {total}, it says {order.filled}")
    if mode in _SENDS_NOTHING and order.state not in _UNSENT:
        found.append(f"{name}: it left in mode {mode}")
    return tuple(found)


def slippage_of(order: Order, fills: Iterable[Fill]) -> Decimal | None:
    """Return how much worse than its reference an order filled; None where either is unknown."""
    reference = order.terms.reference_price
    rows = [(fill.execution.quantity, fill.execution.price) for fill in fills]
    total = sum((quantity for quantity, _ in rows), start=ZERO)
    if reference is None or reference <= ZERO or total <= ZERO:
        return None
    average = sum((quantity * price for quantity, price in rows), start=ZERO) / total
    sign = 1 if order.terms.side is Side.BUY else -1
    return (average - reference) * sign / reference


def parity_content(
    pairs: Iterable[tuple[Order, tuple[Fill, ...]]],
    mode: Mode,
    *,
    window_s: float,
    empty_before: int,
    empty_max: int,
) -> Content:
    """Return what the report says; ``empty_before`` looks in a row had nothing to compare."""
    rows = tuple(pairs)
    filled = [(order, fills) for order, fills in rows if fills]
    found = [text for order, fills in rows for text in differences_of(order, fills, mode)]
    slips = [slip for order, fills in filled if (slip := slippage_of(order, fills)) is not None]
    empty = 0 if filled else empty_before + 1
    body = ParityReport(
        window_s=window_s,
        compared_orders=len(rows),
        filled_orders=len(filled),
        fills=sum(len(fills) for _, fills in rows),
        unsent_orders=sum(order.state in _UNSENT for order, _ in rows),
        slippage_mean=sum(slips, start=ZERO) / len(slips) if slips else None,
        difference_count=len(found),
        differences=tuple(found[:_SHOWN_MAX]),
        insufficient_in_a_row=empty,
        insufficient_max=empty_max,
    )
    if found:
        alarm = Alarm("decisions and fills differ", "; ".join(found[:3]))
        return Content(ReportStatus.FAIL, tuple(found[:_SHOWN_MAX]), body, (alarm,))
    if empty:
        status = ReportStatus.FAIL if empty > empty_max else ReportStatus.INSUFFICIENT
        return Content(status, (f"nothing to compare, {empty} looks in a row",), body)
    return Content(ReportStatus.OK, (), body)
