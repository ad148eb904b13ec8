"""The broker's word at one instant, complete or not at all.

A snapshot exists only if every part of it ended with its end marker (INC-005); an instrument
that is not among the positions is flat (INC-009).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trader.core.executions import Commission, Execution
from trader.core.ids import AccountId, ClientId, ConId, OrderId, OrderRef, PermId
from trader.core.intents import Side


@dataclass(frozen=True, slots=True)
class OpenOrderRow:
    """One openOrder (message 5) of any client; ``order_id`` is 0 for foreign ones."""

    order_id: OrderId
    client_id: ClientId
    perm_id: PermId
    order_ref: OrderRef
    account: AccountId
    con_id: ConId
    symbol: str
    side: Side
    quantity: Decimal
    order_type: str
    limit_price: Decimal | None
    status: str
    stop_price: Decimal | None = None
    # As it came; empty where it was not told.
    time_in_force: str = ""
    # The order of the same client that holds it back until it fills; 0 for none.
    parent_id: OrderId = OrderId(0)


@dataclass(frozen=True, slots=True)
class CompletedOrderRow:
    """One completedOrder (message 101); it carries no order id and no client id (INC-125)."""

    perm_id: PermId
    order_ref: OrderRef
    account: AccountId
    con_id: ConId
    status: str
    filled: Decimal
    note: str


@dataclass(frozen=True, slots=True)
class PositionRow:
    """One position (message 61); ``average_cost`` includes the multiplier (INC-088)."""

    account: AccountId
    con_id: ConId
    symbol: str
    quantity: Decimal
    average_cost: Decimal
    multiplier: Decimal = Decimal(1)
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class ExecutionList:
    """Every execution of an account since ``window_utc``, the start of the broker's day."""

    account: AccountId
    window_utc: datetime
    executions: tuple[Execution, ...]


@dataclass(frozen=True, slots=True)
class BrokerSnapshot:
    """Everything the broker says of one account.

    ``window_utc`` is the instant since which executions and completed orders are complete:
    the start of the broker's day.
    """

    account: AccountId
    started_utc: datetime
    finished_utc: datetime
    window_utc: datetime
    open_orders: tuple[OpenOrderRow, ...]
    completed_orders: tuple[CompletedOrderRow, ...]
    executions: tuple[Execution, ...]
    commissions: tuple[Commission, ...]
    positions: tuple[PositionRow, ...]
    cash: Mapping[str, Decimal]
    net_liquidation: Decimal | None

    def position_of(self, con_id: ConId) -> Decimal:
        """Return the signed quantity that the account holds; absent means flat."""
        # A row that arrives twice is one row, and rows of other accounts are not ours (INC-137).
        rows = {
            row for row in self.positions if row.con_id == con_id and row.account == self.account
        }
        return sum((row.quantity for row in rows), start=Decimal(0))
