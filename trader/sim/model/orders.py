"""What an order and an execution are, to the back end and to the messages.

`OrderRequest` is what a client asked for, `Order` the back end's record of it (the only
mutable value: its single owner is the exchange), `Execution` one fill, never changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from trader.sim.model.instruments import ContractQuery, Instrument

ZERO = Decimal(0)
# The name of no exchange: the broker chooses among those the contract trades at.
SMART = "SMART"


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

    API_PENDING = "ApiPending"
    PENDING_SUBMIT = "PendingSubmit"
    PRE_SUBMITTED = "PreSubmitted"
    SUBMITTED = "Submitted"
    PENDING_CANCEL = "PendingCancel"
    FILLED = "Filled"
    API_CANCELLED = "ApiCancelled"
    CANCELLED = "Cancelled"
    INACTIVE = "Inactive"

    @property
    def is_done(self) -> bool:
        """Return whether the order can never trade again."""
        return self in (
            Status.FILLED, Status.CANCELLED, Status.API_CANCELLED, Status.INACTIVE
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of an order: its type (message 3), its fields as written, AND or OR."""

    kind: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """What an order says, apart from whose it is; a change request replaces the whole value.

    Prices and quantities are None where the client left them unset. `echo` carries, by the wire's
    field name, what the broker only stores and shows again.
    """

    action: str
    quantity: Decimal | None
    order_type: str
    limit_price: Decimal | None = None
    aux_price: Decimal | None = None
    tif: str = ""
    trail_stop_price: Decimal | None = None
    trailing_percent: Decimal | None = None
    limit_offset: Decimal | None = None
    outside_rth: bool = False
    hidden: bool = False
    all_or_none: bool = False
    sweep_to_fill: bool = False
    display_size: int | None = None
    min_quantity: Decimal | None = None
    cash_quantity: Decimal | None = None
    discretionary: Decimal = ZERO
    trigger_method: int = 0
    # As written: `yyyymmdd hh:mm:ss zone` or `yyyymmdd-hh:mm:ss` (UTC), empty for none.
    good_after: str = ""
    good_till: str = ""
    oca_group: str = ""
    oca_type: int = 0
    conditions: tuple[Condition, ...] = ()
    conditions_ignore_rth: bool = False
    conditions_cancel: bool = False
    leg_prices: tuple[Decimal | None, ...] = ()
    # The exchange it names, as written; empty means where the instrument's orders go.
    route: str = ""
    echo: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A placeOrder as parsed (message 3)."""

    order_id: int
    contract: ContractQuery
    terms: Terms
    account: str = ""
    order_ref: str = ""
    transmit: bool = True
    parent_id: int = 0
    what_if: bool = False


@dataclass(slots=True)
class Order:
    """The back end's record of one order; `terms` are the last accepted ones."""

    perm_id: int
    client_id: int
    order_id: int
    instrument: Instrument
    side: Side
    terms: Terms
    account: str
    order_ref: str
    created_s: float
    parent_id: int = 0
    # Not transmitted yet: the gateway keeps it, the broker has not heard of it.
    is_staged: bool = False
    status: Status = Status.PENDING_SUBMIT
    quantity: Decimal = ZERO
    filled: Decimal = ZERO
    paid: Decimal = ZERO
    last_price: Decimal = ZERO
    why_held: str = ""
    changes: int = 0
    # What it has cost so far, and the same once the gateway shows it.
    charged: Decimal = ZERO
    commission: Decimal | None = None
    # Empty means the instrument's currency.
    commission_currency: str = ""
    triggered: bool = False
    # The trigger of a trailing order now, None before it is first set.
    stop_now: Decimal | None = None
    # The limit an order of changing limit has now (trailing limit, market to limit).
    limit_now: Decimal | None = None
    # The permanent id of the order it is attached to, and whether that has yet to fill.
    parent_perm_id: int = 0
    awaits_parent: bool = False
    # Of an attached order: how much of its size its parent's fills have let into the market.
    armed: Decimal = ZERO
    # A change that waits for the market to open, None for none.
    changing_to: Terms | None = None
    # Whether its conditions have come true.
    is_released: bool = False
    # What was paid for each leg of a combination, leg by leg.
    leg_paid: tuple[Decimal, ...] = ()
    completed_s: float = 0.0
    completed_text: str = ""
    # A plan of partial fills is dropped when this number has moved on (change, cancel).
    plan: int = field(default=0, compare=False)
    is_filling: bool = field(default=False, compare=False)
    # What stands before it at its price; None while it is not in the queue.
    queue_ahead: Decimal | None = field(default=None, compare=False)

    @property
    def order_type(self) -> str:
        """Return the order type of the present terms."""
        return self.terms.order_type

    @property
    def limit_price(self) -> Decimal | None:
        """Return the limit price of the present terms."""
        return self.terms.limit_price

    @property
    def aux_price(self) -> Decimal | None:
        """Return the stop price, trailing amount or touch price of the present terms."""
        return self.terms.aux_price

    @property
    def tif(self) -> str:
        """Return the time in force of the present terms."""
        return self.terms.tif

    @property
    def route(self) -> str:
        """Return the exchange the order names, as its client wrote it."""
        return self.terms.route or self.instrument.exchange

    @property
    def venue(self) -> str:
        """Return the one exchange it can trade at; of a SMART order, where it rests."""
        item = self.instrument
        return self.route if self.is_directed else item.primary_exchange or item.exchange

    @property
    def is_directed(self) -> bool:
        """Return whether it names one exchange, and does not leave the choice to SMART."""
        return self.route != SMART

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
    # 1 when the broker liquidated the position.
    liquidation: int = 0
    # Of a combination's leg: the order's own execution has the BAG as its instrument.
    is_leg: bool = False
    liquidity: int = 2
    # Empty means the instrument's currency.
    commission_currency: str = ""

    @property
    def told_price(self) -> Decimal:
        """Return the price in the currency: ``price`` is in what quotes are in (INC-101)."""
        return self.price / self.instrument.price_magnifier


@dataclass(frozen=True, slots=True)
class Margin:
    """What a what-if order would change: before, change, after; each init, maint, equity."""

    before: tuple[str, str, str]
    change: tuple[str, str, str]
    after: tuple[str, str, str]
    commission: Decimal
    # Empty means the instrument's currency.
    currency: str = ""
    warning: str = ""
    # The least the commission may be; None when it is known exactly.
    commission_low: Decimal | None = None
