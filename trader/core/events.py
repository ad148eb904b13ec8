"""Everything that is ever recorded, one class per kind.

Two families. *Promises* are what we are about to do; they are durable before anything leaves.
*Facts* are what the broker, the operator or our own checks said; they are applied at once and
durable soon. An event is never changed once it has shipped: a new meaning is a new kind.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from trader.core.account_events import AccountEvent
from trader.core.breaker_events import BreakerEvent
from trader.core.changes import ChangeTerms
from trader.core.emergency_events import EmergencyEvent
from trader.core.executions import Commission, Execution
from trader.core.halts import HaltCause, Mode
from trader.core.history_events import HistoryRetired
from trader.core.ids import (
    AccountId,
    ClientId,
    ConId,
    Lineage,
    OrderId,
    OrderRef,
    PermId,
    RunId,
    Seq,
    StrategyName,
    TicketId,
)
from trader.core.intents import Intent, Side
from trader.core.journal_events import JournalArchived, JournalRestored
from trader.core.orders import OrderTerms
from trader.core.quarantine_events import QuarantineEvent
from trader.core.request_events import RequestEvent
from trader.core.strategy_events import StrategyEvent
from trader.core.tapes import Traded
from trader.core.ticket_events import TicketEvent


class Evidence(StrEnum):
    """What an error code on an order id proves; a code is evidence, never a state (INC-001)."""

    REJECTS_NEW = "rejects_new"
    CONFIRMS_CANCEL = "confirms_cancel"
    REFUSES_CANCEL = "refuses_cancel"
    INFORMS = "informs"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Check:
    """One risk check with its input, its limit and its verdict."""

    code: str
    value: str
    limit: str
    passed: bool


@dataclass(frozen=True, slots=True)
class JournalOpened:
    """The first event of a journal; ``lineage`` makes its intent ids unlike any other's."""

    lineage: Lineage


@dataclass(frozen=True, slots=True)
class DaemonStarted:
    """A process took the journal over."""

    version: str
    mode: Mode
    account: AccountId
    # The strategies that it is configured to run.
    strategies: tuple[StrategyName, ...] = ()


@dataclass(frozen=True, slots=True)
class DaemonStopped:
    """A process ended in order."""

    reason: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class Holding:
    """A position that existed before the first start."""

    con_id: ConId
    symbol: str
    quantity: Decimal
    average_price: Decimal
    multiplier: Decimal


@dataclass(frozen=True, slots=True)
class AccountBaselined:
    """The broker's holdings were accepted as the book's starting point.

    ``cash`` holds pairs of currency and amount; ``exec_ids`` are the executions that the
    holdings already contain, so that they are never booked again (INC-018, INC-053).
    """

    account: AccountId
    holdings: tuple[Holding, ...]
    cash: tuple[tuple[str, Decimal], ...]
    exec_ids: tuple[str, ...]
    by: str
    # The orders of these executions: they count among the trades of their day.
    traded: tuple[Traded, ...] = ()


@dataclass(frozen=True, slots=True)
class IntentReviewed:
    """An intent was approved or refused, with every check; ``code`` is empty when approved.

    ``policy_hash`` seals the limits that it was held against.
    """

    intent: Intent
    digest: str
    is_approved: bool
    code: str
    text: str
    checks: tuple[Check, ...]
    policy_hash: str = ""


@dataclass(frozen=True, slots=True)
class OrderPlanned:
    """The promise: this order may leave from here on. Durable before the first byte."""

    order_id: OrderId
    client_id: ClientId
    order_ref: OrderRef
    terms: OrderTerms


@dataclass(frozen=True, slots=True)
class OrderSent:
    """The bytes of an order were handed to the socket."""

    order_id: OrderId


@dataclass(frozen=True, slots=True)
class OrderWithheld:
    """The last check refused after the promise: no byte left."""

    order_id: OrderId
    reason: str


@dataclass(frozen=True, slots=True)
class CancelSent:
    """The bytes of a cancel were handed to the socket."""

    order_id: OrderId
    reason: str


@dataclass(frozen=True, slots=True)
class ModifyPlanned:
    """The promise: a working order may be changed to these terms. Durable before any byte."""

    order_id: OrderId
    number: int
    terms: ChangeTerms
    reason: str
    checks: tuple[Check, ...] = ()
    policy_hash: str = ""
    request: str = ""  # the key of the one that this decides on


@dataclass(frozen=True, slots=True)
class ModifyRefused:
    """A change was refused before any promise: the order goes on as it is."""

    order_id: OrderId
    code: str
    text: str
    reason: str
    checks: tuple[Check, ...]
    policy_hash: str
    request: str = ""


@dataclass(frozen=True, slots=True)
class ModifySent:
    """The bytes of a change were handed to the socket."""

    order_id: OrderId
    number: int


@dataclass(frozen=True, slots=True)
class ModifyWithheld:
    """The last check refused a change after its promise: no byte left."""

    order_id: OrderId
    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class ModifyUnanswered:
    """No answer to a change came in time: the broker may hold the old terms or the new ones."""

    order_id: OrderId
    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class ModifyRefuted:
    """Snapshots begun long after a change left show the order on its old terms."""

    order_id: OrderId
    number: int
    run_id: RunId


