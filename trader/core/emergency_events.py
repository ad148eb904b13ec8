"""What is recorded of the orders and cancels that left without the daemon.

A kill switch or the sentinel promises each in a file of its own before its bytes leave; the next
start takes the file into the journal, once. What filled of them is in the executions.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trader.core.ids import AccountId, ClientId, ConId, OrderId, OrderRef, PermId
from trader.core.intents import Side


@dataclass(frozen=True, slots=True)
class EmergencyOrderKnown:
    """An order that left without the daemon; it can only have shrunk a position."""

    order_ref: OrderRef
    client_id: ClientId
    order_id: OrderId
    account: AccountId
    con_id: ConId
    symbol: str
    side: Side
    quantity: Decimal
    sent_utc: datetime
    by: str

    @property
    def key(self) -> str:
        """Name it among all that left without the daemon."""
        return str(self.order_ref)


@dataclass(frozen=True, slots=True)
class EmergencyCancelKnown:
    """An order was cancelled without the daemon, by its id or with everything else."""

    order_ref: OrderRef
    client_id: ClientId
    order_id: OrderId
    perm_id: PermId
    symbol: str
    is_everything: bool
    sent_utc: datetime
    by: str

    @property
    def key(self) -> str:
        """Name it among all that left without the daemon."""
        return f"cancel {self.client_id} {self.order_id} {self.perm_id} {self.sent_utc.isoformat()}"


EmergencyEvent = EmergencyOrderKnown | EmergencyCancelKnown
