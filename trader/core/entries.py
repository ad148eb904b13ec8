"""What the book keeps of an intent, an execution and a request, and what it counts."""

from dataclasses import dataclass
from datetime import datetime

from trader.core.executions import Execution
from trader.core.ids import IntentId, OrderId


@dataclass(frozen=True, slots=True)
class IntentRecord:
    """What became of an intent; asked again, it answers the same."""

    digest: str
    is_approved: bool
    code: str
    text: str
    order_id: OrderId | None = None


@dataclass(frozen=True, slots=True)
class Fill:
    """An execution in the book; ``order_id`` is None when the order is not ours."""

    execution: Execution
    revision: int
    order_id: OrderId | None


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """What a key of the API door was used for, and when first."""

    digest: str
    intent_id: IntentId
    at_utc: datetime


@dataclass(slots=True)
class Tally:
    """Counts since the journal began, for the summary and the metrics."""

    intents: int = 0
    refusals: int = 0
    orders_sent: int = 0
    executions: int = 0
    drifts: int = 0
    repairs: int = 0
    reconciliations: int = 0
