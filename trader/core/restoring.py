"""What a journal that is put back from a copy must never use again: names of intents, order ids.

The copy lacks what happened since it was made, and nobody can list that. So nothing new continues
its counts: intents are named under a lineage that was never drawn here before, and order ids go on
far above the highest that is known. Both hold whatever the lost part was.
"""

from collections.abc import Callable
from dataclasses import dataclass

from trader.core.book_view import BookView
from trader.core.ids import Lineage, OrderId
from trader.core.journal_events import JournalRestored
from trader.core.request_events import (
    KEY_LOST,
    OrderRequestReceived,
    RequestDecided,
    RequestEvent,
    RequestReceived,
)

# More orders than a daemon can send in days at the broker's pace, and room for two hundred
# restores below the broker's highest id.
ORDER_ID_JUMP = 10_000_000
# Left below the broker's highest id, 2**31 - 1, so that the ids last.
_ORDER_ID_FLOOR_MAX = 2_000_000_000
# That of emergency orders which know no journal.
_NO_LINEAGE = Lineage("000000")


class IdsUsedUp(Exception):
    """No order id is left above the jump."""


@dataclass(frozen=True, slots=True)
class Past:
    """What was used here besides what the copy knows, as far as it can still be told."""

    lineages: tuple[Lineage, ...] = ()
    order_id_high: OrderId = OrderId(0)
    # What was asked for at the API door, by keys that may come again.
    requests: tuple[RequestReceived | OrderRequestReceived, ...] = ()
    # Of what the anchors are that were written down here, whatever became of the journals.
    anchored: tuple[Lineage, ...] = ()
    # How many journals were set aside here before that nobody can read: each may have used the
    # ids up to a jump.
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a copy comes from and ends, what it replaces, who does it, and why."""

    copied_at: str
    source: str
    set_aside: str
    reason: str
    by: str


def restoration(
    copy: BookView, past: Past, origin: Origin, draw: Callable[[], int]
) -> JournalRestored:
    """Return the event that makes a copy the journal; raises IdsUsedUp.

    ``draw`` gives 24 bits of chance.
    """
    former = tuple(dict.fromkeys((*past.lineages, *past.anchored, *copy.lineages)))
    highest = max(copy.order_id_high, past.order_id_high)
    # One whose journal is gone, with its disk perhaps, began above a jump of its own.
    gone = set(past.anchored).difference(past.lineages, copy.lineages)
    floor = highest + ORDER_ID_JUMP * (1 + past.unreadable + len(gone))
    if floor > _ORDER_ID_FLOOR_MAX:
        raise IdsUsedUp(f"order ids are used up: {floor} would be the next")
    lineage = _NO_LINEAGE
    while lineage in (_NO_LINEAGE, *former):
        lineage = Lineage(f"{draw():06x}")
    return JournalRestored(
        lineage=lineage,
        former=former,
        order_id_floor=OrderId(floor),
        copied_at=origin.copied_at,
        source=origin.source,
        set_aside=origin.set_aside,
        reason=origin.reason,
        by=origin.by,
    )


def requests_lost(copy: BookView, past: Past) -> tuple[RequestEvent, ...]:
    """Return what was asked for and is not in the copy: each key still means what it meant.

    A change or a cancel has its answer with it. It may have been carried out, and another since.
    """
    lost = {row.key: row for row in past.requests if row.key not in copy.requests}
    events: list[RequestEvent] = []
    for row in lost.values():
        events.append(row)
        if isinstance(row, OrderRequestReceived):
            text = f"a restore has lost what came of it: look at order {row.order_id} at the broker"
            events.append(RequestDecided(row.key, False, KEY_LOST, text))
    return tuple(events)


def halt_reason(event: JournalRestored) -> str:
    """Say why nothing is sent from a journal that was put back."""
    return (
        f"restored from {event.source}, which ended with event {event.copied_at[:24]}, by "
        f"{event.by}: {event.reason}; what was recorded after that is lost: compare orders, "
        "executions and positions with TWS, close what tickets say, then `trader resume`"
    )
