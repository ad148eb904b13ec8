"""The story of one order that left without the daemon: who sent it, and what became of it.

No intent made it and no review judged it: whoever halted the daemon sent it to shrink a position.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from trader.core import emergency_events as em
from trader.core import events as ev
from trader.core.amounts import ZERO
from trader.core.book import Book
from trader.core.entries import Fill
from trader.core.ids import OrderRef, Seq
from trader.core.story import Moment, NoStory, commission_of


@dataclass(frozen=True, slots=True)
class EmergencyStory:
    """Everything the journal knows of one emergency order."""

    order: em.EmergencyOrderKnown
    moments: tuple[Moment, ...]
    fills: tuple[Fill, ...]
    # By currency; None while one of the executions has none yet.
    commission: tuple[tuple[str, Decimal], ...] | None

    @property
    def filled(self) -> Decimal:
        """Return what its executions amount to."""
        return sum((fill.execution.quantity for fill in self.fills), start=ZERO)

    @property
    def average_price(self) -> Decimal | None:
        """Return what a unit went for, or None where nothing filled."""
        if not self.filled:
            return None
        value = sum((row.execution.quantity * row.execution.price for row in self.fills), ZERO)
        return value / self.filled

    @property
    def outcome(self) -> str:
        """Say in a line what became of it."""
        price = self.average_price
        at_price = "" if price is None else f" at {price.normalize():f}"
        return f"{self.filled} of {self.order.quantity} filled{at_price}"


def emergency_story_of(ref: OrderRef, events: Iterable[ev.Recorded]) -> EmergencyStory:
    """Tell the story from its events, in their order; raises NoStory."""
    book = Book()
    order: em.EmergencyOrderKnown | None = None
    moments: list[Moment] = []
    for recorded in events:
        event = recorded.event
        if isinstance(event, em.EmergencyOrderKnown) and event.order_ref == ref:
            order = event
        book.apply(ev.Recorded(Seq(book.seq + 1), recorded.at_utc, event))
        first_utc = moments[0].at_utc if moments else recorded.at_utc
        after_s = (recorded.at_utc - first_utc).total_seconds()
        moments.append(Moment(recorded.seq, recorded.at_utc, after_s, event, None))
    if order is None:
        raise NoStory(f"the journal holds no emergency order {ref}")
    fills = tuple(book.fills.values())
    return EmergencyStory(order, tuple(moments), fills, commission_of(fills, book))