@dataclass(frozen=True, slots=True)
class OrderStatusSeen:
    """One orderStatus (message 3): optional, repeated, unordered (INC-014, INC-034)."""

    order_id: OrderId
    client_id: ClientId
    perm_id: PermId
    status: str
    filled: Decimal
    remaining: Decimal
    why_held: str
    run_id: RunId | None = None


@dataclass(frozen=True, slots=True)
class OpenOrderSeen:
    """One openOrder (message 5): the broker's echo of the terms it holds."""

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
    run_id: RunId | None = None
    stop_price: Decimal | None = None
    # As it came; empty where it was not told.
    time_in_force: str = ""


@dataclass(frozen=True, slots=True)
class OrderErrorSeen:
    """One error (message 4) with an order's id."""

    order_id: OrderId
    code: int
    text: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class ExecutionSeen:
    """An execution, live or recovered by the reconciliation ``run_id``."""

    execution: Execution
    run_id: RunId | None = None


@dataclass(frozen=True, slots=True)
class CommissionSeen:
    """A commission, live or recovered by the reconciliation ``run_id``."""

    commission: Commission
    run_id: RunId | None = None


@dataclass(frozen=True, slots=True)
class OrderUnanswered:
    """No answer came in time, or the link dropped before one."""

    order_id: OrderId
    reason: str


@dataclass(frozen=True, slots=True)
class OrderAbsentSeen:
    """One complete snapshot did not contain the order: the first of two."""

    order_id: OrderId
    run_id: RunId


@dataclass(frozen=True, slots=True)
class OrderProvenAbsent:
    """Two complete snapshots a quiet period apart did not contain the order."""

    order_id: OrderId
    run_id: RunId
    first_run_id: RunId


@dataclass(frozen=True, slots=True)
class OrderSettled:
    """No execution of an order that is over is still to come: what is left of it is free.

    ``filled`` is what its executions amount to; ``proof`` says what proved that they are all.
    """

    order_id: OrderId
    filled: Decimal
    proof: str


@dataclass(frozen=True, slots=True)
class ForeignOrderSeen:
    """An order we did not create was adopted, read-only; it is never cancelled by id."""

    perm_id: PermId
    client_id: ClientId
    con_id: ConId
    symbol: str
    side: Side
    quantity: Decimal
    order_type: str
    status: str


@dataclass(frozen=True, slots=True)
class ForeignOrderGone:
    """A foreign order is no longer among the open ones."""

    perm_id: PermId


@dataclass(frozen=True, slots=True)
class HaltRaised:
    """A latched cause was raised."""

    cause: HaltCause
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class HaltCleared:
    """A latched cause was cleared by an operator, with a reason."""

    cause: HaltCause
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class TicketOpened:
    """A drift that only a person may decide; its instrument is quarantined."""

    ticket_id: TicketId
    kind: str
    con_id: ConId | None
    text: str
    run_id: RunId


@dataclass(frozen=True, slots=True)
class TicketClosed:
    """A ticket was closed, by whom and why."""

    ticket_id: TicketId
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class CashAdjusted:
    """The broker's cash replaced ours after a difference that no execution explains."""

    currency: str
    before: Decimal
    after: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class PositionAdjusted:
    """The broker's position replaced ours after an operator booked the difference.

    ``average_price`` and ``multiplier`` are the broker's, for what the book has not held.
    """

    con_id: ConId
    symbol: str
    before: Decimal
    after: Decimal
    reason: str
    by: str
    average_price: Decimal = Decimal(0)
    multiplier: Decimal = Decimal(1)
    # What one unit was worth then, multiplier included, where what came or went is no result of
    # trading; None of a split, and of what nobody could value.
    unit_value: Decimal | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class ReconcileFinished:
    """One reconciliation run, with what it found; ``problem`` is empty when it was complete."""

    run_id: RunId
    trigger: str
    problem: str
    drift_count: int
    repair_count: int
    ticket_count: int
    duration_s: float


Event = (
    JournalOpened
    | JournalRestored
    | JournalArchived
    | HistoryRetired
    | DaemonStarted
    | DaemonStopped
    | AccountBaselined
    | IntentReviewed
    | OrderPlanned
    | OrderSent
    | OrderWithheld
    | CancelSent
    | ModifyPlanned
    | ModifyRefused
    | ModifySent
    | ModifyWithheld
    | ModifyUnanswered
    | ModifyRefuted
    | OrderStatusSeen
    | OpenOrderSeen
    | OrderErrorSeen
    | ExecutionSeen
    | CommissionSeen
    | OrderUnanswered
    | OrderAbsentSeen
    | OrderProvenAbsent
    | OrderSettled
    | ForeignOrderSeen
    | ForeignOrderGone
    | HaltRaised
    | HaltCleared
    | TicketOpened
    | TicketClosed
    | CashAdjusted
    | PositionAdjusted
    | ReconcileFinished
    | StrategyEvent
    | EmergencyEvent
    | RequestEvent
    | BreakerEvent
    | AccountEvent
    | TicketEvent
    | QuarantineEvent
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event in its place: the sequence number is dense and starts at 1."""

    seq: Seq
    at_utc: datetime
    event: Event
