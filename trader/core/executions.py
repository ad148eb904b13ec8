"""Executions and commissions as the broker reports them, and what a correction replaces.

The execution is the truth of a fill; statuses are not (INC-013, INC-014). A revision of an
execution replaces the one before, it does not add (INC-048).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.ids import (
    AccountId,
    ClientId,
    ConId,
    ExecFamily,
    ExecId,
    OrderId,
    OrderRef,
    PermId,
    exec_family,
)
from trader.core.intents import Side


@dataclass(frozen=True, slots=True)
class Execution:
    """One execDetails (message 11). ``time_utc`` is None when its text could not be read."""

    exec_id: ExecId
    account: AccountId
    con_id: ConId
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    order_id: OrderId
    client_id: ClientId
    perm_id: PermId
    order_ref: OrderRef
    time_utc: datetime | None
    multiplier: Decimal = Decimal(1)
    currency: str = "USD"
    is_liquidation: bool = False

    @property
    def signed_quantity(self) -> Decimal:
        """Return the quantity, negative for a sell."""
        return self.quantity * self.side.sign

    @property
    def cash_change(self) -> Decimal:
        """Return what the trade adds to cash before commission."""
        return -self.signed_quantity * self.price * self.multiplier


def stranger_key(execution: Execution) -> str:
    """Name the order that an execution is of, where it is none of ours.

    By its permId, which all its executions share; one without is an order by itself.
    """
    if execution.perm_id:
        return f"perm-{execution.perm_id}"
    return f"exec-{exec_family(execution.exec_id)[0]}"


@dataclass(frozen=True, slots=True)
class Commission:
    """One commissionReport (message 59); it may come before, late, or never (INC-078)."""

    exec_id: ExecId
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class FillDelta:
    """What one report changes in position and cash, as up to two trades to apply in order."""

    trades: tuple[tuple[Decimal, Decimal], ...]  # (signed quantity, price)
    cash: Decimal
    quantity: Decimal  # change of the order's filled quantity


def newest(rows: Iterable[Execution]) -> dict[ExecFamily, Execution]:
    """Return the highest revision of each execution in a list: it alone counts (INC-048)."""
    ordered = sorted(rows, key=lambda row: exec_family(row.exec_id))
    return {exec_family(row.exec_id)[0]: row for row in ordered}


def delta(previous: Execution | None, current: Execution) -> FillDelta:
    """Return the change from ``previous`` to ``current`` of one execution family.

    A correction is booked as the reversal of the old trade at its own price and the new trade:
    quantity and cash come out exact.
    """
    if previous is None:
        return FillDelta(
            trades=((current.signed_quantity, current.price),),
            cash=current.cash_change,
            quantity=current.quantity,
        )
    new = ((current.signed_quantity, current.price),) if current.quantity != ZERO else ()
    return FillDelta(
        trades=((-previous.signed_quantity, previous.price), *new),
        cash=current.cash_change - previous.cash_change,
        quantity=current.quantity - previous.quantity,
    )
