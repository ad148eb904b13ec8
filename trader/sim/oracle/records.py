"""What the broker and a client's journal each say, as values that can be laid side by side.

Nothing here knows where a value came from. Numbers are Decimal, moments are whole microseconds
since 1970, and an execution id means its family and its revision: of `0000e0d5.67fe667b.01.02`
the digits after the last period count corrections, and the highest one replaces the others.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class InputError(Exception):
    """One side cannot be read; the text names field, value and what is allowed."""


class State(StrEnum):
    """Where a client's journal says that an order stands."""

    PLANNED = "PLANNED"
    SENT = "SENT"
    WITHHELD = "WITHHELD"
    WORKING = "WORKING"
    CANCELLING = "CANCELLING"
    UNKNOWN = "UNKNOWN"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class Terms:
    """What an order says; prices are None where the order type has none."""

    con_id: int
    side: str
    quantity: Decimal
    order_type: str
    limit_price: Decimal | None
    stop_price: Decimal | None
    time_in_force: str


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill in its last revision."""

    exec_id: str
    con_id: int
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Position:
    """A signed quantity of one instrument."""

    con_id: int
    symbol: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Cash:
    """An amount of one currency."""

    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class BrokerOrder:
    """An order that the broker took."""

    order_id: int
    client_id: int
    perm_id: int
    order_ref: str
    symbol: str
    terms: Terms
    status: str
    filled: Decimal
    created_us: int


@dataclass(frozen=True, slots=True)
class BrokerExecution:
    """A fill as the broker made it, with what it cost and the order it belongs to."""

    execution: Execution
    order_id: int
    perm_id: int
    commission: Decimal
    at_us: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One placeOrder message as it was received, whatever became of it."""

    order_id: int
    client_id: int
    order_ref: str
    is_change: bool
    at_us: int


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything the broker knows."""

    account: str
    orders: tuple[BrokerOrder, ...]
    executions: tuple[BrokerExecution, ...]
    frames: tuple[Frame, ...]
    positions: tuple[Position, ...]
    cash: tuple[Cash, ...]


@dataclass(frozen=True, slots=True)
class JournalOrder:
    """An order that was promised, on the terms that the journal takes it to have at the broker.

    ``sent_seq`` is None when no row says that it left; ``desired`` are the terms of a change that
    was promised and neither confirmed nor refused.
    """

    seq: int
    at_us: int
    order_id: int
    client_id: int
    order_ref: str
    symbol: str
    terms: Terms
    strategy: str
    is_reduce_only: bool
    sent_seq: int | None
    state: State
    desired: Terms | None = None
    # The last status that the broker told of it; empty when none was told.
    broker_status: str = ""
    # Of a bracket: the broker takes off it what its entry or the other leg has filled in part.
    is_leg: bool = False


@dataclass(frozen=True, slots=True)
class JournalChange:
    """A change of an order that was promised."""

    order_id: int
    at_us: int


@dataclass(frozen=True, slots=True)
class JournalExecution:
    """A booked fill, and the order that it was counted towards, if any."""

    execution: Execution
    our_order_id: int | None


@dataclass(frozen=True, slots=True)
class JournalCommission:
    """The last word on what an execution cost."""

    exec_id: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Halt:
    """A latched cause that was raised or cleared."""

    seq: int
    cause: str
    is_raised: bool


@dataclass(frozen=True, slots=True)
class Ticket:
    """A difference that the client itself found and that waits for a person."""

    ticket_id: str
    text: str


@dataclass(frozen=True, slots=True)
class EmergencyOrder:
    """An order that left without the client, in its name, and is in its journal since."""

    order_ref: str
    con_id: int
    side: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Journal:
    """Everything a journal amounts to; ``baseline_us`` is None before the account was taken over.

    ``recorded`` holds the id of each execution as often as it was written down, and
    ``baselined`` the families that the starting positions already contain.
    """

    account: str
    order_ref_prefix: str
    opened_us: int
    baseline_us: int | None
    last_seq: int
    event_count: int
    orders: tuple[JournalOrder, ...]
    recorded: tuple[str, ...]
    executions: tuple[JournalExecution, ...]
    commissions: tuple[JournalCommission, ...]
    baselined: frozenset[str]
    positions: tuple[Position, ...]
    cash: tuple[Cash, ...]
    halts: tuple[Halt, ...]
    tickets: tuple[Ticket, ...]
    changes: tuple[JournalChange, ...] = ()
    emergencies: tuple[EmergencyOrder, ...] = ()


def family_of(exec_id: str) -> str:
    """Return what an execution and its corrections have in common."""
    return _split(exec_id)[0]


def revision_of(exec_id: str) -> int:
    """Return which correction an execution id is, zero for one without a number."""
    return _split(exec_id)[1]


def _split(exec_id: str) -> tuple[str, int]:
    family, period, revision = exec_id.rpartition(".")
    if period and revision.isascii() and revision.isdigit():
        return family, int(revision)
    return exec_id, 0
