"""What an order, an execution and a contract are, to the back end and to the messages.

`OrderRequest` is what a client asked for, `Order` the back end's record of it (the only
mutable value: its single owner is the exchange), `Execution` one fill, never changed.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)


class Side(StrEnum):
    """BUY or SELL, as the wire writes it."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """Return +1 for a buy, -1 for a sale."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        """Return the other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class Status(StrEnum):
    """Order states as message 3 writes them."""

    PENDING_SUBMIT = "PendingSubmit"
    PRE_SUBMITTED = "PreSubmitted"
    SUBMITTED = "Submitted"
    PENDING_CANCEL = "PendingCancel"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    INACTIVE = "Inactive"

    @property
    def is_done(self) -> bool:
        """Return whether the order can never trade again."""
        return self in (Status.FILLED, Status.CANCELLED, Status.INACTIVE)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One tradable (or quoted) thing of the catalogue."""

    con_id: int
    symbol: str
    sec_type: str
    primary_exchange: str
    currency: str
    trading_class: str
    long_name: str
    tick: Decimal = Decimal("0.01")
    industry: str = ""
    category: str = ""
    subcategory: str = ""
    isin: str = ""

    @property
    def is_tradable(self) -> bool:
        """Return whether orders are accepted; an index is only quoted."""
        return self.sec_type == "STK"

    @property
    def exchange(self) -> str:
        """Return the exchange its orders are routed to."""
        return "SMART" if self.sec_type == "STK" else self.primary_exchange


@dataclass(frozen=True, slots=True)
class ContractQuery:
    """The contract fields of a request; empty or zero where the client gave none."""

    con_id: int = 0
    symbol: str = ""
    sec_type: str = ""
    exchange: str = ""
    primary_exchange: str = ""
    currency: str = ""
    local_symbol: str = ""
    trading_class: str = ""


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A placeOrder as parsed (message 3); prices are None where unset."""

    order_id: int
    contract: ContractQuery
    action: str
    quantity: Decimal | None
    order_type: str
    limit_price: Decimal | None
    stop_price: Decimal | None
    tif: str
    oca_group: str = ""
    account: str = ""
    order_ref: str = ""
    transmit: bool = True
    parent_id: int = 0
    outside_rth: bool = False
    oca_type: int = 3
    good_till: str = ""
    what_if: bool = False


@dataclass(slots=True)
class Order:
    """The back end's record of one order."""

    perm_id: int
    client_id: int
    order_id: int
    instrument: Instrument
    side: Side
    quantity: Decimal
    order_type: str
    limit_price: Decimal | None
    stop_price: Decimal | None
    tif: str
    account: str
    order_ref: str
    created_s: float
    oca_group: str = ""
    parent_id: int = 0
    outside_rth: bool = False
    good_till: str = ""
    status: Status = Status.PENDING_SUBMIT
    filled: Decimal = ZERO
    paid: Decimal = ZERO
    last_price: Decimal = ZERO
    why_held: str = ""
    changes: int = 0
    commission: Decimal | None = None
    triggered: bool = False
    completed_s: float = 0.0
    completed_text: str = ""
    # A plan of partial fills is dropped when this number has moved on (change, cancel).
    plan: int = field(default=0, compare=False)
    is_filling: bool = field(default=False, compare=False)

    @property
    def remaining(self) -> Decimal:
        """Return what may still trade."""
        return self.quantity - self.filled

    @property
    def average_price(self) -> Decimal:
        """Return the average price of what has traded, zero before the first fill."""
        return self.paid / self.filled if self.filled else ZERO


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill of one order, or one trade made by hand."""

    exec_id: str
    order_id: int
    client_id: int
    perm_id: int
    order_ref: str
    instrument: Instrument
    account: str
    exchange: str
    side: Side
    quantity: Decimal
    price: Decimal
    cumulative: Decimal
    average_price: Decimal
    time_s: float
    commission: Decimal
    realized: Decimal | None


@dataclass(frozen=True, slots=True)
class Change:
    """The terms a client may change on a live order."""

    quantity: Decimal
    order_type: str
    limit_price: Decimal | None
    stop_price: Decimal | None
    tif: str
    outside_rth: bool
    good_till: str


@dataclass(frozen=True, slots=True)
class Margin:
    """What a what-if order would change: before, change, after; each init, maint, equity."""

    before: tuple[str, str, str]
    change: tuple[str, str, str]
    after: tuple[str, str, str]
    commission: Decimal
