"""Closed trades and what each brought after commissions: how many lost in a row, newest first.

A trade of an instrument begins where its position leaves zero and ends where it is back at zero or
beyond. Its start is found from what is held now, so that old fills need not be kept (BRK-08).
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.entries import Fill
from trader.core.ids import ConId


def losses_in_a_row(results: Sequence[Decimal]) -> int:
    """Count the losses after the last result that is none."""
    count = 0
    for result in reversed(results):
        if result >= ZERO:
            break
        count += 1
    return count


def closed_trades(
    fills: Iterable[tuple[Fill, Decimal]], held: Mapping[ConId, Decimal]
) -> tuple[Decimal, ...]:
    """Return what each closed trade brought, in the order in which they closed.

    ``fills`` are with their commissions, oldest first; ``held`` is the position after them all. A
    trade that had begun before the first fill is left out: nobody knows what it cost.
    """
    # One that was taken back has no size, and is no trade.
    rows = [row for row in fills if row[0].execution.quantity != ZERO]
    position = dict(held)
    for fill, _ in rows:
        execution = fill.execution
        quantity = execution.quantity * execution.side.sign
        position[execution.con_id] = position.get(execution.con_id, ZERO) - quantity
    known = {con_id: quantity == ZERO for con_id, quantity in position.items()}
    cash: dict[ConId, Decimal] = {}
    results: list[Decimal] = []
    for fill, commission in rows:
        execution = fill.execution
        con_id = execution.con_id
        quantity = execution.quantity * execution.side.sign
        before = position[con_id]
        after = position[con_id] = before + quantity
        is_over = before != ZERO and before * after <= ZERO
        # Of a fill through zero, one part closes the old trade and the rest opens the next one.
        closing = -before if is_over else quantity
        paid = -execution.price * execution.multiplier
        share = closing / quantity
        cash[con_id] = cash.get(con_id, ZERO) + closing * paid - commission * share
        if not is_over:
            continue
        if known[con_id]:
            results.append(cash[con_id])
        known[con_id] = True
        cash[con_id] = (quantity - closing) * paid - commission * (1 - share)
    return tuple(results)
