"""What the book keeps of an intent, an execution and a request, and what it counts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice

from trader.core import request_events as rq
from trader.core.executions import Execution
from trader.core.history_events import HistoryRetired
from trader.core.ids import IntentId, OrderId, numbered

# How long the key of a request at the API door is remembered, at the least, and how many of them
# whatever their age: a clock that was ahead for a moment must not make a request new again.
_KEYS_KEPT = timedelta(days=7)
KEYS_KEPT_MIN = 1_000


@dataclass(frozen=True, slots=True)
class IntentRecord:
    """What became of an intent; asked again, it answers the same."""

    digest: str
    is_approved: bool
    code: str
    text: str
    order_id: OrderId | None = None
    # When it was decided; None for what a program of before wrote down.
    at_utc: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fill:
    """An execution in the book; ``order_id`` is None when the order is not ours."""

    execution: Execution
    revision: int
    order_id: OrderId | None


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a request on an order; ``change_number`` is that of the change promised."""

    is_approved: bool
    code: str
    text: str
    change_number: int | None = None


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """What a key of the API door was used for, and when first: an intent, or an order of ours."""

    digest: str
    at_utc: datetime
    intent_id: IntentId | None = None
    order_id: OrderId | None = None
    # The first one stays; of an intent the answer stands with the intent.
    decision: Decision | None = None


def take_request(
    requests: dict[str, RequestRecord], event: rq.RequestEvent, at_utc: datetime
) -> None:
    """Take in what was asked for under a key, or the answer; forget the oldest after a week."""
    if isinstance(event, rq.RequestDecided):
        decide(requests, event.key, Decision(event.is_approved, event.code, event.text))
        return
    assert event.key not in requests, f"key {event.key!r} used before"
    requests[event.key] = RequestRecord(
        event.digest,
        at_utc,
        intent_id=event.intent_id if isinstance(event, rq.RequestReceived) else None,
        order_id=event.order_id if isinstance(event, rq.OrderRequestReceived) else None,
    )
    # Two at a time, so that the old ones go however many there are.
    for old in [*islice(requests, min(2, max(len(requests) - KEYS_KEPT_MIN, 0)))]:
        if requests[old].at_utc < at_utc - _KEYS_KEPT:
            del requests[old]


def decide(requests: dict[str, RequestRecord], key: str, decision: Decision) -> None:
    """Keep the answer to a request; the first one stays, and nobody's key is nobody's."""
    known = requests.get(key)
    if known is not None and known.decision is None:
        requests[key] = replace(known, decision=decision)


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


@dataclass(frozen=True, slots=True)
class Past:
    """What left the book: the highest number of each kind of intent and of orders, and when."""

    numbers: Mapping[str, int] = field(default_factory=dict)
    order_id: OrderId = OrderId(0)
    before_utc: datetime | None = None

    def has_number(self, intent: IntentId) -> bool:
        """Tell whether an intent's number is one that may have left."""
        head, number = numbered(intent)
        return number <= self.numbers.get(head, -1)

    def after(self, event: HistoryRetired) -> "Past":
        """Return the past with more in it."""
        numbers = dict(self.numbers)
        for intent in event.intents:
            head, number = numbered(intent)
            numbers[head] = max(number, numbers.get(head, 0))
        before_utc = self.before_utc
        if event.families and (before_utc is None or event.before_utc > before_utc):
            before_utc = event.before_utc
        return Past(numbers, max((self.order_id, *event.orders)), before_utc)
