"""The story of one intent: what was wished, checked, promised, written, answered, filled and paid.

It is the book's own fold over the events of that intent alone, so the story and the book cannot
disagree. Times are those of the journal: when the daemon recorded, not when the broker acted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trader.core import breaker_events as be
from trader.core import emergency_events as em
from trader.core import events as ev
from trader.core.amounts import ZERO
from trader.core.book import Book
from trader.core.entries import Fill
from trader.core.halts import HaltCause
from trader.core.ids import IntentId, Seq, exec_family
from trader.core.intents import Intent
from trader.core.journal_events import JournalRestored
from trader.core.orders import Order, OrderState
from trader.core.safety import Safety

# Not about the intent; they say what held when it was reviewed.
BACKGROUND = (
    JournalRestored,
    ev.HaltRaised,
    ev.HaltCleared,
    be.BreakerTripped,
    be.BreakerProbing,
    be.BreakerReset,
    be.OverrideGranted,
    be.PostureChanged,
    be.OutlookChanged,
    be.StrategyHalted,
    be.StrategyReleased,
)
_ANSWERS = (ev.OrderStatusSeen, ev.OpenOrderSeen, ev.ExecutionSeen, ev.OrderErrorSeen)


@dataclass(frozen=True, slots=True)
class Review:
    """One verdict on the intent, with every check, and the halts that held then.

    ``safety`` is what breakers, posture and outlook were in the journal at that moment.
    """

    at_utc: datetime
    verdict: ev.IntentReviewed
    halts: tuple[tuple[HaltCause, str], ...]
    safety: Safety


@dataclass(frozen=True, slots=True)
class Moment:
    """One event of the story; ``after_s`` counts from the first of them."""

    seq: Seq
    at_utc: datetime
    after_s: float
    event: ev.Event
    # The order's state after it, where the event moved it.
    became: OrderState | None


@dataclass(frozen=True, slots=True)
class Story:
    """Everything the journal knows of one intent.

    ``commission`` is None while one of the executions has none yet; waits are in seconds and
    None where the story does not get that far.
    """

    intent: Intent
    reviews: tuple[Review, ...]
    moments: tuple[Moment, ...]
    order: Order | None
    fills: tuple[Fill, ...]
    commission: tuple[tuple[str, Decimal], ...] | None
    to_wire_s: float | None
    to_answer_s: float | None
    to_fill_s: float | None

    @property
    def slippage(self) -> Decimal | None:
        """Return what each unit cost more than the middle at the decision; negative is a gain."""
        if self.order is None or self.order.terms.reference_price is None:
            return None
        paid = self.order.average_price
        if paid is None:
            return None
        return (paid - self.order.terms.reference_price) * self.order.terms.side.sign

    @property
    def outcome(self) -> str:
        """Say in a line what became of the intent."""
        if self.order is None:
            last = self.reviews[-1].verdict
            return f"refused, {last.code}: {last.text}" if not last.is_approved else last.text
        terms, state = self.order.terms, self.order.state
        filled = f"{self.order.filled} of {terms.quantity} filled"
        price = self.order.average_price
        at_price = "" if price is None else f" at {price.normalize():f}"
        note = f" ({self.order.note})" if self.order.note else ""
        return f"order {self.order.order_id} {state}, {filled}{at_price}{note}"


class NoStory(ValueError):
    """The events hold no review of the intent; the message names it."""


def story_of(intent: IntentId, events: Iterable[ev.Recorded]) -> Story:
    """Tell the story from its events, in their order; raises NoStory.

    What halts and breakers did earlier belongs to the events: it says what held at the review.
    Words about other orders are passed over.
    """
    book = Book()
    reviews: list[Review] = []
    moments: list[Moment] = []
    for recorded in events:
        event = recorded.event
        if not _is_about(book, intent, event):
            continue
        before = _state(book, intent)
        # The fold wants a dense sequence, and only some of the journal's events are here.
        book.apply(ev.Recorded(Seq(book.seq + 1), recorded.at_utc, event))
        if isinstance(event, BACKGROUND):
            continue
        if isinstance(event, ev.IntentReviewed):
            halts = tuple(book.halts.items())
            reviews.append(Review(recorded.at_utc, event, halts, book.safety))
        after = _state(book, intent)
        first_utc = moments[0].at_utc if moments else recorded.at_utc
        moments.append(
            Moment(
                seq=recorded.seq,
                at_utc=recorded.at_utc,
                after_s=(recorded.at_utc - first_utc).total_seconds(),
                event=event,
                became=after if after is not before else None,
            )
        )
    if not reviews:
        raise NoStory(f"the journal holds no review of intent {intent}")
    moments = [row for row in moments if not _is_of_another(row.event, book)]
    fills = tuple(book.fills.values())
    return Story(
        intent=reviews[0].verdict.intent,
        reviews=tuple(reviews),
        moments=tuple(moments),
        order=book.order_of_intent(intent),
        fills=fills,
        commission=commission_of(fills, book),
        to_wire_s=_wait(moments, (ev.OrderSent,)),
        to_answer_s=_wait(moments, _ANSWERS),
        to_fill_s=_wait(moments, (ev.ExecutionSeen,)),
    )


def _is_about(book: Book, intent: IntentId, event: ev.Event) -> bool:
    """Tell whether an event belongs to the story; numbers may be shared with other orders."""
    match event:
        case ev.IntentReviewed(intent=wish):
            return wish.intent_id == intent
        case ev.OrderPlanned(terms=terms):
            return terms.intent_id == intent
        case ev.OrderStatusSeen() | ev.OpenOrderSeen():
            return book.order_named(event) is not None
        case ev.ModifyPlanned(order_id=order_id):
            return order_id in book.orders
        case em.EmergencyCancelKnown():
            found = book.find_order(
                order_ref=event.order_ref,
                perm_id=event.perm_id,
                order_id=event.order_id,
                client_id=event.client_id,
            )
            return found is not None
        case ev.ExecutionSeen(execution=row):
            found = book.find_order(
                order_ref=row.order_ref,
                perm_id=row.perm_id,
                order_id=row.order_id,
                client_id=row.client_id,
            )
            return found is not None
        case _:
            return True


def _is_of_another(event: ev.Event, book: Book) -> bool:
    """Tell whether a commission is of no execution here; it may have come before its own."""
    if not isinstance(event, ev.CommissionSeen):
        return False
    return exec_family(event.commission.exec_id)[0] not in book.fills


def _state(book: Book, intent: IntentId) -> OrderState | None:
    order = book.order_of_intent(intent)
    return order.state if order else None


def _wait(moments: list[Moment], kinds: tuple[type, ...]) -> float | None:
    return next((row.after_s for row in moments if isinstance(row.event, kinds)), None)


def commission_of(fills: tuple[Fill, ...], book: Book) -> tuple[tuple[str, Decimal], ...] | None:
    """Add up what was paid by currency; None while a report is missing."""
    paid: dict[str, Decimal] = {}
    for fill in fills:
        family, _ = exec_family(fill.execution.exec_id)
        report = book.commissions.get(family)
        if report is None:
            return None
        paid[report.currency] = paid.get(report.currency, ZERO) + report.amount
    return tuple(paid.items())
